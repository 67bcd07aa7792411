#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""too_big.py NETNS DEVICE MTU SENDER RECEIVER: a router on the way whose next link is narrower: answers the first longer ESP packet
from SENDER to RECEIVER that it sees by ICMPv6 Packet Too Big (RFC 4443 3.2), then ends."""
import pathlib
import sys

from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "witness"))
import net  # noqa: E402

ESP = (50, 44)  # a fragment of it, too


def main():
  netns, device, mtu, sender, receiver = sys.argv[1:]
  link = net.Link(netns, device)
  print("ready", flush=True)

  def wanted(frame):
    packet = Ether(frame)
    return IPv6 in packet and (packet[IPv6].src, packet[IPv6].dst) == (sender, receiver) and packet[IPv6].nh in ESP and \
      packet[IPv6].plen + 40 > int(mtu)

  frames = link.receive(wanted, timeout=10)
  if not frames:
    sys.exit("too_big.py: no such packet came")
  sent = Ether(frames[0])
  link.send(bytes(Ether(src="02:00:00:00:00:77", dst=sent.src) / IPv6(src=receiver, dst=sender) /
                  ICMPv6PacketTooBig(mtu=int(mtu)) / Raw(bytes(sent[IPv6])[:1200])))


if __name__ == "__main__":
  main()
