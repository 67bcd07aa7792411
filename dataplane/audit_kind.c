/* SPDX-License-Identifier: BSD-3-Clause
 * Which drop is an audit event, and of which kind. Constant data; any thread. */
#include "dataplane/audit.h"

#include <stddef.h>

static const struct {
	const char *name, *help;
} kinds[] = {
    [DP_AUDIT_NO_SA] = {"no-sa", "no SA that may be used for the packet's SPI and destination (RFC 4303 3.4.2)"},
    [DP_AUDIT_REPLAY] = {"replay", "sequence number seen before, too old, or 0 (RFC 4303 3.4.3)"},
    [DP_AUDIT_ICV] = {"icv", "tag does not verify (RFC 4303 3.4.4)"},
    [DP_AUDIT_SELECTOR] = {"selector", "packet is none that its SA may carry (RFC 4301 5.2, 4303 3.4.4)"},
    [DP_AUDIT_CLEAR] = {"clear", "packet in clear where policy wants IPsec (RFC 4301 5.2)"},
    [DP_AUDIT_POLICY] = {"policy", "no policy, or one that drops (RFC 4301 5.1); only with audit_policy"},
    [DP_AUDIT_SEQUENCE] = {"sequence", "outbound SA has no sequence number left (RFC 4303 3.3.3)"},
    [DP_AUDIT_SEQUENCE_NEAR] = {"sequence-near", "outbound SA has used 15 of 16 of its sequence numbers"},
    [DP_AUDIT_FRAGMENT] = {"fragment", "fragments where ESP must be whole do not make a packet (RFC 4303 3.4.1)"},
    [DP_AUDIT_MALFORMED] = {"malformed", "packet is no ESP packet, or what was in it no IP packet (RFC 4303 2)"},
    [DP_AUDIT_ENGINE] = {"engine", "crypto engine failed or took no more"},
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == DP_AUDIT_KINDS, "every kind has a name and a help");

