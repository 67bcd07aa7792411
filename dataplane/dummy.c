/* SPDX-License-Identifier: BSD-3-Clause
 * Dummy packets; see the header. Control thread asks, worker threads make. */
#include "dataplane/dummy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane/dp.h"
#include "dataplane/esp.h"
#include "dataplane/worker.h"

#define SHORTEST 64 /* where nobody said how long */

/* ---- control thread ---- */

static uint32_t
running(const struct dp_worker *w)
{
	return __atomic_load_n(&w->dummies.running, __ATOMIC_ACQUIRE); /* pairs with the release in end() */
}

/* The run of that SA; NULL: it has none. */
static struct dp_dummy_run *
find(const struct dp *dp, const struct sadb_sa_key *sa, unsigned *worker, unsigned *place)
{
	for (*worker = 0; dp->set_up && *worker < dp->n_workers; ++*worker) {
		struct dp_dummies *dummies = &dp->worker[*worker]->dummies;
		const uint32_t bits = running(dp->worker[*worker]);
		for (*place = 0; *place < DP_DUMMY_RUNS; ++*place)
			if ((bits & 1u << *place) && memcmp(&dummies->run[*place].ask.sa, sa, sizeof(*sa)) == 0)
				return &dummies->run[*place];
	}
	return NULL;
}

/* The worker that has least to do of this kind. */
static unsigned
idlest(const struct dp *dp)
{
	unsigned best = 0;
	for (unsigned i = 1; i < dp->n_workers; i++)
		if (__builtin_popcount(running(dp->worker[i])) < __builtin_popcount(running(dp->worker[best])))
			best = i;
	return best;
}

static uint32_t
left_of(const struct dp_dummy_run *run)
{
	return __atomic_load_n(&run->left, __ATOMIC_RELAXED);
}

int
dp_dummy_start(struct dp *dp, const struct dp_dummy_request *request, unsigned *worker, struct dp_error *err)
{
	uint8_t key[DP_RANDOM_KEY_BYTES];
	unsigned place;
	const struct dp_dummy_run *there = find(dp, &request->sa, worker, &place);
	if (there != NULL) {
		snprintf(err->text, sizeof(err->text), "%u of %u dummy packets of this SA are still to be sent",
			 left_of(there), there->ask.packets);
		return -EBUSY;
	}
	if (!dp->set_up) {
		snprintf(err->text, sizeof(err->text), "no worker runs");
		return -ENETDOWN;
	}
	*worker = idlest(dp);
	struct dp_dummies *dummies = &dp->worker[*worker]->dummies;
	const uint32_t bits = running(dp->worker[*worker]);
	for (place = 0; place < DP_DUMMY_RUNS && (bits & 1u << place);)
		place++;
	if (place == DP_DUMMY_RUNS) {
		snprintf(err->text, sizeof(err->text), "%u SAs send dummy packets already, the most: wait, or end one",
			 DP_DUMMY_RUNS * dp->n_workers);
		return -EBUSY;
	}
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key)) {
		snprintf(err->text, sizeof(err->text), "the kernel gives no random bytes");
		return -EIO;
	}
	const struct sadb_sa_cold *sa = sadb_sa_find(dp->db, &request->sa);
	struct dp_dummy_run *run = &dummies->run[place];
	*run = (struct dp_dummy_run){
	    .ask = *request, .mut = sa != NULL && sa->hot != NULL ? sa->hot->mut : NULL, .left = request->packets};
	dp_random_start(&run->random, key);
	sadb_wipe(key, sizeof(key));
	/* Relaxed: the next line orders it. */
	__atomic_fetch_and(&dummies->stop, ~(1u << place), __ATOMIC_RELAXED);
	__atomic_fetch_or(&dummies->running, 1u << place, __ATOMIC_RELEASE); /* pairs with dp_dummy_make() */
	return 0;
}

int
dp_dummy_stop(struct dp *dp, const struct sadb_sa_key *sa, uint32_t *left)
{
	unsigned worker, place;
	const struct dp_dummy_run *run = find(dp, sa, &worker, &place);
	if (run == NULL)
		return -ENOENT;
	__atomic_fetch_or(&dp->worker[worker]->dummies.stop, 1u << place, __ATOMIC_RELAXED);
	*left = left_of(run);
	return 0;
}

/* ---- worker ---- */

/* Random bytes, in front of them as much of an IPv4 header as esp_out reads: version, DSCP and ECN of 0, and DF, as
 * most packets have it. So it is never cut, and no ICMP error is made of it. */
