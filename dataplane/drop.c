/* SPDX-License-Identifier: BSD-3-Clause
 * The names of the drop reasons and what each tells the operator. Constant data; any thread. */
#include "dataplane/drop.h"

#include <assert.h>
#include <stddef.h>

struct reason {
	const char *name;
	const char *help;
};

/* In the order of enum dp_drop. */
static const struct reason reasons[] = {
    /* parse */
    {"ether-type",
     "neither IP nor ARP: other protocols are not carried, nor is IPv6 on the underlay, nor what a twin tags itself"},
    {"ether-dst", "frame for another host's MAC: normal on a hub or promiscuous wire, else see neighbours' ARP tables"},
    {"vlan-unknown",
     "tagged for a VLAN that is no port's: add a port with 'on' and 'vlan', or mend the switch's list of VLANs"},
    {"vlan-missing", "without a VLAN tag on a port that carries tagged frames only: mend the switch's native VLAN"},
    {"vlan-stacked",
     "more than one VLAN tag, or a provider's (802.1ad): one tag of 802.1Q is carried; mend the switch"},
    {"ip-truncated",
     "frame ends before the headers it announces: look for a broken sender or a capture replayed short"},
    {"ip-version", "EtherType and the header's version field disagree: broken sender"},
    {"ip-length",
     "IP length is shorter than the header, longer than the frame, or of a fragment beyond 65535: broken sender"},
    {"ip-checksum", "IP header checksum is wrong: damaged on the way, or a sender that leaves it to hardware"},
    {"ip-options", "IP options are not carried through the gateway: have the sender leave them out"},
    {"ip-martian", "an address can be no host's (multicast, broadcast, loopback, this network, mapped IPv4): spoofed "
		   "or misconfigured"},
    {"ip-multicast", "multicast or broadcast beyond this link, and no policy whose destination is within it: only such "
		     "a one carries it"},
    {"ip6-link", "link-local address or neighbour discovery on its way off its link (RFC 4291 2.5.6): misconfigured "
		 "host, or an attack"},
    {"ip6-hop-by-hop", "hop-by-hop options are not carried through the gateway: have the sender leave them out"},
    {"ip6-routing",
     "routing header of type 0 (RFC 5095), or from the underlay one that leads on: it lets a sender multiply "
     "traffic"},
    {"ip6-extension", "extension headers are cut short, too many, hide the protocol behind a fragment, or have options "
		      "that must be known: "
		      "broken sender, or an attack"},
    {"segmented", "packet spans several buffers and fits none: set the port's MTU to what the peer sends, LRO/GRO off"},
    {"underlay-not-local", "underlay packet for an address that is not the gateway's: the underlay is never forwarded"},
    /* policy */
    {"no-policy", "no policy matches, and without one nothing passes: add one, see 'culvert policy show'"},
    {"policy", "a policy with action drop matched: see 'culvert policy show' for which"},
    {"no-sa",
     "a policy wants protection and no SA fits it (an ACQUIRE was sent): see 'culvert sa show' and the IKE log"},
    {"clear-protected",
     "came in clear where policy wants IPsec (RFC 4301 5.2): check the peer's policies, or a spoofer"},
    {"fragment-ports",
     "later fragment without ports where a policy asks for ports: avoid fragments or widen the policy"},
    {"inject-source", "the kernel sent from an address its twin device does not have: see 'ip addr' and 'ip rule'"},
    /* esp_in */
    {"fragment-length",
     "fragment of ESP or UDP that is empty, no multiple of 8 or of too long a packet: broken, or an attack"},
    {"fragment-overlap",
     "fragments of one packet overlap (RFC 5722): an attack, or a sender that uses an ID again too soon"},
    {"fragment-duplicate", "the same fragment came twice: a duplicating network, no harm done"},
    {"fragment-timeout",
     "fragments of a packet did not all come in 15 s: loss on the way; lower the peer's tunnel MTU"},
    {"fragment-full",
     "too many packets wait for their fragments, the oldest went: a flood, or lower the peer's tunnel MTU"},
    {"udp-length", "UDP length of ESP in UDP is below 8 or beyond its IP packet: damaged, or a broken sender or NAT"},
    {"nat-keepalive", "NAT keepalive (RFC 3948 2.3): has done its work on the way here, dropped by design, no fault"},
    {"esp-truncated", "too short to hold SPI, sequence, IV, trailer and tag: damaged, or not ESP at all"},
    {"esp-unaligned", "ESP length is not a multiple of 4 (RFC 4303 2.4): damaged, or another algorithm at the peer"},
    {"esp-no-sa", "ESP for an SPI and destination no SA has: compare 'culvert sa show' on both ends; after a rekey the "
		  "peer may still use an old SPI"},
    {"sa-direction",
     "packet came for an SA that is outbound only: the peer reflects our packets, or the SPIs are swapped"},
    {"encap-missing",
     "came as plain ESP for an SA with UDP encapsulation: set encap on both ends or none, or a forgery"},
    {"encap-unwanted", "came in UDP for an SA without UDP encapsulation: set encap on both ends or none, or a forgery"},
    {"sa-expired",
     "SA is past a hard limit or was just deleted: see its lifetimes in 'culvert sa show'; is IKE rekeying?"},
    {"replay-old",
     "sequence number left of the replay window: late packet or replay; reordering needs a larger window"},
    {"replay-dup",
     "sequence number seen before: a replay, a duplicating network, or the peer restarted on the same key"},
    {"seq-zero", "sequence number 0 is never sent (RFC 4303 3.3.3): broken peer or forgery"},
    {"icv", "tag does not verify: damaged or forged, or key, salt or ESN differ; compare both ends' 'culvert sa show'"},
    {"esp-padding", "padding verified but is not 1, 2, 3... or too long (RFC 4303 2.4): the peer's ESP is at fault"},
    {"esp-next-header",
     "inner protocol is neither IPv4 nor IPv6: the peer uses transport mode, only tunnel mode is carried"},
    {"esp-dummy", "dummy packet for traffic-flow confidentiality (RFC 4303 2.6): dropped by design, no fault"},
    {"inner-version", "inner packet is not of the IP version that ESP says: the peer is at fault"},
    {"inner-length", "inner IP length does not fit what was decrypted: the peer is at fault"},
    {"inner-checksum", "inner IP header checksum is wrong: its sender is at fault, ESP itself verified"},
    {"inner-ecn", "outer marked congestion, inner cannot (RFC 6040 4.2): loss is the signal; enable ECN at the hosts"},
    {"inner-selector", "inner packet lies outside its SA's selector (RFC 4301 5.2): compare both ends' selectors"},
    {"inner-policy", "no inbound policy allows this packet through this SA: see fwd and in of 'culvert policy show'"},
    /* esp_out */
    {"out-selector", "policy chose an SA whose selector excludes the packet: make policy and SA selectors agree"},
    {"own-fragment",
     "a fragment that the gateway's own kernel made, where policy asks for transport mode: lower the MTU of its "
     "route (ip route ... mtu)"},
    {"seq-spent", "SA has no sequence number left or its reserve is not on disk yet: rekey, or check the store's disk"},
    {"no-headroom", "no room in the buffer before or after the packet for headers: driver keeps too little headroom"},
    {"mtu", "too big for its way, with ESP around it, and may not be cut: the sender was told (ICMP); lower its MTU"},
    {"no-buffer", "no packet buffer was left for the fragments of a long packet: raise 'packets:'"},
    {"engine-full", "crypto engine took no more: load beyond it; add workers or choose a faster engine"},
    {"engine-failed", "crypto engine reported a failure: restart with another 'engine:' and report it with the log"},
    /* forward, tx, punt */
    {"ttl", "TTL or hop limit ran out here (sender was told): a traceroute, or a routing loop if many"},
    {"no-route",
     "no route to the destination in its virtual network or underlay: see 'culvert route show', 'ip route'"},
    {"blackhole", "route is blackhole, unreachable or prohibit: see 'culvert route show'"},
    {"route-domain",
     "route leads out of the packet's virtual network or to the gateway itself: check that route's device"},
    {"neigh-timeout", "next hop did not answer ARP or neighbour discovery in time: see 'culvert neigh show', is it up "
		      "and on this link?"},
    {"hold-full",
     "too many packets wait for their neighbour to answer: next hop is slow or down, see 'culvert neigh show'"},
    {"punt-full", "kernel takes the packets for itself too slowly: a flood at the gateway's own addresses?"},
    {"tx-full", "port's transmit queue is full: traffic beyond the link's speed, see 'culvert port show'"},
    {"port-down", "port to send on has no link: see 'culvert port show', the cable, the other end"},
    {"shutdown", "packet was still waiting when the gateway stopped: no fault"},
};
static_assert(sizeof(reasons) / sizeof(reasons[0]) == DP_DROP_COUNT, "every drop reason has a name and a help");

const char *
dp_drop_name(enum dp_drop reason)
{
	return (unsigned)reason < DP_DROP_COUNT ? reasons[reason].name : NULL;
}

const char *
dp_drop_help(enum dp_drop reason)
{
	return (unsigned)reason < DP_DROP_COUNT ? reasons[reason].help : NULL;
}
