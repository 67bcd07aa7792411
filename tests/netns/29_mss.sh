#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# TCP's segment size through a tunnel: what hosts announce is lowered to what fits, in SYN and SYN-ACK, of IPv4 and IPv6, and
# their kernels take it; by a number, and not at all.
. "$(dirname "$0")/lib.sh"
begin

# The sizes that A and B heard of each other.
heard() { # file
  tcpdump -n -r "$1" 2>/dev/null | sed -n 's/.*Flags \[S[.]*\].*mss \([0-9]*\).*/\1/p'
}

connect() { # destination, a word for the files
  for host in a b; do
    [ $host = a ] && from=src || from=dst # the receiver's port: what the other host sent
    capture_start $host $host-lan "$tmp/$host.$2" "tcp $from port 7000"
    undo "kill $capture 2>/dev/null"
    eval "capture_$host=$capture"
  done
  ns_start b "$python" "$here/transfer.py" receive "$1" 7000 100000 >"$tmp/received"
  receiver=$!
  until_true 5 transfer_listens b || fail "the receiver does not listen"
  ns a "$python" "$here/transfer.py" send "$1" 7000 100000 1 >"$tmp/sent" || fail "nothing was sent to $1"
  wait $receiver || fail "nothing was received at $1"
  cmp "$tmp/sent" "$tmp/received" || fail "other bytes came than were sent"
  for host in a b; do
    capture_wait "$tmp/$host.$2" 'tcp[tcpflags] & tcp-syn != 0 or ip6' 1
    eval "quit \$capture_$host"
    ! tcpdump -n -vv -r "$tmp/$host.$2" 2>/dev/null | grep -q 'cksum.*incorrect' || fail "$host: a checksum is wrong"
  done
}

expect() { # destination, word, size
  connect "$1" "$2"
  [ "$(heard "$tmp/b.$2")" = "$3" ] || fail "B heard '$(heard "$tmp/b.$2")' in the SYN, not $3"
  [ "$(heard "$tmp/a.$2")" = "$3" ] || fail "A heard '$(heard "$tmp/a.$2")' in the SYN-ACK, not $3"
}

ipv6=on
lan_more=", mss: auto"
say "West lowers what does not fit"
topology
gw_start west
lan_more=
gw_start east
for gateway in west east; do
  policies_add $gateway
  policies_v6_add $gateway
  lan_v6_settle $gateway
done
host_v6_add a 1
host_v6_add b 2
tunnel_add 1
expect 10.2.0.2 auto4 1406
expect 2001:db8:2::2 auto6 1386

setting() { # what the port of West says
  lan_more=$1
  gw_config west >"$tmp/west/culvert.yaml"
  reloads=$(grep -c ': reloaded$' "$tmp/west/log" || :)
  kill -HUP "$(gw_pid west)"
  until_true 5 reloaded $((reloads + 1)) || fail "West did not reload"
}
reloaded() {
  [ "$(grep -c ': reloaded$' "$tmp/west/log")" -ge "$1" ]
}
say "to a number"
setting ", mss: 1000"
expect 10.2.0.2 number 1000
say "and not at all"
setting ""
expect 10.2.0.2 off 1460
