#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every algorithm but the one that all other tests use: West's packets are right in every field, West takes those of the
witness, and no packet with one wrong bit comes through, with and without ESN."""
import bench
import esp
import hostile
import inbound
import outbound
from bench import check

LENGTHS = [*((length, {}) for length in range(0, 20)), (100, {"tos": 0xb8}), (1000, {}), (1418, {"frag": outbound.DF})]


def main():
  kinds = hostile.Kinds()
  place, spi = kinds.place, 0x8000
  for algorithm in esp.KEY_BYTES:
    if algorithm == esp.DEFAULT:
      continue
    for esn in (False, True):
      name = f"{algorithm}{' with ESN' if esn else ''}"
      spi += 0x100
      out = place.sa(spi + 1, inbound=False, esn=esn, algorithm=algorithm)
      place.west.sa_add(out, "out")
      for number, case in enumerate(LENGTHS, 1):
        outbound.inspect(place, out, number, case)
      check(not place.seen_on_wire(timeout=0.2), f"{name}: more packets on the wire than A sent")
      place.west.sa_del(out)

      sa = place.sa(spi + 2, inbound=True, esn=esn, algorithm=algorithm)
      place.west.sa_add(sa, "in", "window", 64)
      for seq in inbound.IN_ORDER[:8] + inbound.LATE + (inbound.OVER_THE_EDGE if esn else []):
        inbound.delivered(place, sa, seq)
      inbound.refused(place, sa, inbound.EDGE + 2 if esn else 90, "replay-dup")
      inbound.delivered(place, sa, inbound.EDGE + 100, padding=bytes(range(1, 253))) if esn else None
      place.west.sa_del(sa)

      spoilt = place.sa(spi + 3, inbound=True, esn=esn, algorithm=algorithm)
      place.west.sa_add(spoilt, "in", "window", 64)
      kinds.run(f"flipped bits, {name}", hostile.flips(spoilt))
      place.west.sa_del(spoilt)
  place.west.sa_del(kinds.other)
  print(f"witness: {len(esp.KEY_BYTES) - 1} further algorithms are right both ways, and refuse every changed bit")


if __name__ == "__main__":
  main()
