#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The daemon's life: it ends clean, survives a killed client, starts after a crash, refuses what it cannot do in one line
# and at once (it does not hang), and takes changes on SIGHUP.
. "$(dirname "$0")/lib.sh"
begin

# Starts a daemon that must refuse: namespace, configuration file, what its line must say.
refused() {
  status=0
  ns_start "$1" timeout 30 "$culvertd" -c "$2" 2>"$tmp/refused"
  wait $! || status=$?
  [ $status -eq 1 ] || fail "'$3': exit status $status, not 1: $(cat "$tmp/refused")"
  grep -v "$noise" "$tmp/refused" >"$tmp/lines" || :
  [ "$(wc -l <"$tmp/lines")" -eq 1 ] || fail "'$3': not one line but: $(cat "$tmp/lines")"
  grep -q -- "$3" "$tmp/lines" || fail "'$3' is not in: $(cat "$tmp/lines")"
}

edited() { # sed script: West's configuration with one change
  gw_config west | sed "$1" >"$tmp/bad.yaml"
  echo "$tmp/bad.yaml"
}

no_dead_clients() {
  [ "$(find "$tmp/west/clients" -type s | wc -l)" -eq 0 ]
}

route_known() {
  west route show | grep -q '10\.9\.0\.0/16'
}

say "what is refused before anything is touched"
topology
mkdir -p "$tmp/west" "$tmp/east"
refused west "$tmp/none.yaml" "none.yaml"
refused west "$(edited 's/^workers: 1/workers: many/')" "bad.yaml:3: .*workers"
refused west "$(edited 's/^engine:/motor:/')" "bad.yaml:2: .*motor"
refused west "$(edited 's/^vnets:/vnets: [/')" "bad.yaml:[0-9]*:"
refused west "$(edited 's/vnet: blue/vnet: green/')" "green"
refused west "$(edited 's/iface=w-lan/iface=w-none/')" "w-none"
ip -n "$net-west" link add lan type veth peer name taken
refused west "$(edited '')" "lan"
ip -n "$net-west" link del lan
[ -z "$(gw_twins west)" ] || fail "a refused start left a TAP: $(gw_twins west)"

say "SIGTERM"
gw_start west
gw_twins west | grep -q ' lan: ' || fail "no twin of port lan: this test cannot see one vanish"
gw_stop west || fail "SIGTERM"

say "a second daemon on one socket"
gw_start west
gw_config east | sed "s,socket: .*,socket: $tmp/west/culvert.sock," >"$tmp/second.yaml"
refused east "$tmp/second.yaml" "culvert.sock"
refused west "$tmp/west/culvert.yaml" "another daemon (pid $(gw_pid west)) serves .*culvert.sock" # the same once more
west port show >/dev/null || fail "the first daemon no longer answers"

say "kill -9 and a new start"
gw_crash west
[ -z "$(gw_twins west)" ] || fail "kill -9 left a TAP: $(gw_twins west)"
gw_start west
policies_add west

say "kill -9 of a client in the middle of a dump"
# shellcheck disable=SC2016 # Python's own
"$python" -c 'import os, sys
for i in range(300):
    with open(f"{sys.argv[1]}/many.{i}", "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(os.urandom(36).hex())' "$tmp"
count=0
while [ $count -lt 300 ]; do
  west sa add src 192.0.2.2 dst 192.0.2.1 spi $((4096 + count)) vnet blue key-file "$tmp/many.$count" dir in
  count=$((count + 1))
done
west -j sa show >"$tmp/all"
[ "$("$python" "$here/stats.py" count <"$tmp/all")" -eq 300 ] || fail "not all SAs are shown"
count=0
while [ $count -lt 20 ]; do
  "$culvert" --socket "$tmp/west/culvert.sock" sa show >/dev/null &
  client=$!
  sleep 0.00$((count % 10))
  kill -STOP $client 2>/dev/null || : # it takes no more answers
  west sa show >/dev/null || fail "a client that stands still keeps the daemon from others"
  kill -9 $client 2>/dev/null || :
  wait $client 2>/dev/null || :
  count=$((count + 1))
done
left=$(find "$tmp/west/clients" -type s | wc -l)
[ "$left" -gt 0 ] || fail "no killed client left its socket: this test cannot see one vanish"
until_true 15 no_dead_clients || fail "the daemon does not sweep what dead clients left"
gw_stop west || fail "the daemon did not clean up after dead clients"
gw_start west

say "what a program is refused stands in the log, with the reason"
test_key=0x$(od -An -N 36 -tx1 /dev/urandom | tr -d ' \n')
! west run -- ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1234 mode tunnel if_id 77 \
  aead 'rfc4106(gcm(aes))' "$test_key" 128 2>"$tmp/refused" || fail "an SA for a virtual network that is not there"
grep -q "refused XFRM_MSG_NEWSA .*no virtual network has the id 77" "$tmp/west/log" ||
  fail "no line about the refused SA: $(tail -n 3 "$tmp/west/log")"
! grep -q "${test_key#0x}" "$tmp/west/log" || fail "the log shows a key"

say "SIGHUP: log level and a route"
ping_all a 1 10.1.0.1
log_level=debug more_config='routes:
  - {to: 10.9.0.0/16, via: 10.1.0.2, port: lan}'
gw_config west >"$tmp/west/culvert.yaml"
kill -HUP "$(gw_pid west)"
until_true 3 route_known || fail "the new route is not used: $(west route show)"
gw_config west | sed 's/^log: .*/log: loud/' >"$tmp/west/culvert.yaml"
kill -HUP "$(gw_pid west)"
until_true 3 grep -q loud "$tmp/west/log" || fail "a wrong configuration on SIGHUP is not reported"
gw_answers west || fail "the daemon did not survive a wrong configuration"
route_known || fail "a wrong configuration on SIGHUP took the route away"
