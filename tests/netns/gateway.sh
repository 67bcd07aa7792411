# SPDX-License-Identifier: BSD-3-Clause
# The two gateways of an end-to-end script: configuration, life, tunnels, counters. Sourced by lib.sh.
# shellcheck shell=sh

ports=${CULVERT_PORTS:-auto} # auto, af_xdp or af_packet
huge_pages=off
# For a build with AddressSanitizer: DPDK's AF_XDP driver leaves libxdp's own bookkeeping behind, and libbpf's of each program that
# it has loaded itself.
export LSAN_OPTIONS="suppressions=$here/lsan.supp:print_suppressions=0"

noise='^libbpf: \|^libxdp: ' # what libraries say on stderr, whatever the daemon wants
running= # gateways that are up, and must leave well

west() {
  "$culvert" --socket "$tmp/west/culvert.sock" "$@"
}

east() {
  "$culvert" --socket "$tmp/east/culvert.sock" "$@"
}

# ---- configuration ----
gw_number() { # the last byte of its addresses' network
  [ "$1" = west ] && echo 1 || echo 2
}

port_device() { # index, interface
  case $ports in
  af_packet) echo "net_af_packet$1,iface=$2" ;;
  *) echo "net_af_xdp$1,iface=$2" ;;
  esac
}

algorithm= # of keys and SAs that are made; empty: what the CLI takes by itself
ipv6=off # on: the LANs have IPv6 besides

lan_v6() { # number
  [ "$ipv6" = off ] || echo ", 2001:db8:$1::1/64"
}

v6_settled() { # gateway, twin
  [ -z "$(ip -n "$net-$1" -6 addr show dev "$2" tentative)" ]
}

# Before its addresses have passed duplicate address detection a twin asks for no neighbour.
v6_settle() { # gateway, twin
  until_true 5 v6_settled "$1" "$2" || fail "$1: the IPv6 addresses of $2 do not settle"
}

lan_v6_settle() { # gateway
  v6_settle "$1" lan
}

outer=ipv4 # ipv6: the wire has IPv6 besides, and the tunnels are over that

outer_of() { # number
  [ "$outer" = ipv4 ] && echo "192.0.2.$1" || echo "2001:db8:f::$1"
}

wan_v6() { # number
  [ "$outer" = ipv4 ] || echo ", 2001:db8:f::$1/64"
}

# What does not depend on the networks.
gw_config_head() { # gateway
  cat <<EOF
log: ${log_level:-info}
engine: ${CULVERT_ENGINE:-auto}
workers: ${CULVERT_WORKERS:-1}
memory_mb: 128
huge_pages: $huge_pages
socket: $tmp/$1/culvert.sock
group: root
state: $tmp/$1/state
EOF
}

gw_config() { # gateway
  number=$(gw_number "$1")
  letter=$(printf '%.1s' "$1")
  gw_config_head "$1"
  cat <<EOF
vnets:
  - {name: blue, id: 1, default: ${vnet_default:-drop}}
ports:
  - {name: wan, device: "$(port_device 0 "$letter-wan")", underlay: true, mtu: 1500, addresses: [192.0.2.$number/24$(wan_v6 "$number")]}
  - {name: lan, device: "$(port_device 1 "$letter-lan")", vnet: blue, mtu: ${lan_mtu:-1500}${lan_more:-}, addresses: [10.$number.0.1/24$(lan_v6 "$number")]}
${more_config:-}
EOF
}

# ---- life ----
gw_pid() {
  cat "$tmp/$1/pid"
}

gw_answers() {
  "$1" port show >/dev/null 2>&1
}

gw_gone() {
  ! kill -0 "$(gw_pid "$1")" 2>/dev/null
}

gw_answers_or_gone() {
  gw_answers "$1" || gw_gone "$1"
}

gw_launch() {
  mkdir -p "$tmp/$1"
  gw_config "$1" >"$tmp/$1/culvert.yaml"
  # As systemd does, for the folder of the socket.
  ns_start "$1" env RUNTIME_DIRECTORY="$tmp/$1" "$culvertd" -c "$tmp/$1/culvert.yaml" 2>>"$tmp/$1/log"
  echo $! >"$tmp/$1/pid"
  until_true 15 gw_answers_or_gone "$1"
}

