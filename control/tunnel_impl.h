/* SPDX-License-Identifier: BSD-3-Clause
 * What the files of tunnels share. Control thread.
 *
 * tunnel.c keeps the set and the policies; tunnel_fit.c says whether the peer means
 * the same; tunnel_sa.c makes and retires SAs; tunnel_exchange.c is the exchange of keys;
 * tunnel_watch.c is what comes with time and events; tunnel_check.c says what a tunnel may be. */
#ifndef CTL_TUNNEL_IMPL_H
#define CTL_TUNNEL_IMPL_H

#include "control/keying_offer.h"
#include "control/tunnel.h"

#define CTL_TUNNEL_INS     8              /* inbound SAs of one tunnel; with more the least useful goes */
#define CTL_TUNNEL_OFFER_S UINT64_C(3600) /* so long an offer waits for its answer */
#define CTL_NS_PER_S       UINT64_C(1000000000)

/* An inbound SA. Older ones come first in a tunnel's list. */
struct ctl_tunnel_in {
	rte_be32_t spi_be;
	bool known;         /* the peer seals for it: its answer said so, or a packet came */
	uint64_t retire_ns; /* goes then; 0: no date */
};

/* Our own offer, until it is answered, lapses, or the peer's goes first. */
struct ctl_tunnel_pending {
	bool open;
	uint64_t generation;
	uint8_t nonce[CTL_NONCE_BYTES];
	rte_be32_t spi_be;
	uint64_t lapse_ns;
	struct ctl_keying_exchange *running; /* the backend has it now */
	size_t bytes;
	char text[CTL_OFFER_BYTES]; /* secret; the same again on every try */
};

#define CTL_TUNNEL_PEERS 4

/* The peer's last offer or answer that was taken. */
struct ctl_tunnel_taken {
	/* The peer's tunnel, and before it those that it was before it began anew, as far as is remembered. */
	uint8_t instance[CTL_TUNNEL_PEERS][CTL_INSTANCE_BYTES];
	unsigned n_instances;
	/* It was an offer, and we answered: */
	bool offer;
	uint8_t nonce[CTL_NONCE_BYTES];
	uint8_t key_id[SADB_KEY_ID_BYTES];
	rte_be32_t answered_spi_be;
	size_t bytes;                 /* 0: the answer has arrived, and is wiped */
	char answer[CTL_OFFER_BYTES]; /* secret; the same again if the offer comes again */
};

struct ctl_tunnel {
	struct ctl_tunnels *set;
	struct ctl_tunnel_config config;
	uint32_t reqid;
	uint8_t instance[CTL_INSTANCE_BYTES]; /* random: this tunnel in the life of this daemon */
	uint64_t generation;
	uint64_t offered;      /* the highest generation of an offer of ours */
	rte_be32_t out_spi_be; /* 0: none */
	uint64_t out_since_ns;
	struct ctl_tunnel_in in[CTL_TUNNEL_INS];
	unsigned n_in;
	struct ctl_tunnel_pending pending;
	struct ctl_tunnel_taken taken;
	bool wanted;       /* an exchange, as soon as time allows */
	unsigned tries;    /* that failed in a row */
	uint64_t retry_ns; /* not before */
	uint64_t exchanges, failures;
	char error[CTL_TUNNEL_ERROR];
};

struct ctl_tunnels {
	struct sadb *db;
	uint64_t (*now_ns)(void);
	const struct ctl_keying *keying; /* NULL: not started */
	ctl_tunnel_event_fn event_fn;
	void *event_arg;
	uint32_t n; /* places used so far */
	struct ctl_tunnel *tunnel[CTL_TUNNELS_MAX];
};

/* ---- tunnel.c ---- */
struct ctl_tunnel *ctl_tunnel_find(struct ctl_tunnels *tunnels, const char *name, struct sadb_error *err);
void ctl_tunnel_tell(struct ctl_tunnel *tunnel, const char *kind, const char *text);

/* ---- tunnel_sa.c ---- */
/* Random and different each time; false: OpenSSL's generator failed. */
bool ctl_tunnel_random(void *out, size_t bytes);
struct sadb_sa_key ctl_tunnel_in_key(const struct ctl_tunnel *tunnel, rte_be32_t spi_be);
struct sadb_sa_key ctl_tunnel_out_key(const struct ctl_tunnel *tunnel, rte_be32_t spi_be);
/* NULL: that SA is gone. */
const struct sadb_sa_cold *ctl_tunnel_in_sa(const struct ctl_tunnel *tunnel, rte_be32_t spi_be);
const struct sadb_sa_cold *ctl_tunnel_out_sa(const struct ctl_tunnel *tunnel);
uint64_t ctl_tunnel_packets(const struct sadb_sa_cold *sa); /* so far; 0 of none */
/* Adds an inbound SA with a new key, stages it, and fills in the offer's SPI, key and limits. */
int ctl_tunnel_in_make(struct ctl_tunnel *tunnel, struct ctl_offer *offer, struct sadb_error *err);
/* Adds the outbound SA that the peer's message asks for; stages it. */
int ctl_tunnel_out_make(struct ctl_tunnel *tunnel, const struct ctl_offer *offer, struct sadb_error *err);
/* After a commit: packets take the new one, the old one goes. Commits. */
void ctl_tunnel_out_switch(struct ctl_tunnel *tunnel, rte_be32_t spi_be);
/* The peer seals for this one: dates the older ones. */
void ctl_tunnel_in_known(struct ctl_tunnel *tunnel, rte_be32_t spi_be);
/* Takes it away, unless it is gone already, and forgets it. */
void ctl_tunnel_in_drop(struct ctl_tunnel *tunnel, rte_be32_t spi_be);
void ctl_tunnel_in_forget(struct ctl_tunnel *tunnel, rte_be32_t spi_be);
/* Takes all SAs away. */
void ctl_tunnel_sas_drop(struct ctl_tunnel *tunnel);

/* ---- tunnel_fit.c ---- */
/* Everything of a message but what makes its SA. */
void ctl_tunnel_message_begin(const struct ctl_tunnel *tunnel, struct ctl_offer *message);
/* Is the peer's description the mirror of ours? 0 or -EINVAL. */
int ctl_tunnel_fits(const struct ctl_tunnel *tunnel, const struct ctl_offer *message, struct sadb_error *err);

/* ---- tunnel_exchange.c ---- */
/* Makes an offer if none is open, and hands it to the backend. What fails is told and tried again. */
void ctl_tunnel_exchange(struct ctl_tunnel *tunnel);
/* Ends our own exchange; its inbound SA stays for ctl_tunnel_in_known() to date. */
void ctl_tunnel_pending_close(struct ctl_tunnel *tunnel);
/* The peer has our answer: nobody needs it here any more. */
void ctl_tunnel_answer_wipe(struct ctl_tunnel *tunnel);
/* Notes and tells a failure, and when to try again. */
void ctl_tunnel_failed(struct ctl_tunnel *tunnel, const char *why);

#endif
