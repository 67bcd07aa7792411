#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Audit events: hostile packets of every kind, each told in the log and to a monitor with what it really bore; a flood, of
# which some are told and the others counted, to the last; and the three settings.
. "$(dirname "$0")/lib.sh"
begin

more_config="audit_per_s: 100
audit_policy: true"
say "West and a witness in East's place"
west_alone
"$culvert" --socket "$tmp/west/culvert.sock" -j monitor audit >"$tmp/monitor" &
monitor=$!
undo "kill $monitor 2>/dev/null"

say "each kind, and a flood"
witness audit.py events
kill $monitor
wait $monitor || fail "the monitor ended with $?"

say "what is off is neither told nor counted"
setting() { # key and value
  sed -i "s/^audit.*//" "$tmp/west/culvert.yaml"
  printf '%s\n' "$1" >>"$tmp/west/culvert.yaml"
  reloads=$(grep -c ': reloaded$' "$tmp/west/log" || :)
  kill -HUP "$(gw_pid west)"
  until_true 5 reloaded $((reloads + 1)) || fail "West did not reload"
}
reloaded() {
  [ "$(grep -c ': reloaded$' "$tmp/west/log")" -ge "$1" ]
}
setting "audit: off"
witness audit.py silent
setting "audit: debug"
witness audit.py unlogged
