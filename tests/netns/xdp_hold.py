# SPDX-License-Identifier: BSD-3-Clause
"""Holds a queue of an interface as another program with AF_XDP would, until it is ended: xdp_hold.py INTERFACE"""
import ctypes
import mmap
import os
import signal
import socket
import struct
import sys

AF_XDP, SOL_XDP = 44, 283
XDP_RX_RING, XDP_UMEM_REG, XDP_FILL_RING, XDP_COMPLETION_RING = 2, 4, 5, 6
FRAMES, FRAME = 64, 4096

memory = mmap.mmap(-1, FRAMES * FRAME)
at = ctypes.addressof(ctypes.c_char.from_buffer(memory))
holder = socket.socket(AF_XDP, socket.SOCK_RAW)
holder.setsockopt(SOL_XDP, XDP_UMEM_REG, struct.pack("QQIIII", at, len(memory), FRAME, 0, 0, 0))
for ring in (XDP_FILL_RING, XDP_COMPLETION_RING, XDP_RX_RING):
    holder.setsockopt(SOL_XDP, ring, struct.pack("I", FRAMES))
address = struct.pack("HHIII", AF_XDP, 0, socket.if_nametoindex(sys.argv[1]), 0, 0)
libc = ctypes.CDLL(None, use_errno=True)
if libc.bind(holder.fileno(), address, len(address)) != 0:
    sys.exit(f"{sys.argv[1]}: {os.strerror(ctypes.get_errno())}")
print("held", flush=True)
signal.pause()
