#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The seeds of the fuzz targets: seeds/TARGET/NAME, one input each. seeds.py writes them, seeds.py --check ends with 1 when
the tree has others. Netlink messages of the kernel and of iproute2 come from the bytes that unit tests keep
(tests/unit/control/iproute2_bytes.h, rtnl_bytes.h); everything else is made here, with the numbers of own_msg.h."""
import pathlib
import re
import socket
import struct
import sys

HERE = pathlib.Path(__file__).parent
TOP = HERE.parents[1]
IF_ID = struct.pack("<HHI", 8, 31, 100)  # XFRMA_IF_ID: the virtual network of target xfrm_server
REQUEST_ACK, DUMP = 5, 0x300


# ---- bytes that unit tests keep ----
def hex_arrays():
  text = (TOP / "tests/unit/control/iproute2_bytes.h").read_text()
  for name, body in re.findall(r"static const char (\w+)\[\] =([^;]+);", text):
    yield name, bytes.fromhex("".join(re.findall(r'"([0-9a-f]*)"', body)))


def byte_arrays():
  text = (TOP / "tests/unit/control/rtnl_bytes.h").read_text()
  for name, body in re.findall(r"static const uint8_t (\w+)\[\] = \{([^}]+)\}", text):
    yield name, bytes(int(byte, 16) for byte in re.findall(r"0x([0-9a-f]{2})", body))


def enum(name):
  """Numbers of an enum of own_msg.h, by name."""
  text = re.sub(r"/\*.*?\*/", "", (TOP / "control/own_msg.h").read_text(), flags=re.DOTALL)
  body = re.search(r"enum " + name + r" \{(.*?)\}", text, re.DOTALL)[1]
  numbers, number = {}, -1
  for word in filter(None, (word.strip() for word in body.split(","))):
    word, _, value = (part.strip() for part in word.partition("="))
    number = number + 1 if not value else numbers[value] if value in numbers else int(value, 0)
    numbers[word] = number
  return numbers


# ---- messages ----
def with_vnet(message):
  return struct.pack("<I", len(message) + len(IF_ID)) + message[4:] + IF_ID


def attribute(number, data):
  return struct.pack("<HH", 4 + len(data), number) + data + bytes(-len(data) % 4)


MSG, ATTR, TUNNEL_ATTR = enum("ctl_msg"), enum("ctl_attr"), enum("ctl_tunnel_attr")
EVENT_ATTR = enum("ctl_audit_attr")


def encoded(value):
  """An int is u32, (bits, int) another, a str has its zero."""
  if isinstance(value, tuple):
    return struct.pack({16: "<H", 64: "<Q"}[value[0]], value[1])
  if isinstance(value, int):
    return struct.pack("<I", value)
  return value.encode() + b"\0" if isinstance(value, str) else value


def attributes(pairs):
  return b"".join(attribute(ATTR["CTL_A_" + name], encoded(value)) for name, value in pairs)


def tunnel(*pairs):
  body = b"".join(attribute(TUNNEL_ATTR["CTL_T_" + name], encoded(value)) for name, value in pairs)
  return attribute(ATTR["CTL_A_TUNNEL"], body)


def event(*pairs):
  body = b"".join(attribute(EVENT_ATTR["CTL_E_" + name], encoded(value)) for name, value in pairs)
  return attribute(ATTR["CTL_A_EVENT"], body)


def own(kind, body=b"", flags=REQUEST_ACK):
  body = struct.pack("<B3x", 1) + body
  return struct.pack("<IHHII", 16 + len(body), MSG["CTL_MSG_" + kind], flags, 1, 0) + body


def address(text):
  return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def prefix(text):
  net, length = text.split("/")
  return bytes([int(length)]) + address(net)


def own_seeds():
  nested = lambda kind, *pairs: (kind, attributes(pairs))  # noqa: E731
  return {
    "info": own("INFO", attributes([("VERSION", "0.1.0"), ("ENGINE", "openssl"), ("UPTIME_S", (64, 7)), ("HUGE", 1),
                                    ("TSC_HZ", (64, 2 * 10**9)), ("WORKERS", 2), ("SA_COUNT", 3)])),
    "subscribe": own("SUBSCRIBE", attributes([("GROUPS", 0x1ffe)])),
    "chain": own("CHAIN", attributes([("CHAIN", 1)])),
    "hello": own("HELLO", attributes([("BOOT_ID", (64, 1 << 63))]), 0),
    "port": own("PORT", attributes([("NAME", "lan"), ("PORT", (16, 1)), ("DEVICE", "net_ring0"), ("DRIVER", "net_ring"),
                                    ("MAC", bytes(range(6))), ("MTU", (16, 1500)), ("UP", 1), ("UNDERLAY", 0),
                                    ("ON", "trunk"), ("VLAN", (16, 20)), ("TRUNK", 0),
                                    ("VNET_ID", 1), ("RX_PACKETS", (64, 9)), ("INJECT_DROPPED", (64, 1))])),
    "vnet": own("VNET", attributes([("NAME", "blue"), ("VNET_ID", 1), ("SA_COUNT", 2), ("POLICY_COUNT", 3),
                                    ("BYPASS", 1)])),
    "route": own("ROUTE", attributes([("VNET_ID", 1), ("DST", address("10.2.0.0")), ("DST_LEN", 16), ("METRIC", 5),
                                      ("GATEWAY", address("10.1.0.9")), ("PORT", (16, 1)), ("KIND", 0)])),
    "route6": own("ROUTE", attributes([("UNDERLAY", 1), ("DST", address("2001:db8::")), ("DST_LEN", 32), ("KIND", 2)])),
    "neigh": own("NEIGH", attributes([("DST", address("fe80::1")), ("PORT", (16, 1)), ("MAC", bytes(6))])),
    "worker": own("WORKER", attributes([("WORKER", 0), ("CPU", 0xffffffff), ("FROM_PORTS", (64, 5)), ("TX", (64, 4)),
                                        nested("DROP", ("NAME", "no-sa"), ("HELP", "none"), ("PACKETS", (64, 1))),
                                        nested("STAGE", ("NAME", "rx"), ("PACKETS", (64, 5)), ("CYCLES", (64, 9)))])),
    "memory": own("MEMORY", attributes([("RSS", (64, 1 << 20)), ("SA_COUNT", 1),
                                        nested("USE", ("NAME", "SAs"), ("HELP", "all"), ("BYTES", (64, 9)))])),
    "mirror": own("MIRROR", attributes([nested("COUNT", ("NAME", "sas"), ("PACKETS", (64, 2))),
                                        nested("MISSING", ("NAME", "SA 1"), ("HELP", "no"), ("GUARDED", 1))])),
    "tunnel_add": own("TUNNEL_ADD", tunnel(
      ("NAME", "west-east"), ("VNET_ID", 1), ("PRIORITY", 9), ("LOCAL", address("192.0.2.1")),
      ("REMOTE", address("192.0.2.2")), ("LOCAL_PREFIX", prefix("10.1.0.0/24")), ("ESN", 1), ("WINDOW", 128),
      ("REMOTE_PREFIX", prefix("10.2.0.0/24")), ("REMOTE_PREFIX", prefix("2001:db8:2::/64")), ("OVERLAP_S", 30),
      ("HARD_BYTES", (64, 1 << 40)), ("HARD_SECONDS", (64, 3600)), ("EXCHANGE", "ssh east"), ("SA_FLAGS", 5),
      ("TFC_PAD", (16, 1400)), ("OUTER_TTL", b"\x09"), ("OUTER_DSCP", b"\x2e"))),
    "tunnel": own("TUNNEL", tunnel(
      ("NAME", "a"), ("LOCAL", address("2001:db8::1")), ("REMOTE", address("2001:db8::2")), ("REQID", 0xc0000000),
      ("OUT_SPI", 0x1001), ("IN_COUNT", 2), ("GENERATION", (64, 3)), ("NEXT_REKEY_S", (64, 2**64 - 1)),
      ("STATE", "up"), ("KEYING", "idle"), ("ERROR", "none"))),
    "tunnel_accept": own("TUNNEL_ACCEPT", tunnel(("NAME", "a"), ("OFFER", b"culvert-keying 1\nend\n"))),
    "tunnel_event": own("TUNNEL_EVENT", tunnel(("NAME", "a"), ("GENERATION", (64, 1)), ("KIND", "tunnel-up"),
                                               ("TEXT", "t"))),
    "audit": own("AUDIT", event(
      ("KIND", "selector"), ("REASON", "inner-policy"), ("TIME_NS", (64, 1 << 60)), ("WORKER", 1), ("SPI", b"\0\0\x80\1"),
      ("SEQ", (64, 1 << 33)), ("SRC", address("192.0.2.2")), ("DST", address("2001:db8::1")), ("PROTO", b"\x32"),
      ("VNET_ID", 1), ("INNER_SRC", address("10.2.0.2")), ("INNER_DST", address("10.1.0.2")), ("INNER_PROTO", b"\x11"),
      ("SPORT", b"\x1b\x58"), ("DPORT", b"\0\x35"))),
    "audit_suppressed": own("AUDIT", event(("KIND", "icv"), ("SUPPRESSED", (64, 7)))),
    "dummy": own("DUMMY", attributes([("DST", address("192.0.2.2")), ("SPI", b"\0\0\x10\x01"), ("PACKETS", (64, 500)),
                                      ("LENGTH", 1400), ("RATE", 1000), ("WORKER", 1), ("UNSENT", (64, 3))])),
    "get": own("PORT_GET", flags=DUMP | REQUEST_ACK),
  }


# ---- TCP ----
def mss_seeds():
  def header(options, flags=2):
    options += b"\1" * (-len(options) % 4)
    return struct.pack("!H", 1406) + struct.pack("!HHIIBBHHH", 7000, 80, 1, 0, (5 + len(options) // 4) << 4, flags, 1000,
                                                 0x1234, 0) + options

  size = b"\2\4\5\xb4"
  return {"syn": header(size), "odd": header(b"\1" + size), "linux": header(size + b"\4\2\x08\x0a" + bytes(8) + b"\1\3\3\7"),
          "twice": header(size + size), "bad_length": header(b"\x08\0" + size), "ack": header(size, 0x10)}


# ---- datagrams ----
def xfrm_server_seeds(xfrm):
  sa, esn, policy = with_vnet(xfrm["sa_add"]), xfrm["sa_add_esn"], with_vnet(xfrm["policy_add_out"])
  gets = [own(f"{what}_GET", flags=DUMP | REQUEST_ACK) for what in ("PORT", "VNET", "ROUTE", "NEIGH", "WORKER")]
  subscribe = own("SUBSCRIBE", attributes([("GROUPS", 0x1ffffff)]))
  there, spi = address("198.51.100.2"), struct.pack(">I", 0x1001)  # of sa
  return {
    "add_get_delete": sa + xfrm["sa_get"] + xfrm["sa_list"] + xfrm["sa_delete"],
    "add_update": sa + with_vnet(xfrm["sa_update"]) + xfrm["sa_count"] + xfrm["sa_flush"],
    "esn_told": subscribe + esn + xfrm["sa_list"] + xfrm["sa_flush_esp"],
    "limits": subscribe + with_vnet(xfrm["sa_add_limits"]) + xfrm["sa_get"],
    "encap": with_vnet(xfrm["sa_add_encap"]) + xfrm["sa_list"],
    "alloc": with_vnet(xfrm["sa_alloc_spi"]) + xfrm["sa_list"],
    "policies": subscribe + policy + with_vnet(xfrm["policy_add_in"]) + with_vnet(xfrm["policy_add_fwd"]) +
                xfrm["policy_list"] + with_vnet(xfrm["policy_delete"]) + xfrm["policy_flush"],
    "policy_ports": with_vnet(xfrm["policy_add_ports"]) + with_vnet(xfrm["policy_add_icmp"]) + xfrm["policy_count"],
    "policy_ipv6": with_vnet(xfrm["policy_add_ipv6"]) + xfrm["policy_list"],
    "own": own("INFO_GET") + b"".join(gets) + own("MEMORY_GET"),
    "dummy": sa + own("DUMMY", attributes([("DST", there), ("SPI", spi), ("PACKETS", (64, 5)), ("RATE", 9)])) +
             own("DUMMY", attributes([("DST", there), ("SPI", spi), ("PACKETS", (64, 0))])),
    "chain": own("CHAIN", attributes([("CHAIN", 1)])) + xfrm["sa_get"] + sa,
  }


def journal_seeds(xfrm):
  return {
    "sas": xfrm["sa_add"] + xfrm["sa_add_esn"] + xfrm["sa_update"] + xfrm["sa_delete"] + xfrm["sa_add_ipv6"],
    "sa_flush": xfrm["sa_add"] + xfrm["sa_flush_esp"] + xfrm["sa_add_mark"] + xfrm["sa_flush"],
    "policies": xfrm["policy_add_out"] + xfrm["policy_update"] + xfrm["policy_add_in"] + xfrm["policy_delete"],
    "policy_index": xfrm["policy_add_out"] + xfrm["policy_add_mark"] + xfrm["policy_delete_index"],
    "policy_flush": xfrm["policy_add_fwd"] + xfrm["policy_add_two_templates"] + xfrm["policy_flush"],
    "answers": xfrm["kernel_policy"] + xfrm["kernel_larval_sa"] + xfrm["kernel_done"] + own_seeds()["hello"],
  }


def rtnl_seeds():
  samples = dict(byte_arrays())
  seeds = {name: struct.pack("<H", len(data)) + data for name, data in samples.items()}
  short = [name for name in samples if not name.startswith("link")]
  return {**seeds, "sequence": b"".join(seeds[name] for name in short)}


# ---- texts ----
OFFER = """culvert-keying 1
message offer
tunnel site-1
exchange 000102030405060708090a0b0c0d0e0f
generation 7
instance 0011223344556677
local 192.0.2.1
remote 192.0.2.2
local-prefix 10.1.0.0/24
local-prefix 2001:db8:1::/64
remote-prefix 10.2.0.0/24
algorithm aes-256-gcm-16
esn on
hard-bytes 1000000
hard-packets 1000
hard-seconds 3600
spi 0x89abcdef
key 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff01020304
end
"""

CONFIG = """log: info
engine: auto
workers: 2
cpus: "2,3"
poll: busy
huge_pages: off
max_sas: 64
vnets: [{name: blue, id: 1}]
ports:
  - {name: wan, device: "net_af_xdp0,iface=eth1", underlay: true, mtu: 1500, addresses: [192.0.2.1/24]}
  - {name: lan, device: "0000:3b:00.0", vnet: blue, addresses: [10.1.0.1/24, 2001:db8:1::1/64]}
  - {name: lan-20, on: trunk, vlan: 20, vnet: blue, mtu: 1400}
  - {name: trunk, device: net_null0}
