#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""IPv6 inside, IPv4 outside, field by field: what West makes of host A's packets (opened with python3-cryptography and a
second time by scapy's own ESP), what A's kernel gets of packets that scapy made, and bad ones, each under its reason."""
import socket
import struct

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NA, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                                IPv6ExtHdrHopByHop, IPv6ExtHdrRouting)
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw

import bench
import esp
import net
from bench import check

A, B, WEST_LAN = "2001:db8:1::2", "2001:db8:2::2", "2001:db8:1::1"
TYPE_IPV6 = b"\x86\xdd"
NEXT_IPV6 = 41
DF = 0x4000
HEADS = [  # payload bytes, over
  *((length, {}) for length in range(0, 9)),  # every padding
  (100, {"tc": 0xb8}),  # DSCP EF
  (100, {"tc": 0x01}),  # ECT(1)
  (100, {"tc": 0x03}),  # CE
  (100, {"tc": 0xff, "fl": 0xfffff}),
  (100, {"hlim": 2}),
  (100, {"hlim": 255}),
  (1398, {}),  # an inner packet of 1446 bytes: the longest that fits 1500
]


class Place(bench.Bench):
  def __init__(self):
    super().__init__()
    with net.namespace(bench.os.environ["CULVERT_NS_A"]):
      self.host6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
      self.host6.bind((A, bench.PORT))
    self.host6.settimeout(2.0)

  def from_a(self, packet):
    self.lan.send(self.west_lan_mac + self.lan.mac + TYPE_IPV6 + packet)

  def seen_by_a(self, count=1, timeout=2.0):
    """What West forwards: no neighbour discovery of its own."""
    return self.lan.receive(lambda f: f[12:14] == TYPE_IPV6 and f[6:12] == self.west_lan_mac and f[20] == socket.IPPROTO_UDP,
                            count, timeout)

  def host_receives(self):
    try:
      return self.host6.recv(65535)
    except TimeoutError:
      return None


def datagram(src, dst, payload, **over):
  return bytes(IPv6(src=src, dst=dst, **over) / UDP(sport=bench.PORT, dport=bench.PORT) / Raw(payload))


def later(packet):
  """The packet one hop on."""
  return packet[:7] + bytes([packet[7] - 1]) + packet[8:]


def inspect(place, sa, number, case):
  length, over = case
  inner = datagram(A, B, bytes((number + i) & 0xff for i in range(length)), **over)
  place.from_a(inner)
  frames = place.seen_on_wire()
  check(frames, f"case {number} {case}: nothing came")
  packet = frames[0][bench.ETHER:]
  first, tos, total, _, frag, ttl, proto, _, src, dst = struct.unpack("!BBHHHBBH4s4s", packet[:20])
  check(first == 0x45 and total == len(packet) and esp.checksum(packet[:20]) == 0, "outer header")
  check((proto, src, dst, ttl) == (esp.PROTO_ESP, bench.WEST, bench.EAST, 64), "outer protocol, addresses or TTL")
  check(tos == over.get("tc", 0), f"outer TOS {tos:#x}: not the traffic class {over.get('tc', 0):#x} (RFC 6040 4.1)")
  check(frag == DF, f"outer flags {frag:#x}: an IPv6 packet is not to be fragmented")
  opened = sa.open(packet[20:])
  check((opened.spi, opened.seq) == (sa.spi, number), f"SPI {opened.spi:#x}, sequence number {opened.seq}")
  check(opened.next_header == NEXT_IPV6, f"next header {opened.next_header}")
  check(opened.padding == esp.minimal_padding(len(inner)), f"padding {opened.padding.hex()} of {len(inner)} bytes")
  check(opened.inner == later(inner), f"case {number} {case}: the inner packet is not what A sent")
  scapy_sa = SecurityAssociation(ESP, spi=sa.spi, crypt_algo="AES-GCM", crypt_key=sa.key, tunnel_header=IP())
  check(bytes(scapy_sa.decrypt(IP(packet))) == opened.inner, "scapy reads another inner packet")


def delivered(place, sa, number, **over):
  """Sealed by scapy, taken by West, delivered by A's kernel."""
  payload = b"number %d" % number
  inner = datagram(B, A, payload, tc=0x48, fl=number, **over)
  scapy_sa = SecurityAssociation(ESP, spi=sa.spi, seq_num=number, crypt_algo="AES-GCM", crypt_key=sa.key,
                                 tunnel_header=IP(src=socket.inet_ntoa(sa.src), dst=socket.inet_ntoa(sa.dst)))
  sealed = bytes(scapy_sa.encrypt(IPv6(inner)))
  place.from_east(sealed)
  frames = place.seen_by_a()
  check(frames, f"sequence {number} {over}: nothing came into the LAN")
  check(frames[0] == place.lan.mac + place.west_lan_mac + TYPE_IPV6 + later(inner),
        f"sequence {number}: the LAN's frame is not the inner packet one hop later: {frames[0].hex()}")
  got = place.host_receives()
  check(got == payload, f"sequence {number} {over}: host A received {got!r}")


