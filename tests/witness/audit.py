#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What an auditor is told of hostile packets: event, reason, SPI, addresses, sequence number and what was inside, each
compared with the packet that was sent, in the log and at the monitor. And of a flood: told and suppressed are all."""
import json
import os
import socket
import struct
import subprocess
import sys
import time
from datetime import datetime

import bench
import esp
from bench import A, B, EAST, WEST, check

EDGE = 1 << 32
FLOOD = 3000
RATE = 100  # audit_per_s of this test
NEAR = 0xf0000000  # 15 of 16 of the numbers without ESN
TEXT = b"must not arrive"


def inner(src=B, dst=A, **over):
  return bench.udp_packet(src, dst, TEXT, **over)


def flipped(packet):
  return packet[:-1] + bytes([packet[-1] ^ 1])


def dotted(address):
  return socket.inet_ntoa(address)


class Ear:
  """Both places where events are told, read from where it last stopped."""

  def __init__(self, place):
    self.place = place
    self.monitor = open(f"{os.environ['CULVERT_TMP']}/monitor", encoding="ascii")
    self.log = open(f"{os.environ['CULVERT_TMP']}/west/log", encoding="utf-8", errors="replace")
    self.half = {self.monitor: "", self.log: ""}

  def lines(self, file):
    while line := file.readline():
      self.half[file] += line
      if line.endswith("\n"):
        whole, self.half[file] = self.half[file], ""
        yield whole[:-1]

  def events(self, count, timeout=5.0):
    """The next events at the monitor and their lines in the log, without the sums of what was suppressed."""
    told, logged, deadline = [], [], time.monotonic() + timeout
    while (len(told) < count or len(logged) < count) and time.monotonic() < deadline:
      told += [event for event in map(json.loads, self.lines(self.monitor)) if event["event"] == "audit"]
      logged += [line for line in self.lines(self.log) if " audit event=" in line and " suppressed=" not in line]
      time.sleep(0.01)
    return told, logged


def words(line):
  return dict(word.split("=", 1) for word in line.split(" audit ", 1)[1].split(" "))


def expected(kind, reason, **over):
  """A line's words but for time and worker; None: not to be there."""
  event = {"event": kind, "reason": reason, "src": dotted(EAST), "dst": dotted(WEST), "proto": "50", **over}
  return {name: str(value) for name, value in event.items() if value is not None}


def of_flow(src=B, dst=A):
  return {"inner_src": dotted(src), "inner_dst": dotted(dst), "inner_proto": 17, "inner_sport": bench.PORT,
          "inner_dport": bench.PORT}


PROTOCOLS = {"50": "esp", "17": "udp"}


def as_shown(event):
  """The monitor's object, in the words of the log."""
  shown = {**{name: value for name, value in event.items() if value is not None}, "event": event["kind"]}
  numbers = {word: number for number, word in PROTOCOLS.items()}
  for name in ("proto", "inner_proto"):
    if name in shown:
      shown[name] = numbers[shown[name]]
  return {name: str(value) for name, value in shown.items() if name not in ("kind", "vnet_id", "time", "worker")}


def hear(ear, wanted):
  """One event came, this one, at both places."""
  told, logged = ear.events(1)
  check(len(told) == 1 and len(logged) == 1, f"{wanted}: told {told}, logged {logged}")
  line = words(logged[0])
  check(line.pop("worker") == "0" and line.pop("time").endswith("Z"), f"no time and worker: {logged[0]}")
  check(line == wanted, f"the log says {line}, sent was {wanted}")
  check(as_shown(told[0]) == wanted, f"the monitor says {as_shown(told[0])}, sent was {wanted}")
  age = time.time() - datetime.fromisoformat(told[0]["time"]).timestamp()
  check(-1 < age < 10, f"{told[0]['time']} is not now")


def of_sa(sa, seq, **over):
  return {"spi": f"0x{sa.spi:08x}", "seq": seq, "vnet": "blue", **over}