/* Every reason stands here: one that does not is undecided, and a test says so. */
static const uint8_t kind_of[DP_DROP_COUNT] = {
    /* parse: what is no IPsec yet */
    [DP_DROP_ETHER_TYPE] = DP_AUDIT_NONE,
    [DP_DROP_ETHER_DST] = DP_AUDIT_NONE,
    [DP_DROP_VLAN_UNKNOWN] = DP_AUDIT_NONE,
    [DP_DROP_VLAN_MISSING] = DP_AUDIT_NONE,
    [DP_DROP_VLAN_STACKED] = DP_AUDIT_NONE,
    [DP_DROP_IP_TRUNCATED] = DP_AUDIT_NONE,
    [DP_DROP_IP_VERSION] = DP_AUDIT_NONE,
    [DP_DROP_IP_LENGTH] = DP_AUDIT_NONE,
    [DP_DROP_IP_CHECKSUM] = DP_AUDIT_NONE,
    [DP_DROP_IP_OPTIONS] = DP_AUDIT_NONE,
    [DP_DROP_IP_MARTIAN] = DP_AUDIT_NONE,
    [DP_DROP_IP_MULTICAST] = DP_AUDIT_NONE,
    [DP_DROP_IP6_LINK] = DP_AUDIT_NONE,
    [DP_DROP_IP6_HOP_BY_HOP] = DP_AUDIT_NONE,
    [DP_DROP_IP6_ROUTING] = DP_AUDIT_NONE,
    [DP_DROP_IP6_EXTENSION] = DP_AUDIT_NONE,
    [DP_DROP_SEGMENTED] = DP_AUDIT_NONE,
    [DP_DROP_UNDERLAY_NOT_LOCAL] = DP_AUDIT_NONE,
    /* policy; that an SA is wanted is told by ACQUIRE */
    [DP_DROP_NO_POLICY] = DP_AUDIT_POLICY,
    [DP_DROP_POLICY] = DP_AUDIT_POLICY,
    [DP_DROP_NO_SA] = DP_AUDIT_NONE,
    [DP_DROP_CLEAR_PROTECTED] = DP_AUDIT_CLEAR,
    [DP_DROP_FRAGMENT_PORTS] = DP_AUDIT_SELECTOR,
    [DP_DROP_INJECT_SOURCE] = DP_AUDIT_NONE,
    /* esp_in; what the network repeats, what keeps a NAT open and what is sent to be dropped is no event */
    [DP_DROP_FRAGMENT_LENGTH] = DP_AUDIT_FRAGMENT,
    [DP_DROP_FRAGMENT_OVERLAP] = DP_AUDIT_FRAGMENT,
    [DP_DROP_FRAGMENT_DUPLICATE] = DP_AUDIT_NONE,
    [DP_DROP_FRAGMENT_TIMEOUT] = DP_AUDIT_FRAGMENT,
    [DP_DROP_FRAGMENT_FULL] = DP_AUDIT_FRAGMENT,
    [DP_DROP_UDP_LENGTH] = DP_AUDIT_MALFORMED,
    [DP_DROP_NAT_KEEPALIVE] = DP_AUDIT_NONE,
    [DP_DROP_ESP_TRUNCATED] = DP_AUDIT_MALFORMED,
    [DP_DROP_ESP_UNALIGNED] = DP_AUDIT_MALFORMED,
    [DP_DROP_ESP_NO_SA] = DP_AUDIT_NO_SA,
    [DP_DROP_SA_DIRECTION] = DP_AUDIT_NO_SA,
    [DP_DROP_ENCAP_MISSING] = DP_AUDIT_NO_SA,
    [DP_DROP_ENCAP_UNWANTED] = DP_AUDIT_NO_SA,
    [DP_DROP_SA_EXPIRED] = DP_AUDIT_NO_SA,
    [DP_DROP_REPLAY_OLD] = DP_AUDIT_REPLAY,
    [DP_DROP_REPLAY_DUP] = DP_AUDIT_REPLAY,
    [DP_DROP_SEQ_ZERO] = DP_AUDIT_REPLAY,
    [DP_DROP_ICV] = DP_AUDIT_ICV,
    [DP_DROP_ESP_PADDING] = DP_AUDIT_MALFORMED,
    [DP_DROP_ESP_NEXT_HEADER] = DP_AUDIT_MALFORMED,
    [DP_DROP_ESP_DUMMY] = DP_AUDIT_NONE,
    [DP_DROP_INNER_VERSION] = DP_AUDIT_MALFORMED,
    [DP_DROP_INNER_LENGTH] = DP_AUDIT_MALFORMED,
    [DP_DROP_INNER_CHECKSUM] = DP_AUDIT_MALFORMED,
    [DP_DROP_INNER_ECN] = DP_AUDIT_NONE,
    [DP_DROP_INNER_SELECTOR] = DP_AUDIT_SELECTOR,
    [DP_DROP_INNER_POLICY] = DP_AUDIT_SELECTOR,
    /* esp_out */
    [DP_DROP_OUT_SELECTOR] = DP_AUDIT_SELECTOR,
    [DP_DROP_OWN_FRAGMENT] = DP_AUDIT_NONE,
    [DP_DROP_SEQ_SPENT] = DP_AUDIT_SEQUENCE,
    [DP_DROP_NO_HEADROOM] = DP_AUDIT_NONE,
    [DP_DROP_MTU] = DP_AUDIT_NONE,
    [DP_DROP_NO_BUFFER] = DP_AUDIT_NONE,
    [DP_DROP_ENGINE_FULL] = DP_AUDIT_ENGINE,
    [DP_DROP_ENGINE_FAILED] = DP_AUDIT_ENGINE,
    /* forward, tx, punt */
    [DP_DROP_TTL] = DP_AUDIT_NONE,
    [DP_DROP_NO_ROUTE] = DP_AUDIT_NONE,
    [DP_DROP_BLACKHOLE] = DP_AUDIT_NONE,
    [DP_DROP_ROUTE_DOMAIN] = DP_AUDIT_NONE,
    [DP_DROP_NEIGH_TIMEOUT] = DP_AUDIT_NONE,
    [DP_DROP_HOLD_FULL] = DP_AUDIT_NONE,
    [DP_DROP_PUNT_FULL] = DP_AUDIT_NONE,
    [DP_DROP_TX_FULL] = DP_AUDIT_NONE,
    [DP_DROP_PORT_DOWN] = DP_AUDIT_NONE,
    [DP_DROP_SHUTDOWN] = DP_AUDIT_NONE,
};

enum dp_audit_kind
dp_audit_kind_of(enum dp_drop reason)
{
	return (unsigned)reason < DP_DROP_COUNT ? kind_of[reason] : DP_AUDIT_NONE;
}

const char *
dp_audit_name(enum dp_audit_kind kind)
{
	return (unsigned)kind < DP_AUDIT_KINDS ? kinds[kind].name : NULL;
}

const char *
dp_audit_help(enum dp_audit_kind kind)
{
	return (unsigned)kind < DP_AUDIT_KINDS ? kinds[kind].help : NULL;
}
