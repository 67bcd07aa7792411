#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The longest packet that fits goes out whole; one byte more is refused with ICMP "fragmentation needed" that a host can
believe (RFC 792, 1191, 4301 8.2): right MTU, right quotation, right checksums. A packet that may be cut goes out in fragments,
each sealed by itself, of which scapy makes it again."""
import struct
import time

from scapy.layers.inet import IP, defragment

import bench
import esp
from bench import A, B, check

DF = 0x4000
LONGEST = 1446  # of inner packets, for 1500 on the wire: 20 outer, 16 ESP and IV, 2 trailer, 16 tag
ICMP = 1


def inner(length, **over):
  return bench.udp_packet(A, B, b"m" * (length - 28), frag=DF, **over)


def passes(place, length):
  place.from_a(inner(length))
  frames = place.seen_on_wire()
  check(frames, f"{length} bytes did not pass")
  return len(frames[0]) - bench.ETHER


def refused(place, length, longest=LONGEST):
  packet = inner(length)
  before = place.west.drops()
  wanted = {**before, "mtu": before.get("mtu", 0) + 1}
  place.from_a(packet)
  frames = place.seen_by_a()
  check(frames, f"{length} bytes: no answer from West")
  answer = frames[0][bench.ETHER:]
  check(esp.checksum(answer[:20]) == 0 and answer[9] == ICMP, "the answer is no ICMP with a right header")
  check(answer[12:20] == b"\x0a\1\0\1" + A, "the answer's addresses")
  body = answer[20:]
  kind, code, _, _, mtu = struct.unpack("!BBHHH", body[:8])
  check((kind, code) == (3, 4), f"ICMP type {kind} code {code}, not fragmentation needed")
  check(esp.checksum(body + b"\0" * (len(body) % 2)) == 0, "ICMP checksum")
  check(mtu == longest, f"ICMP says MTU {mtu}, the longest is {longest}")
  quoted = body[8:]
  check(len(quoted) >= 28 and packet.startswith(quoted), "the quotation is not the packet that A sent")
  check(not place.seen_on_wire(timeout=0.2), f"{length} bytes: something went out")
  now = place.drops_become(wanted)
  check(now == wanted, f"drop counters: {bench.nonzero(now)}")


def cut(place, sa, length):
  """What arrives is the same packet, though none of its pieces is longer than fits."""
  packet = bench.udp_packet(A, B, bytes(i & 0xff for i in range(length - 28)), ident=length)
  place.from_a(packet)
  frames = place.seen_on_wire(2)
  check(len(frames) == 2, f"{length} bytes that may be cut: {len(frames)} packets on the wire, not two")
  pieces = [sa.open(frame[bench.ETHER + 20:]).inner for frame in frames]
  check(max(map(len, pieces)) <= LONGEST, f"pieces of {list(map(len, pieces))} bytes")
  whole = defragment([IP(piece) for piece in pieces])
  check(len(whole) == 1, f"{length} bytes: the pieces make {len(whole)} packets")
  check(bytes(whole[0]) == bench.one_less(packet), f"{length} bytes: the pieces make another packet")


def path_mtu(place, sa):
  return place.west.json("sa", "show", "dst", "192.0.2.2", "spi", hex(sa.spi))[0]["path_mtu"]


def learns(place, sa):
  """A router on the way refuses a packet of the SA (RFC 1191): 1200 bytes are left, of which 1146 for an inner packet."""
  place.from_a(inner(1400))
  frames = place.seen_on_wire()
  check(frames, "1400 bytes did not pass")
  check(path_mtu(place, sa) is None, "a path MTU, and nobody told of one")
  body = struct.pack("!BBHHH", 3, 4, 0, 0, 1200) + frames[0][bench.ETHER:bench.ETHER + 48]
  body = body[:2] + struct.pack("!H", esp.checksum(body)) + body[4:]
  place.from_east(esp.ipv4(bench.EAST, bench.WEST, ICMP, body))
  deadline = time.monotonic() + 3
  while path_mtu(place, sa) != 1200 and time.monotonic() < deadline:
    time.sleep(0.05)
  check(path_mtu(place, sa) == 1200, f"path_mtu is {path_mtu(place, sa)}, a router said 1200")
  check(passes(place, 1146) == 1200, "the longest packet does not fill the path's MTU")
  refused(place, 1147, 1146)


def main():
  place = bench.Bench()
  sa = place.sa(0x5001, inbound=False)
  place.west.sa_add(sa, "out")
  check(passes(place, LONGEST - 4) == 1496, "the outer packet is longer than it need be")
  check(passes(place, LONGEST) == 1500, "the longest packet does not fill the wire's MTU")
  for length in (LONGEST + 1, LONGEST + 2, LONGEST + 4, 1499, 1500):
    refused(place, length)
  check(passes(place, LONGEST) == 1500, "afterwards the longest packet does not pass")
  for length in (LONGEST + 1, LONGEST + 25, 1500):
    cut(place, sa, length)
  learns(place, sa)
  print("witness: 1446 bytes fill the wire, 1447 are refused with a right ICMP answer, or cut in two")


if __name__ == "__main__":
  main()
