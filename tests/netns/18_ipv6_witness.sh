#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# IPv6 inside against an independent peer in East's place: the bytes both ways, and bad packets of every kind.
. "$(dirname "$0")/lib.sh"
begin

ipv6=on
say "West and a witness in East's place"
west_alone
policies_v6_add west
host_v6_add a 1
lan_v6_settle west

say "what West sends, takes and refuses"
witness ipv6.py