def inbound(place):
  """What comes from the wire: the words of its event, and the packet."""
  sa, extended, used = place.sa(0x8001, True), place.sa(0x8002, True, esn=True), place.sa(0x8003, True, esn=True)
  narrow, outbound, stranger = place.sa(0x8004, True), place.sa(0x8005, True), place.sa(0x8999, True)
  late = place.sa(0x8006, True)
  for each in (sa, extended, used, late):
    place.west.sa_add(each, "in", "window", 64)
  place.west.sa_add(narrow, "in", "sel-src", "10.2.0.128/25")
  place.west.sa_add(outbound, "out", reqid=3)
  for each, seq in ((used, EDGE - 100), (used, EDGE + 5), (late, 200)):
    place.from_east(each.packet(bench.udp_packet(B, A, b"first"), seq=seq))
    check(place.host_receives() == b"first", f"sequence {seq} was not taken")

  good = inner()
  yield expected("no-sa", "esp-no-sa", spi="0x00008999", seq=77), stranger.packet(good, seq=77)
  yield expected("no-sa", "sa-direction", spi="0x00008005", seq=78), outbound.packet(good, seq=78)
  yield expected("replay", "replay-dup", **of_sa(used, EDGE + 5)), used.packet(good, seq=EDGE + 5)
  yield expected("replay", "replay-old", **of_sa(late, 200 - 64)), late.packet(good, seq=200 - 64)
  yield expected("replay", "seq-zero", **of_sa(sa, 0)), sa.packet(good, seq=0)
  yield expected("icv", "icv", **of_sa(sa, 9)), flipped(sa.packet(good, seq=9))
  yield expected("icv", "icv", **of_sa(used, EDGE + 9)), flipped(used.packet(good, seq=EDGE + 9))
  whole = sa.packet(good, seq=10)
  yield (expected("malformed", "esp-truncated", spi="0x00008001", seq=10),
         esp.ipv4(EAST, WEST, esp.PROTO_ESP, whole[20:40]))
  yield expected("malformed", "esp-truncated"), esp.ipv4(EAST, WEST, esp.PROTO_ESP, b"\0\0")
  yield (expected("malformed", "esp-unaligned", spi="0x00008001", seq=10),
         esp.ipv4(EAST, WEST, esp.PROTO_ESP, whole[20:-2]))
  yield expected("malformed", "esp-padding", **of_sa(sa, 11)), sa.packet(b"", text=b"\1\2\3\4", seq=11)
  yield expected("malformed", "esp-next-header", **of_sa(sa, 12)), sa.packet(good, next_header=17, seq=12)
  yield expected("malformed", "inner-version", **of_sa(sa, 13)), sa.packet(inner(version=5), seq=13)
  yield expected("malformed", "inner-version", **of_sa(sa, 14)), sa.packet(good, next_header=41, seq=14)
  yield expected("malformed", "inner-length", **of_sa(sa, 15)), sa.packet(inner(total=19), seq=15)
  yield (expected("malformed", "inner-checksum", **of_sa(sa, 16)),
         sa.packet(good[:11] + bytes([good[11] ^ 1]) + good[12:], seq=16))
  yield expected("selector", "inner-selector", **of_sa(narrow, 17), **of_flow()), narrow.packet(good, seq=17)
  far = socket.inet_aton("10.3.0.1")
  yield expected("selector", "inner-policy", **of_sa(sa, 18), **of_flow(src=far)), sa.packet(inner(src=far), seq=18)
  yield (expected("selector", "inner-policy", **of_sa(extended, 19), **of_flow(dst=WEST)),
         extended.packet(inner(dst=WEST), seq=19))
  if os.environ["CULVERT_DRIVER"] != "af_packet":  # which has the kernel put them together
    yield (expected("fragment", "fragment-length", spi="0x00008001", seq=20),
           sa.packet(bench.udp_packet(B, A, TEXT + b"....."), seq=20, outer_frag=0x2000))
    yield expected("fragment", "fragment-length"), sa.packet(good, seq=21, outer_frag=0x1fff)
  yield (expected("malformed", "udp-length", proto=17),
         esp.ipv4(EAST, WEST, 17, struct.pack("!HHHH", 4500, 4500, 4, 0) + b"\1\2\3\4" * 10))


def from_inside(place):
  clear = {"vnet": "blue", "sport": bench.PORT, "dport": bench.PORT, "proto": 17}
  own, nowhere = socket.inet_aton("10.1.0.1"), socket.inet_aton("10.99.0.1")
  yield expected("clear", "clear-protected", **clear | {"src": dotted(B), "dst": dotted(own)}), inner(dst=own)
  yield (expected("policy", "no-policy", **clear | {"src": dotted(A), "dst": dotted(nowhere)}),
         inner(src=A, dst=nowhere))


def ip_xfrm(place, spi, used):
  """An outbound SA that has used so many numbers, as an IKE daemon adds it that moved it."""
  subprocess.run([os.environ["CULVERT_CLI"], "--socket", place.west.path, "run", "--", "ip", "xfrm", "state", "add",
                  "src", dotted(WEST), "dst", dotted(EAST), "proto", "esp", "spi", hex(spi), "mode", "tunnel", "reqid",
                  "1", "if_id", "1", "replay-oseq", str(used), "aead", "rfc4106(gcm(aes))",
                  "0x" + os.urandom(36).hex(), "128"], check=True)


