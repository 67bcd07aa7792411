# SPDX-License-Identifier: BSD-3-Clause
"""A kernel's XFRM that is played, for kernels without ESP: see played_xfrm.c. Written from linux/xfrm.h alone.

kernel.py serve SOCKET           keeps SAs and policies, answers the mirror, multicasts what changes
kernel.py ask SOCKET WORD...     changes or shows them:
  sa SRC DST SPI KEYFILE [HARD_PACKETS]    delsa DST SPI    flush
  policy INDEX DIR SRC/LEN DST/LEN TUNNEL_SRC TUNNEL_DST
  show QUESTION [DST SPI]        one number or word: packets, oseq, seq, there, asked (expires and acquires so far)
"""
import os
import selectors
import socket
import struct
import sys
import time

NEWSA, DELSA, GETSA, NEWPOLICY, GETPOLICY = 0x10, 0x11, 0x12, 0x13, 0x15
ACQUIRE, EXPIRE, FLUSHSA, FLUSHPOLICY, NEWAE, GETDEFAULT = 0x17, 0x18, 0x1C, 0x1D, 0x1E, 0x28
ERROR, DONE = 2, 3
ALG_AEAD, TMPL, LTIME, REPLAY_ESN, IF_ID = 18, 5, 9, 23, 31
ONES = (1 << 64) - 1
ESP, TUNNEL, F_ESN = 50, 1, 128
WINDOW = 128
AF_INET = socket.AF_INET


def addr(text):
  return socket.inet_aton(text) + bytes(12)


