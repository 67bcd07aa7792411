/* SPDX-License-Identifier: BSD-3-Clause
 * Tunnels without IKE: what an operator describes once, and what keeps its SAs fresh. Control thread.
 *
 * A tunnel owns its policies and its SAs. From ctl_tunnel_add() on its prefixes are protected; until two gateways have
 * exchanged keys that means: dropped. Whoever receives makes the key: each gateway makes its own inbound SA, with a random
 * SPI and a fresh random key, and gives it to the peer to seal with, in an offer (keying_offer.h). An exchange is an offer
 * and an answer, which is the peer's offer for the way back:
 *
 *   initiator                                         responder
 *   new inbound SA; offer            ---------->      new inbound SA; new outbound SA, at once in use (the initiator
 *                                                     receives already); old outbound SA goes
 *   new outbound SA, at once in use  <----------      answer
 *   old outbound SA goes
 *
 * An old inbound SA goes only when the peer is known to have left it: the overlap after the answer on the initiator's side,
 * the overlap after the first packet on the new one on the responder's, who cannot know otherwise whether its answer
 * arrived. So no message that is lost, late, twice or crossed by the peer's own costs a packet. An offer without an answer
 * is sent again as it is, and so is its answer. */
#ifndef CTL_TUNNEL_H
#define CTL_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/keying.h"
#include "sa-db/sadb.h"

#define CTL_TUNNELS_MAX        4096
#define CTL_TUNNEL_NAME        32
#define CTL_TUNNEL_PREFIXES    16 /* on each side */
#define CTL_TUNNEL_COMMAND     512
#define CTL_TUNNEL_ERROR       200
#define CTL_TUNNEL_WINDOW      128
#define CTL_TUNNEL_OVERLAP_S   30
#define CTL_TUNNEL_OVERLAP_MAX 3600
#define CTL_TUNNEL_DSCP_MAX    63

/* The reqids of tunnels. Nobody else gets one of them: SAs and policies of two owners must not meet. */
#define CTL_TUNNEL_REQID_FIRST UINT32_C(0xc0000000)
#define CTL_TUNNEL_REQID_LAST  UINT32_C(0xc000ffff)

static inline bool
ctl_tunnel_reqid(uint32_t reqid)
{
	return reqid >= CTL_TUNNEL_REQID_FIRST && reqid <= CTL_TUNNEL_REQID_LAST;
}

/* What a tunnel may ask of its outbound SAs' packets beside the lengths and numbers below. */
#define CTL_TUNNEL_SA_FLAGS (SADB_SA_OUTER_DSCP | SADB_SA_OUTER_DF | SADB_SA_NOPMTUDISC | SADB_SA_FRAGMENT_AFTER)

/* What a tunnel is. Plain; the peer's is the same with local and remote exchanged, but for vnet, window, priority, limits,
 * overlap, exchange, and what outbound packets look like, which are each gateway's own affair. */
struct ctl_tunnel_config {
	char name[CTL_TUNNEL_NAME]; /* the same on both gateways */
	uint32_t vnet_id;
	uint32_t priority; /* of its policies */
	struct sadb_addr local, remote;
	struct sadb_prefix local_prefix[CTL_TUNNEL_PREFIXES], remote_prefix[CTL_TUNNEL_PREFIXES];
	uint32_t n_local, n_remote;
	const struct sadb_algorithm *algorithm; /* never another than this: the peer must name the same */
	bool esn;
	uint32_t window_packets; /* of the inbound SAs */
	/* Bytes, packets and seconds since the SA was made. A soft limit makes a new exchange, a hard one stops the SA. A soft
	 * limit that is not given is nine tenths of its hard one. */
	struct sadb_lifetime life;
	uint32_t overlap_s;
	/* Of each outbound SA, as in struct sadb_sa_config. */
	uint32_t sa_flags; /* of CTL_TUNNEL_SA_FLAGS */
	uint16_t tfc_pad_bytes;
	uint8_t outer_ttl, outer_dscp;
	/* A command that takes the offer on its standard input and gives the answer on its standard output; empty: by hand. */
	char exchange[CTL_TUNNEL_COMMAND];
};

/* What it asks of its outbound SAs' packets, to an SA's configuration and back. */
void ctl_tunnel_wishes_to(const struct ctl_tunnel_config *config, struct sadb_sa_config *sa);
void ctl_tunnel_wishes_from(struct ctl_tunnel_config *config, const struct sadb_sa_config *sa);
/* All limits open, the defaults otherwise. */
void ctl_tunnel_defaults(struct ctl_tunnel_config *config);
/* 0, or -EINVAL with what is wrong and what is accepted. Fills in soft limits that follow from hard ones. Pure. */
int ctl_tunnel_check(struct ctl_tunnel_config *config, struct sadb_error *err);
bool ctl_tunnel_name_valid(const char *name);

