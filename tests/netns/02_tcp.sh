#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# TCP carries every byte: 20 MB from A to B and from B to A at the same time.
. "$(dirname "$0")/lib.sh"
begin

size=20000000
say "two gateways"
two_gateways
ping_all a 2 -i 0.2 10.2.0.2

listens() { # namespace
  ns "$1" ss -Hltn | grep -q ':7000 '
}

say "$size bytes each way"
ns_start b "$python" "$here/transfer.py" receive 10.2.0.2 7000 $size >"$tmp/b.in"
b_in=$!
ns_start a "$python" "$here/transfer.py" receive 10.1.0.2 7000 $size >"$tmp/a.in"
a_in=$!
until_true 5 listens a && until_true 5 listens b || fail "the receivers do not listen"
ns_start a "$python" "$here/transfer.py" send 10.2.0.2 7000 $size 1 >"$tmp/a.out"
a_out=$!
ns_start b "$python" "$here/transfer.py" send 10.1.0.2 7000 $size 2 >"$tmp/b.out"
b_out=$!
for pid in $a_out $b_out $a_in $b_in; do
  wait $pid || fail "a transfer did not finish"
done

cmp "$tmp/a.out" "$tmp/b.in" || fail "B received other bytes than A sent"
cmp "$tmp/b.out" "$tmp/a.in" || fail "A received other bytes than B sent"
! cmp -s "$tmp/a.out" "$tmp/b.out" || fail "both ways carried the same bytes: this check cannot tell them apart"
