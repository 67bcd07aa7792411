#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""One TCP transfer: "receive ADDR PORT BYTES" waits for one sender and prints the SHA-256 of what came; "send ADDR PORT
BYTES SEED" sends that many bytes made from the seed and prints theirs. Ends with 1 on a short or silent connection."""
import hashlib
import random
import socket
import sys

CHUNK = 1 << 16
SILENCE_S = 20


def receive(addr, port, size):
  family = socket.AF_INET6 if ":" in addr else socket.AF_INET
  with socket.create_server((addr, port), family=family) as server:
    server.settimeout(SILENCE_S)
    conn, _ = server.accept()
  digest, left = hashlib.sha256(), size
  with conn:
    conn.settimeout(SILENCE_S)
    while chunk := conn.recv(CHUNK):
      digest.update(chunk)
      left -= len(chunk)
  if left:
    sys.exit(f"transfer: {left} bytes of {size} missing")
  return digest


def send(addr, port, size, seed):
  rng, digest = random.Random(seed), hashlib.sha256()
  with socket.create_connection((addr, port), SILENCE_S) as conn:
    while size:
      chunk = rng.randbytes(min(CHUNK, size))
      digest.update(chunk)
      conn.sendall(chunk)
      size -= len(chunk)
  return digest


def main():
  verb, addr, *numbers = sys.argv[1:]
  try:
    digest = {"receive": receive, "send": send}[verb](addr, *map(int, numbers))
  except OSError as error:
    sys.exit(f"transfer: {verb}: {error}")
  print(digest.hexdigest())


if __name__ == "__main__":
  main()
