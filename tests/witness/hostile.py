#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bad input from the wire. Each kind must raise the drop counter of its own reason by exactly the packets sent, must not
reach host A in any form, and must not disturb another SA."""
import os
import struct
import time

import bench
import esp
from bench import A, B, EAST, WEST, check

DF = 0x4000
PACE = 64  # packets between two short rests: the gateway's queue holds far more
BYPASSED = b"\x0a\4\0\1"  # an inner source that a bypass policy names
LONG_INNER = 1440  # longer than the LAN port's MTU in this test, which is 1400


def inner(**over):
  return bench.udp_packet(over.pop("src", B), over.pop("dst", A), b"must not arrive", **over)


def flip(packet, bit):
  data = bytearray(packet)
  data[bit // 8] ^= 0x80 >> bit % 8
  return bytes(data)


def header_reason(packet):
  """Which check an outer header with one flipped bit fails first (RFC 1812 5.2.2)."""
  if packet[0] >> 4 != 4:
    return "ip-version"
  if packet[0] & 15 != 5:
    return "ip-length" if packet[0] & 15 < 5 else "ip-options"
  total = struct.unpack("!H", packet[2:4])[0]
  return "ip-length" if not 20 <= total <= len(packet) else "ip-checksum"


def flips(sa):
  """Every bit of a whole packet. Its sequence number, 64, has one bit: without it the number is 0."""
  good = sa.packet(inner(), seq=64)
  for bit in range(len(good) * 8):
    packet = flip(good, bit)
    if bit < 160:
      reason = header_reason(packet)
    elif bit < 192:
      reason = "esp-no-sa"
    else:
      reason = "seq-zero" if packet[24:28] == b"\0\0\0\0" else "icv"
    yield reason, packet


def truncations(sa):
  """Cut at every length: once with an outer header that says so, once as a frame that just ends."""
  good = sa.packet(inner(), seq=64)
  for length in range(len(good) - 20):
    if length < esp.HEAD + 4 + esp.TAG:
      reason = "esp-truncated"
    else:
      reason = "icv" if length % 4 == 0 else "esp-unaligned"
    yield reason, esp.ipv4(EAST, WEST, esp.PROTO_ESP, good[20:20 + length])
  for length in range(len(good)):
    yield "ip-length" if length >= 20 else "ip-truncated", good[:length]


def replays(place, sa):
  """Two numbers are taken; after that they, all left of the window, and 0 are refused."""
  for seq in (10, 200):
    place.from_east(sa.packet(bench.udp_packet(B, A, b"first"), seq=seq))
    check(place.host_receives() == b"first", f"sequence {seq} was not taken")
  place.seen_by_a(2, timeout=0.5)
  for _ in range(5):
    yield "replay-dup", sa.packet(inner(), seq=200)
    yield "replay-old", sa.packet(inner(), seq=10)
  yield "replay-old", sa.packet(inner(), seq=200 - 64)
  yield "seq-zero", sa.packet(inner(), seq=0)


def outer_faults(place, sa, outbound):
  stranger = place.sa(0x7999, inbound=True)
  for spi in (0x7999, 0, 1, 255, 0xffffffff):
    stranger.spi = spi
    yield "esp-no-sa", stranger.packet(inner())
  for dst in (b"\xc0\0\2\x09", EAST, A):
    yield "underlay-not-local", sa.packet(inner(), outer_dst=dst)
  yield "underlay-not-local", inner()  # in the clear
  yield "sa-direction", outbound.packet(inner())
  for frag in (0x2000, 0x2001, 0x1fff):  # not a multiple of eight, or beyond the longest packet
    yield "fragment-length", sa.packet(bench.udp_packet(B, A, b"must not arrive here"), outer_frag=frag)
  for options in (b"\x01\x01\x01\x00", b"\x94\x04\0\0", b"\x07\x27\x08" + b"\0" * 37):
    yield "ip-options", sa.packet(inner(), outer_options=options)
  for src in (b"\x7f\0\0\1", b"\xe0\0\0\1", b"\xff\xff\xff\xff", b"\0\0\0\0"):
    yield "ip-martian", sa.packet(inner(), outer_src=src)
  yield "ip-multicast", sa.packet(inner(), outer_dst=b"\xef\1\1\1")


def inner_faults(sa, narrow, foreign):
  """Sealed with the right key by a peer that is wrong or evil."""
  good = inner()
  for version in (0, 5, 6, 15):
    yield "inner-version", sa.packet(inner(version=version))
  for total in (0, 19, len(good) + 4, 0xffff):
    yield "inner-length", sa.packet(inner(total=total))
  for length in (0, 1, 10, 19):
    yield "inner-length", sa.packet(good[:length])
  yield "inner-checksum", sa.packet(flip(good, 8 * 11))
  yield "ip-options", sa.packet(inner(options=b"\x01\x01\x01\x00"))
  yield "ip-martian", sa.packet(inner(src=b"\x7f\0\0\1"))
  for dst in (b"\xe0\0\0\5", b"\xff\xff\xff\xff"):
    yield "ip-multicast", sa.packet(inner(dst=dst))
  for src, dst in ((b"\x0a\3\0\1", A), (B, b"\x0a\1\1\2"), (A, A), (WEST, A)):
    yield "inner-policy", sa.packet(inner(src=src, dst=dst))
  yield "inner-policy", foreign.packet(inner())  # the policy wants another SA (RFC 4301 5.2 step 4)
  yield "inner-policy", sa.packet(inner(src=BYPASSED))  # a policy matches, and it asks for no SA
  yield "inner-selector", narrow.packet(inner())
  yield "inner-ecn", sa.packet(good, outer_tos=3)
  yield "ttl", sa.packet(inner(ttl=1))
  yield "mtu", sa.packet(bench.udp_packet(B, A, b"x" * (LONG_INNER - 28), frag=DF))


def trailer_faults(sa):
  good = inner()
  need = len(esp.minimal_padding(len(good)))
  yield "esp-padding", sa.packet(good, padding=b"\0" * (need + 4))
  yield "esp-padding", sa.packet(good, padding=bytes(range(1, need + 4)) + b"\xff")
  yield "esp-padding", sa.packet(b"", text=b"\x01\x02\xff\x04")
  yield "esp-padding", sa.packet(b"", text=b"\x01\x02\x03\x04")
  for protocol in (0, 6, 17, 50, 255):
    yield "esp-next-header", sa.packet(good, next_header=protocol)
  yield "inner-version", sa.packet(good, next_header=41)  # IPv4 that says it is IPv6
  yield "esp-dummy", sa.packet(b"", text=b"\0" * 38 + b"\0" + bytes([esp.NEXT_DUMMY]))


def held_by_kernel(packet):
  """DPDK's AF_PACKET driver has the kernel put fragments together first: alone they never reach the gateway."""
  return os.environ["CULVERT_DRIVER"] == "af_packet" and packet[:1] == b"\x45" and \
      len(packet) >= 20 and struct.unpack("!H", packet[6:8])[0] & 0x3fff != 0


