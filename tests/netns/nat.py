#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A NAT between two devices of this network namespace, in a bridge's stead: nat.py INSIDE OUTSIDE ADDRESS FILE. FILE says, at
that moment, PORT and, if it is to be another, an address of the NAT's. UDP from ADDRESS inside, port 4500, leaves with that
port (port 500 with the one above it) and from that address; UDP to these comes back, other UDP to ADDRESS or to the NAT's is
dropped, as by a NAT that has forgotten. ESP in UDP must come without a checksum, or it is dropped; that of IKE is mended.
The NAT answers ARP for its address. Everything else passes as it is. Prints a line when it is ready; ends on a signal."""
import select
import socket
import struct
import sys

ETH_P_ALL = 3
NAT_T, IKE = 4500, 500
ARP, IP, UDP = 14, 14, 34  # where the headers stand in a frame
ARP_REQUEST, ARP_REPLY = 1, 2


class Mapping:
  """What the NAT gives the host inside at the moment."""

  def __init__(self, path, address):
    with open(path, encoding="ascii") as file:
      port, *other = file.read().split()
    self.inside = address
    self.outside = socket.inet_aton(other[0]) if other else address
    self.ports = {NAT_T: int(port), IKE: int(port) + 1}
    self.back = {outside: inside for inside, outside in self.ports.items()}


def link(device):
  sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
  sock.bind((device, ETH_P_ALL))
  return sock


def word(frame, at):
  return struct.unpack_from("!H", frame, at)[0]


def is_udp(frame):
  return len(frame) >= UDP + 8 and frame[12:14] == b"\x08\x00" and frame[IP] == 0x45 and frame[IP + 9] == 17


def is_esp(frame):
  """On port 4500: not IKE, which has four zero bytes before it, nor a keepalive."""
  return NAT_T in (word(frame, UDP), word(frame, UDP + 2)) and word(frame, UDP + 4) > 12 and any(frame[UDP + 8:UDP + 12])


def rewrite(frame, at, data, sums):
  """Puts data there and mends the checksums of what it is part of (RFC 1624)."""
  for i in range(0, len(data), 2):
    old, new = word(frame, at + i), word(data, i)
    struct.pack_into("!H", frame, at + i, new)
    for place in sums:
      if place == UDP + 6 and word(frame, place) == 0:
        continue
      total = (~word(frame, place) & 0xffff) + (~old & 0xffff) + new
      total = (total & 0xffff) + (total >> 16)
      struct.pack_into("!H", frame, place, ~((total & 0xffff) + (total >> 16)) & 0xffff)


def translate(frame, address_at, address, port_at, port):
  if is_esp(frame) and word(frame, UDP + 6) != 0:
    return None
  rewrite(frame, address_at, address, (IP + 10, UDP + 6))
  rewrite(frame, port_at, struct.pack("!H", port), (UDP + 6,))
  return frame


def leave(frame, mapping):
  if is_udp(frame) and frame[IP + 12:IP + 16] == mapping.inside and word(frame, UDP) in mapping.ports:
    return translate(frame, IP + 12, mapping.outside, UDP, mapping.ports[word(frame, UDP)])
  return frame


def come(frame, mapping):
  if is_udp(frame) and frame[IP + 16:IP + 20] in (mapping.inside, mapping.outside):
    port = mapping.back.get(word(frame, UDP + 2))
    if port is None or frame[IP + 16:IP + 20] != mapping.outside:
      return None
    return translate(frame, IP + 16, mapping.inside, UDP + 2, port)
  return frame


def arp_answer(frame, mapping, mac):
  """To who asks outside for the NAT's own address: the host inside, which takes what is for its MAC."""
  if frame[12:14] != b"\x08\x06" or word(frame, ARP + 6) != ARP_REQUEST or mac is None:
    return None
  if frame[ARP + 24:ARP + 28] != mapping.outside or mapping.outside == mapping.inside:
    return None
  return frame[6:12] + mac + frame[12:ARP + 6] + struct.pack("!H", ARP_REPLY) + mac + mapping.outside + frame[ARP + 8:ARP + 18]


def main():
  inside, outside = link(sys.argv[1]), link(sys.argv[2])
  address = socket.inet_aton(sys.argv[3])
  mac = None  # of the host inside
  print("ready", flush=True)
  while True:
    for sock in select.select([inside, outside], [], [])[0]:
      mapping = Mapping(sys.argv[4], address)
      data, origin = sock.recvfrom(65535)
      if origin[2] == socket.PACKET_OUTGOING:  # what this end has sent itself
        continue
      frame = bytearray(data)
      if sock is inside:
        mac = bytes(frame[6:12])
        frame = leave(frame, mapping)
      elif answer := arp_answer(frame, mapping, mac):
        outside.send(answer)
        continue
      else:
        frame = come(frame, mapping)
      if frame is not None:
        (outside if sock is inside else inside).send(frame)


if __name__ == "__main__":
  main()
