/* SPDX-License-Identifier: BSD-3-Clause
 * Every mistake in a configuration is named by file, line and key, one case a line. */
#include "control/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 8192

struct reports {
	char text[ROOM];
};

static void
collect(void *arg, const char *line)
{
	struct reports *reports = arg;
	const size_t n = strlen(reports->text);

	snprintf(reports->text + n, ROOM - n, "%s%s", n > 0 ? "\n" : "", line);
}

static struct ctl_config *
parse(const char *text, struct reports *reports)
{
	reports->text[0] = '\0';
	return ctl_config_parse("c.yaml", text, strlen(text), collect, reports);
}

/* The shortest sound configuration: lines 1 and 2, so that a case's own text starts on line 3. */
#define WAN        "ports:\n- {name: wan, device: \"net_af_xdp0,iface=eth1\", underlay: true, addresses: [192.0.2.1/24]}\n"
#define PORT(keys) "ports: [{name: wan, device: net_null0, underlay: true}, {" keys "}]\n"
#define VNET       "vnets: [{name: v, id: 1}]\n"
#define VLAN(keys) PORT("name: trunk, device: net_null1, vnet: v}, {name: a, vnet: v, " keys) VNET
#define LAN6 \
	PORT("name: lan, device: net_null1, vnet: v, addresses: [\"2001:db8:1::1/64\"]") "vnets: [{name: v, id: 1}]\n"
#define KEYS                                                                                                        \
	"log, audit, audit_per_s, audit_policy, engine, workers, cpus, poll, idle_sleep_us, memory_mb, packets, "   \
	"nat_t_port, huge_pages, max_sas, "                                                                         \
	"max_policies, socket, group, user, reopen, state, source, mirror_report_s, mirror_audit_s, vnets, ports, " \
	"routes, tunnels"
#define DEVICES                                                                                                \
	"a DPDK device such as net_af_xdp0,iface=eth1 or net_af_packet0,iface=eth1, or a PCI address such as " \
	"0000:3b:00.0"
#define NAMES "letters, digits, '.', '_' and '-', not '.' or '-' first"
#define ADDRS "an address and its network's length, such as 192.0.2.1/24 or 2001:db8:1::1/64"
#define CPUS  "one CPU number for each worker, such as \"2,3\""
#define TO    "a prefix, such as 0.0.0.0/0, 198.51.100.0/24 or 2001:db8:2::/48"
#define YAML  "accepted: \"key: value\" lines, indented by spaces"

#define TUNNEL(keys) WAN "vnets: [{name: blue, id: 1}]\ntunnels: [{" keys "}]\n"
#define ENDS         "local: 192.0.2.1, remote: 192.0.2.2, "
#define NETS         "local_prefixes: [10.1.0.0/24], remote_prefixes: [10.2.0.0/24]"
#define SITE         "name: site, vnet: blue, "

