/* SPDX-License-Identifier: BSD-3-Clause
 * Policies drawn at random, and a search through a plain list of them that shares no code with the tables: what they are
 * checked against. */
#ifndef SADB_SPD_ORACLE_H
#define SADB_SPD_ORACLE_H

#include "tests/unit/sa-db/rig.h"

#define ORACLE_MAX 512

/* What the draws are like. */
enum oracle_taste {
	ORACLE_GATEWAY, /* few masks, many values */
	ORACLE_NESTED,  /* every mask, around the same few addresses */
	ORACLE_PORTS,   /* most ask for ports */
	ORACLE_MIXED,
	ORACLE_TASTES
};

struct oracle_rule {
	struct sadb_policy_config config;
	uint64_t age;
};

/* A list of policies in no order. */
struct oracle {
	struct oracle_rule rule[ORACLE_MAX];
	unsigned n;
	bool v6;   /* the database has every policy as its image in IPv6; what is looked up is IPv6, too */
	bool both; /* some policies are of the other family, and so in another table, committed by itself */
	uint64_t age;
	uint32_t reqid; /* of the newest policy: each ever made has one of its own */
};

struct sadb_policy_config oracle_policy(enum oracle_taste taste, unsigned *seed); /* without a reqid */
struct sadb_flow_v4 oracle_flow(const struct oracle *oracle, unsigned *seed);     /* often one that a policy is for */

/* A few changes of any kind, staged in the database and made in the list. */
void oracle_change(struct oracle *oracle, struct sadb *db, enum oracle_taste taste, unsigned *seed);

/* The reqid of the policy that decides; 0: none. */
uint32_t oracle_search(const struct oracle *oracle, const struct sadb_flow_v4 *flow);
uint32_t oracle_search_fragment(const struct oracle *oracle, const struct sadb_flow_v4 *flow, bool *blocked);

/* Flows of all kinds, as a worker looks them up: any that the oracle knows better is a failure. Returns how many found a
 * policy, or were blocked. */
unsigned oracle_check(const struct oracle *oracle, struct sadb *db, unsigned flows, unsigned *seed);

#endif
