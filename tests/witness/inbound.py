#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the witness makes, West must take: host A's kernel delivers each payload. Windows move, late packets are taken
once, and ESN is carried over the 32-bit edge (RFC 4303 appendix A)."""
import bench
from bench import check

EDGE = 1 << 32
IN_ORDER = list(range(1, 38))
LATE = [100, 60, 99, 61, 101, 38, 90]  # each is late, none is seen before, all are in a window of 64
OVER_THE_EDGE = [EDGE - 40, EDGE - 2, EDGE - 1, EDGE, EDGE + 1, EDGE - 3, EDGE + 20, EDGE - 5, EDGE + 2]
PADDINGS = [0, 4, 8, 100, 252]  # 0 to 255 bytes are allowed, here with an inner packet that needs none


def delivered(place, sa, seq, **over):
  payload = b"number %d" % seq
  payload += b"." * (-len(payload) % 4 + 2)  # inner packet and trailer end on four bytes
  inner = bench.udp_packet(bench.B, bench.A, payload, tos=0x48, ident=seq & 0xffff)
  place.from_east(sa.packet(inner, seq=seq, **over))
  frames = place.seen_by_a()
  check(frames, f"SPI {sa.spi:#x} sequence {seq} {over}: nothing came into the LAN")
  check(frames[0] == place.lan.mac + place.west_lan_mac + bench.TYPE_IPV4 + bench.one_less(inner),
        f"sequence {seq}: the LAN's frame is not the inner packet one hop later: {frames[0].hex()}")
  got = place.host_receives()
  check(got == payload, f"SPI {sa.spi:#x} sequence {seq} {over}: host A received {got!r}")


def refused(place, sa, seq, reason):
  before = place.west.drops()
  place.from_east(sa.packet(bench.udp_packet(bench.B, bench.A, b"again"), seq=seq))
  wanted = {**before, reason: before.get(reason, 0) + 1}
  now = place.drops_become(wanted)
  check(now == wanted, f"sequence {seq} again: expected one more {reason}, counters are {bench.nonzero(now)}")


def main():
  place = bench.Bench()
  taken = 0
  for spi, esn in ((0x6001, False), (0x6002, True)):
    sa = place.sa(spi, inbound=True, esn=esn)
    place.west.sa_add(sa, "in", "window", 64)
    for seq in IN_ORDER + LATE + (OVER_THE_EDGE if esn else [EDGE - 1]):
      delivered(place, sa, seq)
      taken += 1
    refused(place, sa, EDGE + 2 if esn else EDGE - 1, "replay-dup")
    place.west.sa_del(sa)

  sa = place.sa(0x6003, inbound=True)
  place.west.sa_add(sa, "in")
  for seq, length in enumerate(PADDINGS, 1):
    delivered(place, sa, seq, padding=bytes(range(1, length + 1)))
    delivered(place, sa, seq + 100, iv=bytes([seq]) * 8)  # the IV is the sender's choice (RFC 4106 3.1)
    taken += 2
  print(f"witness: West took {taken} packets it had not made itself, and no packet twice")


if __name__ == "__main__":
  main()
