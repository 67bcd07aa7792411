# SPDX-License-Identifier: BSD-3-Clause
# What the interop scripts share beside tests/netns/lib.sh: the guest, which is a Linux kernel with ESP in QEMU.
# Sourced by a script of this folder.
# shellcheck shell=sh
. "$(dirname "$0")/../netns/lib.sh"
interop=$top/tests/interop
no_culvert= # the gateway in whose stead there is something else
guest_pid= # of QEMU, while there is a guest
guest_kernel=${CULVERT_GUEST:-$build/guest} # see guest/fetch

# What the whole suite needs beside what the end-to-end tests need; each test names its own.
needs() { # packages
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      skip "needs the package $package: apt-get install $package"
  done
}

# ---- the guest in East's stead ----
# Without KVM: TCG runs everywhere, and the tests ask for little. Frames go between the veths of East and the guest's two
# NICs over bridges; offloads are off, for the gateways read frames.
guest_nic() { # name, MAC
  echo "-netdev tap,id=$1,ifname=$1,script=no,downscript=no,vnet_hdr=off -device virtio-net-pci,netdev=$1,mac=$2,romfile="
}

guest_bridge() { # name, veth
  ip -n "$net-east" link add "$1" type bridge stp_state 0 forward_delay 0 mcast_snooping 0
  ip -n "$net-east" tuntap add "$1-tap" mode tap
  for device in "$1-tap" "$2"; do
    ip -n "$net-east" link set "$device" master "$1" up
  done
  ip -n "$net-east" link set "$1" arp off up
}

guest_start() { # files that the guest needs beside ip and busybox...
  needs qemu-system-x86 busybox-static
  [ -f "$guest_kernel/fetched" ] ||
    skip "no kernel for the guest in $guest_kernel: tests/interop/guest/fetch $guest_kernel gets it"
  [ ! -d /proc/sys/net/bridge ] || ns east sysctl -qw net.bridge.bridge-nf-call-iptables=0 \
    net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-arptables=0
  no_culvert=east
  guest_bridge wan e-wan
  guest_bridge lan e-lan
  mkdir "$tmp/guest"
  "$python" "$interop/guest/image.py" "$guest_kernel" "$tmp/guest/image" "$@" || fail "no image for the guest"
  # shellcheck disable=SC2046 # lists of words
  ns_start east qemu-system-x86_64 -accel tcg -machine q35 -cpu max -m "${guest_mb:-256}" -nodefaults -no-user-config \
    -display none -no-reboot -kernel "$guest_kernel"/boot/vmlinuz-* -initrd "$tmp/guest/image" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off" -serial "file:$tmp/guest/log" \
    -chardev "socket,id=agent,path=$tmp/guest/agent,server=on,wait=off" -serial chardev:agent \
    $(guest_nic wan-tap 02:00:00:00:02:01) $(guest_nic lan-tap 02:00:00:00:02:02) 2>"$tmp/guest/qemu"
  guest_pid=$!
  undo quit_guest
  until_true 5 [ -S "$tmp/guest/agent" ] || fail "QEMU did not start: $(cat "$tmp/guest/qemu")"
  "$python" "$interop/guest/ask.py" "$tmp/guest/agent" 60 || fail "the guest did not boot"
  guest "echo 1 | tee /proc/sys/net/ipv6/conf/*/disable_ipv6 >/run/null"
  guest "ip link set eth0 name e-wan && ip link set eth1 name e-lan && ip link set e-wan up && ip link set e-lan up" ||
    fail "the guest has not its two NICs"
}

# The guest's kernel is the router: it has East's addresses.
guest_router() {
  guest "ip addr add 192.0.2.2/24 dev e-wan && ip addr add 10.2.0.1/24 dev e-lan &&
    ip route add 10.1.0.0/24 via 192.0.2.1 && echo 1 >/proc/sys/net/ipv4/ip_forward" ||
    fail "the guest does not take East's addresses"
}

# Has the guest's shell carry out a command, given as words that it parses; at most 60 s.
guest() {
  "$python" "$interop/guest/ask.py" "$tmp/guest/agent" 60 "$@"
}

# Copies a folder with few and small files into the guest, under the same name.
guest_put() {
  guest "mkdir -p $1 && echo $(tar -C "$1" -cz . | base64 -w 0) | base64 -d | tar -C $1 -xz"
}

quit_guest() {
  kill "$guest_pid" 2>/dev/null
  wait "$guest_pid"
}

in_guest() { # gateway
  [ "$1" = east ] && [ -n "$guest_pid" ]
}

# Runs a short command on a gateway, whatever it is.
on() {
  if in_guest "$1"; then
    shift
    guest "$@"
  else
    ns "$@"
  fi
}

# ---- pings one after the other in short intervals ----
# A pings B until so many answers came, and none may be missing: count, then ping's arguments. On a busy machine an answer
# is late: with a deadline ping waits for it, and sends on meanwhile.
ping_each() {
  ping_count=$1
  shift
  ns_start a ping -c "$ping_count" -w 30 "$@" 10.2.0.2 >"$tmp/ping"
  wait $! || :
  no_hole "$tmp/ping" "$ping_count"
}
