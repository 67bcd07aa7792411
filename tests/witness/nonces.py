#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""nonces.py FILE COUNT: has host A send COUNT packets, and appends the IV of each ESP packet seen on the wire to FILE.
A second use of an IV under the key that the whole file was made with breaks AES-GCM."""
import struct
import sys

import bench
from bench import A, B, check


def main():
  path, count = sys.argv[1], int(sys.argv[2])
  place = bench.Bench()
  place.wire.flush()
  for number in range(count):
    place.from_a(bench.udp_packet(A, B, b"nonce %d" % number))
  frames = place.seen_on_wire(count, timeout=5.0)
  check(len(frames) == count, f"{count} packets sent, {len(frames)} seen")
  with open(path, "a", encoding="ascii") as file:
    for frame in frames:
      seq, iv = struct.unpack("!IQ", frame[bench.ETHER + 24:bench.ETHER + 36])
      check(seq == iv & 0xffffffff, f"IV {iv} and sequence number {seq} differ")
      file.write(f"{iv}\n")


if __name__ == "__main__":
  main()
