/* SPDX-License-Identifier: BSD-3-Clause
 * IPv6 headers: see ipv6.h. Any thread. */
#include "dataplane/ipv6.h"

#include <netinet/icmp6.h>

#include "dataplane/ipv4.h"

#define HEADERS_MAX 8 /* RFC 8200 4.1 names seven, one of them twice; each longer chain is an attack on who walks it */

/* MLD and MLDv2 (RFC 2710 3, 3810 5.2). */
#define MLD_QUERY     130
#define MLD_DONE      132
#define MLD_V2_REPORT 143

unsigned
dp_ipv6_check(const struct rte_ipv6_hdr *ip, uint32_t avail)
{
	if (avail < sizeof(*ip))
		return DP_DROP_IP_TRUNCATED;
	if (*(const uint8_t *)ip >> 4 != 6)
		return DP_DROP_IP_VERSION;
	/* A jumbogram says 0 here and more in a hop-by-hop option (RFC 2675): it ends at that header. */
	return rte_be_to_cpu_16(ip->payload_len) + sizeof(*ip) > avail ? DP_DROP_IP_LENGTH : DP_IP_VERIFIED;
}

/* ::/96 and ::ffff:0:0/96: unspecified, loopback, and IPv4 in disguise, which would pass by the policies for IPv4. */
static bool
is_special(const uint8_t addr[16])
{
	static const uint8_t zero[10];
	return memcmp(addr, zero, sizeof(zero)) == 0 && ((addr[10] | addr[11]) == 0 || (addr[10] & addr[11]) == 0xff);
}

bool
dp_ipv6_martian(const struct rte_ipv6_hdr *ip)
{
	return dp_ipv6_is_multicast(ip->src_addr) || is_special(ip->src_addr) || is_special(ip->dst_addr);
}

/* The type of an ICMPv6 message right behind the header; 0 (none): it is no such message. */
static uint8_t
icmp_type(const struct rte_ipv6_hdr *ip, uint32_t bytes)
{
	return ip->proto == IPPROTO_ICMPV6 && bytes > sizeof(*ip) ? *(const uint8_t *)(ip + 1) : 0;
}

bool
dp_ipv6_is_discovery(const struct rte_ipv6_hdr *ip, uint32_t bytes)
{
	uint8_t type = icmp_type(ip, bytes);
	return type >= ND_ROUTER_SOLICIT && type <= ND_REDIRECT && ip->hop_limits == DP_IPV6_HOPS_FROM;
}

/* A listener's report stands behind a hop-by-hop header with the router alert (RFC 2710 3). */
static bool
is_listener_report(const struct rte_ipv6_hdr *ip, uint32_t bytes)
{
	const uint8_t *hop_by_hop = (const uint8_t *)(ip + 1);
	if (ip->proto != IPPROTO_HOPOPTS || bytes < sizeof(*ip) + 9 || hop_by_hop[0] != IPPROTO_ICMPV6 ||
	    hop_by_hop[1] != 0)
		return false;
	uint8_t type = hop_by_hop[8];
	return (type >= MLD_QUERY && type <= MLD_DONE) || type == MLD_V2_REPORT;
}

bool
dp_ipv6_may_lack_source(const struct rte_ipv6_hdr *ip, uint32_t bytes)
{
	static const uint8_t none[16];
	uint8_t type = icmp_type(ip, bytes);
	if (memcmp(ip->src_addr, none, sizeof(none)) != 0 || !dp_ipv6_is_link_multicast(ip->dst_addr))
		return false;
	return is_listener_report(ip, bytes) ||
	       (dp_ipv6_is_discovery(ip, bytes) && (type == ND_NEIGHBOR_SOLICIT || type == ND_ROUTER_SOLICIT));
}

bool
dp_ipv6_is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_DSTOPTS;
}

/* Of a packet, what is not walked over yet. */
struct rest {
	const uint8_t *at;
	uint32_t bytes;
	uint8_t proto; /* what stands there */
};

static void
step(struct rest *rest, uint32_t bytes)
{
	rest->proto = rest->at[0];
	rest->at += bytes;
	rest->bytes -= bytes;
}

