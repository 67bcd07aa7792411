# SPDX-License-Identifier: BSD-3-Clause
# strongSwan for the interop scripts: a charon on each gateway, or in the guest, each with its own configuration, its own
# vici socket and no systemd. Sourced after lib.sh by a script of this folder.
# shellcheck shell=sh

ike_plugins="random nonce openssl kdf pem pkcs1 pkcs8 x509 pubkey constraints socket-default vici"

ike_needs() {
  needs charon-systemd strongswan-swanctl strongswan-libcharon libstrongswan libstrongswan-standard-plugins "$@"
}

# What a guest needs to run it.
ike_files() {
  echo /usr/sbin/charon-systemd /usr/sbin/swanctl /usr/lib/x86_64-linux-gnu/libgcc_s.so.1 # which ends threads
  for plugin in $ike_plugins kernel-netlink; do
    file=/usr/lib/ipsec/plugins/libstrongswan-$plugin.so
    [ ! -f "$file" ] || echo "$file" # some are built in
  done
}

# ---- configuration ----
# Retransmits come early, for the wire of a test is short, and end after some 8 s: a guest whose processor is emulated, on a
# machine that does other things, takes seconds to answer, and is not dead.
ike_settings() { # folder, kernel's plugin, where the log goes
  cat <<EOF
charon-systemd {
  load = $ike_plugins $2
  install_routes = ${ike_routes:-no}
  install_virtual_ip = no
  make_before_break = yes
  keep_alive = 1s
  retransmit_tries = 5
  retransmit_timeout = 0.5
  retransmit_base = 1.4
  filelog {
    log {
      path = $3
      default = 1
      knl = ${ike_log:-1}
      flush_line = yes
    }
  }
  journal { default = -1 }
  plugins { vici { socket = unix://$1/vici } }
}
swanctl { load = random nonce openssl pem pkcs1 pkcs8 x509 }
pki { load = random nonce openssl pem pkcs1 pkcs8 x509 }
EOF
}

# A connection called blue, from this end: gateway. Its words, variables of the caller, have these defaults.
ike_connection() {
  mine=$(gw_number "$1")
  other=$((3 - mine))
  ike_if_id="if_id_in = 1
        if_id_out = 1"
  [ "$1" != "$no_culvert" ] || ike_if_id=
  cat <<EOF
connections {
  blue {
    version = 2
    local_addrs = ${ike_local:-$(outer_of "$mine")}
    remote_addrs = ${ike_remote:-$(outer_of "$other")}
    proposals = aes256gcm16-prfsha384-ecp256
    mobike = ${ike_mobike:-no}
    ${ike_words:-}
    local {
      auth = ${ike_auth:-psk}
      id = gw$mine.example
      ${ike_certificate:+certs = gw$mine.pem}
    }
    remote {
      auth = ${ike_auth:-psk}
      id = gw$other.example
    }
    children {
      blue {
        local_ts = 10.$mine.0.0/24${ike_ipv6:+, 2001:db8:$mine::/64}
        remote_ts = 10.$other.0.0/24${ike_ipv6:+, 2001:db8:$other::/64}
        esp_proposals = ${ike_esp:-aes256gcm16-esn}
        $ike_if_id
        ${child_words:-replay_window = 128}
      }
      ${more_children:-}
    }
  }
}
secrets {
  ike {
    secret = "the two gateways of this test"
  }
}
EOF
}

ike_folder() {
  echo "$tmp/ike-$1"
}

ike_configure() { # gateway
  mkdir -p "$(ike_folder "$1")/swanctl"
  ike_connection "$1" >"$(ike_folder "$1")/swanctl/swanctl.conf"
  ! in_guest "$1" || guest_put "$(ike_folder "$1")"
}

# ---- life ----
swan() { # gateway, swanctl's words...
  swan_at=$1
  shift
  on "$swan_at" env SWANCTL_DIR="$(ike_folder "$swan_at")/swanctl" STRONGSWAN_CONF="$(ike_folder "$swan_at")/strongswan.conf" \
    swanctl "$@" --uri "unix://$(ike_folder "$swan_at")/vici" 2>&1
}

ike_answers() {
  swan "$1" --stats >/dev/null
}

ike_load() { # gateway
  swan "$1" --load-all >"$(ike_folder "$1")/load" || fail "swanctl on $1: $(cat "$(ike_folder "$1")/load")"
}

# Starts a charon: gateway, plugin for the kernel, the command that comes before it (none: charon speaks to the kernel).
ike_start() {
  folder=$(ike_folder "$1") ike_at=$1 ike_kernel=$2
  shift 2
  [ -f "$folder/swanctl/swanctl.conf" ] || ike_configure "$ike_at"
  if in_guest "$ike_at"; then
    ike_settings "$folder" "$ike_kernel" /dev/console >"$folder/strongswan.conf"
    guest_put "$folder"
    guest "STRONGSWAN_CONF=$folder/strongswan.conf charon-systemd >$folder/out 2>&1 & echo \$!" >"$folder/pid"
  else
    ike_settings "$folder" "$ike_kernel" "$folder/log" >"$folder/strongswan.conf"
    ns_start "$ike_at" env STRONGSWAN_CONF="$folder/strongswan.conf" "$@" charon-systemd >>"$folder/out" 2>&1
    echo $! >"$folder/pid"
  fi
  until_true 10 ike_answers "$ike_at" || fail "charon on $ike_at does not answer: $(swan "$ike_at" --stats)"
  ike_load "$ike_at"
}

# charon with its stock plugin, over Culvert in the kernel's stead.
ike_start_culvert() { # gateway
  ike_start "$1" kernel-netlink "$culvert" --socket "$tmp/$1/culvert.sock" run --
}

ike_pid() {
  cat "$(ike_folder "$1")/pid"
}

# SIGTERM: charon tells its peer, takes its SAs and policies down, and ends with 0.
ike_stop() { # gateway
  if in_guest "$1"; then
    guest "kill $(ike_pid "$1")"
    return
  fi
  kill "$(ike_pid "$1")"
  wait "$(ike_pid "$1")" || fail "charon on $1 ended with status $?"
}

ike_crash() { # gateway
  kill -9 "$(ike_pid "$1")"
  wait "$(ike_pid "$1")" 2>/dev/null || :
}

# ---- what is up ----
# Of each child in the state asked for (INSTALLED and so on): name, reqid, inbound SPI, outbound SPI, bytes and packets in,
# bytes and packets out; one child a line.
children() { # gateway, state
  swan "$1" --list-sas | awk -v state="$2" '
    function numbers() {
      match($0, /[0-9]+ bytes/)
      bytes = substr($0, RSTART, RLENGTH - 6)
      match($0, /[0-9]+ packets/)
      return bytes " " substr($0, RSTART, RLENGTH - 8)
    }
    /^  [^ ]*: #[0-9]*, reqid / { name = $1; sub(/:$/, "", name); reqid = $4 + 0; on = index($0, ", " state ",") }
    on && ($1 == "in" || $1 == "out") { sub(/,$/, "", $2) }
    on && $1 == "in" { spi_in = $2; counts = numbers() }
    on && $1 == "out" { print name, reqid, "0x" spi_in, "0x" $2, counts, numbers(); on = 0 }'
}

child_up() { # gateway, name
  children "$1" INSTALLED | grep -q "^${2:-blue} "
}

no_child() {
  [ -z "$(children "$1" INSTALLED)" ]
}

ike_sas() { # gateway: how many IKE SAs are up
  swan "$1" --list-sas | grep -c ' ESTABLISHED, IKEv2'
}

ike_initiate() { # gateway, child
  swan "$1" --initiate --child "${2:-blue}" --timeout 20 >"$tmp/initiate" || fail "initiate: $(tail -n 4 "$tmp/initiate")"
  for each in west east; do
    until_true 5 child_up $each "${2:-blue}" || fail "$each has no CHILD_SA ${2:-blue}"
  done
}

# ---- certificates ----
# A CA and a certificate for each gateway: rsa or ecdsa.
ike_certificates() {
  needs strongswan-pki
  STRONGSWAN_CONF=$(ike_folder west)/strongswan.conf
  export STRONGSWAN_CONF
  size=$([ "$1" = rsa ] && echo 2048 || echo 256)
  mkdir -p "$tmp/ca"
  pki --gen --type "$1" --size "$size" --outform pem >"$tmp/ca/key"
  pki --self --ca --type "$1" --in "$tmp/ca/key" --dn "CN=Culvert $1 CA" --lifetime 1 --outform pem >"$tmp/ca/cert"
  for each in west east; do
    folder=$(ike_folder $each)/swanctl name=gw$(gw_number $each)
    mkdir -p "$folder/x509ca" "$folder/x509" "$folder/private"
    pki --gen --type "$1" --size "$size" --outform pem >"$folder/private/$name.pem"
    pki --issue --in "$folder/private/$name.pem" --type priv --cacert "$tmp/ca/cert" --cakey "$tmp/ca/key" --lifetime 1 \
      --dn "CN=$name.example" --san "$name.example" --outform pem >"$folder/x509/$name.pem"
    cp "$tmp/ca/cert" "$folder/x509ca/ca.pem"
  done
}

# ---- what must hold ----
# What swanctl says of a child's bytes and packets is what the dataplane counted, SA by SA: gateway, child.
counters_true() {
  line=$(children "$1" INSTALLED | grep "^$2 ")
  # shellcheck disable=SC2086 # a list of words
  set -- "$1" $line
  [ "$(sa_counted "$1" "$(gw_number "$1")" "$4")" = "$6 $7" ] &&
    [ "$(sa_counted "$1" $((3 - $(gw_number "$1"))) "$5")" = "$8 $9" ]
}

sa_counted() { # gateway, last byte of the SA's destination, SPI: bytes and packets
  "$1" -j sa show dst "$(outer_of "$2")" spi "$3" | "$python" "$here/stats.py" values bytes packets
}

count_of() { # gateway, object: how many there are
  "$1" -j "$2" show | "$python" "$here/stats.py" count
}

# Nothing that IKE installed is left in the dataplane, or in the guest's kernel (whose sockets have policies of their own).
dataplane_empty() { # gateway
  if in_guest "$1"; then
    [ -z "$(guest "ip xfrm state; ip xfrm policy list nosock")" ]
    return
  fi
  [ "$(count_of "$1" sa)" -eq 0 ] && [ "$(count_of "$1" policy)" -eq 0 ]
}

ike_terminate() { # gateway
  swan "$1" --terminate --ike blue --timeout 20 >"$tmp/terminate" || fail "terminate: $(tail -n 4 "$tmp/terminate")"
  for each in west east; do
    until_true 5 no_child $each || fail "$each still has a CHILD_SA"
    until_true 5 dataplane_empty $each || fail "$each: an SA or a policy is left in the dataplane"
  done
}

# West's child seen from the other end: in and out exchanged.
mirrored() {
  children west INSTALLED | awk '{ print $1, $4, $3, $7, $8, $5, $6 }'
}

# Both ends of each SA count the same packets and bytes, and so does the dataplane of West.
ends_agree() {
  [ "$(mirrored)" = "$(children east INSTALLED | awk '{ print $1, $3, $4, $5, $6, $7, $8 }')" ] && counters_true west blue
}

# Two gateways, with charon on each, and nothing up.
two_ikes() {
  ike_needs
  topology
  for each_gateway in west east; do
    gw_start $each_gateway
    ike_start_culvert $each_gateway
  done
}

# Ends both charons, as an operator does.
ikes_end() {
  for each in west east; do
    ike_stop $each
    until_true 3 dataplane_empty $each || fail "$each: charon's end left an SA or a policy in the dataplane"
  done
}

# New configuration on both, what the caller's variables say.
ike_reload() {
  for each in west east; do
    ike_configure $each
    ike_load $each
  done
}

spis() { # gateway, child: inbound and outbound
  children "$1" INSTALLED | sed -n "s/^${2:-blue} [0-9]* \(0x[0-9a-f]* 0x[0-9a-f]*\) .*/\1/p"
}

# One child is installed on both, other than before, and both mean the same SAs: SPIs at West before.
rekeyed() {
  now=$(spis west)
  [ -n "$now" ] && [ "$now" != "$1" ] && [ "$(spis east)" = "${now#* } ${now% *}" ]
}

rekey_by() { # who starts
  before=$(spis west)
  swan "$1" --rekey --child blue >"$tmp/rekey" || fail "rekey by $1: $(cat "$tmp/rekey")"
  until_true 10 rekeyed "$before" || fail "no rekey by $1: $(swan "$1" --list-sas)"
}

# ---- who moves ----
# What the wire shows in the clear; ARP, broadcasts and what the gateways' kernels say to each other are not meant.
in_the_clear='ip and not ip proto 50 and not (udp and (port 500 or port 4500)) and net 10.0.0.0/8'

none_in_the_clear() { # capture
  [ "$(capture_count "$1" "$in_the_clear")" -eq 0 ] || fail "in the clear: $(tcpdump -nr "$1" "$in_the_clear" 2>/dev/null | head -n 3)"
}

# Under each SPI on the wire the numbers go up, and none comes twice, for each is a nonce: capture, packets at least.
numbers_go_up() {
  tcpdump -n -r "$1" 'ip proto 50 or (udp port 4500 and udp[8:4] != 0)' 2>/dev/null | awk -v least="$2" '
    match($0, /ESP\(spi=0x[0-9a-f]*,seq=0x[0-9a-f]*/) {
      split(substr($0, RSTART, RLENGTH), part, /[=,]/)
      spi = part[2]; seq = sprintf("%8s", substr(part[4], 3)) # so that they sort
      if (spi in last && seq <= last[spi]) { print "SPI " spi ": " seq " after " last[spi]; bad = 1 }
      last[spi] = seq
      count++
    }
    END { if (count < least) { print count + 0 " packets of ESP, not " least; bad = 1 }
      exit bad }' >"$tmp/numbers" || fail "$(head -n 3 "$tmp/numbers")"
}

# Where a gateway's SAs are: address and SPI, one SA a line.
sa_places() { # gateway
  "$1" sa show | sed -n 's/^dst \([^ ]*\) *spi \([^ ]*\) .*/\1 \2/p' | sort
}

# Both gateways have the SAs that West had as SPIs before, and no other: West's SPIs, West's address as West has it and as East
# has it.
sas_are_at() {
  [ "$(spis west)" = "$1" ] && [ "$(spis east)" = "${1#* } ${1% *}" ] &&
    [ "$(sa_places west)" = "$(printf '%s\n' "$2 ${1% *}" "192.0.2.2 ${1#* }" | sort)" ] &&
    [ "$(sa_places east)" = "$(printf '%s\n' "$3 ${1% *}" "192.0.2.2 ${1#* }" | sort)" ]
}
