#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Fragmentation after ESP (RFC 4303 3.3.4): West seals a long packet whole and cuts the outer one. scapy puts the pieces together
(RFC 791, RFC 8200 4.5); what they make has one number, and opens to the packet that A sent, over IPv4, IPv6 and in UDP. What may not be
cut is answered as ever, and pieces are no longer than a router said."""
import struct

from scapy.layers.inet import IP, UDP, defragment
from scapy.layers.inet6 import IPv6, defragment6
from scapy.layers.ipsec import ESP, SecurityAssociation

import bench
import esp
import ipv6
import over_ipv6
from bench import A, B, check

WIRE = 1500
DF = 0x4000
MORE = 0x2000
NAT_T, PEER = 4500, 61000
ICMP = 1


def from_west(place, count, timeout=2.0):
  """IP packets that West sent to East, in the order they came."""
  def wanted(frame):
    v6 = frame[12:14] == ipv6.TYPE_IPV6
    proto = frame[20] if v6 else frame[23]
    return frame[:6] == place.wire.mac and frame[6:12] == place.west_wan_mac and proto in (50, 17, 44)
  return [frame[bench.ETHER:] for frame in place.wire.receive(wanted, count, timeout)]


def overhead(outer_v6, udp):
  return (40 if outer_v6 else 20) + (8 if udp else 0) + 16


def sealed_bytes(inner, outer_v6, udp):
  return overhead(outer_v6, udp) + (inner + 2 + 3) // 4 * 4 + 16


def pieces_of(whole, outer_v6, mtu=WIRE):
  if whole <= mtu:
    return 1
  head, fragment = (40, 8) if outer_v6 else (20, 0)
  most = (mtu - head - fragment) // 8 * 8
  return -(-(whole - head) // most)


def whole_v4(pieces):
  """The packet of these pieces, and its identification; None: it was not cut."""
  idents = {struct.unpack("!H", piece[4:6])[0] for piece in pieces}
  check(len(idents) == 1, f"pieces of one packet with identifications {idents}")
  for piece in pieces:
    total, frag = struct.unpack("!HxxH", piece[2:8])
    check(total == len(piece) and esp.checksum(piece[:20]) == 0, "a piece's length or checksum")
    check(frag & DF == 0, "DF is set in a piece")
  made = defragment([IP(piece) for piece in pieces])
  check(len(made) == 1, f"the pieces make {len(made)} packets")
  return bytes(made[0]), idents.pop() if len(pieces) > 1 else None


def whole_v6(pieces):
  if len(pieces) == 1:
    return pieces[0], None
  for piece in pieces:
    check(struct.unpack("!H", piece[4:6])[0] == len(piece) - 40, "a piece's payload length")
  idents = {struct.unpack("!I", piece[44:48])[0] for piece in pieces}
  check(len(idents) == 1, f"pieces of one packet with identifications {idents}")
  return bytes(defragment6([IPv6(piece) for piece in pieces])), idents.pop()


def opened(sa, whole, outer_v6, udp):
  body = whole[40 if outer_v6 else 20:]
  if udp:
    sport, dport, length, total = struct.unpack("!HHHH", body[:8])
    check((sport, dport, length) == (NAT_T, PEER, len(body)), f"UDP {sport}, {dport}, length {length} of {len(body)}")
    if outer_v6:
      again = IPv6(whole)
      del again[UDP].chksum
      check(total != 0 and total == IPv6(bytes(again))[UDP].chksum, f"UDP checksum {total:#x}: it covers the whole")
    else:
      check(total == 0, f"UDP checksum {total:#x}: RFC 3948 2.1 wants 0")
    return sa.open(body[8:])
  if sa.algorithm != esp.DEFAULT:
    return sa.open(body)
  header = IPv6 if outer_v6 else IP
  peer = SecurityAssociation(ESP, spi=sa.spi, crypt_algo="AES-GCM", crypt_key=sa.key, tunnel_header=header())
  again = sa.open(body)
  check(bytes(peer.decrypt(header(whole))) == again.inner, "scapy reads another inner packet")
  return again


def inner_packet(family, length, **over):
  payload = bytes(i & 0xff for i in range(length - (28 if family == 4 else 48)))
  if family == 4:
    return bench.udp_packet(A, B, payload, **over)
  return ipv6.datagram(ipv6.A, ipv6.B, payload)


def sent(place, sa, family, length, mtu=WIRE, **over):
  """One packet of A's, as it comes out of the pieces on the wire. Returns the identification; None: it was not cut."""
  outer_v6, udp = len(sa.dst) == 16, sa.udp
  inner = inner_packet(family, length, **over)
  place.from_host(family, inner)
  count = pieces_of(sealed_bytes(length, outer_v6, udp), outer_v6, mtu)
  pieces = from_west(place, count)
  check(len(pieces) == count, f"{length} bytes of IPv{family}: {len(pieces)} pieces, not {count}")
  check(max(map(len, pieces)) <= mtu, f"pieces of {list(map(len, pieces))} bytes for a way of {mtu}")
  check(len(pieces) == 1 or len(pieces[0]) > mtu - 8, f"a first piece of {len(pieces[0])} bytes")
  whole, ident = whole_v6(pieces) if outer_v6 else whole_v4(pieces)
  result = opened(sa, whole, outer_v6, udp)
  sa.seq += 1
  check(result.seq == sa.seq, f"number {result.seq}, not {sa.seq}: one for the whole packet")
  check(result.inner == over_ipv6.later(family, inner), f"{length} bytes of IPv{family}: another packet came out")
  return ident


