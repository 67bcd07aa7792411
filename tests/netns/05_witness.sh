#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# An independent peer in East's place: it opens what West sends and checks every field, and West takes what it makes.
. "$(dirname "$0")/lib.sh"
begin

say "West and a witness in East's place"
west_alone

say "what West sends"
witness outbound.py
say "what West takes"
witness inbound.py
say "the other algorithms, both ways and spoilt"
witness algorithms.py
say "the same in UDP, and IKE beside it"
witness udp.py
