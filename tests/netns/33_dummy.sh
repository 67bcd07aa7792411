#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Dummy packets on request between two gateways (RFC 4303 2.6): each comes and is dropped by the other gateway, which counts it,
# none reaches a host, none of the hosts' packets is lost; how long and how fast they are is as asked; what cannot be is
# refused in words.
. "$(dirname "$0")/lib.sh"
begin

dummy() { # gateway, generation, more words for "sa dummy"
  dummy_at=$1 dummy_generation=$2
  shift 2
  number=$(gw_number "$dummy_at")
  "$dummy_at" -j sa dummy dst "192.0.2.$((3 - number))" spi "$(spi_of "$dummy_at" "$dummy_generation")" "$@"
}

refused() { # text that the refusal must have, gateway, words...
  said=$1 refused_by=$2
  shift 2
  if "$refused_by" "$@" >"$tmp/out" 2>"$tmp/err"; then
    fail "'$*' was not refused: $(cat "$tmp/out")"
  fi
  grep -q -- "$said" "$tmp/err" || fail "'$said' is not in: $(cat "$tmp/err")"
}

counted() { # gateway, counter of its workers, number
  [ "$(stats "$1" sum "$2")" -eq "$3" ]
}

dropped() { # gateway, number of dummy packets that came
  [ "$(drops "$1" esp-dummy)" -eq "$2" ]
}

all_came() { # number
  until_true 20 counted west dummies "$1" || fail "west made $(stats west sum dummies) of $1: $(west -j stats show)"
  until_true 5 dropped east "$1" || fail "$(drops east esp-dummy) of $1 came: $(east stats show drops)"
}

lengths_on_wire() { # how many different ones
  tcpdump -n -r "$tmp/wire.pcap" 'ip proto 50' 2>/dev/null | sed 's/.*length //' | sort -u | wc -l
}

say "two gateways, and the hosts know each other"
two_gateways
ping_all a 3 -i 0.2 10.2.0.2

say "500 dummy packets: they look like others on the wire, come, and go no further"
capture_start b b-lan "$tmp/b.pcap"
at_b=$capture
capture_start wire wire "$tmp/wire.pcap"
dummy west 1 count 500 rate 5000 >"$tmp/answer"
[ "$("$python" "$here/stats.py" values packets rate_pps length_bytes <"$tmp/answer")" = "500 5000 None" ] ||
  fail "the answer is: $(cat "$tmp/answer")"
all_came 500
capture_wait "$tmp/wire.pcap" 'src host 192.0.2.1 and ip proto 50' 500
quit $capture
quit $at_b
[ "$(capture_count "$tmp/wire.pcap" 'src host 192.0.2.1 and ip proto 50')" -eq 500 ] || fail "not 500 ESP packets on the wire"
[ "$(capture_count "$tmp/wire.pcap" "$clear_on_wire")" -eq 0 ] || fail "packets in the clear on the wire"
[ "$(lengths_on_wire)" -gt 100 ] || fail "only $(lengths_on_wire) lengths"
[ "$(capture_count "$tmp/b.pcap" 'not arp')" -eq 0 ] || fail "something reached B: $(tcpdump -n -r "$tmp/b.pcap" 2>/dev/null | head -n 3)"
[ "$(west -j sa show dst 192.0.2.2 spi "$(spi_of west 1)" | "$python" "$here/stats.py" values out_seq)" -eq 503 ] ||
  fail "the numbers of the SA: $(west sa show)"

say "of one length"
capture_start wire wire "$tmp/wire.pcap"
dummy west 1 count 100 length 1000 rate 5000 >/dev/null
all_came 600
capture_wait "$tmp/wire.pcap" 'src host 192.0.2.1 and ip proto 50' 100
quit $capture
# 20 and 16 of headers, 1000 with trailer and padding, 16 of tag
[ "$(capture_count "$tmp/wire.pcap" 'src host 192.0.2.1 and ip proto 50 and ip[2:2] = 1056')" -eq 100 ] ||
  fail "not 100 packets of that length: $(tcpdump -n -r "$tmp/wire.pcap" 2>/dev/null | head -n 3)"

say "among pings and TCP, both ways: nothing is lost"
flood_start 0.002
dummy west 1 count 3000 rate 1500 >/dev/null
dummy east 1 count 3000 rate 1500 >/dev/null
tcp_both_ways 2000000
all_came 3600
until_true 20 dropped west 3000 || fail "$(drops west esp-dummy) of 3000 came to west"
flood_end 200
for gateway in west east; do
  [ "$(drops $gateway)" -eq "$(drops $gateway esp-dummy mtu)" ] || fail "$gateway dropped others: $($gateway stats show drops)"
done

say "what cannot be is refused"
there="dst 192.0.2.2 spi"
# shellcheck disable=SC2086 # lists of words
{
  refused "is inbound" west sa dummy dst 192.0.2.1 spi "$(spi_of east 1)"
  refused "there is no SA" west sa dummy $there 0x1999
  refused "sends no dummy packets" west sa dummy $there "$(spi_of west 1)" count off
  dummy west 1 count 1000000 rate 10 >/dev/null
  refused "still to be sent" west sa dummy $there "$(spi_of west 1)"
  dummy west 1 count off | grep -q '"unsent": 9999' || fail "the end of it is not told"
}
until_true 5 dummy west 1 >/dev/null 2>&1 || fail "after an end nothing more can be asked for"

say "an SA that goes ends it, and what is unsent is counted"
dummy west 1 count 100000 rate 100 >/dev/null 2>&1 || until_true 5 dummy west 1 count 100000 rate 100 >/dev/null 2>&1 ||
  fail "it cannot be asked for"
rekey 1
many_unsent() {
  [ "$(stats west sum dummies_unsent)" -gt 90000 ]
}
until_true 5 many_unsent || fail "unsent: $(stats west sum dummies_unsent)"
ping_all a 3 -i 0.2 10.2.0.2
[ "$(drops west no-sa)" -eq 0 ] && [ "$(drops east icv replay-dup replay-old)" -eq 0 ] || fail "packets were dropped"