/* One extension header. */
static unsigned
walk_one(struct rest *rest, struct sadb_flow_v6 *flow)
{
	if (rest->proto == IPPROTO_HOPOPTS)
		return DP_DROP_IP6_HOP_BY_HOP;
	if (rest->bytes < 8)
		return DP_DROP_IP6_EXTENSION;
	if (rest->proto == IPPROTO_FRAGMENT) {
		const bool later = (rest->at[2] | (rest->at[3] & 0xf8)) != 0;
		step(rest, 8);
		/* Of a later fragment what follows is payload: its protocol must be known by now. */
		if (later && dp_ipv6_is_extension(rest->proto))
			return DP_DROP_IP6_EXTENSION;
		flow->later_fragment |= later;
		return DP_IP_VERIFIED;
	}
	if (rest->proto == IPPROTO_ROUTING && rest->at[2] == 0)
		return DP_DROP_IP6_ROUTING; /* RFC 5095 3 */
	const uint32_t bytes = 8u + 8u * rest->at[1];
	if (bytes > rest->bytes)
		return DP_DROP_IP6_EXTENSION;
	step(rest, bytes);
	return DP_IP_VERIFIED;
}

static unsigned
walk(struct rest *rest, struct sadb_flow_v6 *flow)
{
	for (unsigned i = 0; dp_ipv6_is_extension(rest->proto) && !flow->later_fragment; i++) {
		unsigned verdict = i < HEADERS_MAX ? walk_one(rest, flow) : (unsigned)DP_DROP_IP6_EXTENSION;
		if (verdict != DP_IP_VERIFIED)
			return verdict;
	}
	return DP_IP_VERIFIED;
}

/* Of an option that this gateway does not know its type says whether it may be skipped (RFC 8200 4.2). The others ask for an
 * ICMP error; the drop is all they get. */
static bool
may_skip_options(const uint8_t *header, uint32_t bytes)
{
	for (uint32_t i = 2; i < bytes;) {
		const uint8_t type = header[i];
		if (type == 0) { /* Pad1 */
			i++;
			continue;
		}
		if ((type & 0xc0) != 0 || i + 2 > bytes || i + 2u + header[i + 1] > bytes)
			return false;
		i += 2u + header[i + 1];
	}
	return true;
}

/* One extension header of a packet for the gateway itself, not a fragment's. */
static unsigned
walk_own(struct rest *rest)
{
	const uint32_t bytes = 8u + 8u * rest->at[1];

	if (bytes > rest->bytes)
		return DP_DROP_IP6_EXTENSION;
	/* It ends here, or would go on to where its sender likes: RFC 8200 4.4, 5095 3. */
	if (rest->proto == IPPROTO_ROUTING && (rest->at[2] == 0 || rest->at[3] != 0))
		return DP_DROP_IP6_ROUTING;
	if (rest->proto != IPPROTO_ROUTING && !may_skip_options(rest->at, bytes))
		return DP_DROP_IP6_EXTENSION;
	step(rest, bytes);
	return DP_IP_VERIFIED;
}

static bool
is_atomic(const struct rest *rest)
{
	return (rest->at[2] | (rest->at[3] & 0xf9)) == 0;
}

unsigned
dp_ipv6_walk(const struct rte_ipv6_hdr *ip, uint32_t bytes, struct dp_ipv6_upper *upper)
{
	struct rest rest = {.at = (const uint8_t *)(ip + 1), .bytes = bytes - sizeof(*ip), .proto = ip->proto};

	for (unsigned i = 0; dp_ipv6_is_extension(rest.proto); i++) {
		unsigned verdict = DP_IP_VERIFIED;
		if (i == HEADERS_MAX || (rest.proto == IPPROTO_HOPOPTS && i > 0) || rest.bytes < 8)
			return DP_DROP_IP6_EXTENSION;
		if (rest.proto != IPPROTO_FRAGMENT)
			verdict = walk_own(&rest);
		else if (is_atomic(&rest))
			step(&rest, 8);
		else
			break;
		if (verdict != DP_IP_VERIFIED)
			return verdict;
	}
	*upper = (struct dp_ipv6_upper){.at = (uint16_t)(rest.at - (const uint8_t *)ip), .proto = rest.proto};
	return DP_IP_VERIFIED;
}

