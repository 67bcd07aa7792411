#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# West with source: kernel, and a kernel that is played in the place of one with ESP: what is installed there carries
# packets here, the kernel's copies cannot seal, it hears of use, limits and wants, and a crash of West loses no number.
. "$(dirname "$0")/lib.sh"
begin

shim=$build/tests/netns/libplayed_xfrm.so
[ -f "$shim" ] || fail "$shim is not built"

kernel() {
  "$python" "$here/kernel.py" ask "$tmp/kernel.sock" "$@" || fail "the played kernel: $(tail -n 3 "$tmp/kernel.log")"
}

kernel_is() { # number or word, question...
  [ "$(kernel show "$2" ${3+"$3"} ${4+"$4"})" = "$1" ]
}

kernel_sa() { # gateway that sends, generation, more
  number=$(gw_number "$1")
  sender=$1 generation=$2
  shift 2
  kernel sa "192.0.2.$number" "192.0.2.$((3 - number))" "$(spi_of "$sender" "$generation")" \
    "$(key_of "$sender" "$generation")" "$@" >/dev/null
}

# One number of "mirror show".
mirrored() {
  west -j mirror show | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p"
}

mirrored_is() {
  [ "$(mirrored "$1")" = "$2" ]
}

# West alone is started with the kernel's place taken.
west_start() {
  more_config="source: kernel
mirror_report_s: 1"
  culvertd=$tmp/culvertd
  gw_start west
  culvertd=$build/control/culvertd
  more_config=
}

spent=18446744073709551615 # all ones

say "the played kernel, West that mirrors it, East by its socket"
topology
"$python" "$here/kernel.py" serve "$tmp/kernel.sock" 2>"$tmp/kernel.log" &
played=$!
undo quit $played
until_true 5 [ -S "$tmp/kernel.sock" ] || fail "the played kernel: $(cat "$tmp/kernel.log")"
cat >"$tmp/culvertd" <<END
#!/bin/sh
export LD_PRELOAD="$shim" CULVERT_PLAYED_KERNEL="$tmp/kernel.sock" ASAN_OPTIONS="verify_asan_link_order=0:\$ASAN_OPTIONS"
exec "$build/control/culvertd" "\$@"
END
chmod +x "$tmp/culvertd"
gw_start east
policies_add east
kernel policy 9 1 10.1.0.0/24 10.2.0.0/24 192.0.2.1 192.0.2.2 >/dev/null
west_start
kernel policy 16 0 10.2.0.0/24 10.1.0.0/24 192.0.2.2 192.0.2.1 >/dev/null
kernel policy 26 2 10.2.0.0/24 10.1.0.0/24 192.0.2.2 192.0.2.1 >/dev/null
until_true 3 mirrored_is policies 3 || fail "West has $(mirrored policies) policies, not 3"

say "a packet without an SA has the kernel say ACQUIRE"
ns a ping -q -c 1 -W 0.2 10.2.0.2 >/dev/null || :
until_true 3 kernel_is "0 1" asked || fail "EXPIRE and ACQUIRE that the kernel was asked for: $(kernel show asked), not 0 1"

say "SAs in the kernel carry packets"
new_tunnel() { # generation, words for West's inbound SA
  key_new west "$1"
  key_new east "$1"
  sa_add east in west "$1"
  kernel_sa east "$@"
  kernel_sa west "$1"
  sa_add east out east "$1"
}
new_tunnel 1
until_true 3 mirrored_is sas 2 || fail "West has $(mirrored sas) SAs, not 2: $(west mirror show)"
kernel_is $spent oseq 192.0.2.2 0x1001 || fail "the kernel can send: oseq $(kernel show oseq 192.0.2.2 0x1001)"
capture_start wire west "$tmp/wire.pcap"
ping_all a 2 -i 0.2 10.2.0.2
ping_all a 20 -i 0.05 10.2.0.2
quit "$capture"
[ "$(capture_count "$tmp/wire.pcap" 'ip proto 50')" -ge 40 ] || fail "the wire shows no ESP"
[ "$(capture_count "$tmp/wire.pcap" "$clear_on_wire")" -eq 0 ] || fail "the wire shows packets in the clear"

say "the kernel hears of their use"
until_true 5 kernel_is 22 packets 192.0.2.2 0x1001 || fail "outbound: $(kernel show packets 192.0.2.2 0x1001), not 22"
until_true 5 kernel_is 22 packets 192.0.2.1 0x2001 || fail "inbound: $(kernel show packets 192.0.2.1 0x2001), not 22"
kernel_is 22 seq 192.0.2.1 0x2001 || fail "the kernel's window ends at $(kernel show seq 192.0.2.1 0x2001), not 22"
kernel_is $spent oseq 192.0.2.2 0x1001 || fail "a report let the kernel loose"

say "there is one writer"
if west sa flush 2>"$tmp/refused"; then
  fail "West's socket flushed the kernel's SAs"
fi
grep -q 'source: kernel' "$tmp/refused" || fail "refused without the reason: $(cat "$tmp/refused")"

say "a rekey in the kernel loses nothing"
ns_start a ping -q -i 0.005 -c 600 10.2.0.2 >"$tmp/flood"
flood=$!
new_tunnel 2
until_true 3 mirrored_is sas 4 || fail "West has $(mirrored sas) SAs, not 4"
kernel delsa 192.0.2.2 0x1001 >/dev/null
sa_del east east 1
sleep 0.3
kernel delsa 192.0.2.1 0x2001 >/dev/null
sa_del east west 1
wait $flood || :
[ "$(ping_received "$tmp/flood")" = 600 ] || fail "$(grep transmitted "$tmp/flood")"
until_true 3 mirrored_is sas 2 || fail "West has $(mirrored sas) SAs, not 2"

say "West crashes and goes on above"
before=$(west -j sa show dst 192.0.2.2 spi 0x1002 | sed -n 's/.*"out_seq": \([0-9]*\).*/\1/p')
gw_crash west
west_start
after=$(west -j sa show dst 192.0.2.2 spi 0x1002 | sed -n 's/.*"out_seq": \([0-9]*\).*/\1/p')
[ "$after" -ge "$before" ] || fail "the sequence went back from $before to $after"
kernel_is $spent oseq 192.0.2.2 0x1002 || fail "the kernel can send: oseq $(kernel show oseq 192.0.2.2 0x1002)"
ping_all a 5 -i 0.2 10.2.0.2

say "a limit in packets ends the SA in the kernel"
new_tunnel 3 10
until_true 3 mirrored_is sas 4 || fail "West has $(mirrored sas) SAs, not 4"
sa_del east east 2
ns a ping -q -i 0.02 -c 20 -W 1 10.2.0.2 >/dev/null || :
until_true 3 kernel_is 0 there 192.0.2.1 0x2003 || fail "the kernel has the SA still, $(kernel show packets 192.0.2.1 0x2003) packets"
until_true 3 mirrored_is sas 3 || fail "West has $(mirrored sas) SAs, not 3"
