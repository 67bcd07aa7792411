/* SPDX-License-Identifier: BSD-3-Clause
 * Groups the packets of a batch by SA, so that an SA's shared lines are touched once a batch. Worker threads. */
#include "dataplane/worker.h"

#include <string.h>

void
dp_groups_start(struct dp_groups *groups)
{
	groups->n = 0;
	if (++groups->generation == 0) { /* wrapped: old places could look current */
		memset(groups->slot, 0, sizeof(groups->slot));
		groups->generation = 1;
	}
}

struct dp_group *
dp_groups_find(struct dp_groups *groups, struct sadb_sa *sa, bool *new)
{
	/* The SA's memory is a multiple of 64 bytes: low bits say nothing. */
	uint32_t place = (uint32_t)(((uintptr_t)sa >> 6) * 0x9e3779b1u) >> 16;
	*new = false;
	for (;; place++) {
		place &= DP_GROUP_SLOTS - 1;
		if (groups->slot[place].generation != groups->generation) {
			groups->slot[place].generation = groups->generation;
			groups->slot[place].group = (uint16_t)groups->n;
			struct dp_group *group = &groups->group[groups->n++];
			*group = (struct dp_group){.sa = sa, .index = (uint16_t)(groups->n - 1)};
			*new = true;
			return group;
		}
		struct dp_group *group = &groups->group[groups->slot[place].group];
		if (group->sa == sa)
			return group;
	}
}

static bool
send_limit(struct dp_worker *w, const struct sadb_sa *sa, enum dp_event_kind kind)
{
	const struct sadb_sa_config *config = &sa->cold->config;
	struct dp_event event = {.kind = (uint8_t)kind,
				 .sa = sadb_sa_key_make(&config->dst, config->spi_be, config->proto)};
	return dp_event_send(w, &event);
}

/* Relaxed throughout: the bits of state order nothing, they only choose who reports. */
void
dp_report_hard(struct dp_worker *w, struct sadb_sa *sa)
{
	uint32_t state = __atomic_load_n(&sa->mut->state, __ATOMIC_RELAXED);
	if ((state & (SADB_SA_HARD | SADB_SA_DEAD | SADB_SA_REPORTED)) != SADB_SA_HARD)
		return;
	if (__atomic_fetch_or(&sa->mut->state, SADB_SA_REPORTED, __ATOMIC_RELAXED) & SADB_SA_REPORTED)
		return;
	if (!send_limit(w, sa, DP_EVENT_HARD))
		__atomic_fetch_and(&sa->mut->state, ~(uint32_t)SADB_SA_REPORTED, __ATOMIC_RELAXED);
}

bool
dp_group_use(struct dp_worker *w, const struct dp_group *group, unsigned packets, uint64_t bytes)
{
	unsigned use = sadb_sa_use(group->sa, packets, bytes, w->now_s);
	if (__builtin_expect(use == SADB_USE_OK, 1))
		return true;
	if ((use & SADB_USE_SOFT) && !send_limit(w, group->sa, DP_EVENT_SOFT))
		/* The ring is full: taken back, so that the next batch says it again. */
		__atomic_fetch_and(&group->sa->mut->state, ~(uint32_t)SADB_SA_SOFT, __ATOMIC_RELAXED);
	if (use & (SADB_USE_HARD | SADB_USE_STOPPED))
		dp_report_hard(w, group->sa);
	return (use & SADB_USE_STOPPED) == 0;
}