/* Ports, or type and code. Of a packet that is too short to have them they are as unknown as of a fragment. */
static void
read_ports(const struct rest *rest, struct sadb_flow_v6 *flow)
{
	switch (rest->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
	case IPPROTO_UDPLITE:
		if (rest->bytes < 4) {
			flow->later_fragment = 1;
			return;
		}
		memcpy(&flow->sport_be, rest->at, 2);
		memcpy(&flow->dport_be, rest->at + 2, 2);
		return;
	case IPPROTO_ICMPV6:
		if (rest->bytes < 2) {
			flow->later_fragment = 1;
			return;
		}
		flow->sport_be = rte_cpu_to_be_16(rest->at[0]);
		flow->dport_be = rte_cpu_to_be_16(rest->at[1]);
		return;
	default:
		return;
	}
}

unsigned
dp_ipv6_flow_read(struct sadb_flow_v6 *flow, const struct rte_ipv6_hdr *ip, uint32_t bytes)
{
	struct rest rest = {.at = (const uint8_t *)(ip + 1), .bytes = bytes - sizeof(*ip), .proto = ip->proto};

	*flow = (struct sadb_flow_v6){.proto = 0};
	memcpy(flow->src, ip->src_addr, sizeof(flow->src));
	memcpy(flow->dst, ip->dst_addr, sizeof(flow->dst));
	unsigned verdict = walk(&rest, flow);
	if (verdict != DP_IP_VERIFIED)
		return verdict;
	flow->proto = rest.proto;
	if (!flow->later_fragment)
		read_ports(&rest, flow);
	return DP_IP_VERIFIED;
}

/* One walk for both questions: what passes the one must not be unreadable for the other. */
unsigned
dp_ipv6_own_flow_read(struct sadb_flow_v6 *flow, const struct rte_ipv6_hdr *ip, uint32_t bytes)
{
	struct dp_ipv6_upper upper;
	const unsigned verdict = dp_ipv6_walk(ip, bytes, &upper);

	*flow = (struct sadb_flow_v6){.proto = 0};
	memcpy(flow->src, ip->src_addr, sizeof(flow->src));
	memcpy(flow->dst, ip->dst_addr, sizeof(flow->dst));
	if (verdict != DP_IP_VERIFIED)
		return verdict;
	struct rest rest = {.at = (const uint8_t *)ip + upper.at, .bytes = bytes - upper.at, .proto = upper.proto};
	if (rest.proto == IPPROTO_FRAGMENT) {
		flow->later_fragment = (rest.at[2] | (rest.at[3] & 0xf8)) != 0;
		step(&rest, 8);
		if (dp_ipv6_is_extension(rest.proto))
			return DP_DROP_IP6_EXTENSION;
	}
	flow->proto = rest.proto;
	if (!flow->later_fragment)
		read_ports(&rest, flow);
	return DP_IP_VERIFIED;
}

static struct sadb_flow
wide_flow(const struct sadb_flow_v6 *flow)
{
	return (struct sadb_flow){.src = sadb_addr_v6(flow->src),
				  .dst = sadb_addr_v6(flow->dst),
				  .sport_be = flow->sport_be,
				  .dport_be = flow->dport_be,
				  .proto = flow->proto};
}

bool
dp_ipv6_selected(const struct sadb_selector *sel, const struct sadb_flow_v6 *flow)
{
	const struct sadb_flow wide = wide_flow(flow);
	if (flow->later_fragment && (sel->sport_mask_be | sel->dport_mask_be) != 0)
		return false;
	return sadb_selector_matches(sel, &wide);
}

struct sadb_flow
dp_flow_of(struct rte_mbuf *m)
{
	const struct sadb_flow_v4 *flow = &dp_meta(m)->flow;
	if (dp_is_v6(m))
		return wide_flow(&dp_v6(m)->flow);
	return (struct sadb_flow){.src = sadb_addr_v4(flow->src_be),
				  .dst = sadb_addr_v4(flow->dst_be),
				  .sport_be = flow->sport_be,
				  .dport_be = flow->dport_be,
				  .proto = flow->proto};
}
