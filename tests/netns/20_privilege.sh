#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What a gateway may still do once it runs: it is another user, with two capabilities and a filter of system calls, and
# everything works; it takes over what root's daemon left; killed by a fault it writes no core.
. "$(dirname "$0")/lib.sh"
begin

# NET_ADMIN and IPC_LOCK. A build with a sanitizer keeps SYS_PTRACE besides, has no filter, and says so.
bounds() { # gateway
  main=0000000000005000 filtered=2
  ! grep -q 'no filter of system calls: this build has a sanitizer' "$tmp/$1/log" || main=0000000000085000 filtered=0
}

status_of() { # gateway, thread, field
  sed -n "s/^$3:[[:space:]]*\([^[:space:]]*\).*/\1/p" "/proc/$(gw_pid "$1")/task/$2/status"
}

status_is() { # gateway, thread, field, value
  [ "$(status_of "$1" "$2" "$3")" = "$4" ] || fail "$1: thread $2: $3 is $(status_of "$1" "$2" "$3"), not $4"
}

# IPC_LOCK; the one that opens devices again NET_ADMIN, NET_RAW and, for AF_XDP, BPF besides.
others_keep() { # gateway, thread
  case $(cat "/proc/$(gw_pid "$1")/task/$2/comm") in
  culvert-devices) [ "$ports" = af_xdp ] && echo 0000008000007000 || echo 0000000000007000 ;;
  *) echo 0000000000004000 ;;
  esac
}

openers() { # gateway
  cat "/proc/$(gw_pid "$1")/task"/*/comm | grep -c '^culvert-devices$' || :
}

bounded() { # gateway, user
  bounds "$1"
  pid=$(gw_pid "$1")
  threads=0
  for task in "/proc/$pid/task"/*; do
    task=${task##*/}
    threads=$((threads + 1))
    status_is "$1" "$task" Uid "$(id -u "$2")"
    status_is "$1" "$task" NoNewPrivs 1
    status_is "$1" "$task" CapBnd $main
    status_is "$1" "$task" CapInh 0000000000000000
    [ "$task" = "$pid" ] || status_is "$1" "$task" CapPrm "$(others_keep "$1" "$task")"
  done
  [ $threads -gt 3 ] || fail "$1 has $threads threads: this test cannot see what others keep"
  status_is "$1" "$pid" CapEff $main
  status_is "$1" "$pid" CapPrm $main
  status_is "$1" "$pid" Seccomp $filtered
}

tunnel_up() {
  [ "$(west -j tunnel show site | "$python" "$here/stats.py" values state)" = up ]
}

route_known() {
  west route show | grep -q '10\.9\.0\.0/16'
}

xdp_programs() {
  ip -n "$net-west" link show | grep -c 'prog/xdp' || :
}

out_seq() {
  west -j sa show | sed -n 's/.*"out_seq": \([0-9]*\).*/\1/p'
}

sealed() {
  ns a ping -q -c 1 -W 1 10.2.0.2 >"$tmp/ping" || [ "$(out_seq)" -gt 0 ]
}

killed_by_fault() { # its folder, command...: runs it there with cores allowed, and kills it
  (cd "$1" && shift && ulimit -c unlimited && exec "$@") &
  victim=$!
}

say "root's daemon first, whose store another user takes over"
topology
chmod 711 "$tmp"
gw_start west
bounded west root
policies_add west
key_new west 1
sa_add west out west 1
until_true 5 sealed || fail "nothing was sealed: $(west sa show)"
gw_stop west || fail "the first daemon"

say "both as another user: threads, capabilities, filter"
more_config='user: nobody'
gw_start west
gw_start east
grep -q 'runs as user nobody' "$tmp/west/log" || fail "the log does not say who the daemon is"
bounded west nobody
bounded east nobody
[ "$(openers west)" -eq 1 ] || fail "$(openers west) threads open devices again, not one"
[ -z "$(find "$tmp/west/state" ! -user nobody)" ] || fail "not the user's: $(find "$tmp/west/state" ! -user nobody)"

