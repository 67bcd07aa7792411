# SPDX-License-Identifier: BSD-3-Clause
"""Sockets in other network namespaces: raw Ethernet on a device, UDP on a host's kernel."""
import contextlib
import ctypes
import fcntl
import os
import select
import socket
import struct
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SIOCGIFHWADDR = 0x8927
RECEIVE_BUFFER_BYTES = 1 << 23
libc = ctypes.CDLL(None, use_errno=True)


def enter(fd):
  if libc.setns(fd, CLONE_NEWNET) != 0:
    raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def namespace(name):
  """What is opened inside belongs to that network namespace, also after the block."""
  with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{name}", "rb") as there:
    enter(there.fileno())
    try:
      yield
    finally:
      enter(home.fileno())


class Link:
  """Whole Ethernet frames on one device; what the device's own side sends is not seen."""

  def __init__(self, netns, device):
    with namespace(netns):
      self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
      self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
      self.sock.bind((device, ETH_P_ALL))
      request = fcntl.ioctl(self.sock.fileno(), SIOCGIFHWADDR, struct.pack("256s", device.encode()))
    self.mac = request[18:24]

  def send(self, frame):
    self.sock.send(frame)

  def receive(self, wanted, count=1, timeout=2.0):
    """Up to count frames for which wanted(frame) holds; fewer when the time is over."""
    frames, deadline = [], time.monotonic() + timeout
    while len(frames) < count:
      left = deadline - time.monotonic()
      if left <= 0 or not select.select([self.sock], [], [], left)[0]:
        break
      frame, address = self.sock.recvfrom(65535)
      if address[2] != socket.PACKET_OUTGOING and wanted(frame):
        frames.append(frame)
    return frames

  def flush(self):
    self.receive(lambda frame: False, timeout=0.05)


def udp(netns, address, port):
  """A UDP socket on a host's kernel, which checks lengths and checksums for us."""
  with namespace(netns):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))
  sock.settimeout(2.0)
  return sock
