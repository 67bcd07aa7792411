/* SPDX-License-Identifier: BSD-3-Clause
 * Security policies (RFC 4301 4.4.1): ordered rules of one virtual network and direction, looked up by workers in an
 * immutable table. The control thread builds a new table aside and publishes it; it shares with the old one whatever
 * did not change. */
#ifndef SADB_POLICY_H
#define SADB_POLICY_H

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>

#include "sa-db/addr.h"
#include "sa-db/sa.h"

enum sadb_policy_dir { SADB_POLICY_IN, SADB_POLICY_OUT, SADB_POLICY_FWD, SADB_POLICY_DIRS }; /* XFRM_POLICY_* values */
enum sadb_action { SADB_DROP, SADB_BYPASS, SADB_PROTECT };

/* Which SA a protect policy wants (struct xfrm_user_tmpl). Zero spi, reqid or addresses mean any. */
struct sadb_template {
	struct sadb_addr src, dst; /* outer */
	rte_be32_t spi_be;
	uint32_t reqid;
	uint8_t proto; /* IPPROTO_ESP */
	uint8_t mode;  /* XFRM_MODE_TUNNEL; XFRM_MODE_TRANSPORT in the underlay */
};

/* Lower priority values win; of equal ones the older (as in the kernel). */
struct sadb_policy_config {
	struct sadb_selector sel;
	struct sadb_template tmpl; /* for SADB_PROTECT */
	uint32_t priority;
	uint32_t index; /* XFRM's policy id: 0 on add lets Culvert choose; low 3 bits are the direction */
	uint32_t vnet_id;
	struct sadb_lifetime
	    life;       /* the limits in seconds end it; those in bytes and packets are only kept, as in XFRM */
	uint8_t dir;    /* enum sadb_policy_dir */
	uint8_t action; /* enum sadb_action */
};

/* An IPv4 packet as the lookup wants it. For ICMP, sport is the type and dport the code, one byte each, as in XFRM. The
 * lookup reads it as two words of eight bytes. */
struct sadb_flow_v4 {
	rte_be32_t src_be, dst_be;
	rte_be16_t sport_be, dport_be;
	uint8_t proto;
	uint8_t later_fragment; /* 1: ports unknown, both 0. Not read by the table; see sadb_spd_lookup_fragment() */
	uint8_t zero[2];
};
static_assert(sizeof(struct sadb_flow_v4) == 16, "two words of eight bytes");

/* An IPv6 packet likewise: five words. For ICMPv6 the ports are type and code. */
struct sadb_flow_v6 {
	uint8_t src[16], dst[16];
	rte_be16_t sport_be, dport_be;
	uint8_t proto; /* behind the extension headers */
	uint8_t later_fragment;
	uint8_t zero[2];
};
static_assert(sizeof(struct sadb_flow_v6) == 40, "five words of eight bytes");

/* What the search needs of a policy. value: struct sadb_flow_v4 under the selector's mask; of a policy for IPv6 the first
 * two words, see spd.h. Order: priority, then age. */
struct sadb_match {
	uint64_t value[2];
	uint64_t age;
	uint32_t priority;
	uint32_t index; /* as in struct sadb_policy_config */
};

/* IPv6 addresses of a template; all zero: any. */
struct sadb_outer_v6 {
	uint8_t src[16], dst[16];
};

/* What a worker sees of a policy: one cache line, and one more for IPv6. sa: the outbound SA now in charge, NULL when there is none (drop and
 * ACQUIRE); acquire-load it with sadb_policy_sa(). tmpl: 0 means any. */
struct sadb_policy {
	alignas(64) struct sadb_match match;
	struct sadb_sa *sa;
	struct {
		union { /* outer */
			struct {
				rte_be32_t src_be, dst_be;
			};
			const struct sadb_outer_v6 *v6; /* where tmpl_v6 says so: one of the two at least is not any */
		};
		rte_be32_t spi_be;
		uint32_t reqid;
	} tmpl;
	uint32_t last_use_s; /* sadb_now_s(), good until 2106; relaxed store by workers, at most once a second */
	uint8_t action;      /* enum sadb_action */
	uint8_t acquiring;   /* 1 from the first ACQUIRE to its answer or time-out; atomic exchange by workers */
	uint8_t tmpl_v6;
	uint8_t names_group; /* 1: its destination lies within multicast, or is the broadcast address */
};
static_assert(sizeof(struct sadb_policy) == 64, "one cache line a policy");

struct sadb_spd; /* one published table; NULL stands for the empty one */

/* Worker: finds the policy of each flow, NULL where none matches. n up to 64. Does not allocate. */
void sadb_spd_lookup(const struct sadb_spd *spd, const struct sadb_flow_v4 *const flow[], unsigned n,
		     struct sadb_policy *out[]);

/* Worker, rare: a fragment without ports. The first policy whose addresses and protocol match decides; if that policy
 * asks for ports, *blocked is set and NULL comes back: the packet must be dropped, or a fragment of a protected flow
 * could follow a looser policy (RFC 4301 7). */
struct sadb_policy *sadb_spd_lookup_fragment(const struct sadb_spd *spd, const struct sadb_flow_v4 *flow,
					     bool *blocked);

/* Worker: the same of an IPv6 packet, in a table of policies for IPv6. A later fragment is looked up as one. */
struct sadb_policy *sadb_spd_lookup_v6(const struct sadb_spd *spd, const struct sadb_flow_v6 *flow, bool *blocked);

static inline struct sadb_sa *
sadb_policy_sa(const struct sadb_policy *policy)
{
	return __atomic_load_n(&policy->sa, __ATOMIC_ACQUIRE); /* pairs with the release in policy resolution */
}

/* RFC 4301 5.2: did the packet come through an SA that this policy names? */
bool sadb_policy_permits(const struct sadb_policy *policy, const struct sadb_sa *sa);
/* Does it name the SA's outer addresses? A template that leaves both open names those of either family. */
bool sadb_policy_names(const struct sadb_policy *policy, const struct sadb_sa *sa);

#endif
