# SPDX-License-Identifier: BSD-3-Clause
"""The witness's place: West's LAN on one side, the wire in East's stead on the other, and West's own counters. The
end-to-end scripts start it and tell it where things are in the environment (see witness() in tests/netns/gateway.sh)."""
import json
import os
import socket
import struct
import subprocess
import sys
import time

import esp
import net

ETHER = 14
TYPE_IPV4 = b"\x08\x00"
A, B = socket.inet_aton("10.1.0.2"), socket.inet_aton("10.2.0.2")
WEST, EAST = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")
PROTO_UDP = 17
PORT = 7000  # where host A listens


def check(condition, text):
  if not condition:
    sys.exit(f"witness: {text}")


def udp_packet(src, dst, payload, sport=PORT, dport=PORT, **over):
  """An IPv4 packet with a UDP datagram inside; over: as for esp.ipv4()."""
  length = 8 + len(payload)
  ports = struct.pack("!HHH", sport, dport, length)
  pseudo = src + dst + struct.pack("!BBH", 0, PROTO_UDP, length)
  data = pseudo + ports + b"\0\0" + payload
  total = esp.checksum(data + b"\0" * (len(data) % 2)) or 0xffff
  return esp.ipv4(src, dst, PROTO_UDP, ports + struct.pack("!H", total) + payload, **over)


def one_less(packet):
  """The packet one hop later: TTL lower by one, checksum new, nothing else."""
  head = packet[:8] + bytes([packet[8] - 1]) + packet[9:10] + b"\0\0" + packet[12:20]
  return head[:10] + struct.pack("!H", esp.checksum(head)) + head[12:] + packet[20:]


def address(packed):
  return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


class Gateway:
  """A running culvertd, asked through its command."""

  def __init__(self, command, path):
    self.command, self.path = command, path

  def run(self, *words):
    done = subprocess.run([self.command, "--socket", self.path, *map(str, words)], capture_output=True, text=True)
    check(done.returncode == 0, f"culvert {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout

  def json(self, *words):
    return json.loads(self.run("-j", *words))

  def drops(self):
    """Packets dropped by reason, all workers."""
    total = {}
    for row in self.json("stats", "show", "drops"):
      total[row["reason"]] = total.get(row["reason"], 0) + row["packets"]
    return total

  def sa_add(self, sa, direction, *words, reqid=1, vnet="blue"):
    """Gives the gateway an SA of the witness, its key through a file that is gone afterwards."""
    path = f"{os.environ['CULVERT_TMP']}/witness.key"
    with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
      file.write(sa.key.hex() + "\n")
    self.run("sa", "add", "src", address(sa.src), "dst", address(sa.dst), "spi", hex(sa.spi),
             "vnet", vnet, "key-file", path, "reqid", reqid, "dir", direction, "esn", "on" if sa.esn else "off",
             *(() if sa.algorithm == esp.DEFAULT else ("algorithm", sa.algorithm)), *words)
    os.unlink(path)

  def sa_del(self, sa):
    self.run("sa", "del", "dst", address(sa.dst), "spi", hex(sa.spi))


class Bench:
  def __init__(self):
    env = os.environ
    self.west = Gateway(env["CULVERT_CLI"], env["CULVERT_SOCKET"])
    self.netns_west = env["CULVERT_NS_WEST"]
    self.lan = net.Link(env["CULVERT_NS_A"], "a-lan")
    self.wire = net.Link(env["CULVERT_NS_EAST"], "e-wan")
    self.host = net.udp(env["CULVERT_NS_A"], socket.inet_ntoa(A), PORT)
    self.west_lan_mac = bytes.fromhex(env["CULVERT_WEST_LAN_MAC"].replace(":", ""))
    self.west_wan_mac = bytes.fromhex(env["CULVERT_WEST_WAN_MAC"].replace(":", ""))

  def sa(self, spi, inbound, esn=False, algorithm=esp.DEFAULT):
    """A new SA with a key of its own; inbound: towards West."""
    src, dst = (EAST, WEST) if inbound else (WEST, EAST)
    return esp.Sa(spi, os.urandom(esp.KEY_BYTES[algorithm] + esp.SALT), src, dst, esn, algorithm=algorithm)

  def from_a(self, packet):
    """An IPv4 packet into West's LAN port, as host A would send it."""
    self.lan.send(self.west_lan_mac + self.lan.mac + TYPE_IPV4 + packet)

  def from_east(self, packet):
    """An IPv4 packet into West's wire port, as East would send it."""
    self.wire.send(self.west_wan_mac + self.wire.mac + TYPE_IPV4 + packet)

  def seen_on_wire(self, count=1, timeout=2.0):
    """ESP packets that West sent to East: whole frames."""
    return self.wire.receive(lambda f: f[12:14] == TYPE_IPV4 and f[23] == esp.PROTO_ESP, count, timeout)

  def seen_by_a(self, count=1, timeout=2.0):
    """IPv4 frames that West sent into its LAN."""
    return self.lan.receive(lambda f: f[12:14] == TYPE_IPV4 and f[6:12] == self.west_lan_mac, count, timeout)

  def host_receives(self):
    """The next datagram as host A's kernel delivered it, None when none comes."""
    try:
      return self.host.recv(65535)
    except TimeoutError:
      return None

  def drops_become(self, wanted, timeout=3.0):
    """Waits until the drop counters are these; what they are when the time is over."""
    deadline = time.monotonic() + timeout
    while (now := self.west.drops()) != wanted and time.monotonic() < deadline:
      time.sleep(0.05)
    return now


def nonzero(counters):
  return {name: count for name, count in counters.items() if count}