# Starts a gateway and waits until it answers. Where AF_XDP does not attach, all gateways of this run use AF_PACKET.
gw_start() {
  gw_launch "$1"
  if [ "$ports" = auto ]; then
    if gw_gone "$1"; then
      grep -v "$noise" "$tmp/$1/log" | tail -n 1
      say "ports: net_af_xdp does not attach here, net_af_packet instead"
      ports=af_packet
      gw_launch "$1"
    else
      ports=af_xdp
    fi
  fi
  gw_answers "$1" || fail "culvertd of $1 did not start: $(grep -v "$noise" "$tmp/$1/log" | tail -n 1)"
  running="$running $1"
}

gw_not_running() {
  rest=
  for name in $running; do
    [ "$name" = "$1" ] || rest="$rest $name"
  done
  running=$rest
}

# Ends a gateway as an operator does: its packets add up, it exits with 0 and leaves no twin and no socket.
gw_stop() {
  balance "$1" || return 1
  gw_not_running "$1"
  pid=$(gw_pid "$1")
  kill "$pid"
  wait "$pid" || {
    echo "culvertd of $1 ended with status $?"
    return 1
  }
  gw_left_nothing "$1"
}

# kill -9, as a crash would.
gw_crash() {
  gw_not_running "$1"
  pid=$(gw_pid "$1")
  kill -9 "$pid"
  wait "$pid" 2>/dev/null || :
}

gw_twins() {
  ns "$1" ip -o link show type tun
}

gw_left_nothing() {
  [ -z "$(gw_twins "$1")" ] || {
    echo "$1 left a TAP: $(gw_twins "$1")"
    return 1
  }
  [ -z "$(find "$tmp/$1" -type s)" ] || {
    echo "$1 left sockets: $(find "$tmp/$1" -type s)"
    return 1
  }
}

gateways_end() {
  ended=0
  for each in $running; do
    gw_stop "$each" || ended=1
  done
  return $ended
}

# ---- counters ----
stats() { # gateway, question to stats.py...
  gateway=$1
  shift
  "$gateway" -j stats show >"$tmp/$gateway/stats" && "$python" "$here/stats.py" "$@" <"$tmp/$gateway/stats"
}

# rx = tx + punted + dropped + held + joined, on every worker. Counters of a busy worker are read one by one: try until quiet.
balanced() {
  stats "$1" balance >"$tmp/$1/balance" 2>&1
}

balance() {
  until_true 3 balanced "$1" || {
    printf '%s: packets do not add up: %s\n' "$1" "$(cat "$tmp/$1/balance")"
    return 1
  }
}

drops() { # gateway, reasons...: how many packets were dropped for these reasons, for all of them without any
  gateway=$1
  shift
  "$gateway" -j stats show drops >"$tmp/$gateway/drops" && "$python" "$here/stats.py" drops "$@" <"$tmp/$gateway/drops"
}

# ---- to wait for ----
drops_grow() { # reason, from: more than that many of West's
  [ "$(drops west "$1")" -gt "$2" ]
}

said() { # by West
  grep -q "$1" "$tmp/west/log"
}

pings_again() {
  ns a ping -q -c 1 -W 1 10.2.0.2 >/dev/null
}

# ---- interfaces that go and come ----
# The one of West's inside port anew, with its host; down.
inside_new() {
  ip link add a-lan netns "$net-a" type veth peer name w-lan netns "$net-west"
  ns west ethtool -K w-lan tx off >/dev/null
  ns a ethtool -K a-lan tx off >/dev/null
  ip -n "$net-a" link set a-lan up
  host_add a 10.1.0.2 10.1.0.1
  gateway_port_prepare west w-lan
}

inside_back() {
  inside_new
  ip -n "$net-west" link set w-lan up
}

# Shown when a test fails.
show_state() {
  for each in $running; do
    for object in "sa show" "policy show" "neigh show" "stats show" "stats show drops"; do
      echo "---- $each: $object"
      # shellcheck disable=SC2086 # object and verb are two words
      "$each" $object 2>&1 || :
    done
  done
  for log in "$tmp"/*/log; do
    name=${log%/log}
    [ ! -f "$log" ] || grep -v "$noise" "$log" | tail -n 40 | sed "s/^/${name##*/}: /"
  done
}

# ---- tunnels ----
spi_of() { # gateway that sends, generation: 0x1001, 0x1002, ... from west, 0x2001 ... from east
  printf '0x%x%03x' "$(gw_number "$1")" "$2"
}

