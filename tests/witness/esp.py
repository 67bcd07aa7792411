# SPDX-License-Identifier: BSD-3-Clause
"""ESP with AES-256-GCM in tunnel mode (RFC 4303, 4106), written from the RFCs on top of python3-cryptography. It knows
nothing of Culvert's own code."""
import dataclasses
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TAG = 16
HEAD = 16  # SPI, sequence number, IV
PROTO_ESP = 50
NEXT_IPV4 = 4
NEXT_DUMMY = 59


def checksum(data):
  """RFC 1071; 0 over a header whose checksum is right."""
  total = sum(struct.unpack(f"!{len(data) // 2}H", data))
  while total >> 16:
    total = (total & 0xffff) + (total >> 16)
  return ~total & 0xffff


def ipv4(src, dst, proto, payload, **over):
  """An IPv4 packet. over: tos, ident, frag (flags and offset as on the wire), ttl, options, version, total."""
  options = over.get("options", b"")
  total = over.get("total", 20 + len(options) + len(payload))
  head = struct.pack("!BBHHHBBH4s4s", over.get("version", 4) << 4 | (5 + len(options) // 4), over.get("tos", 0),
                     total, over.get("ident", 0), over.get("frag", 0), over.get("ttl", 64), proto, 0, src, dst)
  head += options
  return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def minimal_padding(length):
  return bytes(range(1, -(length + 2) % 4 + 1))


@dataclasses.dataclass
class Opened:
  spi: int
  seq: int
  iv: bytes
  inner: bytes
  padding: bytes
  next_header: int


class BadTag(Exception):
  pass


@dataclasses.dataclass
class Sa:
  spi: int
  key: bytes  # 32 bytes, and 4 of salt
  src: bytes
  dst: bytes
  esn: bool = False
  seq: int = 0

  def aad(self, seq):
    return struct.pack("!IQ", self.spi, seq) if self.esn else struct.pack("!II", self.spi, seq & 0xffffffff)

  def seal(self, inner, **over):
    """An ESP packet without its outer header. over: seq, iv, padding, pad_length, next_header, text."""
    if "seq" not in over:
      self.seq += 1
    seq = over.get("seq", self.seq)
    iv = over.get("iv", struct.pack("!Q", seq))
    padding = over.get("padding", minimal_padding(len(inner)))
    trailer = bytes([over.get("pad_length", len(padding)), over.get("next_header", NEXT_IPV4)])
    text = over.get("text", inner + padding + trailer)
    sealed = AESGCM(self.key[:32]).encrypt(self.key[32:] + iv, text, self.aad(seq))
    return struct.pack("!II", self.spi, seq & 0xffffffff) + iv + sealed

  def packet(self, inner, **over):
    """The same in its outer header; names starting with outer_ go to ipv4()."""
    outer = {name[6:]: over.pop(name) for name in list(over) if name.startswith("outer_")}
    outer.setdefault("ident", os.getpid() & 0xffff)
    return ipv4(outer.pop("src", self.src), outer.pop("dst", self.dst), PROTO_ESP, self.seal(inner, **over), **outer)

  def open(self, esp, high=0):
    """What an ESP packet holds; high: the upper half of the sequence number (ESN)."""
    spi, low = struct.unpack("!II", esp[:8])
    seq, iv = high << 32 | low, esp[8:HEAD]
    try:
      text = AESGCM(self.key[:32]).decrypt(self.key[32:] + iv, esp[HEAD:], self.aad(seq))
    except InvalidTag:
      raise BadTag(f"SPI {spi:#x} sequence {seq}: the tag does not verify") from None
    pad, next_header = text[-2:]
    end = len(text) - 2 - pad
    return Opened(spi, seq, iv, text[:end], text[end:-2], next_header)