/* How a tunnel stands, for show. */
struct ctl_tunnel_info {
	struct ctl_tunnel_config config;
	uint32_t reqid;
	uint64_t generation;   /* of the last exchange that was completed here; 0: none */
	rte_be32_t out_spi_be; /* 0: none, the prefixes' packets are dropped */
	rte_be32_t in_spi_be;  /* the newest that the peer uses; 0: none */
	uint32_t in_count;     /* all inbound SAs, with those offered and those that go soon */
	uint64_t out_age_s;    /* since the outbound SA was made */
	uint64_t out_packets, out_bytes, in_packets, in_bytes; /* of these SAs */
	uint64_t next_rekey_s;                                 /* until the soft limit in seconds; UINT64_MAX: none */
	uint64_t exchanges, failures;
	char state[16];               /* "up", "half" (one direction has an SA), "down" */
	char keying[16];              /* "idle", "running", "retrying", "offered" (by hand) */
	char error[CTL_TUNNEL_ERROR]; /* of the last try; empty after one that succeeded */
};

/* What listeners hear. */
struct ctl_tunnel_event {
	const char
	    *kind; /* stable: "tunnel-up", "tunnel-rekeyed", "tunnel-failed", "tunnel-rekey-wanted", "tunnel-down" */
	const char *name; /* the tunnel's */
	uint64_t generation;
	const char *text; /* what to do, or why; may be empty */
};
typedef void (*ctl_tunnel_event_fn)(void *arg, const struct ctl_tunnel_event *event);

struct ctl_tunnels;

/* NULL: out of memory. now_ns: CLOCK_MONOTONIC (ctl_now_ns). */
struct ctl_tunnels *ctl_tunnels_create(struct sadb *db, uint64_t (*now_ns)(void));
/* Ends exchanges under way and wipes what is secret. SAs and policies stay, as the database is about to go. NULL is
 * allowed. */
void ctl_tunnels_destroy(struct ctl_tunnels *tunnels);
/* From here on exchanges run by themselves, and fn hears of them. */
void ctl_tunnels_start(struct ctl_tunnels *tunnels, const struct ctl_keying *keying, ctl_tunnel_event_fn fn, void *arg);

/* Its policies are in force on return. -EEXIST: the name, or one of its policies; -EINVAL, -ENODEV, -ENOSPC. config is
 * normalised. Commits. */
int ctl_tunnel_add(struct ctl_tunnels *tunnels, struct ctl_tunnel_config *config, struct sadb_error *err);
/* Takes its SAs and policies away. -ENOENT. Commits. */
int ctl_tunnel_del(struct ctl_tunnels *tunnels, const char *name, struct sadb_error *err);
/* The i-th tunnel in the order of display. false: there is none (yet a higher i may have one, below CTL_TUNNELS_MAX). */
bool ctl_tunnel_get(struct ctl_tunnels *tunnels, uint32_t i, struct ctl_tunnel_info *out);
/* Does one of that virtual network lead from one of these gateways to the other, whichever of them is here? */
bool ctl_tunnels_between(const struct ctl_tunnels *tunnels, uint32_t vnet_id, const struct sadb_addr *one,
			 const struct sadb_addr *other);
bool ctl_tunnel_exists(struct ctl_tunnels *tunnels, const char *name);

/* Starts an exchange by the tunnel's command. -EALREADY: one runs; -ENOTSUP: it is exchanged by hand; -ENOENT. */
int ctl_tunnel_rekey(struct ctl_tunnels *tunnels, const char *name, struct sadb_error *err);
/* By hand: writes an offer; the same again as long as it has no answer, unless a fresh one is wanted. Returns its length, or
 * -errno. Secret. */
int ctl_tunnel_offer(struct ctl_tunnels *tunnels, const char *name, bool fresh, char out[CTL_OFFER_BYTES],
		     struct sadb_error *err);
/* Takes an offer and writes the answer, whose length it returns; or takes an answer and returns 0. -EBUSY: an offer of our
 * own is under way and goes first; -ESTALE: it is no news; -EINVAL: it does not fit the tunnel. Secret. */
int ctl_tunnel_accept(struct ctl_tunnels *tunnels, const char *name, const struct ctl_keying_text *text,
		      char out[CTL_OFFER_BYTES], struct sadb_error *err);

/* From the callback of sadb_tick(), sadb_sa_expire() and sadb_sa_expire_asked(); changes nothing yet. SAs of others are passed over. */
void ctl_tunnels_expire(struct ctl_tunnels *tunnels, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind);
/* Someone flushed all policies: puts back those of tunnels, before a commit shows that they were gone. */
void ctl_tunnels_policies_restore(struct ctl_tunnels *tunnels);
/* About ten times a second. */
void ctl_tunnels_tick(struct ctl_tunnels *tunnels);

#endif