class Kinds:
  """Sends one kind after the other and holds West to each."""

  def __init__(self):
    self.place = bench.Bench()
    self.other = self.place.sa(0x7005, inbound=True, esn=True)
    self.place.west.sa_add(self.other, "in")
    self.sent = 0

  def other_sa_works(self, kind):
    payload = f"after {kind}".encode()
    self.place.from_east(self.other.packet(bench.udp_packet(B, A, payload)))
    frames = self.place.seen_by_a(2, timeout=1.0)
    check(len(frames) == 1 and frames[0].endswith(payload), f"{kind}: {len(frames)} packets reached A's LAN, not one")
    check(self.place.host_receives() == payload, f"{kind}: host A received something else")

  def run(self, kind, cases, send=None):
    wanted = self.place.west.drops()
    cases = [(reason, packet) for reason, packet in cases if not held_by_kernel(packet)]
    for number, (reason, packet) in enumerate(cases, 1):
      wanted[reason] = wanted.get(reason, 0) + 1
      (send or self.place.from_east)(packet)
      if number % PACE == 0:
        time.sleep(0.003)
    now = self.place.drops_become(wanted)
    check(now == wanted, f"{kind}: counters (expected, found) differ: " +
          str({name: (wanted.get(name, 0), now.get(name, 0)) for name in {**wanted, **now}
               if wanted.get(name, 0) != now.get(name, 0)}))
    self.other_sa_works(kind)
    self.sent += len(cases)
    print(f"witness: {kind}: {len(cases)} packets, {len({reason for reason, _ in cases})} reasons", flush=True)


def main():
  # No SPI is one flipped bit away from another.
  kinds = Kinds()
  place = kinds.place
  plain, extended = place.sa(0x7003, inbound=True), place.sa(0x7006, inbound=True, esn=True)
  used, narrow, outbound, foreign = (place.sa(spi, inbound=True) for spi in (0x7009, 0x700a, 0x700c, 0x700f))
  for sa in (plain, extended, used):
    place.west.sa_add(sa, "in", "window", 64)
  place.west.sa_add(narrow, "in", "sel-src", "10.2.0.128/25")
  place.west.sa_add(outbound, "out")
  place.west.sa_add(foreign, "in", reqid=2)
  place.west.run("policy", "add", "vnet", "blue", "dir", "fwd", "src", "10.4.0.0/24", "dst", "10.1.0.0/24", "action", "bypass")

  kinds.run("flipped bits", flips(plain))
  kinds.run("flipped bits with ESN", flips(extended))
  kinds.run("truncations", truncations(plain))
  kinds.run("replays", replays(place, used))
  kinds.run("outer header", outer_faults(place, plain, outbound))
  kinds.run("inner packet", inner_faults(plain, narrow, foreign))
  kinds.run("trailer", trailer_faults(plain))
  kinds.run("other MAC", [("ether-dst", b"\x02\0\0\0\0\x77" + place.wire.mac + bench.TYPE_IPV4 + inner())],
            place.wire.send)
  kinds.run("other EtherType", [("ether-type", place.west_wan_mac + place.wire.mac + b"\x88\xb5" + inner())],
            place.wire.send)
  kinds.run("clear from the LAN, protected by policy", [("clear-protected", inner(dst=b"\x0a\1\0\1"))], place.from_a)
  print(f"witness: {kinds.sent} bad packets, each counted under its own reason, none reached host A")


if __name__ == "__main__":
  main()