static bool
make(struct dp_worker *w, struct sadb_sa *sa, struct dp_dummy_run *run, uint16_t most)
{
	static const uint8_t first[2] = {RTE_IPV4_VHL_DEF, 0}, df[2] = {RTE_IPV4_HDR_DF_FLAG >> 8, 0};
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->dp->pool);
	if (m == NULL)
		return false;
	const uint16_t room = (uint16_t)(rte_pktmbuf_tailroom(m) - DP_ESP_TRAILER - DP_ESP_ALIGN - DP_TAG_BYTES);
	if (most > room)
		most = room;
	uint16_t bytes = run->ask.bytes;
	if (bytes == 0)
		bytes = (uint16_t)dp_random_between(&run->random, most < SHORTEST ? most : SHORTEST, most);
	else if (bytes > most)
		bytes = most;
	if (bytes < sizeof(struct rte_ipv4_hdr)) /* a way so narrow takes none */
		bytes = sizeof(struct rte_ipv4_hdr);
	uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, bytes);
	dp_random_fill(&run->random, ip, bytes);
	memcpy(ip, first, sizeof(first));
	memcpy(ip + offsetof(struct rte_ipv4_hdr, fragment_offset), df, sizeof(df));
	*dp_meta(m) =
	    (struct dp_meta){.vnet = sa->vnet, .sa = sa, .ip_bytes = bytes, .flags = DP_META_FROM_TWIN | DP_META_DUMMY};
	dp_vec_push(&w->esp_out, m);
	return true;
}

static bool
neighbour_is_known(const struct dp_worker *w, const struct dp_esp_way *way)
{
	return way->next_hop_v6 != NULL ? sadb_neigh_lookup_v6(w->neighs, way->out_port, way->next_hop_v6) != NULL
					: sadb_neigh_lookup(w->neighs, way->out_port, way->next_hop_be) != NULL;
}

/* As many as are due, and room has place for. False: the run is over. */
static bool
go_on(struct dp_worker *w, struct dp_dummy_run *run, unsigned *room)
{
	const struct sadb_sa_key *key = &run->ask.sa;
	struct sadb_sa *sa;
	uint32_t left = run->left;

	sadb_sa_lookup(w->db, &key, 1, &sa); /* each round: an update may have put another in its place */
	if (sa == NULL || sa->mut != run->mut || sa->dir != SADB_DIR_OUT || sadb_sa_stopped(sa)) {
		dp_count(&w->stats.dummies_unsent, left);
		return false;
	}
	const struct dp_esp_way way = dp_esp_way(w, sa);
	/* One alone waits for such a neighbour, and has it asked: more would only take the places of other packets. */
	const bool waits = way.reason == DP_DROP_COUNT && !neighbour_is_known(w, &way);
	if (waits && run->waited != 0 && w->now - run->waited < w->dp->hold_tsc)
		return true;
	if (run->pace.refilled == 0)
		run->pace = (struct dp_bucket){.refilled = w->now, .tokens = 1};
	/* Without a way esp_out drops them and says why. */
	const uint16_t most = way.reason == DP_DROP_COUNT ? way.max_inner_bytes : SHORTEST;
	while (left > 0 && *room > 0 &&
	       dp_bucket_take(&run->pace, w->now, w->dp->second_tsc, run->ask.per_s, DP_DUMMY_BURST)) {
		if (!make(w, sa, run, most)) /* no buffer: another round has one */
			break;
		left--;
		--*room;
		if (waits) {
			run->waited = w->now;
			break;
		}
	}
	__atomic_store_n(&run->left, left, __ATOMIC_RELAXED); /* a number to be shown */
	return left > 0;
}

static void
end(struct dp_dummies *dummies, unsigned place)
{
	sadb_wipe(&dummies->run[place].random, sizeof(dummies->run[place].random));
	__atomic_fetch_and(&dummies->running, ~(1u << place), __ATOMIC_RELEASE); /* pairs with running() */
}

void
dp_dummy_make(struct dp_worker *w)
{
	struct dp_dummies *dummies = &w->dummies;
	/* pairs with the release in dp_dummy_start() */
	const uint32_t bits = __atomic_load_n(&dummies->running, __ATOMIC_ACQUIRE);
	const uint32_t stop = __atomic_load_n(&dummies->stop, __ATOMIC_RELAXED);
	unsigned room = DP_DUMMY_BURST;

	for (unsigned i = 0; i < DP_DUMMY_RUNS; i++) {
		const unsigned place = (dummies->turn + i) % DP_DUMMY_RUNS;
		if ((bits & 1u << place) && ((stop & 1u << place) || !go_on(w, &dummies->run[place], &room)))
			end(dummies, place);
	}
	dummies->turn++; /* else a fast one could leave others nothing of a round */
	dp_count(&w->stats.made, w->esp_out.n);
	dp_count(&w->stats.dummies, w->esp_out.n);
}

void
dp_dummy_mark(struct dp_aead_op *const ops[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ops[i]->text[ops[i]->text_bytes - 1] = DP_NEXT_DUMMY;
}
