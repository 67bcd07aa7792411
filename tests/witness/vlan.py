#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two virtual networks with the same addresses on one trunk of West's: red is VLAN 20, blue 30, the underlay 10. What bears
another tag, two, or none goes nowhere, and neither a tag nor an SA brings a packet of one network into the other."""
import os
import struct
import time

import bench
import esp
import net
from bench import A, B, EAST, WEST, check

TAG, PROVIDER = 0x8100, 0x88a8
UNDERLAY, RED, BLUE = 10, 20, 30
ONLY_RED = bytes([10, 5, 0, 9])  # of a network that only red's policies let in
QUIET = 0.3  # seconds in which nothing comes


class Place:
  def __init__(self):
    env = os.environ
    self.west = bench.Gateway(env["CULVERT_CLI"], env["CULVERT_SOCKET"])
    self.mac = bytes.fromhex(env["CULVERT_WEST_MAC"].replace(":", ""))
    self.trunk = net.Link(env["CULVERT_NS_SWITCH"], "trunk")
    self.wire = net.Link(env["CULVERT_NS_WIRE"], "west")
    self.lan = {name: net.Link(env[f"CULVERT_NS_{name.upper()}"], f"a{name}-lan") for name in ("red", "blue")}

  def frame(self, tags, packet, kind=bench.TYPE_IPV4):
    """An Ethernet frame to West behind these tags: numbers, or a type and a number."""
    words = [tag if isinstance(tag, tuple) else (TAG, tag) for tag in tags]
    return self.mac + self.trunk.mac + b"".join(struct.pack("!HH", *word) for word in words) + kind + packet

  def in_lan(self, name, count=1, timeout=2.0):
    """IPv4 that came to hosts of that network from West."""
    return self.lan[name].receive(lambda f: f[12:14] == bench.TYPE_IPV4 and f[6:12] == self.mac, count, timeout)

  def dropped_as(self, reason, count, action):
    before = self.west.drops()
    action()
    wanted = {**before, reason: before.get(reason, 0) + count}
    deadline = time.monotonic() + 3
    while (now := self.west.drops()) != wanted and time.monotonic() < deadline:
      time.sleep(0.05)
    check(now == wanted, f"expected {count} more {reason}, counters are {bench.nonzero(now)}, were {bench.nonzero(before)}")


def wrong_tags(place):
  packet = bench.udp_packet(A, B, b"astray")
  rows = (("vlan-unknown", [[21], [0xe000 | 31], [1], [4094], [4095]]),
          ("vlan-stacked", [[RED, RED], [0, RED], [(PROVIDER, RED), RED], [BLUE, RED, 0]]),
          ("vlan-missing", [[], [0], [0xe000]]))
  for reason, frames in rows:
    for tags in frames:
      place.dropped_as(reason, 1, lambda tags=tags: place.trunk.send(place.frame(tags, packet)))


def own_sa(place, vlan, sa):
  """The same packet, by tag: West seals it under the SA of that network."""
  packet = bench.udp_packet(A, B, b"of VLAN %d" % vlan)
  place.wire.flush()
  place.trunk.send(place.frame([vlan], packet))
  frames = place.wire.receive(lambda f: f[12:14] == bench.TYPE_IPV4 and f[23] == esp.PROTO_ESP)
  check(frames, f"VLAN {vlan}: nothing came to the wire")
  opened = sa.open(frames[0][34:])
  check(opened.spi == sa.spi and opened.inner == bench.one_less(packet), f"VLAN {vlan}: the wire has {opened}")


def sealed_for_other(place, red, blue):
  def send(sa, src):
    place.wire.send(place.mac + place.wire.mac + bench.TYPE_IPV4 + sa.packet(bench.udp_packet(src, A, b"for whom?")))

  for lan in place.lan.values():
    lan.flush()
  place.dropped_as("inner-policy", 1, lambda: send(blue, ONLY_RED))
  send(red, ONLY_RED)
  check(place.in_lan("red"), "red's own packet did not come into red's LAN")
  check(not place.in_lan("blue", timeout=QUIET), "a packet of red's came into blue's LAN")
  send(blue, B)
  check(place.in_lan("blue"), "blue's packet did not come into blue's LAN")
  check(not place.in_lan("red", timeout=QUIET), "a packet under blue's SA came into red's LAN")


def main():
  place = Place()
  out = {}
  inbound = {}
  for number, (name, vlan) in enumerate((("red", RED), ("blue", BLUE))):
    inbound[name] = esp.Sa(0x6001 + number, os.urandom(36), EAST, WEST)
    out[vlan] = esp.Sa(0x7001 + number, os.urandom(36), WEST, EAST)
    place.west.sa_add(inbound[name], "in", vnet=name)
    place.west.sa_add(out[vlan], "out", vnet=name)
  wrong_tags(place)
  for vlan, sa in out.items():
    own_sa(place, vlan, sa)
  sealed_for_other(place, inbound["red"], inbound["blue"])
  for sa in (*inbound.values(), *out.values()):
    place.west.sa_del(sa)
  print("witness: 12 wrong tags went nowhere, and no packet of one network came into the other")


if __name__ == "__main__":
  main()
