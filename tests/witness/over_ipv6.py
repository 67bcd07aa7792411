#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Both families inside, IPv6 outside, field by field: what West makes of host A's packets (opened with python3-cryptography, and
plain ESP a second time by scapy's own), what A's kernel gets of packets that scapy made, behind extension headers, in fragments
and in UDP, all of RFC 6040's table, and bad packets, each under its reason."""
import socket
import struct

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting, PadN)
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw

import bench
import esp
import ipv6
import net
from bench import check

WEST, EAST = "2001:db8:f::1", "2001:db8:f::2"
NAT_T, PEER = 4500, 61000
MARKER = b"\0\0\0\0"
OUTER = 40
LONGEST = 1426  # of inner packets, for 1500 on the wire: 40 outer, 16 ESP and IV, 2 trailer, 16 tag
CASES = [  # payload bytes, traffic class, flow label (of IPv6)
  *((length, 0, 0) for length in range(0, 9)),  # every padding
  (100, 0xb8, 0x12345),
  (100, 0x01, 0xfffff),
  (100, 0xff, 1),
  (LONGEST - 48, 0x02, 0),
]
ECN = {  # RFC 6040 4.2: inner, then outer: what results; None: dropped
  0: (0, 0, 0, None),
  1: (1, 1, 1, 3),
  2: (2, 1, 2, 3),
  3: (3, 3, 3, 3),
}


def outer_sa(spi, inbound):
  src, dst = (EAST, WEST) if inbound else (WEST, EAST)
  return esp.Sa(spi, bench.os.urandom(36), socket.inet_pton(socket.AF_INET6, src), socket.inet_pton(socket.AF_INET6, dst))


class Place(ipv6.Place):
  """The witness's place with IPv6 on the wire."""

  def from_east(self, packet):
    self.wire.send(self.west_wan_mac + self.wire.mac + ipv6.TYPE_IPV6 + bytes(packet))

  def seen_on_wire(self, count=1, timeout=2.0):
    """What West sent to East but neighbour discovery: whole frames."""
    return self.wire.receive(lambda f: f[12:14] == ipv6.TYPE_IPV6 and f[20] in (esp.PROTO_ESP, socket.IPPROTO_UDP),
                             count, timeout)

  def from_host(self, family, packet):
    (bench.Bench.from_a if family == 4 else ipv6.Place.from_a)(self, packet)

  def seen(self, family, timeout=2.0):
    return (bench.Bench.seen_by_a if family == 4 else ipv6.Place.seen_by_a)(self, timeout=timeout)

  def delivered(self, family):
    return bench.Bench.host_receives(self) if family == 4 else ipv6.Place.host_receives(self)


def inner_packet(family, payload, outbound, tos=0, label=0, ttl=64):
  if family == 4:
    src, dst = (bench.A, bench.B) if outbound else (bench.B, bench.A)
    return bench.udp_packet(src, dst, payload, tos=tos, ttl=ttl)
  src, dst = (ipv6.A, ipv6.B) if outbound else (ipv6.B, ipv6.A)
  return ipv6.datagram(src, dst, payload, tc=tos, fl=label, hlim=ttl)


def later(family, packet):
  return bench.one_less(packet) if family == 4 else ipv6.later(packet)


def sealed(sa, inner, **over):
  """ESP without an outer header."""
  return sa.seal(inner, next_header=41 if inner[0] >> 4 == 6 else 4, **over)


def outer(payload, nh=esp.PROTO_ESP, **over):
  return IPv6(src=EAST, dst=WEST, nh=nh, **over) / Raw(payload)


def inspect_outer(packet, nh, tos, label):
  first, length, next_header, hops = struct.unpack("!IHBB", packet[:8])
  check(first >> 28 == 6, "outer version")
  check(first >> 20 & 0xff == tos, f"outer traffic class {first >> 20 & 0xff:#x}, not {tos:#x} (RFC 6040 4.1)")
  check(first & 0xfffff == label, f"outer flow label {first & 0xfffff:#x}, not {label:#x}")
  check(length == len(packet) - OUTER, f"payload length {length}, the packet holds {len(packet) - OUTER}")
  check((next_header, hops) == (nh, 64), f"next header {next_header}, hop limit {hops}")
  check(packet[8:40] == socket.inet_pton(socket.AF_INET6, WEST) + socket.inet_pton(socket.AF_INET6, EAST), "addresses")


