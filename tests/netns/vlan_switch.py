#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A switch that speaks 802.1Q, for kernels without VLAN devices: vlan_switch.py TRUNK VLAN=DEVICE... What comes in by a device
leaves by the trunk with the VLAN's tag, what comes in by the trunk with that tag leaves by the device without it; all else
is dropped. Prints a line when it is ready; ends on a signal."""
import select
import socket
import struct
import sys

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA = 263, 8
AUXDATA = struct.Struct("=IIIHHHH")  # status, length, snap length, MAC, network, tag, type of tag
TAG_VALID = 1 << 4
TAG = 0x8100


def link(device):
  sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
  sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
  sock.bind((device, ETH_P_ALL))
  return sock


def receive(sock):
  """A frame as it was on the wire: the kernel tells of its tag beside it. None: what this end has sent itself."""
  frame, beside, _, origin = sock.recvmsg(65535, socket.CMSG_SPACE(AUXDATA.size))
  if origin[2] == socket.PACKET_OUTGOING:
    return None
  for level, kind, data in beside:
    if level == SOL_PACKET and kind == PACKET_AUXDATA:
      status, _, _, _, _, tag, tag_type = AUXDATA.unpack_from(data)
      if status & TAG_VALID:
        frame = frame[:12] + struct.pack("!HH", tag_type or TAG, tag) + frame[12:]
  return frame


def main():
  trunk = link(sys.argv[1])
  access = {int(vlan): link(device) for vlan, device in (word.split("=") for word in sys.argv[2:])}
  vlan_of = {sock: vlan for vlan, sock in access.items()}
  print("ready", flush=True)
  while True:
    for sock in select.select([trunk, *vlan_of], [], [])[0]:
      frame = receive(sock)
      if frame is None:
        continue
      if sock is not trunk:
        trunk.send(frame[:12] + struct.pack("!HH", TAG, vlan_of[sock]) + frame[12:])
        continue
      kind, tag = struct.unpack_from("!HH", frame, 12)
      out = access.get(tag & 0xfff)
      if kind == TAG and out is not None:
        out.send(frame[:12] + frame[16:])


if __name__ == "__main__":
  main()