routes:
  - {to: 0.0.0.0/0, via: 192.0.2.254, port: wan, metric: 100}
"""

TUNNELS = """tunnels:
  - name: west-east
    vnet: blue
    local: 192.0.2.1
    remote: 192.0.2.2
    local_prefixes: [10.1.0.0/24]
    remote_prefixes: [10.2.0.0/24]
    soft_seconds: 3000
    tfc_pad: 1400
    outer_dscp: 46
    outer_df: clear
    outer_ttl: 9
    hard_seconds: 3600
    overlap: 30
    exchange: ssh -i "/etc/culvert/id" east
"""

SCENARIO = """tx: {device: "net_memif0,role=client", destination_mac: 02:00:00:00:01:fe, mac: 02:00:00:00:01:01}
rx: {device: net_memif1}
flows: {count: 1000, source: 10.1.0.1-10.1.0.100, destination: 10.2.0.0/24, source_port: 1024-65535}
sizes: [64, 512, 1422]
rate: 1.5Mpps
"""

SEARCH = """tx: {device: net_ring0, gateway: 10.1.0.254}
flows: {source: 10.1.0.1, destination: 10.2.0.1}
sizes: 64x7+590x4+1514x1
rate: 50%
link: 10Gbit/s
duration: 500ms
threads: 1
poll: adaptive
cpus: [2]
search: {sizes: [64, imix], trial: 2s, resolution: 1%, loss_tolerance: 0.1%, max: 2Gbit/s, loads: [10%, 90%]}
"""


# ---- packets: see inbound.c and outbound.c for the commands ----
def ipv4(src, dst, proto=17, payload=bytes(range(12)), fragment=0):
  udp = struct.pack(">HHHH", 4000, 500, 8 + len(payload), 0) if proto == 17 else b""
  header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp + payload), 1, fragment, 64, proto, 0, address(src),
                       address(dst))
  return header + udp + payload  # the target makes the checksum


def ipv6(src, dst, proto=17, payload=bytes(range(12))):
  body = (struct.pack(">HHHH", 4000, 500, 8 + len(payload), 0) if proto == 17 else b"") + payload
  return struct.pack(">IHBB16s16s", 6 << 28, len(body), proto, 64, address(src), address(dst)) + body


def sized(data, flag=0):
  return struct.pack("<H", len(data) | flag) + data


def seal(sa, inner, flags=0, number=1, before=b"", after=b""):
  """before: the far step, where to spoil and what with. after: the twist."""
  far, spoil = (before[:2], before[2:]) if flags & 8 else (b"", before)
  return bytes([2, sa, flags]) + far + struct.pack("b", number) + spoil + sized(inner) + after


def tagged(vlans, kind, data, first=0x8100):
  """A frame as command FRAME has it, behind VLAN tags."""
  tags = b"".join(struct.pack(">HH", 0x8100 if i else first, vlan) for i, vlan in enumerate(vlans))
  return b"\1" + sized(bytes(12) + tags + struct.pack(">H", kind) + data)


def checksummed(packet):
  total = sum(struct.unpack(">10H", packet[:20]))
  total = (total & 0xffff) + (total >> 16)
  return packet[:10] + struct.pack(">H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + packet[12:]


def inbound_seeds():
  four, six = ipv4("10.2.0.10", "10.1.0.10"), ipv6("2001:db8:2::a", "2001:db8:1::a")
  esp = ipv4("10.9.0.2", "10.9.0.1", 50, struct.pack(">IIQ", 0x2001, 1, 1) + bytes(24))
  ping = ipv4("10.9.0.2", "10.9.0.1", 1, b"\x08\0\xf7\xff" + bytes(4))
  nat_t = ipv4("10.9.0.2", "10.9.0.1", 17, struct.pack(">IIQ", 0x2003, 1, 1) + bytes(24))
  turn = b"\3"
  over_six = lambda *headers: b"\0" + sized(  # noqa: E731
    ipv6("2001:db8:f::2", "2001:db8:f::1", headers[0], b"".join(headers[1:])))
  six_esp = struct.pack(">IIQ", 0x2007, 1, 1) + bytes(24)
  fragment = lambda at, more, data: over_six(  # noqa: E731
    44, struct.pack(">BBHI", 50, 0, at | more, 7), data)
  too_big = struct.pack(">BBHI", 2, 0, 0, 1280) + ipv6("2001:db8:f::1", "2001:db8:f::2", 50, six_esp)
  return {
    "over_ipv6": seal(6, four, 4, 1) + seal(6, six, 2, 2) + seal(7, four, 4, 3) + seal(7, six, 2, 4),
    "over_ipv6_spoiled": seal(6, four, 4 | 1, 1, b"\x06\0\x02") + seal(7, four, 4 | 1, 2, b"\x2c\0\x01") +
                         seal(6, four, 4 | 1, 3, b"\x18\0\x01"),
    "transport_clear": over_six(0, bytes([6, 0, 1, 4, 0, 0, 0, 0]), bytes(20)) + over_six(6, bytes(20)) +
                       over_six(0, bytes([44, 0, 1, 4, 0, 0, 0, 0]), bytes([6, 0, 0, 1, 0, 0, 0, 9]), bytes(24)) +
                       over_six(44, bytes([6, 0, 0, 64, 0, 0, 0, 9]), bytes(24)) + over_six(58, b"\x80\0" + bytes(6)),
    "transport": seal(8, b"\x06" + bytes(40), 0, 1) + seal(8, b"\x11" + bytes(30), 0, 2) + seal(8, b"\x04" + four, 0, 3) +
                 seal(8, b"\x3b", 0, 4) + seal(8, b"\x2c" + bytes(7), 16, 5, after=b"\x41\0\0"),
    "over_ipv6_headers": over_six(0, bytes([60, 0, 1, 4, 0, 0, 0, 0]), bytes([44, 0, 1, 4, 0, 0, 0, 0]),
                                  bytes([43, 0, 0, 0, 0, 0, 0, 9]), bytes([50, 0, 4, 0, 0, 0, 0, 0]), six_esp) +
                         over_six(43, bytes([50, 0, 0, 0, 0, 0, 0, 0]), six_esp) +
                         over_six(60, bytes([50, 0, 0xc2, 4, 0, 0, 0, 0]), six_esp) + over_six(58, too_big),
    "over_ipv6_fragments": fragment(16, 0, six_esp[16:]) + fragment(0, 1, six_esp[:16]) + turn +
                           fragment(0, 1, six_esp[:16]) + fragment(8, 1, six_esp[:16]) + fragment(16, 0, six_esp[16:]),
    "sealed": b"".join(seal(sa, four, 4, sa + 1) for sa in range(4)),
    "sealed_algorithms": b"".join(seal(sa, four, 4, sa + 1) for sa in (4, 5)),
    "spoiled_algorithms": seal(4, four, 4 | 1, 1, b"\x28\0\x01") + seal(5, four, 4 | 1, 2, b"\x28\0\x01"),
    "sealed_ipv6": seal(0, six, 2) + seal(1, six, 2, 2),
    "replayed": seal(0, four, 4, 3) + seal(0, four, 4, 0) + turn + seal(0, four, 4, 0) + seal(0, four, 4, -2),
    "far_ahead": seal(1, four, 4 | 8, 1, b"\xff\xff") + turn + seal(1, four, 4, -100),
    "spoiled": seal(0, four, 4 | 1, 1, b"\x28\0\x01") + seal(2, four, 4 | 1, 2, b"\x09\0\x11"),
    "padded": seal(0, four, 4 | 16, 1, after=b"\x2f\x03") + seal(0, four, 4 | 16, 2, after=b"\xc0\x07\x3b\x01"),
    "to_gateway": seal(0, ipv4("10.2.0.10", "10.1.0.1", 1, b"\x08\0\xf7\xff" + bytes(4)), 4),
    "wrong_inside": seal(0, ipv4("10.3.0.10", "10.1.0.10"), 4) + seal(3, ipv4("10.2.0.11", "10.1.0.10"), 4) +
                    seal(0, four[:19]) + seal(0, b"") + seal(0, ipv4("10.2.0.10", "10.1.0.10", fragment=0x2000), 4),
    "as_it_is": b"\0" + sized(esp, 0x8000) + b"\0" + sized(ping, 0x8000) + b"\0" + sized(nat_t, 0x8000) +
                b"\0" + sized(four, 0x8000),
    "frame": b"\1" + sized(bytes(12) + b"\x08\x06" + bytes(28)) + b"\1" + sized(bytes(12) + b"\x86\xdd" + six),
    "group": seal(0, ipv4("10.2.0.10", "239.1.2.3"), 4) + seal(0, ipv4("10.2.0.10", "255.255.255.255"), 4, 2) +
             seal(0, ipv6("2001:db8:2::a", "ff05::1:3"), 0, 3),
    "vlan": tagged([10], 0x800, checksummed(esp)) + tagged([10], 0x806, bytes(28)) + tagged([0], 0x800, checksummed(ping)) +
            tagged([11], 0x800, checksummed(esp)) + tagged([10, 10], 0x800, checksummed(esp)) +
            tagged([10], 0x800, checksummed(esp), 0x88a8) + b"\1" + sized(bytes(12) + b"\x81\0\0\x0a"),
  }


def outbound_seeds():
  four, six = ipv4("10.1.0.10", "10.2.0.10"), ipv6("2001:db8:1::a", "2001:db8:2::a")
  large = ipv4("10.1.0.10", "10.2.0.10", payload=bytes(1440), fragment=0x4000)
  hops = bytes.fromhex("2c00") + b"\x3c\x00\x01\x00\x00\x00\x00\x00" + bytes(8)
  net = lambda n, data: b"\2" + bytes([n]) + sized(data)  # noqa: E731
  turn = b"\5"
  return {
    "policies": b"".join(net(n, four) for n in range(10)),
    "dummies": net(2, four) + b"".join(b"\6" + bytes([n]) + struct.pack("<H", 300 + n) for n in (0, 1, 2, 2)) + net(2, four) +
               turn + b"\6\0\0\0" + b"\6\1\xff\xff" + net(8, four),
    "over_ipv6": net(8, four) + net(8, four) + net(8, large) + turn + net(8, ipv4("10.1.0.10", "10.2.0.10", payload=bytes(1440))),
    "policies_ipv6": b"".join(b"\3" + bytes([n]) + sized(six) for n in range(4)),
    "unknown_router": net(5, four[:19] + b"\x80" + four[20:]) + turn + net(5, four[:19] + b"\x81" + four[20:]),
    "as_it_is": b"\0" + sized(four) + turn + b"\0" + sized(six) + b"\0" + sized(four, 0x8000),
    "fragments": net(2, ipv4("10.1.0.10", "10.2.0.10", fragment=0x2000)) + net(7, ipv4("10.1.0.10", "10.2.0.10",
                                                                                      fragment=0x2001)),
    "too_long": net(2, large) + net(3, large) + b"\3\2" + sized(ipv6("2001:db8:1::a", "2001:db8:2::a",
                                                                     payload=bytes(1440))),
    "after_esp": b"".join(net(n, ipv4("10.1.0.10", "10.2.0.10", payload=bytes(size), fragment=df))
                          for n, df, size in ((3, 0, 1472), (8, 0, 1472))) + turn,
    "cut_after": net(3, ipv4("10.1.0.10", "10.2.0.10", payload=bytes(1440))) + net(8, ipv4("10.1.0.10", "10.2.0.10",
                                                                                       payload=bytes(1460))),
    "last_hop": net(2, four[:8] + b"\1" + four[9:]) + b"\3\2" + sized(six[:7] + b"\1" + six[8:]),
    "options": net(2, b"\x47" + four[1:20] + bytes([1, 1, 1, 0, 0x94, 4, 0, 0]) + four[20:]),
    "extensions": b"\3\2" + sized(ipv6("2001:db8:1::a", "2001:db8:2::a", 0, hops)),
    "from_kernel": b"\4" + sized(ipv4("10.1.0.1", "10.2.0.10")) + b"\4" + sized(ipv6("2001:db8:1::1", "2001:db8:2::a")),
    "frame": b"\1" + sized(bytes(12) + b"\x08\x06" + bytes(28)) + b"\1" + sized(bytes(12) + b"\x08\0" + four),
    "group": b"".join(b"\0" + sized(ipv4("10.1.0.10", to)) for to in ("239.1.2.3", "255.255.255.255", "224.0.0.5")) +
             b"\0" + sized(ipv6("2001:db8:1::a", "ff05::1:3")) + b"\4" + sized(ipv4("10.1.0.1", "239.1.2.3")),
    "vlan": tagged([20], 0x800, checksummed(four)) + tagged([20], 0x86dd, six) + tagged([0xe014], 0x806, bytes(28)) +
            tagged([0], 0x800, checksummed(four)) + tagged([20, 20], 0x800, checksummed(four)) + turn +
            tagged([20], 0x800, checksummed(ipv4("10.1.0.10", "10.1.0.1"))) + tagged([4095], 0x800, four) +
            tagged([20], 0x800, four, 0x88a8) + b"\1" + sized(bytes(12) + b"\x81\0\0"),
  }


# ---- batches of target gcm ----
def gcm_packet(flags, length):
  return struct.pack("<BH", flags, length) + bytes((17 * i + length) & 255 for i in range(24 + min(length, 32)))


def gcm_seeds():
  opens, esn, spoilt = 1, 2, 4
  batch = lambda n, of: b"".join(of(i) for i in range(n))  # noqa: E731
  return {
    "one": gcm_packet(0, 52), "nothing": gcm_packet(esn, 0),
    "uniform": batch(8, lambda i: gcm_packet(esn | i << 5, 116)), "opened": batch(8, lambda i: gcm_packet(opens, 244)),
    "spoilt": batch(8, lambda i: gcm_packet(opens | (spoilt if i == 5 else 0), 64 + i)),
    "keys": batch(16, lambda i: gcm_packet((i & 3) << 3 | i & opens, 16 * i + (i & 3))),
    "long": batch(4, lambda i: gcm_packet(opens * (i & 1), (1412, 52, 767, 9216)[i])),
    "edges": batch(16, lambda i: gcm_packet(i & (opens | esn), (255, 256, 257, 736, 737, 752, 753, 768)[i & 7])),
  }


def all_seeds():
  xfrm = dict(hex_arrays())
  short_key = "key 00112233445566778899aabbccddeeff01020304"
  texts = {
    "offer": {"chacha": OFFER.replace("aes-256-gcm-16", "chacha20-poly1305"),
              "gmac": re.sub("key .*", short_key, OFFER.replace("aes-256-gcm-16", "aes-128-gmac")),
              "offer": OFFER, "answer": OFFER.replace("message offer", "message answer").replace("esn on", "esn off"),
              "command": "ssh -i '/etc/culvert/id' \"east gw\" culvert tunnel accept west-east"},
    "config": {"whole": CONFIG, "tunnels": CONFIG + TUNNELS, "mistakes": CONFIG.replace("blue", "bl ue") + "a: [\n",
               "anchors": "log: &a info\nengine: *a\nports: []\n"},
    "scenario": {"run": SCENARIO, "search": SEARCH, "mistakes": SCENARIO.replace("1000", "0") + "x: y\n"},
  }
  return {
    **{target: {name: text.encode() for name, text in named.items()} for target, named in texts.items()},
    "gcm": gcm_seeds(), "inbound": inbound_seeds(), "mss": mss_seeds(), "journal": journal_seeds(xfrm),
    "outbound": outbound_seeds(), "own": own_seeds(), "rtnl": rtnl_seeds(), "xfrm": xfrm,
    "xfrm_server": xfrm_server_seeds(xfrm),
  }


def main():
  if sys.argv[1:] not in ([], ["--check"]):
    print("usage: seeds.py [--check]", file=sys.stderr)
    sys.exit(2)
  wanted = {HERE / "seeds" / target / name: data for target, named in all_seeds().items() for name, data in named.items()}
  there = {path for path in (HERE / "seeds").glob("*/*")}
  if sys.argv[1:]:
    wrong = sorted(there ^ set(wanted)) + [path for path in wanted if path in there and path.read_bytes() != wanted[path]]
    print("\n".join(f"{path.relative_to(TOP)}: is not what seeds.py makes" for path in wrong) or "seeds: all as made")
    sys.exit(1 if wrong else 0)
  for path in there - set(wanted):
    path.unlink()
  for path, data in wanted.items():
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


if __name__ == "__main__":
  main()