def sent(place, family, sa, number, case, udp):
  length, tos, label = case
  inner = inner_packet(family, bytes((number + i) & 0xff for i in range(length)), True, tos, label)
  place.from_host(family, inner)
  frames = place.seen_on_wire()
  check(frames, f"IPv{family}, case {number} {case}: nothing came")
  packet = frames[0][bench.ETHER:]
  inspect_outer(packet, socket.IPPROTO_UDP if udp else esp.PROTO_ESP, tos, label if family == 6 else 0)
  body = packet[OUTER:]
  if udp:
    sport, dport, datagram, total = struct.unpack("!HHHH", body[:8])
    check((sport, dport, datagram) == (NAT_T, PEER, len(body)), f"UDP ports {sport}, {dport}, length {datagram}")
    again = IPv6(packet)
    del again[UDP].chksum
    check(total != 0 and total == IPv6(bytes(again))[UDP].chksum, f"UDP checksum {total:#x} (RFC 8200 8.1)")
    body = body[8:]
  opened = sa.open(body)
  check((opened.spi, opened.seq) == (sa.spi, number), f"SPI {opened.spi:#x}, sequence number {opened.seq}")
  check(opened.next_header == (4 if family == 4 else 41), f"next header {opened.next_header}")
  check(opened.padding == esp.minimal_padding(len(inner)), f"padding {opened.padding.hex()} of {len(inner)} bytes")
  check(opened.inner == later(family, inner), f"IPv{family}, case {number} {case}: the inner packet is not what A sent")
  if not udp:
    peer = SecurityAssociation(ESP, spi=sa.spi, crypt_algo="AES-GCM", crypt_key=sa.key, tunnel_header=IPv6())
    check(bytes(peer.decrypt(IPv6(packet))) == opened.inner, "scapy reads another inner packet")


def outbound(place):
  for udp in (False, True):
    sa = outer_sa(0x9001 + udp, inbound=False)
    place.west.sa_add(sa, "out", *(("encap", "espinudp", NAT_T, PEER) if udp else ()))
    number = 0
    for family in (4, 6):
      for length, tos, label in CASES:
        number += 1
        length -= 8 if udp and length > 1000 else 0
        sent(place, family, sa, number, (length, tos, label), udp)
    place.west.sa_del(sa)
  return 4 * len(CASES)


def arrives(place, family, packet, payload, what):
  place.from_east(packet)
  got = place.delivered(family)
  check(got == payload, f"IPv{family}, {what}: host A received {got!r}")


def inbound(place, sa):
  """scapy seals what A's kernel gets."""
  for family in (4, 6):
    for number in range(1, 4):
      sa.seq += 1
      payload = b"IPv%d number %d" % (family, number)
      peer = SecurityAssociation(ESP, spi=sa.spi, seq_num=sa.seq, crypt_algo="AES-GCM", crypt_key=sa.key,
                                 tunnel_header=IPv6(src=EAST, dst=WEST, tc=0x48, fl=number))
      inner = inner_packet(family, payload, False)
      arrives(place, family, peer.encrypt(IP(inner) if family == 4 else IPv6(inner)), payload, f"number {number}")


def ecn(place, sa):
  place.lan.flush()
  for family in (4, 6):
    for inner_ecn, row in ECN.items():
      for outer_ecn, result in enumerate(row):
        inner = inner_packet(family, b"ecn", False, 0x48 | inner_ecn)
        before = place.west.drops()
        place.from_east(outer(sealed(sa, inner), tc=0xb8 | outer_ecn))
        if result is None:
          wanted = {**before, "inner-ecn": before.get("inner-ecn", 0) + 1}
          check(place.drops_become(wanted) == wanted, f"ECN {inner_ecn} in {outer_ecn} is not dropped")
          continue
        frames = place.seen(family)
        check(frames, f"ECN {inner_ecn} in {outer_ecn}: nothing came")
        got = frames[0][15] if family == 4 else struct.unpack("!H", frames[0][14:16])[0] >> 4 & 0xff
        check(got == 0x48 | result, f"IPv{family}: ECN {inner_ecn} in {outer_ecn} became {got:#x} (RFC 6040 4.2)")
        place.delivered(family)


def options(*pads):
  return [PadN(optdata=b"\0" * pad) for pad in pads]


def chains(body):
  """What may stand before ESP."""
  base = IPv6(src=EAST, dst=WEST)
  last = {"nh": esp.PROTO_ESP}
  yield "hop-by-hop options", base / IPv6ExtHdrHopByHop(options=options(4), **last) / Raw(body)
  yield "destination options", base / IPv6ExtHdrDestOpt(options=options(4), **last) / Raw(body)
  yield "an atomic fragment", base / IPv6ExtHdrFragment(id=7, **last) / Raw(body)
  yield "a routing header that is done", base / IPv6ExtHdrRouting(type=4, segleft=0, addresses=[EAST], **last) / Raw(body)
  yield "all of them", base / IPv6ExtHdrHopByHop(options=options(4)) / IPv6ExtHdrDestOpt(options=options(12)) / \
    IPv6ExtHdrFragment(id=8) / IPv6ExtHdrDestOpt(options=options(4), **last) / Raw(body)