key_of() {
  echo "$tmp/$1.$2.key"
}

key_new() {
  west keygen "$(key_of "$1" "$2")" ${algorithm:+algorithm "$algorithm"} >/dev/null
}

# One SA on one gateway: gateway, direction, gateway that sends, generation, more words for "sa add".
sa_add() {
  sa_at=$1 sa_dir=$2 sa_from=$3 sa_generation=$4
  shift 4
  number=$(gw_number "$sa_from")
  "$sa_at" sa add src "$(outer_of "$number")" dst "$(outer_of $((3 - number)))" spi "$(spi_of "$sa_from" "$sa_generation")" \
    vnet blue key-file "$(key_of "$sa_from" "$sa_generation")" reqid 1 dir "$sa_dir" ${algorithm:+algorithm "$algorithm"} "$@"
}

sa_del() { # gateway, gateway that sends, generation
  number=$(gw_number "$2")
  "$1" sa del dst "$(outer_of $((3 - number)))" spi "$(spi_of "$2" "$3")"
}

policies_add() { # gateway
  local_net=10.$(gw_number "$1").0.0/24
  remote=$((3 - $(gw_number "$1")))
  remote_net=10.$remote.0.0/24
  here_outer=$(outer_of "$(gw_number "$1")")
  there_outer=$(outer_of $remote)
  "$1" policy add vnet blue dir out src "$local_net" dst "$remote_net" action protect \
    tunnel-src "$here_outer" tunnel-dst "$there_outer" reqid 1
  for direction in in fwd; do
    "$1" policy add vnet blue dir $direction src "$remote_net" dst "$local_net" action protect \
      tunnel-src "$there_outer" tunnel-dst "$here_outer" reqid 1
  done
}

policies_v6_add() { # gateway
  local_net=2001:db8:$(gw_number "$1")::/64
  remote=$((3 - $(gw_number "$1")))
  remote_net=2001:db8:$remote::/64
  "$1" policy add vnet blue dir out src "$local_net" dst "$remote_net" action protect \
    tunnel-src "$(outer_of "$(gw_number "$1")")" tunnel-dst "$(outer_of $remote)" reqid 1
  for direction in in fwd; do
    "$1" policy add vnet blue dir $direction src "$remote_net" dst "$local_net" action protect \
      tunnel-src "$(outer_of $remote)" tunnel-dst "$(outer_of "$(gw_number "$1")")" reqid 1
  done
}

# Adds a generation of SAs on both gateways. Who receives learns the key first, so no packet comes too early.
tunnel_add() {
  key_new west "$1"
  key_new east "$1"
  sa_add east in west "$1"
  sa_add west in east "$1"
  sa_add west out west "$1"
  sa_add east out east "$1"
}

# A rekey that loses nothing: new SAs, then the old outbound ones go; the old inbound ones stay while packets sent
# under them may be on the way.
rekey() { # old generation
  tunnel_add $(($1 + 1))
  sa_del west west "$1"
  sa_del east east "$1"
  sleep 0.3
  sa_del east west "$1"
  sa_del west east "$1"
}

# West alone; in East's stead the witness sits on the wire.
west_alone() {
  topology
  gw_start west
  policies_add west
  ip -n "$net-west" neigh replace 192.0.2.2 lladdr "$(mac_of east e-wan)" dev wan nud permanent
}

mac_of() {
  ns "$1" cat "/sys/class/net/$2/address"
}

# Runs a script of tests/witness/.
witness() {
  script=$1
  shift
  CULVERT_CLI=$culvert CULVERT_SOCKET=$tmp/west/culvert.sock CULVERT_TMP=$tmp PYTHONDONTWRITEBYTECODE=1 \
    CULVERT_NS_A=$net-a CULVERT_NS_WEST=$net-west CULVERT_NS_EAST=$net-east CULVERT_DRIVER=$ports \
    CULVERT_WEST_LAN_MAC=$(mac_of west lan) CULVERT_WEST_WAN_MAC=$(mac_of west wan) \
    "$python" "$top/tests/witness/$script" "$@" || fail "$script found a fault"
}

two_gateways() {
  topology
  gw_start west
  gw_start east
  policies_add west
  policies_add east
  tunnel_add 1
}
