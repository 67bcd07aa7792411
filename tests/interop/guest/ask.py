#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Asks the guest: ask.py SOCKET SECONDS COMMAND... has its shell carry the command out, prints what it printed and ends
with its status; 124 when no answer came in time. With no command it waits until the guest is ready."""
import base64
import os
import socket
import sys
import time


AGAIN_S = 0.25  # a line that comes before the guest listens is lost


def lines(conn, until, again):
  """What the guest says until then, line by line; it is asked again and again, if there is something to ask."""
  data = b""
  while (left := until - time.monotonic()) > 0:
    conn.settimeout(min(left, AGAIN_S))
    try:
      chunk = conn.recv(65536)
    except TimeoutError:
      conn.sendall(again)
      continue
    if not chunk:
      sys.exit("ask: the guest is gone")
    *whole, data = (data + chunk).split(b"\n")
    yield from whole


def main():
  path, seconds, *words = sys.argv[1:]
  until = time.monotonic() + float(seconds)
  identity = b"%d.%d" % (os.getpid(), time.monotonic_ns())
  request = identity + b" " + base64.b64encode(" ".join(words or ["true"]).encode()) + b"\n"
  try:
    with socket.socket(socket.AF_UNIX) as conn:
      conn.connect(path)
      conn.sendall(request)
      for line in lines(conn, until, b"" if words else request):
        answer = line.strip().split(b" ")
        if answer[:2] == [b"answer", identity]:
          sys.stdout.buffer.write(base64.b64decode(answer[3] if len(answer) > 3 else b""))
          sys.stdout.flush()
          sys.exit(int(answer[2]))
  except OSError as error:
    print(f"ask: {error}", file=sys.stderr)
  print("ask: no answer", file=sys.stderr)
  sys.exit(124)


if __name__ == "__main__":
  main()
