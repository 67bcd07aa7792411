#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""ESP in UDP (RFC 3948) both ways, against scapy's own ESP with its NAT traversal header; and what shares the port with it:
IKE, whole and in fragments, comes to West's kernel, keepalives and fragments of ESP do not."""
import struct

from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation

import bench
import esp
import net
from bench import A, B, EAST, WEST, check

NAT_T = 4500
PEER = 61000
DF = 0x4000
MORE = 0x2000
MARKER = b"\0\0\0\0"
LONGEST = 1438  # of inner packets, for 1500 on the wire: 20 outer, 8 UDP, 16 ESP and IV, 2 trailer, 16 tag
CASES = [  # payload bytes, over
  *((length, {}) for length in range(0, 9)),  # every padding
  (100, {"tos": 0xbb, "frag": DF}),
  (1000, {"tos": 0x02}),
  (LONGEST - 28, {"frag": DF}),
]


def scapy_sa(sa, sport, dport):
  tail = {"esn_en": True, "esn": 0} if sa.esn else {}
  outer = IP(src=".".join(map(str, sa.src)), dst=".".join(map(str, sa.dst)))
  return SecurityAssociation(ESP, spi=sa.spi, crypt_algo="AES-GCM", crypt_key=sa.key, tunnel_header=outer,
                             nat_t_header=UDP(sport=sport, dport=dport), **tail)


def seen_in_udp(place):
  return place.wire.receive(lambda f: f[12:14] == bench.TYPE_IPV4 and f[23] == bench.PROTO_UDP)


def sent(place, sa, peer, number, case):
  """One packet from West, field by field, then opened by scapy."""
  length, over = case
  inner = bench.udp_packet(A, B, bytes(i & 0xff for i in range(length)), **{"ident": number, **over})
  place.from_a(inner)
  frames = seen_in_udp(place)
  check(frames, f"case {number} {case}: nothing came")
  packet = frames[0][bench.ETHER:]
  first, tos, total, ident, frag, ttl, proto, _, src, dst = struct.unpack("!BBHHHBBH4s4s", packet[:20])
  check((first, proto, src, dst) == (0x45, bench.PROTO_UDP, WEST, EAST), "outer version, protocol or addresses")
  check(total == len(packet) and esp.checksum(packet[:20]) == 0, "outer length or checksum")
  check((tos, frag, ttl) == (inner[1], over.get("frag", 0) & DF, 64), "outer TOS, flags or TTL")
  check(ident == number, f"outer identification {ident}")
  sport, dport, datagram, total = struct.unpack("!HHHH", packet[20:28])
  check((sport, dport) == (NAT_T, PEER), f"UDP ports {sport} and {dport}")
  check(datagram == len(packet) - 20, f"UDP length {datagram}, the packet holds {len(packet) - 20}")
  check(total == 0, f"UDP checksum {total:#x}: RFC 3948 2.1 wants 0")
  opened = sa.open(packet[28:])
  check(opened.seq == number and opened.inner == bench.one_less(inner), f"case {number} {case}: the inner packet")
  check(bytes(peer.decrypt(IP(packet))) == opened.inner, "scapy reads another inner packet")


def outbound(place):
  for spi, esn in ((0x7001, False), (0x7002, True)):
    sa = place.sa(spi, inbound=False, esn=esn)
    place.west.sa_add(sa, "out", "encap", "espinudp", NAT_T, PEER)
    peer = scapy_sa(sa, NAT_T, PEER)
    for number, case in enumerate(CASES, 1):
      sent(place, sa, peer, number, case)
    before = place.west.drops()
    place.from_a(bench.udp_packet(A, B, b"m" * (LONGEST + 1 - 28), frag=DF))
    answers = place.seen_by_a()
    check(answers and answers[0][bench.ETHER + 20:bench.ETHER + 28][6:] == struct.pack("!H", LONGEST),
          "one byte more is not answered with the length that fits")
    wanted = {**before, "mtu": before.get("mtu", 0) + 1}
    check(place.drops_become(wanted) == wanted, f"expected one more mtu, counters are {bench.nonzero(place.west.drops())}")
    place.west.sa_del(sa)


