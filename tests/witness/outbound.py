#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What West sends, field by field (RFC 4303 2, 4106, 4301 5.1.2.1), opened with python3-cryptography and a second time
by scapy's own ESP."""
import struct

from scapy.layers.inet import IP
from scapy.layers.ipsec import ESP, SecurityAssociation

import bench
import esp
from bench import check

DF = 0x4000
CASES = [  # payload bytes, over
  *((length, {}) for length in range(0, 20)),  # every padding
  (100, {"tos": 0xb8}),  # DSCP EF
  (100, {"tos": 0x01}),  # ECT(1)
  (100, {"tos": 0x03}),  # CE
  (100, {"frag": DF}),
  (100, {"ttl": 2}),
  (100, {"ttl": 255}),
  (100, {"ident": 0xfffe}),
  (1000, {}),
  (1418, {"frag": DF}),  # an inner packet of 1446 bytes: the longest that fits 1500
]


def outer_fields(place, frame, inner, sent, wishes=None):
  """The Ethernet and outer IPv4 headers; returns the identification and what is left: ESP."""
  check(frame[:6] == place.wire.mac and frame[6:12] == place.west_wan_mac, "Ethernet addresses")
  packet = frame[bench.ETHER:]
  first, tos, total, ident, frag, ttl, proto, _, src, dst = struct.unpack("!BBHHHBBH4s4s", packet[:20])
  check(first == 0x45, f"outer version and length {first:#x}")
  check(total == len(packet), f"outer total length {total}, the frame holds {len(packet)}")
  check(esp.checksum(packet[:20]) == 0, "outer header checksum")
  check(proto == esp.PROTO_ESP and src == bench.WEST and dst == bench.EAST, "outer protocol and addresses")
  wanted = (inner[1], sent.get("frag", 0) & DF, 64) if wishes is None else (wishes[0] << 2 | inner[1] & 3, *wishes[1:])
  check((tos, frag, ttl) == wanted, f"outer TOS, flags, TTL are {tos:#x}, {frag:#x}, {ttl} (RFC 6040, 4301 5.1.2.1)")
  return ident, packet[20:]


def inspect(place, sa, number, case):
  length, over = case
  payload = bytes((number + i) & 0xff for i in range(length))
  inner = bench.udp_packet(bench.A, bench.B, payload, **{"ident": number, **over})
  place.from_a(inner)
  frames = place.seen_on_wire()
  check(frames, f"case {number} {case}: nothing came")
  ident, body = outer_fields(place, frames[0], inner, over)
  opened = sa.open(body)
  check(opened.spi == sa.spi, f"SPI {opened.spi:#x}")
  check(opened.seq == number, f"sequence number {opened.seq}, expected {number}")
  check(opened.iv == struct.pack("!Q", number), f"IV {opened.iv.hex()}: not the 64-bit sequence number")
  check(opened.next_header == esp.NEXT_IPV4, f"next header {opened.next_header}")
  check(opened.padding == esp.minimal_padding(len(inner)), f"padding {opened.padding.hex()} of {len(inner)} bytes")
  check(opened.inner == bench.one_less(inner), f"case {number} {case}: the inner packet is not what A sent")
  check(sa.encrypts or payload in body, "AES-GMAC hides what it carries")
  check(not sa.encrypts or length < 16 or payload not in body, "the payload is readable on the wire")
  if not sa.encrypts:
    return ident  # scapy has no AES-GMAC
  tail = {"esn_en": True, "esn": 0} if sa.esn else {}
  algorithm = "CHACHA20-POLY1305" if sa.algorithm == "chacha20-poly1305" else "AES-GCM"
  scapy_sa = SecurityAssociation(ESP, spi=sa.spi, crypt_algo=algorithm, crypt_key=sa.key, tunnel_header=IP(), **tail)
  check(bytes(scapy_sa.decrypt(IP(frames[0][bench.ETHER:]))) == opened.inner, "scapy reads another inner packet")
  return ident


def wishes(place):
  """An SA that does not just copy, and pads: the inner packet ends where it says, zeros follow (RFC 4303 2.7)."""
  sa = place.sa(0x5003, inbound=False)
  place.west.sa_add(sa, "out", "tfc-pad", 601, "outer-dscp", 46, "outer-df", "set", "outer-ttl", 9)
  for length, over in ((0, {}), (100, {"tos": 0x03}), (573, {"tos": 0xff}), (800, {})):
    inner = bench.udp_packet(bench.A, bench.B, b"p" * length, **over)
    place.from_a(inner)
    frames = place.seen_on_wire()
    check(frames, f"{length} bytes, padded: nothing came")
    _, body = outer_fields(place, frames[0], inner, over, (46, DF, 9))
    opened = sa.open(body)
    check(opened.inner == bench.one_less(inner) + bytes(max(0, 601 - len(inner))), f"{length} bytes, padded: {opened}")
  place.west.sa_del(sa)


def dummies(place):
  """Dummy packets (RFC 4303 2.6) are sealed as others are, and their next header is none; scapy reads the same."""
  for spi, esn, length, words in ((0x5004, False, 500, ()), (0x5005, True, 333, ("outer-dscp", 46, "outer-ttl", 9))):
    sa = place.sa(spi, inbound=False, esn=esn)
    place.west.sa_add(sa, "out", "sel-dst", "10.2.0.0/24", *words)
    place.west.run("sa", "dummy", "dst", bench.address(sa.dst), "spi", hex(spi), "count", 20, "length", length, "rate", 2000)
    frames = place.seen_on_wire(20)
    check(len(frames) == 20, f"{len(frames)} of 20 dummy packets came")
    inners = set()
    for number, frame in enumerate(frames, 1):
      _, body = outer_fields(place, frame, bytes(2), {}, (46, DF, 9) if words else (0, DF, 64))
      opened = sa.open(body)
      check(opened.seq == number and opened.next_header == esp.NEXT_DUMMY, f"dummy packet {number}: {opened}")
      check(len(opened.inner) == length and opened.padding == esp.minimal_padding(length), f"its length: {opened}")
      inners.add(opened.inner)
      tail = {"esn_en": True, "esn": 0} if esn else {}
      scapy_sa = SecurityAssociation(ESP, spi=spi, crypt_algo="AES-GCM", crypt_key=sa.key, tunnel_header=IP(), **tail)
      plain = scapy_sa.crypt_algo.decrypt(scapy_sa, ESP(body), scapy_sa.crypt_key, esp.TAG, **tail)
      check(plain.nh == esp.NEXT_DUMMY and plain.data == opened.inner, f"scapy reads another dummy packet: {plain.nh}")
    check(len(inners) == 20, "dummy packets say the same")
    place.west.sa_del(sa)


def main():
  place = bench.Bench()
  wishes(place)
  dummies(place)
  for spi, esn in ((0x5001, False), (0x5002, True)):
    sa = place.sa(spi, inbound=False, esn=esn)
    place.west.sa_add(sa, "out")
    idents = [inspect(place, sa, number, case) for number, case in enumerate(CASES, 1)]
    check(len(set(idents)) == len(idents), "outer packets share an identification (RFC 6864)")
    check(not place.seen_on_wire(timeout=0.3), "more packets on the wire than A sent")
    place.west.sa_del(sa)
  print(f"witness: {2 * len(CASES)} packets from West are right in every field, half of them with ESN")


if __name__ == "__main__":
  main()
