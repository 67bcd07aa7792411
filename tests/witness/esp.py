# SPDX-License-Identifier: BSD-3-Clause
"""ESP in tunnel mode with AES-GCM (RFC 4303, 4106), ChaCha20-Poly1305 (RFC 7634) and AES-GMAC (RFC 4543), written from the
RFCs on top of python3-cryptography. It knows nothing of Culvert's own code."""
import dataclasses
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

TAG = 16
HEAD = 16  # SPI, sequence number, IV
PROTO_ESP = 50
NEXT_IPV4 = 4
NEXT_DUMMY = 59
DEFAULT = "aes-256-gcm-16"
KEY_BYTES = {DEFAULT: 32, "aes-128-gcm-16": 16, "chacha20-poly1305": 32, "aes-256-gmac": 32, "aes-128-gmac": 16}
SALT = 4


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
  key: bytes  # and 4 of salt
  src: bytes
  dst: bytes
  esn: bool = False
  seq: int = 0
  algorithm: str = DEFAULT

  @property
  def encrypts(self):
    return not self.algorithm.endswith("gmac")

  def cipher(self):
    key = self.key[:-SALT]
    return ChaCha20Poly1305(key) if self.algorithm == "chacha20-poly1305" else AESGCM(key)

  def protect(self, iv, text, seq):
    """Text as it is on the wire, and its ICV."""
    nonce = self.key[-SALT:] + iv
    if self.encrypts:
      return self.cipher().encrypt(nonce, text, self.aad(seq))
    return text + self.cipher().encrypt(nonce, b"", self.aad(seq) + iv + text)  # RFC 4543 3.3

  def verify(self, iv, sealed, seq):
    """The text; raises InvalidTag."""
    nonce = self.key[-SALT:] + iv
    if self.encrypts:
      return self.cipher().decrypt(nonce, sealed, self.aad(seq))
    self.cipher().decrypt(nonce, sealed[-TAG:], self.aad(seq) + iv + sealed[:-TAG])
    return sealed[:-TAG]

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
    return struct.pack("!II", self.spi, seq & 0xffffffff) + iv + self.protect(iv, text, seq)

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
      text = self.verify(iv, esp[HEAD:], seq)
    except InvalidTag:
      raise BadTag(f"SPI {spi:#x} sequence {seq}: the tag does not verify") from None
    pad, next_header = text[-2:]
    end = len(text) - 2 - pad
    return Opened(spi, seq, iv, text[:end], text[end:-2], next_header)
