#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams to a group, or to all: group.py send FROM TO TTL TEXT, and group.py receive AT GROUP SECONDS, which prints a line
when it listens and then each text that comes. Addresses are IPv4's, AT and FROM those of the interface."""
import socket
import sys
import time

PORT = 7001


def send(source, destination, ttl, text):
  sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
  sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
  sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
  sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, int(ttl))
  sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, int(ttl))
  sock.bind((source, 0))
  sock.sendto(text.encode(), (destination, PORT))


def receive(at, group, seconds):
  sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
  sock.bind(("", PORT))
  if group != "255.255.255.255":
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton(at))
  print("listens", flush=True)
  deadline = time.monotonic() + float(seconds)
  while (left := deadline - time.monotonic()) > 0:
    sock.settimeout(left)
    try:
      print(sock.recv(65535).decode(), flush=True)
    except TimeoutError:
      break


if __name__ == "__main__":
  {"send": send, "receive": receive}[sys.argv[1]](*sys.argv[2:])
