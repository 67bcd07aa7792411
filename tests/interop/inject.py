#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends captured frames once more: inject.py DEVICE FILE [SPI], all of a pcap file or those that are ESP with that SPI.
Prints how many."""
import socket
import struct
import sys

ESP, ETHER_BYTES, RECORD_BYTES = 50, 14, 16


def frames(path):
  with open(path, "rb") as file:
    data = file.read()
  order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
  at = 24
  while at + RECORD_BYTES <= len(data):
    size = struct.unpack_from(order + "I", data, at + 8)[0]
    yield data[at + RECORD_BYTES:at + RECORD_BYTES + size]
    at += RECORD_BYTES + size


def spi_of(frame):
  header_bytes = (frame[ETHER_BYTES] & 15) * 4
  if frame[12:14] != b"\x08\x00" or frame[ETHER_BYTES + 9] != ESP:
    return None
  return struct.unpack_from(">I", frame, ETHER_BYTES + header_bytes)[0]


def main():
  device, path, *spi = sys.argv[1:]
  count = 0
  with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
    sock.bind((device, 0))
    for frame in frames(path):
      if not spi or spi_of(frame) == int(spi[0], 0):
        sock.send(frame)
        count += 1
  print(count)


if __name__ == "__main__":
  main()