def attr(kind, data):
  return struct.pack("HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind, body, seq=0, pid=0, flags=0):
  return struct.pack("IHHII", 16 + len(body), kind, flags, seq, pid) + body


def selector(src="0.0.0.0/0", dst="0.0.0.0/0"):
  (src, slen), (dst, dlen) = src.split("/"), dst.split("/")
  return addr(dst) + addr(src) + struct.pack("HHHHHBBBxxxiI", 0, 0, 0, 0, AF_INET, int(dlen), int(slen), 0, 0, 0)


def attributes(data):
  out = {}
  while len(data) >= 4:
    size, kind = struct.unpack_from("HH", data)
    out[kind] = data[4:size]
    data = data[(size + 3) & ~3:]
  return out


class Sa:
  def __init__(self, src, dst, spi, key, hard):
    self.src, self.dst, self.spi, self.key, self.hard = src, dst, spi, key, hard
    self.oseq = self.seq = self.bytes = self.packets = self.used = 0
    self.added = int(time.time())

  def info(self):
    limits = struct.pack("QQQQQQQQ", ONES, ONES, ONES, self.hard, 0, 0, 0, 0)
    now = struct.pack("QQQQ", self.bytes, self.packets, self.added, self.used)
    ident = addr(self.dst) + struct.pack(">I", self.spi) + struct.pack("Bxxx", ESP)
    return (selector() + ident + addr(self.src) + limits + now + struct.pack("III", 0, 0, 0) +
        struct.pack("IIHBBBxxxxxxx", 0, 1, AF_INET, TUNNEL, 0, F_ESN))

  def dump(self):
    aead = b"rfc4106(gcm(aes))".ljust(64, b"\0") + struct.pack("II", len(self.key) * 8, 128) + self.key
    replay = struct.pack("IIIIII", WINDOW // 32, self.oseq & 0xFFFFFFFF, self.seq & 0xFFFFFFFF, self.oseq >> 32,
              self.seq >> 32, WINDOW) + bytes(WINDOW // 8)
    return self.info() + attr(ALG_AEAD, aead) + attr(REPLAY_ESN, replay) + attr(IF_ID, struct.pack("I", 1))

  def take(self, what):
    """xfrm_update_ae_params()"""
    if REPLAY_ESN in what:
      words, low, seq, high, seq_high, _ = struct.unpack_from("IIIIII", what[REPLAY_ESN])
      if words != WINDOW // 32:
        return -22
      self.oseq, self.seq = high << 32 | low, seq_high << 32 | seq
    if LTIME in what:
      self.bytes, self.packets, self.added, self.used = struct.unpack("QQQQ", what[LTIME])
    return 0


class Kernel:
  def __init__(self, path):
    self.sas, self.policies, self.listeners, self.asked = {}, {}, [], {EXPIRE: 0, ACQUIRE: 0}
    self.select = selectors.DefaultSelector()
    self.server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    self.server.bind(path)
    self.server.listen(16)
    self.select.register(self.server, selectors.EVENT_READ, None)

  def run(self):
    while True:
      for key, _ in self.select.select():
        if key.data is None:
          peer, _ = self.server.accept()
          self.select.register(peer, selectors.EVENT_READ, {"first": True})
        else:
          self.receive(key.fileobj, key.data)

  def receive(self, peer, state):
    try:
      data = peer.recv(65536)
    except ConnectionError:
      data = b""
    if not data:
      self.select.unregister(peer)
      self.listeners = [one for one in self.listeners if one is not peer]
      peer.close()
    elif state["first"]:
      state["first"] = False
      if data.startswith(b"ask "):
        peer.send(str(self.command(data.decode().split()[1:])).encode())
      elif data != bytes(4):
        self.listeners.append(peer)
    else:
      self.request(peer, data)

  def tell(self, kind, body, pid=0):
    for peer in self.listeners:
      try:
        peer.send(message(kind, body, pid=pid))
      except OSError:
        pass  # it is gone, which its next reading tells

  def sa_id(self, body):
    return socket.inet_ntoa(body[:4]), struct.unpack_from(">I", body, 16)[0]

  def request(self, peer, data):
    _, kind, flags, seq, pid = struct.unpack_from("IHHII", data)
    body = data[16:]
    if kind in (GETSA, GETPOLICY) and flags & 0x300:
      store, answer = (self.sas, NEWSA) if kind == GETSA else (self.policies, NEWPOLICY)
      for one in reversed(list(store.values())):
        peer.send(message(answer, one.dump() if kind == GETSA else one, seq, pid, 2))
      peer.send(message(DONE, bytes(4), seq, pid, 2))
      return
    rc = self.carry_out(peer, kind, body, seq, pid)
    if rc or flags & 4:
      peer.send(message(ERROR, struct.pack("i", rc) + data[:16], seq, pid))

  def carry_out(self, peer, kind, body, seq, pid):
    if kind == ACQUIRE:
      self.asked[ACQUIRE] += 1
      return 0
    if kind == GETDEFAULT:
      peer.send(message(GETDEFAULT, bytes([2, 2, 2]), seq, pid))
      return 0
    ident = self.sa_id(body[56:] if kind == EXPIRE else body)
    sa = self.sas.get(ident)
    if sa is None:
      return -3
    if kind == GETSA:
      peer.send(message(NEWSA, sa.dump(), seq, pid))
    elif kind == NEWAE:
      rc = sa.take(attributes(body[48:]))
      self.tell(NEWAE, body, pid)
      return rc
    elif kind == EXPIRE:
      self.asked[EXPIRE] += 1
      self.tell(EXPIRE, body, pid)
      if body[224]:
        del self.sas[ident]
    return 0

  def command(self, words):
    verb, words = words[0], words[1:]
    if verb == "sa":
      with open(words[3], encoding="ascii") as file:
        key = bytes.fromhex(file.read().split()[0])
      sa = Sa(words[0], words[1], int(words[2], 0), key, int(words[4]) if len(words) > 4 else ONES)
      self.sas[(sa.dst, sa.spi)] = sa
      self.tell(NEWSA, sa.dump())
    elif verb == "delsa":
      sa = self.sas.pop((words[0], int(words[1], 0)))
      self.tell(DELSA, addr(sa.dst) + struct.pack(">I", sa.spi) + struct.pack("HBx", AF_INET, ESP))
    elif verb == "flush":
      self.sas.clear()
      self.tell(FLUSHSA, bytes([0, 0, 0, 0]))
    elif verb == "policy":
      self.policy(*words)
    elif verb == "show":
      return self.show(*words)
    return "done"

  def policy(self, index, direction, src, dst, tunnel_src, tunnel_dst):
    limits = struct.pack("QQQQQQQQ", ONES, ONES, ONES, ONES, 0, 0, 0, 0)
    body = (selector(src, dst) + limits + bytes(32) +
        struct.pack("IIBBBBxxxx", 100, int(index), int(direction), 0, 0, 0))
    tmpl = (addr(tunnel_dst) + struct.pack(">I", 0) + struct.pack("Bxxx", ESP) + struct.pack("Hxx", AF_INET) +
        addr(tunnel_src) + struct.pack("IBBBxIII", 1, TUNNEL, 0, 0, ~0 & 0xFFFFFFFF, ~0 & 0xFFFFFFFF, ~0 & 0xFFFFFFFF))
    self.policies[index] = body + attr(TMPL, tmpl) + attr(IF_ID, struct.pack("I", 1))
    self.tell(NEWPOLICY, self.policies[index])

  def show(self, question, dst="", spi="0"):
    if question == "asked":
      return f"{self.asked[EXPIRE]} {self.asked[ACQUIRE]}"
    sa = self.sas.get((dst, int(spi, 0)))
    if question == "there":
      return int(sa is not None)
    return getattr(sa, question)


def main():
  if sys.argv[1] == "serve":
    Kernel(sys.argv[2]).run()
  peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
  peer.connect(sys.argv[2])
  peer.send(("ask " + " ".join(sys.argv[3:])).encode())
  answer = peer.recv(4096)
  if not answer:
    sys.exit("the played kernel did not answer")
  print(answer.decode())


if __name__ == "__main__":
  main()