def pieces(body, ident, size, before=None, nh=esp.PROTO_ESP):
  """The fragments of what stands behind the fragment header."""
  head = IPv6(src=EAST, dst=WEST)
  if before is not None:
    head = head / before
  return [head / IPv6ExtHdrFragment(id=ident, offset=at // 8, m=at + size < len(body), nh=nh) / Raw(body[at:at + size])
          for at in range(0, len(body), size)]


def behind_headers(place, sa):
  for family in (4, 6):
    for what, _ in chains(b""):
      payload = what.encode()
      body = sealed(sa, inner_packet(family, payload, False))
      arrives(place, family, dict(chains(body))[what], payload, f"behind {what}")
    payload = b"p" * 600
    body = sealed(sa, inner_packet(family, payload, False))
    for number, order in enumerate(([0, 1, 2], [2, 1, 0], [1, 2, 0])):
      parts = pieces(body, 100 + 10 * family + number, 240, IPv6ExtHdrDestOpt(options=options(4)))
      for at in order[:-1]:
        place.from_east(parts[at])
      arrives(place, family, parts[order[-1]], payload, f"in fragments, order {order}")
      body = sealed(sa, inner_packet(family, payload, False))


def in_udp(place):
  sa = outer_sa(0x9012, inbound=True)
  place.west.sa_add(sa, "in", "encap", "espinudp", PEER, NAT_T)
  with net.namespace(place.netns_west):
    ike = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    ike.bind((WEST, NAT_T))
  ike.settimeout(2.0)

  def datagram(payload, **over):
    return IPv6(src=EAST, dst=WEST) / UDP(sport=PEER, dport=NAT_T, **over) / Raw(payload)

  for family in (4, 6):
    for what, over in (("with a checksum", {}), ("without one", {"chksum": 0}), ("with a wrong one", {"chksum": 0x1234})):
      payload = what.encode()
      arrives(place, family, datagram(sealed(sa, inner_packet(family, payload, False)), **over), payload, f"UDP {what}")
    payload = b"u" * 500
    whole = bytes(datagram(sealed(sa, inner_packet(family, payload, False))))[OUTER:]
    first, second = pieces(whole, 300 + family, 320, nh=socket.IPPROTO_UDP)
    place.from_east(second)
    arrives(place, family, first, payload, "UDP in fragments")
  place.from_east(datagram(MARKER + b"IKE"))
  check(ike.recv(65535) == MARKER + b"IKE", "IKE did not reach West's kernel")
  ike.sendto(MARKER + b"answer", (EAST, PEER))
  frames = place.seen_on_wire()
  check(frames and frames[0][bench.ETHER + OUTER + 8:] == MARKER + b"answer", "West's IKE did not leave as it was")
  return sa


def hostile(place, sa, udp_sa):
  """What is dropped, and under which reason."""
  inner = inner_packet(6, b"must not arrive", False)
  good = sealed(sa, inner)
  base = IPv6(src=EAST, dst=WEST)
  whole = bytes(outer(sealed(sa, inner)))
  yield "ip-length", bytes(outer(good, plen=len(good) + 1))
  yield "ip-truncated", whole[:39]
  yield "ip-version", b"\x45" + whole[1:]
  yield "ip-martian", IPv6(src="::1", dst=WEST, nh=50) / Raw(good)
  yield "ip-martian", IPv6(src="ff02::9", dst=WEST, nh=50) / Raw(good)
  yield "ip-martian", IPv6(src="::ffff:192.0.2.2", dst=WEST, nh=50) / Raw(good)
  yield "ip-multicast", IPv6(src=EAST, dst="ff0e::1", nh=50) / Raw(good)
  yield "underlay-not-local", IPv6(src=EAST, dst="2001:db8:f::77", nh=50) / Raw(good)
  yield "esp-truncated", outer(good[:35])
  yield "esp-truncated", outer(b"")
  yield "esp-unaligned", outer(good + b"x")
  yield "esp-no-sa", outer(struct.pack("!I", 0x9099) + good[4:])
  yield "icv", outer(good[:-1] + bytes([good[-1] ^ 1]))
  yield "encap-unwanted", base / UDP(sport=PEER, dport=NAT_T) / Raw(sealed(sa, inner))
  yield "encap-missing", outer(sealed(udp_sa, inner))
  yield "nat-keepalive", base / UDP(sport=PEER, dport=NAT_T) / Raw(b"\xff")
  yield "udp-length", base / UDP(sport=PEER, dport=NAT_T, len=100) / Raw(b"x" * 40)
  yield "udp-length", base / UDP(sport=PEER, dport=NAT_T, len=7) / Raw(b"x" * 40)
  yield "ip6-routing", base / IPv6ExtHdrRouting(type=0, segleft=0, addresses=[EAST], nh=50) / Raw(good)
  yield "ip6-routing", base / IPv6ExtHdrRouting(type=4, segleft=1, addresses=[EAST], nh=50) / Raw(good)
  yield "ip6-extension", outer(bytes([50, 3, 1, 4, 0, 0, 0, 0]), nh=60)  # longer than the packet
  yield "ip6-extension", outer(bytes([50, 0, 1]), nh=60)
  yield "ip6-extension", outer(bytes([50, 0, 0xc2, 4, 0, 0, 0, 0]) + good, nh=0)  # a jumbogram
  yield "ip6-extension", outer(bytes([50, 0, 1, 9, 0, 0, 0, 0]) + good, nh=60)  # an option longer than its header
  yield "ip6-extension", base / IPv6ExtHdrDestOpt(nh=0) / IPv6ExtHdrHopByHop(nh=50) / Raw(good)
  chain = base
  for _ in range(9):
    chain = chain / IPv6ExtHdrDestOpt()
  chain[IPv6ExtHdrDestOpt:9].nh = 50
  yield "ip6-extension", chain / Raw(good)
  yield "ip6-extension", outer(b"\x32\0\0", nh=44)
  yield "fragment-length", base / IPv6ExtHdrFragment(id=900, m=1, nh=50) / Raw(good[:37])
  yield "fragment-length", base / IPv6ExtHdrFragment(id=901, offset=8191, nh=50) / Raw(good)
  yield "fragment-length", base / IPv6ExtHdrFragment(id=902, offset=4, nh=50)


def refused(place, cases):
  count = 0
  for reason, packet in cases:
    before = place.west.drops()
    place.from_east(packet)
    wanted = {**before, reason: before.get(reason, 0) + 1}
    now = place.drops_become(wanted)
    check(now == wanted, f"{bytes(packet).hex()}: one more {reason} expected, counters (before, after): " +
          str({name: (before.get(name, 0), now[name]) for name in now if now[name] != before.get(name, 0)}))
    count += 1
  return count


def bad_fragments(place, sa):
  """Overlaps and what is nested; what belongs to a good packet must not get through either (RFC 5722)."""
  place.lan.flush()
  body = sealed(sa, inner_packet(6, b"f" * 600, False))
  parts = pieces(body, 1000, 240)
  overlap = IPv6(src=EAST, dst=WEST) / IPv6ExtHdrFragment(id=1000, offset=20, m=1, nh=50) / Raw(b"x" * 160)
  place.from_east(parts[0])
  place.from_east(parts[1])
  before = place.west.drops()
  for packet in (overlap, parts[2]):
    place.from_east(packet)
  wanted = {**before, "fragment-overlap": before.get("fragment-overlap", 0) + 3}  # the joined, the overlap, the rest
  check(place.drops_become(wanted) == wanted, f"overlap: {bench.nonzero(place.west.drops())}")
  nested = bytes(IPv6ExtHdrFragment(id=1, offset=1, m=1, nh=50) / Raw(body[:200]))
  parts = pieces(nested, 1001, 104, nh=44)
  before = place.west.drops()
  for packet in parts:
    place.from_east(packet)
  wanted = {**before, "ip6-extension": before.get("ip6-extension", 0) + 1}
  check(place.drops_become(wanted) == wanted, f"a fragment in a fragment: {bench.nonzero(place.west.drops())}")
  check(not place.seen(6, timeout=0.2), "something reached A's LAN")


def main():
  place = Place()
  count = outbound(place)
  sa = outer_sa(0x9011, inbound=True)
  place.west.sa_add(sa, "in")
  inbound(place, sa)
  ecn(place, sa)
  behind_headers(place, sa)
  udp_sa = in_udp(place)
  bad = refused(place, hostile(place, sa, udp_sa))
  bad_fragments(place, sa)
  place.from_east(IPv6(src=EAST, dst=WEST) / ICMPv6EchoRequest(data=b"kernel"))
  check(place.wire.receive(lambda f: f[12:14] == ipv6.TYPE_IPV6 and f[20] == 58 and f[54] == 129), "no answer to a ping")
  inbound(place, sa)
  print(f"witness: {count} packets from West over IPv6 are right in every field, scapy's are taken, {bad} bad ones are not")


if __name__ == "__main__":
  main()
