#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Bad input from the wire: every packet is dropped under its own reason and counted, none arrives, other SAs go on.
. "$(dirname "$0")/lib.sh"
begin

lan_mtu=1400 # so that a packet can be too long for the LAN though it fits the wire
say "West and a witness in East's place"
west_alone

say "bad input of every kind"
witness hostile.py