def inner_faults():
  """What a peer with the right key may seal and must not get through."""
  good = datagram(B, A, b"must not arrive")
  udp = UDP(sport=bench.PORT, dport=bench.PORT) / Raw(b"must not arrive")
  yield "inner-version", b"\x45" + good[1:]
  yield "inner-length", good[:39]
  yield "inner-length", good[:4] + b"\xff\xff" + good[6:]
  yield "ip-martian", datagram("::1", A, b"")
  yield "ip-martian", datagram("::ffff:10.2.0.2", A, b"")
  yield "ip-martian", datagram("ff02::1", A, b"")
  yield "ip-multicast", datagram(B, "ff02::1", b"")
  yield "ip6-link", datagram(B, "fe80::1", b"")
  yield "ip6-link", bytes(IPv6(src=B, dst=WEST_LAN, hlim=255) / ICMPv6ND_NA(tgt=B))
  yield "ip6-hop-by-hop", bytes(IPv6(src=B, dst=A) / IPv6ExtHdrHopByHop() / udp)
  yield "ip6-routing", bytes(IPv6(src=B, dst=A) / IPv6ExtHdrRouting(type=0, addresses=["2001:db8:9::1"]) / udp)
  yield "ip6-extension", bytes(IPv6(src=B, dst=A) / IPv6ExtHdrFragment(offset=8, nh=60) / Raw(b"x" * 40))
  yield "ip6-extension", bytes(IPv6(src=B, dst=A, nh=60, plen=8)) + b"\x11\x07" + b"\0" * 6
  yield "inner-policy", datagram("2001:db8:3::1", A, b"")
  yield "inner-policy", datagram(B, "2001:db8:3::1", b"")
  yield "ttl", datagram(B, A, b"must not arrive", hlim=1)


def clear_faults():
  """What host A may not send."""
  udp = UDP(sport=bench.PORT, dport=bench.PORT) / Raw(b"must not leave")
  yield "no-policy", datagram(A, "2001:db8:3::1", b"")
  yield "no-policy", datagram("2001:db8:9::1", B, b"")
  yield "clear-protected", datagram(B, WEST_LAN, b"")
  yield "ip-martian", datagram("::1", B, b"")
  yield "ip-martian", datagram(A, "::ffff:10.2.0.2", b"")
  yield "ip-multicast", datagram(A, "ff0e::1", b"")
  yield "ip6-link", datagram("fe80::2", B, b"")
  yield "ip6-hop-by-hop", bytes(IPv6(src=A, dst=B) / IPv6ExtHdrHopByHop() / udp)
  yield "ip6-routing", bytes(IPv6(src=A, dst=B) / IPv6ExtHdrRouting(type=0, addresses=["2001:db8:9::1"]) / udp)
  yield "ip-version", b"\x45" + datagram(A, B, b"")[1:]
  yield "ip-length", datagram(A, B, b"x")[:-1]
  yield "ip-truncated", datagram(A, B, b"")[:30]
  yield "ttl", datagram(A, B, b"", hlim=1)


def refused(place, kind, cases, send):
  count = 0
  for reason, packet in cases:
    before = place.west.drops()
    send(packet)
    wanted = {**before, reason: before.get(reason, 0) + 1}
    now = place.drops_become(wanted)
    check(now == wanted, f"{kind}: {packet.hex()}: one more {reason} expected, counters (before, after): " +
          str({name: (before.get(name, 0), now[name]) for name in now if now[name] != before.get(name, 0)}))
    count += 1
  check(not place.seen_by_a(timeout=0.2), f"{kind}: something reached A's LAN")
  check(not place.seen_on_wire(timeout=0.2), f"{kind}: something went out")
  return count


def main():
  place = Place()
  out, back = place.sa(0x5101, inbound=False), place.sa(0x5102, inbound=True)
  place.west.sa_add(out, "out")
  place.west.sa_add(back, "in")
  for number, case in enumerate(HEADS, 1):
    inspect(place, out, number, case)
  for number, over in enumerate(({}, {"hlim": 2}, {"hlim": 255}), 1):
    delivered(place, back, number, **over)
  chain = bytes(IPv6(src=A, dst=B) / IPv6ExtHdrDestOpt() / ICMPv6EchoRequest(data=b"behind options"))
  place.from_a(chain)
  frames = place.seen_on_wire()
  check(frames and out.open(frames[0][bench.ETHER + 20:]).inner == later(chain), "a packet with options is not carried whole")
  back.seq = 100
  bad = refused(place, "out of the tunnel", inner_faults(),
                lambda packet: place.from_east(back.packet(packet, next_header=NEXT_IPV6)))
  bad += refused(place, "from the LAN", clear_faults(), place.from_a)
  delivered(place, back, 1000)
  print(f"witness: {len(HEADS) + 4} IPv6 packets right in every field both ways, {bad} bad ones each under its own reason")


if __name__ == "__main__":
  main()