def inbound(place):
  """scapy seals; its UDP has a checksum, which West must not ask for, and neither mind."""
  for spi, esn in ((0x7003, False), (0x7004, True)):
    sa = place.sa(spi, inbound=True, esn=esn)
    place.west.sa_add(sa, "in", "encap", "espinudp", PEER, NAT_T)
    peer = scapy_sa(sa, PEER, NAT_T)
    for number, checksum in enumerate((None, 0, None, 0), 1):
      payload = b"in UDP, number %d" % number
      packet = peer.encrypt(IP(bench.udp_packet(B, A, payload)), seq_num=number)
      packet[UDP].len = None  # scapy says 8, as if nothing followed; so it counts again
      packet[UDP].chksum = checksum
      place.from_east(bytes(packet))
      got = place.host_receives()
      check(got == payload, f"SPI {spi:#x} number {number}: host A received {got!r}")
    place.west.sa_del(sa)


def refused(place, packet, reason):
  before = place.west.drops()
  wanted = {**before, reason: before.get(reason, 0) + 1}
  place.from_east(packet)
  now = place.drops_become(wanted)
  check(now == wanted, f"expected one more {reason}, counters are {bench.nonzero(now)}")


def shared_port(place):
  sa, plain = place.sa(0x7005, inbound=True), place.sa(0x7006, inbound=True)
  place.west.sa_add(sa, "in", "encap", "espinudp", PEER, NAT_T)
  place.west.sa_add(plain, "in")
  inner = bench.udp_packet(B, A, b"whole")

  def in_udp(payload, **over):
    return bench.udp_packet(EAST, WEST, payload, sport=PEER, dport=NAT_T, **over)

  refused(place, in_udp(b"\xff"), "nat-keepalive")
  refused(place, in_udp(b"\xff\xff"), "esp-truncated")
  refused(place, in_udp(plain.seal(inner)), "encap-unwanted")
  refused(place, sa.packet(inner), "encap-missing")
  whole = in_udp(sa.seal(inner), ident=77)
  place.from_east(esp.ipv4(EAST, WEST, bench.PROTO_UDP, whole[52:], ident=77, frag=32 // 8))
  place.from_east(esp.ipv4(EAST, WEST, bench.PROTO_UDP, whole[20:52], ident=77, frag=MORE))
  check(place.host_receives() == b"whole", "ESP in UDP in two fragments, the later one first, does not pass")

  long = MARKER + bytes(i & 0xff for i in range(2996))
  place.from_east(in_udp(MARKER + b"IKE"))
  check(place.west_ike.recv(65535) == MARKER + b"IKE", "IKE did not reach West's kernel")
  body = in_udp(long)[20:]
  for at in range(0, len(body), 1480):
    part = body[at:at + 1480]
    place.from_east(esp.ipv4(EAST, WEST, bench.PROTO_UDP, part, ident=78,
                             frag=at // 8 | (MORE if at + 1480 < len(body) else 0)))
  check(place.west_ike.recv(65535) == long, "IKE in fragments did not reach West's kernel whole")
  place.west_ike.setblocking(False)
  try:
    check(False, f"West's kernel received {place.west_ike.recv(65535)!r}")
  except BlockingIOError:
    pass
  place.from_east(in_udp(sa.seal(inner)))
  check(place.host_receives() == b"whole", "afterwards ESP in UDP does not pass")

  place.west_ike.sendto(MARKER + b"answer", ("192.0.2.2", PEER))
  place.west_ike.sendto(b"\xff", ("192.0.2.2", PEER))
  for payload in (MARKER + b"answer", b"\xff"):
    frames = seen_in_udp(place)
    check(frames, f"West's kernel sent {payload!r}, and nothing came")
    length = struct.unpack("!H", frames[0][bench.ETHER + 24:bench.ETHER + 26])[0]
    check(frames[0][bench.ETHER + 28:bench.ETHER + 20 + length] == payload, "IKE came changed")


def main():
  place = bench.Bench()
  place.west_ike = net.udp(place.netns_west, "192.0.2.1", NAT_T)
  outbound(place)
  inbound(place)
  shared_port(place)
  print(f"witness: {2 * len(CASES)} packets from West in UDP are right in every field, scapy's are taken, IKE goes on")


if __name__ == "__main__":
  main()