say "SAs, a rekey, ESP"
policies_add west
policies_add east
sa_add west out west 1
[ "$(out_seq)" -gt 0 ] || fail "the store has forgotten that root's daemon had this key"
sa_del west west 1
tunnel_add 2
ping_all a 3 -i 0.2 10.2.0.2
rekey 2
ping_all a 3 -i 0.2 10.2.0.2

west run -- ip xfrm state >"$tmp/states" || fail "ip xfrm state"
[ "$(grep -c '^src 192' "$tmp/states")" -eq 2 ] || fail "ip xfrm does not see both SAs: $(cat "$tmp/states")"

say "a reload: an address, a route"
more_config='user: nobody
routes:
  - {to: 10.9.0.0/16, via: 10.1.0.2, port: lan}'
gw_config west | sed 's,10\.1\.0\.1/24,10.1.0.1/24\, 10.7.0.1/24,' >"$tmp/west/culvert.yaml"
kill -HUP "$(gw_pid west)"
until_true 5 route_known || fail "no new route: $(tail -n 3 "$tmp/west/log")"
ns west ip addr show dev lan | grep -q '10\.7\.0\.1/24' || fail "no new address"

say "a tunnel's command, which is that user's"
west policy flush
east policy flush
cat >"$tmp/to-east" <<END
#!/bin/sh
id -un >&2
grep '^CapEff\|^Seccomp:' /proc/self/status >&2
exec "$culvert" --socket "$tmp/east/culvert.sock" tunnel accept site
END
chmod 755 "$tmp/to-east"
chmod 666 "$tmp/east/culvert.sock" # nobody is in no group that may speak
east tunnel add site vnet blue local 192.0.2.2 remote 192.0.2.1 local-prefix 10.2.0.0/24 remote-prefix 10.1.0.0/24
west tunnel add site vnet blue local 192.0.2.1 remote 192.0.2.2 local-prefix 10.1.0.0/24 remote-prefix 10.2.0.0/24 \
  exchange "$tmp/to-east"
until_true 10 tunnel_up || fail "no tunnel: $(tail -n 3 "$tmp/west/log")"
for said in nobody 'CapEff:.0000000000000000' 'Seccomp:.0'; do
  grep -q "its exchange command says: $said" "$tmp/west/log" || fail "the command did not run as $said"
done
ping_all a 3 -i 0.2 10.2.0.2

say "it stops, and lets go of its interfaces"
[ "$ports" != af_xdp ] || [ "$(xdp_programs)" -eq 2 ] || fail "no XDP programs: this test cannot see them vanish"
gw_stop west || fail "the daemon as another user does not stop as it should"
[ "$(xdp_programs)" -eq 0 ] || fail "XDP programs stay: $(ip -n "$net-west" link show)"

say "reopen: false: no thread keeps more than locked memory"
more_config='user: nobody
reopen: false'
gw_start west
bounded west nobody
[ "$(openers west)" -eq 0 ] || fail "a thread keeps the rights to open devices all the same"
gw_stop west || fail "the daemon does not stop as it should"

say "a fault writes no core"
more_config='user: nobody'
mkdir "$tmp/witness" "$tmp/fault"
killed_by_fault "$tmp/witness" sleep 60
kill -SEGV $victim
wait $victim 2>/dev/null || :
[ -n "$(find "$tmp/witness" -type f)" ] || say "this machine writes no cores here: nothing to see"
gw_config west >"$tmp/west/culvert.yaml"
chmod 777 "$tmp/fault"
killed_by_fault "$tmp/fault" ip netns exec "$net-west" env RUNTIME_DIRECTORY="$tmp/west" \
  ASAN_OPTIONS=handle_segv=0 TSAN_OPTIONS=handle_segv=0 "$culvertd" -c "$tmp/west/culvert.yaml" 2>>"$tmp/west/log"
echo $victim >"$tmp/west/pid"
until_true 15 gw_answers west || fail "the daemon does not start: $(tail -n 1 "$tmp/west/log")"
kill -SEGV $victim
status=0
wait $victim 2>/dev/null || status=$?
[ $status -eq 139 ] || fail "the fault ended it with status $status, not 139"
[ -z "$(find "$tmp/fault" "$tmp/west" -name 'core*')" ] || fail "a core was written"
