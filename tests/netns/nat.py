#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A NAT between two devices of this network namespace, in a bridge's stead: nat.py INSIDE OUTSIDE ADDRESS FILE. UDP from
ADDRESS, port 4500, inside leaves with the port that FILE names at that moment; UDP to that port comes back to 4500; other
UDP to ADDRESS is dropped, as by a NAT that has forgotten. UDP must come without a checksum, or it is dropped: nothing here
mends one. Everything else passes as it is. Prints a line when it is ready; ends on a signal."""
import select
import socket
import struct
import sys

ETH_P_ALL = 3
NAT_T = 4500
IP, UDP = 14, 34  # where the headers stand in a frame


def link(device):
  sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
  sock.bind((device, ETH_P_ALL))
  return sock


def port(frame, at):
  return struct.unpack_from("!H", frame, at)[0]


def is_udp(frame):
  return len(frame) >= UDP + 8 and frame[12:14] == b"\x08\x00" and frame[IP] == 0x45 and frame[IP + 9] == 17


def leave(frame, address, outside):
  if is_udp(frame) and frame[IP + 12:IP + 16] == address and port(frame, UDP) == NAT_T:
    if port(frame, UDP + 6) != 0:
      return None
    struct.pack_into("!H", frame, UDP, outside)
  return frame


def come(frame, address, outside):
  if is_udp(frame) and frame[IP + 16:IP + 20] == address:
    if port(frame, UDP + 2) != outside or port(frame, UDP + 6) != 0:
      return None
    struct.pack_into("!H", frame, UDP + 2, NAT_T)
  return frame


def main():
  inside, outside = link(sys.argv[1]), link(sys.argv[2])
  address = socket.inet_aton(sys.argv[3])
  print("ready", flush=True)
  while True:
    for sock in select.select([inside, outside], [], [])[0]:
      with open(sys.argv[4], encoding="ascii") as file:
        number = int(file.read())
      data, origin = sock.recvfrom(65535)
      if origin[2] == socket.PACKET_OUTGOING:  # what this end has sent itself
        continue
      frame = bytearray(data)
      frame = leave(frame, address, number) if sock is inside else come(frame, address, number)
      if frame is not None:
        (outside if sock is inside else inside).send(frame)


if __name__ == "__main__":
  main()