/* clang-format off */
static const struct {
	const char *text;
	const char *report; /* without the file's name */
} bad[] = {
    /* tunnels */
    {TUNNEL(SITE ENDS "local_prefixes: [10.1.0.0/24]"), "4: tunnels[0].remote_prefixes: is missing; accepted: a list of prefixes, such as [10.2.0.0/16]"},
    {TUNNEL("name: site, vnet: bleu, " ENDS NETS), "4: tunnels[0].vnet: unknown virtual network 'bleu'; did you mean 'blue'? Accepted: blue"},
    {TUNNEL("name: -s, vnet: blue, " ENDS NETS), "4: tunnels[0].name: not allowed: '-s'; accepted: " NAMES "; the same on both gateways"},
    {TUNNEL(SITE "local: x, remote: 192.0.2.2, " NETS), "4: tunnels[0].local: not an address: 'x'; accepted: this gateway's outer address"},
    {TUNNEL(SITE ENDS "local_prefixes: 10.1.0.0/24, remote_prefixes: [10.2.0.0/24]"), "4: tunnels[0].local_prefixes: is not a list; accepted: a list of prefixes, such as [10.1.0.0/16]"},
    {TUNNEL(SITE ENDS "local_prefixes: [10.1.0.0], remote_prefixes: [10.2.0.0/24]"), "4: tunnels[0].local_prefixes: not a prefix: '10.1.0.0'; accepted: a list of prefixes, such as [10.1.0.0/16]"},
    {TUNNEL(SITE ENDS NETS) "source: kernel\n", "4: tunnels: not beside source: kernel, where all SAs and policies are the kernel's; accepted: source: socket, or no tunnels"},
    {TUNNEL(SITE ENDS NETS ", algorithm: aes-256-cbc"), "4: tunnels[0].algorithm: not an algorithm: 'aes-256-cbc'; accepted: aes-256-gcm-16, aes-128-gcm-16, chacha20-poly1305; aes-256-gmac, aes-128-gmac (these do not encrypt); the same on both gateways"},
    {TUNNEL(SITE ENDS NETS ", overlap: 4000"), "4: tunnels[0].overlap: out of range: '4000'; accepted: 0 to 3600"},
    {TUNNEL(SITE ENDS NETS ", tfc_pad: 0"), "4: tunnels[0].tfc_pad: out of range: '0'; accepted: 1 to 65535"},
    {TUNNEL(SITE ENDS NETS ", outer_dscp: 64"), "4: tunnels[0].outer_dscp: out of range: '64'; accepted: 0 to 63"},
    {TUNNEL(SITE ENDS NETS ", outer_df: keep"), "4: tunnels[0].outer_df: unknown value 'keep'; accepted: copy, set, clear"},
    {TUNNEL(SITE ENDS NETS ", outer_ttl: 256"), "4: tunnels[0].outer_ttl: out of range: '256'; accepted: 1 to 255"},
    {TUNNEL(SITE ENDS NETS ", window: 0"), "4: tunnels[0]: window off needs esn off: the high half of a 64-bit sequence number is worked out from the window (RFC 4303 A2)"},
    {TUNNEL(SITE ENDS NETS ", soft_packets: 9, hard_packets: 9"), "4: tunnels[0]: hard-packets 9 leaves no time after the soft limit (9): accepted is a soft limit from 1 on and below the hard one"},
    {TUNNEL(SITE ENDS NETS "}, {" SITE ENDS NETS), "4: tunnels[1].name: 'site' is taken by line 4; accepted: a name of its own"},
    /* not YAML, or not one configuration */
    {"", "1: the file: is empty; accepted: a configuration, see /etc/culvert/culvert.yaml"},
    {"# only a comment\n", "1: the file: is empty; accepted: a configuration, see /etc/culvert/culvert.yaml"},
    {"log: [info\n", "2: the file: not YAML at column 1: did not find expected ',' or ']'; " YAML},
    {WAN "\tlog: info\n", "3: the file: not YAML at column 1: found character that cannot start any token; " YAML},
    {WAN "log: \"in\xff\"\n", "3: the file: not YAML: invalid leading UTF-8 octet; accepted: text in UTF-8"},
    {WAN "log: *nobody\n", "3: the file: not YAML at column 6: found undefined alias; " YAML},
    {WAN "---\nlog: info\n", "4: the file: a second document starts; accepted: one document"},
    {"- wan\n", "1: the file: is a list, not keys with values"},
    {"wan\n", "1: the file: is a single value, not keys with values"},
    {"? [a]\n: b\n" WAN, "1: the file: is a list, not a single value; accepted: a key and a value"},
    /* keys */
    {"log: info\n", "1: ports: is missing; accepted: a list of ports, each with name, device (or on and vlan), and underlay: true or vnet"},
    {WAN "engin: auto\n", "3: engin: unknown key 'engin'; did you mean 'engine'? Accepted: " KEYS},
    {WAN "colour: red\n", "3: colour: unknown key 'colour'; accepted: " KEYS},
    {WAN "log: info\nlog: debug\n", "4: log: given twice; the first is on line 3"},
    {PORT("name: a, device: net_null1, vnet: x, adresses: []"), "1: ports[1].adresses: unknown key 'adresses'; did you mean 'addresses'? Accepted: name, device, on, vlan, underlay, vnet, mtu, mss, addresses"},
    /* choices */
    {WAN "log: loud\n", "3: log: unknown value 'loud'; accepted: error, warning, notice, info, debug"},
    {WAN "source: kernal\n", "3: source: unknown value 'kernal'; did you mean 'kernel'? Accepted: socket, kernel"},
    {WAN "mirror_report_s: 0\n", "3: mirror_report_s: out of range: '0'; accepted: 1 to 3600"},
    {WAN "mirror_audit_s: 86401\n", "3: mirror_audit_s: out of range: '86401'; accepted: 0 to 86400"},
    {WAN "log: inf\n", "3: log: unknown value 'inf'; did you mean 'info'? Accepted: error, warning, notice, info, debug"},
    {WAN "log:\n", "3: log: has no value; accepted: error, warning, notice, info, debug"},
    {WAN "log: [info]\n", "3: log: is a list, not a single value; accepted: error, warning, notice, info, debug"},
    {WAN "engine: ssl\n", "3: engine: unknown value 'ssl'; accepted: auto, vaes, ipsec-mb, openssl"},
    {WAN "poll: lazy\n", "3: poll: unknown value 'lazy'; accepted: adaptive, busy"},
    {WAN "nat_t_port: 0\n", "3: nat_t_port: out of range: '0'; accepted: 1 to 65535"},
    {WAN "nat_t_port: 500\n", "3: nat_t_port: 500 is for IKE without ESP (RFC 3947 4); accepted: any other port"},
    {WAN "huge_pages: on\n", "3: huge_pages: unknown value 'on'; accepted: auto, off"},
    /* numbers, at and beyond their ends */
    {WAN "workers: 0\n", "3: workers: out of range: '0'; accepted: 1 to 32"},
    {WAN "workers: 33\n", "3: workers: out of range: '33'; accepted: 1 to 32"},
    {WAN "workers: -1\n", "3: workers: not a whole decimal number: '-1'; accepted: 1 to 32"},
    {WAN "workers: 1.5\n", "3: workers: not a whole decimal number: '1.5'; accepted: 1 to 32"},
    {WAN "workers: 010\n", "3: workers: not a whole decimal number: '010'; accepted: 1 to 32"},
    {WAN "workers: 0x2\n", "3: workers: not a whole decimal number: '0x2'; accepted: 1 to 32"},
    {WAN "workers: 18446744073709551617\n", "3: workers: not a whole decimal number: '18446744073709551617'; accepted: 1 to 32"},
    {WAN "idle_sleep_us: 10001\n", "3: idle_sleep_us: out of range: '10001'; accepted: 1 to 10000"},
    {WAN "memory_mb: 127\n", "3: memory_mb: out of range: '127'; accepted: 128 to 1048576"},
    {WAN "packets: 1023\n", "3: packets: out of range: '1023'; accepted: 1024 to 4194304"},
    {WAN "max_sas: 0\n", "3: max_sas: out of range: '0'; accepted: 1 to 4194304"},
    {WAN "max_policies: 1048577\n", "3: max_policies: out of range: '1048577'; accepted: 1 to 1048576"},
    {PORT("name: a, device: net_null1, underlay: true, mtu: 575"), "1: ports[1].mtu: out of range: '575'; accepted: 576 to 9000"},
    {PORT("name: a, device: net_null1, underlay: true, mtu: 9001"), "1: ports[1].mtu: out of range: '9001'; accepted: 576 to 9000"},
    /* texts */
    {WAN "socket: run/culvert.sock\n", "3: socket: not allowed: 'run/culvert.sock'; accepted: an absolute path of at most 103 characters"},
    {WAN "state: ''\n", "3: state: has no value; accepted: a directory's absolute path of at most 199 characters"},
    {WAN "user: a:b\n", "3: user: not allowed: 'a:b'; accepted: the name of a user of this system, or root"},
    {WAN "group: \"a\\0b\"\n", "3: group: has a zero byte in it; accepted: the name of a group of users"},
    {WAN "group: abcdefghijklmnopqrstuvwxyz_abcdefg\n", "3: group: longer than 32 characters: 'abcdefghijklmnopqrstuvwxyz_abcdefg'; accepted: the name of a group of users"},
    /* CPUs */
    {WAN "cpus: all\n", "3: cpus: 'all' is not a list of CPU numbers below 1024 (workers: 1); accepted: " CPUS},
    {WAN "cpus: \"1,\"\n", "3: cpus: '1,' is not a list of CPU numbers below 1024 (workers: 1); accepted: " CPUS},
    {WAN "cpus: 1024\n", "3: cpus: '1024' is not a list of CPU numbers below 1024 (workers: 1); accepted: " CPUS},
    {WAN "cpus: 99999999999999999999\n", "3: cpus: '99999999999999999999' is not a list of CPU numbers below 1024 (workers: 1); accepted: " CPUS},
    {WAN "cpus: \"2,3\"\n", "3: cpus: '2,3' names more CPUs than there are workers (workers: 1); accepted: " CPUS},
    {WAN "workers: 3\ncpus: \"2,3\"\n", "4: cpus: '2,3' names fewer CPUs than there are workers (workers: 3); accepted: " CPUS},
    {WAN "workers: 2\ncpus: \"2,2\"\n", "4: cpus: '2,2' names a CPU twice (workers: 2); accepted: " CPUS},
    /* vnets */
    {WAN "vnets: blue\n", "3: vnets: is not a list; accepted: a list of virtual networks, each with name and id"},
    {WAN "vnets: [blue]\n", "3: vnets[0]: is a single value, not keys with values"},
    {WAN "vnets:\n- id: 1\n", "4: vnets[0].name: is missing; accepted: " NAMES},
    {WAN "vnets:\n- name: blue\n", "4: vnets[0].id: is missing; accepted: the XFRM if_id of its SAs and policies, 0 to 4294967295"},
    {WAN "vnets:\n- {name: blue, id: 4294967296}\n", "4: vnets[0].id: out of range: '4294967296'; accepted: 0 to 4294967295"},
    {WAN "vnets:\n- {name: \"b lue\", id: 1}\n", "4: vnets[0].name: not allowed: 'b lue'; accepted: " NAMES},
    {WAN "vnets:\n- {name: underlay, id: 1}\n", "4: vnets[0].name: 'underlay' is the outside itself; accepted: another name"},
    {WAN "vnets:\n- {name: a, id: 1}\n- {name: a, id: 2}\n", "5: vnets[1].name: 'a' is taken by line 4; accepted: a name of its own"},
    {WAN "vnets:\n- {name: a, id: 7}\n- name: b\n  id: 7\n", "6: vnets[1].id: 7 is taken by vnet 'a' on line 4; accepted: an id of its own"},
    {WAN "vnets: [{name: a, id: 1, default: accept}]\n", "3: vnets[0].default: unknown value 'accept'; accepted: drop, bypass"},
    {WAN "vnets: [{name: a, id: 1, netns: ../x}]\n", "3: vnets[0].netns: not allowed: '../x'; accepted: the name of a network namespace, as 'ip netns' lists them"},
    /* ports */
    {"ports:\n", "1: ports: none is the way to the outside; accepted: at least one port with underlay: true"},
    {"ports:\n- {name: lan, device: net_null0, vnet: a}\nvnets: [{name: a, id: 1}]\n", "2: ports: none is the way to the outside; accepted: at least one port with underlay: true"},
    {"ports:\n- device: net_null0\n  underlay: true\n", "2: ports[0].name: is missing; accepted: " NAMES},
    {"ports:\n- name: wan\n  underlay: true\n", "2: ports[0].device: is missing; accepted: a device of its own, or on: PORT and vlan: NUMBER"},
    {PORT("name: ../x, device: net_null1, underlay: true"), "1: ports[1].name: not allowed: '../x'; accepted: " NAMES},
    {PORT("name: sixteen-letters-, device: net_null1, underlay: true"), "1: ports[1].name: longer than 15 characters: 'sixteen-letters-'; accepted: " NAMES},
    {PORT("name: a, device: eth1, underlay: true"), "1: ports[1].device: not allowed: 'eth1'; accepted: " DEVICES},
    {PORT("name: a, device: \"00:1f.8\", underlay: true"), "1: ports[1].device: not allowed: '00:1f.8'; accepted: " DEVICES},
    {PORT("name: a, device: \"net_null1, x\", underlay: true"), "1: ports[1].device: not allowed: 'net_null1, x'; accepted: " DEVICES},
    {PORT("name: a, device: net_null1"), "1: ports[1].vnet: is missing; accepted: vnet: NAME, or underlay: true for the outside"},
    {PORT("name: a, device: net_null1, underlay: yes"), "1: ports[1].underlay: unknown value 'yes'; accepted: true, false"},
    {PORT("name: a, device: net_null1, vnet: blue"), "1: ports[1].vnet: unknown virtual network 'blue'; accepted: one that is listed under vnets"},
    {PORT("name: a, device: net_null1, vnet: blu") "vnets: [{name: blue, id: 1}, {name: red, id: 2}]\n", "1: ports[1].vnet: unknown virtual network 'blu'; did you mean 'blue'? Accepted: blue, red"},
    {PORT("name: a, device: net_null1, vnet: blue, underlay: true") "vnets: [{name: blue, id: 1}]\n", "1: ports[1].vnet: an underlay port is in no virtual network; accepted: one of underlay: true and vnet"},
    {PORT("name: wan, device: net_null1, underlay: true"), "1: ports[1].name: 'wan' is taken by the port on line 1; accepted: a name of its own"},
    {PORT("name: a, device: \"net_null0,x=1\", underlay: true"), "1: ports[1].device: 'net_null0' is the device of port 'wan' (line 1); accepted: a device of its own, with another name before the comma"},
    /* VLANs */
    {PORT("name: a, device: net_null1, vnet: x, mss: 87"), "1: ports[1].mss: not a segment size: '87'; accepted: off, auto or 88 to 8960"},
    {PORT("name: a, device: net_null1, vnet: x, mss: 1400x"), "1: ports[1].mss: not a segment size: '1400x'; accepted: off, auto or 88 to 8960"},
    {PORT("name: a, device: net_null1, underlay: true, mss: auto"), "1: ports[1].mss: only an inside port has TCP that could be lowered; accepted: with vnet"},
    {VLAN("on: trunk"), "1: ports[2].vlan: is missing; accepted: on: PORT and vlan: NUMBER together, for a VLAN on that port"},
    {VLAN("vlan: 20"), "1: ports[2].on: is missing; accepted: on: PORT and vlan: NUMBER together, for a VLAN on that port"},
    {VLAN("on: trunk, vlan: 0"), "1: ports[2].vlan: out of range: '0'; accepted: 1 to 4094"},
    {VLAN("on: trunk, vlan: 4095"), "1: ports[2].vlan: out of range: '4095'; accepted: 1 to 4094"},
    {VLAN("on: trunk, vlan: 20, device: net_null2"), "1: ports[2].device: is that of the port on which this one is a VLAN; accepted: a device of its own, or on: PORT and vlan: NUMBER"},
    {VLAN("on: trank, vlan: 20"), "1: ports[2].on: 'trank' is no port with a device; accepted: the name of one under ports"},
    {VLAN("on: trunk, vlan: 20}, {name: b, vnet: v, on: a, vlan: 21"), "1: ports[3].on: 'a' is no port with a device; accepted: the name of one under ports"},
    {VLAN("on: trunk, vlan: 20}, {name: b, vnet: v, on: trunk, vlan: 20"), "1: ports[3].vlan: VLAN 20 on 'trunk' is port 'a' (line 1); accepted: each VLAN of a port once"},
    {VLAN("on: trunk, vlan: 20, mtu: 1501"), "1: ports[2].mtu: 1501 is more than port 'trunk' has (1500); accepted: 576 to 1500"},
    {PORT("name: trunk, device: net_null1}, {name: a, vnet: v, on: wan, vlan: 20") VNET, "1: ports[1].vnet: is missing; accepted: vnet: NAME, or underlay: true for the outside"},
    {PORT("name: trunk, device: net_null1, addresses: [10.0.0.1/24]}, {name: a, vnet: v, on: trunk, vlan: 20") VNET, "1: ports[1].addresses: the port is in no domain, it only carries VLANs; accepted: vnet or underlay beside them, or addresses on its VLANs"},
    {PORT("name: trunk, device: net_null1}, {name: a, vnet: v, on: trunk, vlan: 20") VNET "routes: [{to: 10.0.0.0/8, port: trunk}]\n", "3: routes[0].port: port 'trunk' is in no domain, it only carries VLANs; accepted: one of those"},
    /* addresses */
    {PORT("name: a, device: net_null1, underlay: true, addresses: 10.0.0.1/24"), "1: ports[1].addresses: is not a list; accepted: a list, such as [192.0.2.1/24, 2001:db8:1::1/64]"},
    {PORT("name: a, device: net_null1, underlay: true, addresses: [10.0.0.1]"), "1: ports[1].addresses[0]: not an address of a host: '10.0.0.1'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, underlay: true, addresses: [10.0.0.1/33]"), "1: ports[1].addresses[0]: not an address of a host: '10.0.0.1/33'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, underlay: true, addresses: [10.0.0.1/0]"), "1: ports[1].addresses[0]: not an address of a host: '10.0.0.1/0'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, underlay: true, addresses: [10.0.0.0/24]"), "1: ports[1].addresses[0]: not an address of a host: '10.0.0.0/24'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, underlay: true, addresses: [10.0.0.255/24]"), "1: ports[1].addresses[0]: not an address of a host: '10.0.0.255/24'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, underlay: true, addresses: [127.0.0.1/8]"), "1: ports[1].addresses[0]: not an address of a host: '127.0.0.1/8'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, underlay: true, addresses: [224.0.0.5/24]"), "1: ports[1].addresses[0]: not an address of a host: '224.0.0.5/24'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, vnet: v, addresses: [\"ff02::1/64\"]") "vnets: [{name: v, id: 1}]\n", "1: ports[1].addresses[0]: not an address of a host: 'ff02::1/64'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, vnet: v, addresses: [\"::1/128\"]") "vnets: [{name: v, id: 1}]\n", "1: ports[1].addresses[0]: not an address of a host: '::1/128'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, vnet: v, addresses: [\"::/128\"]") "vnets: [{name: v, id: 1}]\n", "1: ports[1].addresses[0]: not an address of a host: '::/128'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, vnet: v, addresses: [\"::ffff:10.0.0.1/120\"]") "vnets: [{name: v, id: 1}]\n", "1: ports[1].addresses[0]: not an address of a host: '::ffff:10.0.0.1/120'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, vnet: v, addresses: [\"2001:db8:1::/64\"]") "vnets: [{name: v, id: 1}]\n", "1: ports[1].addresses[0]: not an address of a host: '2001:db8:1::/64'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, vnet: v, addresses: [\"2001:db8:1::/126\"]") "vnets: [{name: v, id: 1}]\n", "1: ports[1].addresses[0]: not an address of a host: '2001:db8:1::/126'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, vnet: v, addresses: [\"2001:db8:1::1\"]") "vnets: [{name: v, id: 1}]\n", "1: ports[1].addresses[0]: not an address of a host: '2001:db8:1::1'; accepted: " ADDRS},
    {PORT("name: a, device: net_null1, vnet: v, addresses: [\"2001:db8:1::1/129\"]") "vnets: [{name: v, id: 1}]\n", "1: ports[1].addresses[0]: not an address of a host: '2001:db8:1::1/129'; accepted: " ADDRS},
    {WAN "- {name: b, device: net_null1, underlay: true, addresses: [10.0.0.1/24, 192.0.2.1/25]}\n", "3: ports[1].addresses[1]: 192.0.2.1 is on port 'wan' already (line 2); accepted: each address once"},
    {PORT("name: a, device: net_null1, underlay: true, addresses: [10.0.0.1/24, 10.0.0.1/24]"), "1: ports[1].addresses[1]: 10.0.0.1 is on port 'a' already (line 1); accepted: each address once"},
    /* routes */
    {WAN "routes:\n- {via: 192.0.2.254, port: wan}\n", "4: routes[0].to: is missing; accepted: " TO},
    {WAN "routes:\n- {to: \"2001:db8::/32\", port: wan}\n", "4: routes[0].port: port 'wan' has no IPv6 address; accepted: one that has, for an IPv6 prefix"},
    {WAN "routes:\n- {to: 10.0.0.0/8, via: \"fe80::1\", port: wan}\n", "4: routes[0].via: fe80::1 and the prefix are of two families; accepted: a gateway of the prefix's"},
    {WAN "routes:\n- {to: \"2001:db8::1/32\", port: wan}\n", "4: routes[0].to: has bits beyond its length: '2001:db8::1/32'; accepted: " TO},
    {LAN6 "routes:\n- {to: \"::/0\", via: 10.0.0.9, port: lan}\n", "4: routes[0].via: 10.0.0.9 and the prefix are of two families; accepted: a gateway of the prefix's"},
    {LAN6 "routes:\n- {to: \"::/0\", via: \"2001:db8:2::9\", port: lan}\n", "4: routes[0].via: 2001:db8:2::9 is no neighbour on port 'lan'; accepted: an address in a network of that port"},
    {WAN "routes:\n- {to: 0.0.0.0/0, via: 192.0.2.254}\n", "4: routes[0].port: is missing; accepted: the name of a port under ports"},
    {WAN "routes:\n- {to: default, via: 192.0.2.254, port: wan}\n", "4: routes[0].to: not a prefix: 'default'; accepted: " TO},
    {WAN "routes:\n- {to: 10.0.0.0, via: 192.0.2.254, port: wan}\n", "4: routes[0].to: not a prefix: '10.0.0.0'; accepted: " TO},
    {WAN "routes:\n- {to: 10.0.0.1/24, via: 192.0.2.254, port: wan}\n", "4: routes[0].to: has bits beyond its length: '10.0.0.1/24'; accepted: " TO},
    {WAN "routes:\n- to: 0.0.0.0/0\n  via: gw\n  port: wan\n", "5: routes[0].via: not an address: 'gw'; accepted: a gateway's address, such as 192.0.2.254 or fe80::1; none for a network on link"},
    {WAN "routes:\n- to: 0.0.0.0/0\n  via: 198.51.100.1\n  port: wan\n", "5: routes[0].via: 198.51.100.1 is no neighbour on port 'wan'; accepted: an address in a network of that port"},
    {WAN "routes:\n- to: 0.0.0.0/0\n  via: 192.0.2.1\n  port: wan\n", "5: routes[0].via: 192.0.2.1 is no neighbour on port 'wan'; accepted: an address in a network of that port"},
    {WAN "routes:\n- to: 0.0.0.0/0\n  via: 192.0.2.2\n  port: wam\n", "6: routes[0].port: unknown port 'wam'; did you mean 'wan'? Accepted: wan"},
    {WAN "routes:\n- {to: 0.0.0.0/0, via: 192.0.2.2, port: wan}\n- {to: 0.0.0.0/0, via: 192.0.2.3, port: wan}\n", "5: routes[1].to: 0.0.0.0/0 with metric 0 is on line 4 already; accepted: another metric"},
    {WAN "routes:\n- {to: 0.0.0.0/0, port: wan, metric: 4294967296}\n", "4: routes[0].metric: out of range: '4294967296'; accepted: 0 to 4294967295"},
    /* one line, whatever stands there */
    {WAN "\"a\\nb\": 1\n", "3: the file: unknown key 'a?b'; accepted: " KEYS},
    /* what may be a key is not repeated */
    {WAN "00112233445566778899aabbccddeeff00112233: x\n", "3: the file: unknown key (a long hexadecimal word, not repeated here: it may be a key); accepted: " KEYS},
    {WAN "group: 00112233445566778899aabbccddeeff00112233\n", "3: group: longer than 32 characters: (a long hexadecimal word, not repeated here: it may be a key); accepted: the name of a group of users"},
};
/* clang-format on */

static void
every_mistake_is_named_by_line_and_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct reports reports;
		char expected[ROOM];

		snprintf(expected, sizeof(expected), "c.yaml:%s", bad[i].report);
		errno = 0;
		assert_null(parse(bad[i].text, &reports));
		assert_int_equal(errno, EINVAL);
		assert_string_equal(reports.text, expected);
	}
}

static void
all_mistakes_of_a_file_are_told_at_once(void **state)
{
	struct reports reports;

	(void)state;
	assert_null(parse("workers: 0\nports:\n- {name: a, device: x, underlay: maybe}\npacket: 1\n", &reports));
	assert_string_equal(reports.text,
			    "c.yaml:1: workers: out of range: '0'; accepted: 1 to 32\n"
			    "c.yaml:3: ports[0].device: not allowed: 'x'; accepted: " DEVICES "\n"
			    "c.yaml:3: ports[0].underlay: unknown value 'maybe'; accepted: true, false\n"
			    "c.yaml:4: packet: unknown key 'packet'; did you mean 'packets'? Accepted: " KEYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_mistake_is_named_by_line_and_key),
	    cmocka_unit_test(all_mistakes_of_a_file_are_told_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
