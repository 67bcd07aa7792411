#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# SAs whose direction nobody told, as IKE daemons add them: the destination tells it, and a key that the peer seals with
# never sends, not at another destination and not after a crash.
. "$(dirname "$0")/lib.sh"
begin

dir_of() { # gateway, destination, SPI
  "$1" sa show dst "$2" spi "$3" | sed -n 's/.*  dir \([a-z]*\).*/\1/p'
}

dir_is() { # gateway, destination, SPI, direction
  [ "$(dir_of "$1" "$2" "$3")" = "$4" ]
}

expect_dir() {
  dir_is "$@" || fail "$1 shows the SA to $2 with SPI $3 as '$(dir_of "$1" "$2" "$3")', not '$4'"
}

say "two gateways, SAs of dir any"
topology
for gateway in west east; do
  gw_start $gateway
  policies_add $gateway
  key_new $gateway 1
done
for sender in west east; do
  sa_add east any $sender 1
  sa_add west any $sender 1
done
ping_all a 5 -i 0.2 10.2.0.2
expect_dir west 192.0.2.1 0x2001 in
expect_dir west 192.0.2.2 0x1001 any
expect_dir east 192.0.2.2 0x1001 in
expect_dir east 192.0.2.1 0x2001 any

# East has sealed with this key, and goes on: West must not, though a policy wants an SA to that destination.
east_key_at_west_sends_nothing() {
  west sa add src 192.0.2.1 dst 192.0.2.2 spi 0x2001 vnet blue key-file "$(key_of east 1)" reqid 1 dir any
  expect_dir west 192.0.2.2 0x2001 in
  before=$(drops west no-sa)
  ns a ping -q -c 3 -i 0.1 -W 1 10.2.0.2 >"$tmp/ping" || :
  [ "$(stats west sum esp_out)" -eq "$1" ] || fail "West sent under the key that East seals with"
  [ "$(drops west no-sa)" -ge $((before + 3)) ] || fail "the pings did not come to the policy"
}

say "East's key, added at West towards East"
sa_del west east 1
sa_del west west 1
east_key_at_west_sends_nothing "$(stats west sum esp_out)"

say "and after a crash"
gw_crash west
gw_start west
policies_add west
east_key_at_west_sends_nothing 0

say "an address that comes when the SA is there"
key_new east 2
west sa add src 192.0.2.2 dst 192.0.2.11 spi 0x2002 vnet blue key-file "$(key_of east 2)" reqid 1 dir any
expect_dir west 192.0.2.11 0x2002 any
ip -n "$net-west" addr add 192.0.2.11/24 dev wan
until_true 5 dir_is west 192.0.2.11 0x2002 in || fail "the SA to West's new address did not turn inbound"
east sa add src 192.0.2.2 dst 192.0.2.11 spi 0x2002 vnet blue key-file "$(key_of east 2)" reqid 2 dir any
east policy update vnet blue dir out src 10.2.0.0/24 dst 10.1.0.0/24 action protect \
  tunnel-src 192.0.2.2 tunnel-dst 192.0.2.11 reqid 2
for direction in in fwd; do
  west policy update vnet blue dir $direction src 10.2.0.0/24 dst 10.1.0.0/24 action protect \
    tunnel-src 192.0.2.2 tunnel-dst 192.0.2.11 reqid 1
done
before=$(stats west sum esp_in)
ns b ping -q -c 3 -i 0.1 -W 1 10.1.0.2 >"$tmp/ping" || :
[ "$(stats west sum esp_in)" -eq $((before + 3)) ] || fail "West did not receive at its new address"