def added(place, spi, outer_v6, udp, *words, algorithm=esp.DEFAULT):
  sa = over_ipv6.outer_sa(spi, inbound=False) if outer_v6 else place.sa(spi, inbound=False, algorithm=algorithm)
  sa.udp = udp
  place.west.sa_add(sa, "out", "fragment", "after", *(("encap", "espinudp", NAT_T, PEER) if udp else ()), *words)
  shown = place.west.json("sa", "show", "dst", bench.address(sa.dst), "spi", hex(spi))[0]
  check(shown["fragment"] == "after", f"sa show says fragment {shown['fragment']}")
  return sa


def lengths(outer_v6, udp):
  fits = (WIRE - overhead(outer_v6, udp) - 16) // 4 * 4 - 2
  return (fits - 1, fits, fits + 1, fits + 2, 1480, 1500)


def every_way(place, families):
  count, idents = 0, []
  for outer_v6 in (False, True):
    for udp in (False, True):
      for family in families[outer_v6]:
        sa = added(place, 0x6100 + count, outer_v6, udp, *(("outer-df", "clear") if family == 6 else ()))
        for length in lengths(outer_v6, udp):
          ident = sent(place, sa, family, length)
          idents += [] if ident is None else [(outer_v6, ident)]
          count += 1
        place.west.sa_del(sa)
  check((False, 0) not in idents and len(set(idents)) == len(idents), f"identifications repeat, or are 0: {idents}")
  return count


def every_algorithm(place):
  for number, algorithm in enumerate(("aes-128-gcm-16", "chacha20-poly1305", "aes-256-gmac")):
    sa = added(place, 0x6301 + number, False, False, algorithm=algorithm)
    for length in lengths(False, False):
      sent(place, sa, 4, length)
    place.west.sa_del(sa)


def by_df(place):
  """The outer DF bit: copied, then cleared."""
  sa = added(place, 0x6201, False, False)
  before = place.west.drops()
  place.lan.flush()
  place.from_host(4, inner_packet(4, 1447, frag=DF))
  answers = place.seen(4)
  check(answers, "1447 bytes that may not be cut: no answer")
  kind, code, mtu = struct.unpack("!BB4xH", answers[0][bench.ETHER + 20:bench.ETHER + 28])
  check((kind, code, mtu) == (3, 4, 1446), f"ICMP type {kind}, code {code}, MTU {mtu}")
  check(not from_west(place, 1, 0.2), "1447 bytes that may not be cut: something went out")
  wanted = {**before, "mtu": before.get("mtu", 0) + 1}
  check(place.drops_become(wanted) == wanted, f"drop counters: {bench.nonzero(place.west.drops())}")
  place.west.sa_del(sa)
  sa = added(place, 0x6202, False, False, "outer-df", "clear")
  sent(place, sa, 4, 1447, frag=DF)
  sent(place, sa, 4, 1500, frag=DF)
  return sa


def learns(place, sa):
  """A router says 600 (RFC 1191), of a packet with the number used last."""
  body = struct.pack("!BBHHH", 3, 4, 0, 0, 600) + esp.ipv4(sa.src, sa.dst, 50, struct.pack("!II", sa.spi, sa.seq) +
                                                           b"\0" * 1000)[:48]
  body = body[:2] + struct.pack("!H", esp.checksum(body)) + body[4:]
  place.from_east(esp.ipv4(bench.EAST, bench.WEST, ICMP, body))
  deadline = bench.time.monotonic() + 3
  while bench.time.monotonic() < deadline:
    told = place.west.json("sa", "show", "dst", "192.0.2.2", "spi", hex(sa.spi))[0]["path_mtu"]
    if told == 600:
      break
    bench.time.sleep(0.05)
  check(told == 600, f"path_mtu is {told}, a router said 600")
  for length in (546, 547, 1200, 1500):
    sent(place, sa, 4, length, mtu=600)
  place.west.sa_del(sa)


class Place(over_ipv6.Place):
  """A place on both wires: packets from East are IPv4 here."""

  def from_east(self, packet):
    bench.Bench.from_east(self, packet)


def main():
  place = Place()
  count = every_way(place, {False: (4,), True: (6,)})
  every_algorithm(place)
  learns(place, by_df(place))
  print(f"witness: {count} packets sealed whole come out of their pieces as A sent them")


if __name__ == "__main__":
  main()