def outbound(place, ear):
  """Numbers that come to their end."""
  ends = {"src": dotted(WEST), "dst": dotted(EAST), "vnet": "blue"}
  ip_xfrm(place, 0x8101, NEAR - 1)
  place.from_a(inner(src=A, dst=B))
  check(len(place.seen_on_wire()) == 1, "the packet near the end did not leave")
  hear(ear, expected("sequence-near", None, spi="0x00008101", seq=NEAR, **ends))
  place.west.run("sa", "del", "dst", dotted(EAST), "spi", hex(0x8101))
  ip_xfrm(place, 0x8102, 0xfffffffe)
  place.from_a(inner(src=A, dst=B))
  check(len(place.seen_on_wire()) == 1, "the last number was not used")
  place.from_a(inner(src=A, dst=B))
  hear(ear, expected("sequence", "seq-spent", spi="0x00008102", **ends, **of_flow(src=A, dst=B)))


def first_word(place, ear):
  """Until the monitor has subscribed it hears nothing: the same packet again and again."""
  stranger = place.sa(0x8998, True)
  for _ in range(100):
    place.from_east(stranger.packet(inner()))
    told, _ = ear.events(1, timeout=0.2)
    if told:
      break
  check(told, "the monitor hears nothing")
  drops = place.west.drops()["esp-no-sa"]
  deadline = time.monotonic() + 5
  while counted(place)["no-sa"][0] < drops and time.monotonic() < deadline:
    time.sleep(0.01)
  ear.events(1000, timeout=0.5)  # what is still on its way


def counted(place):
  return {row["kind"]: (row["told"], row["suppressed"]) for row in place.west.json("stats", "show", "audit")}


def flood(place, ear):
  """More than may be told: some are, and told and suppressed are what was dropped."""
  before = counted(place).get("icv", (0, 0))
  drops = place.west.drops().get("icv", 0)
  sa = place.sa(0x8201, True)
  place.west.sa_add(sa, "in")
  packet = flipped(sa.packet(inner(), seq=5))
  began = time.monotonic()
  for number in range(FLOOD):
    place.from_east(packet)
    if number % 64 == 63:
      time.sleep(0.002)
  deadline = time.monotonic() + 5
  while place.west.drops()["icv"] - drops < FLOOD and time.monotonic() < deadline:
    time.sleep(0.05)
  took = time.monotonic() - began
  dropped = place.west.drops()["icv"] - drops
  told, suppressed = (now - then for now, then in zip(counted(place)["icv"], before))
  check(told + suppressed == dropped, f"{told} told and {suppressed} suppressed are not the {dropped} dropped")
  check(dropped == FLOOD, f"{dropped} of {FLOOD} were dropped as icv")
  check(RATE <= told <= RATE * (2 + took), f"{told} told in {took:.1f} s, at {RATE} a second and as many at once")
  events, lines = ear.events(told)
  check(len(events) == told and len(lines) == told, f"{told} told, {len(events)} heard, {len(lines)} logged")
  sums, deadline = 0, time.monotonic() + 5
  log = f"{os.environ['CULVERT_TMP']}/west/log"
  while sums != suppressed and time.monotonic() < deadline:
    with open(log, encoding="utf-8", errors="replace") as file:
      sums = sum(int(words(line)["suppressed"]) for line in file if " event=icv suppressed=" in line)
    time.sleep(0.05)
  check(sums == suppressed, f"the log's sums say {sums} suppressed, the counters {suppressed}")
  print(f"witness: a flood of {FLOOD}: {told} told, {suppressed} counted")


def events():
  place = bench.Bench()
  ear = Ear(place)
  first_word(place, ear)
  n = 0
  for cases, send in ((inbound(place), place.from_east), (from_inside(place), place.from_a)):
    for wanted, packet in cases:
      send(packet)
      hear(ear, wanted)
      n += 1
  outbound(place, ear)
  print(f"witness: {n + 2} events, each in the log and at the monitor as its packet was")
  flood(place, ear)


def tried(place, n):
  """So many packets of an unknown SPI were dropped; how the counters of events and the log's lines changed by that."""
  log = f"{os.environ['CULVERT_TMP']}/west/log"

  def lines():
    with open(log, encoding="utf-8", errors="replace") as file:
      return sum(" audit event=no-sa " in line for line in file)

  before, drops, logged = counted(place).get("no-sa"), place.west.drops().get("esp-no-sa", 0), lines()
  for _ in range(n):
    place.from_east(place.sa(0x8997, True).packet(inner()))
  wanted = {**place.west.drops(), "esp-no-sa": drops + n}
  check(place.drops_become(wanted) == wanted, "the packets were not dropped as esp-no-sa")
  now = counted(place).get("no-sa")
  return tuple(a - b for a, b in zip(now, before)), lines() - logged


def silent():
  counts, lines = tried(bench.Bench(), 5)
  check(counts == (0, 0) and lines == 0, f"off, and told, suppressed are {counts}, lines {lines}")


def unlogged():
  """Below the log's level: events are told to who listens, and there is no line."""
  counts, lines = tried(bench.Bench(), 5)
  check(counts == (5, 0) and lines == 0, f"at level debug told, suppressed are {counts}, lines {lines}")


if __name__ == "__main__":
  {"events": events, "silent": silent, "unlogged": unlogged}[sys.argv[1]]()
