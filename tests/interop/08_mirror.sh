#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# East is a guest whose kernel has ESP, with strongSwan that knows of nothing else, and Culvert beside them as the kernel's
# mirror: what charon installs in the kernel carries packets in Culvert. The kernel's copies never seal, what swanctl says is
# what passed, rekeys from either side go through, and a killed Culvert comes back with the same SAs and higher numbers.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

culvert_files() {
  echo "$culvertd" "$culvert"
  for driver in bus_vdev mempool_ring net_af_packet; do
    find /usr/lib/x86_64-linux-gnu/dpdk -name "librte_$driver.so.*.*"
  done
}

guest_culvert() {
  guest "$culvert --socket $tmp/east/culvert.sock $*"
}

guest_culvert_answers() {
  guest_culvert port show >/dev/null 2>&1
}

guest_culvertd() { # starts it
  guest "$culvertd -c $tmp/east/culvert.yaml >/dev/console 2>&1 & echo \$!" >"$tmp/east/pid"
  until_true 30 guest_culvert_answers || fail "culvertd in the guest does not answer"
}

mirrors() { # SAs and policies that it has
  guest_culvert -j mirror show | "$python" "$here/stats.py" values sas policies
}

mirrors_all() {
  [ "$(mirrors)" = "$1 $2" ]
}

guest_sum() { # counters of the guest's workers
  guest_culvert -j stats show | "$python" "$here/stats.py" sum "$@"
}

kernel_refused() { # how often the guest's kernel wanted to seal and had no number left
  guest "sed -n 's/^XfrmOutStateSeqError[[:space:]]*//p' /proc/net/xfrm_stat"
}

say "a guest: a kernel with ESP, strongSwan, and Culvert as the kernel's mirror"
ike_needs
topology
gw_start west
guest_mb=768
# shellcheck disable=SC2046 # lists of words
guest_start $(ike_files) $(culvert_files)
mkdir -p "$tmp/east"
# The guest has no AF_XDP, and its charon sets no if_id.
(
  ports=af_packet more_config="source: kernel
mirror_report_s: 1"
  gw_config east | sed 's/name: blue, id: 1/name: blue, id: 0/'
) >"$tmp/east/culvert.yaml"
guest "for device in e-wan e-lan; do
    ip link set \$device arp off
    echo 1 | tee /proc/sys/net/ipv4/conf/all/rp_filter /proc/sys/net/ipv4/conf/\$device/rp_filter >/run/null
  done"
guest_put "$tmp/east"
guest_culvertd
ike_start_culvert west
ike_start east kernel-netlink

say "what charon installs in the kernel carries packets in Culvert"
ike_initiate west
until_true 5 mirrors_all 2 3 || fail "not 2 SAs and 3 policies are mirrored: $(guest_culvert mirror show)"
ping_each 20 -i 0.02
tcp_both_ways 10000000
until_true 5 ends_agree || fail "West says $(children west INSTALLED), East $(children east INSTALLED)"
[ "$(guest_sum esp_out) $(guest_sum esp_in)" = "$(stats west sum esp_in) $(stats west sum esp_out)" ] ||
  fail "Culvert in the guest sealed and opened $(guest_sum esp_out esp_in), West $(stats west sum esp_in esp_out)"

say "the kernel's own copy does not seal"
before=$(stats west sum esp_in)
refused=$(kernel_refused)
guest "ip route add 10.1.0.0/24 via 192.0.2.1; ping -c 3 -W 1 -I 10.2.0.1 10.1.0.2 >/run/null" || :
[ "$(kernel_refused)" -gt "$refused" ] || fail "the kernel's ESP was not asked: this test cannot see it refuse"
[ "$(stats west sum esp_in)" -eq "$before" ] || fail "the kernel sealed under an SA that Culvert has"

say "rekeys from either side"
for starter in west east; do
  rekey_by $starter
  ping_each 20 -i 0.02
done

say "Culvert in the guest is killed and starts again"
sealed=$(children west INSTALLED | cut -d ' ' -f 6)
guest "kill -9 $(cat "$tmp/east/pid")"
guest_culvertd
until_true 5 mirrors_all 2 3 || fail "not 2 SAs and 3 policies are mirrored: $(guest_culvert mirror show)"
ping_each 20 -i 0.02
[ "$(drops west replay-old replay-dup icv)" -eq 0 ] || fail "West refused numbers: $(west stats show drops)"
[ "$(children west INSTALLED | cut -d ' ' -f 6)" -ge $((sealed + 20)) ] || fail "the pings went elsewhere"

say "what is deleted in the kernel goes"
ike_terminate east
until_true 10 mirrors_all 0 0 || fail "the mirror keeps: $(guest_culvert mirror show)"
ikes_end
