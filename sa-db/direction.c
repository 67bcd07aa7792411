/* SPDX-License-Identifier: BSD-3-Clause
 * Whose key it is to seal with: ours or the peer's, never both, for ever. Control thread.
 *
 * Both ends hold a key, and only one of them may seal with it: numbers of the two would meet, and so would nonces. An SA
 * is simplex (RFC 4301 4.1) and its destination tells which end it is for: ESP is looked up by the address it came to,
 * which is ours, and is not sent to ourselves. Whoever says "in" or "out" is believed. For an SA of dir any the
 * underlay's route table decides: to one of our own addresses it is inbound, to any other outbound.
 *
 * The order that leaves no window, not in a crash either:
 * - Nothing is sent under a key before the disk says how far (mark.c). An outbound SA's part for workers says "out", so
 *   nothing is received through it, whatever addresses the gateway has or a late worker believes that it has.
 * - Nothing is received under a key before the disk says SADB_NO_NUMBERS: workers do not find an inbound SA sooner.
 * - An address that becomes ours turns the SAs of dir any to it inbound before workers see the route table that says so.
 *   One compare-and-swap takes the sequence from 0 to a value above all limits: if it succeeds, no worker has taken a
 *   number and none will; if it fails, the SA has sent, so the key is ours: it stays outbound and never receives. Then
 *   the disk, then the part for workers. While the disk fails the SA does neither.
 * So a mark on disk with numbers reserved means that nothing was received here under the key, although after a crash it
 * may mean as well that nothing was sent. It is taken for ours: it may go on above, anywhere, but not turn inbound.
 *
 * A key once inbound stays so, in memory and on disk, wherever it is added: MOBIKE moves our own address, and an IKE daemon
 * that tells no direction adds the SA at the new one before or after the kernel has it. Such an add is not refused but
 * taken as inbound, and shown as such. Marks written before these rules can say by in_seq alone that an SA of dir any
 * received, and have numbers reserved all the same: they count as inbound too.
 *
 * What no one can know: a key that the peer seals with, given with dir any and only ever towards addresses that are not
 * ours, looks like an outbound one. It receives nothing, and is used to send only where a policy names that destination.
 * And of an SA that received before these rules, and within ten seconds before a crash, no mark tells. */
#include "sa-db/sadb_private.h"

#include <errno.h>

#include <linux/xfrm.h>

static bool
is_local(const struct sadb_fib *fib, const struct sadb_addr *addr)
{
	const struct sadb_nexthop *hop = addr->family == AF_INET6 ? sadb_fib_lookup_v6(fib, addr->bytes)
								  : sadb_fib_lookup(fib, sadb_addr_to_v4(addr));
	return hop != NULL && hop->kind == SADB_ROUTE_LOCAL;
}

bool
sadb_direction_is_local(const struct sadb *db, const struct sadb_addr *addr)
{
	return is_local(sadb_vnet_fib(&db->underlay.vnet), addr);
}

uint8_t
sadb_direction_of(struct sadb *db, const struct sadb_sa_config *config, const struct sadb_mark *mark)
{
	if (config->dir != SADB_DIR_ANY)
		return config->dir;
	bool received = sadb_mark_inbound(mark) || config->in_seq > 0;
	return received || sadb_direction_is_local(db, &config->dst) ? SADB_DIR_IN : SADB_DIR_ANY;
}

int
sadb_direction_numbers(uint8_t dir, const struct sadb_sa_config *config, struct sadb_error *err)
{
	uint16_t attr = config->flags & SADB_SA_ESN ? XFRMA_REPLAY_ESN_VAL : XFRMA_REPLAY_VAL;
	if (dir == SADB_DIR_IN && config->out_seq > 0)
		return sadb_fail(err, -EINVAL, attr, "an inbound SA has sent nothing: its oseq must be 0");
	if (dir != SADB_DIR_IN && config->in_seq > 0)
		return sadb_fail(err, -EINVAL, attr, "an outbound SA has received nothing: its seq must be 0");
	return 0;
}

int
sadb_direction_check(uint8_t dir, const struct sadb_sa_config *config, const struct sadb_mark *mark,
		     struct sadb_error *err)
{
	int rc = sadb_direction_numbers(dir, config, err);
	if (rc != 0)
		return rc;
	if (dir == SADB_DIR_IN && !sadb_mark_inbound(mark) && mark->bound > 0)
		return sadb_fail(err, -EEXIST, XFRMA_ALG_AEAD,
				 "this key was used to send: the peer needs a key of its own");
	if (dir != SADB_DIR_IN && sadb_mark_inbound(mark))
		return sadb_fail(err, -EEXIST, XFRMA_ALG_AEAD,
				 "this key was an inbound SA's: the peer seals with it, so sending needs another");
	if (dir != SADB_DIR_IN && mark->bound >= sadb_out_max(config))
		return sadb_fail(err, -EOVERFLOW, XFRMA_ALG_AEAD,
				 "the sequence numbers of this key are spent: use a new key");
	return 0;
}

/* Nothing was sent, and now nothing will be. */
static bool
close_sequence(struct sadb_sa_mut *mut)
{
	static const struct sadb_sa_config longest = {.flags = SADB_SA_ESN};
	uint64_t none = 0;
	/* Relaxed, as the add in sadb_sa_seq_take() that it competes with: the order of this one variable decides. */
	return __atomic_compare_exchange_n(&mut->out_seq, &none, sadb_out_max(&longest), false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

static bool
turn_inbound(struct sadb *db, struct sadb_sa_cold *cold)
{
	struct sadb_mark *mark = sadb_own(cold)->lineage->mark;
	if (!close_sequence(cold->hot->mut))
		return false;
	sadb_sad_hide(db, cold);
	sadb_own(cold)->shown = false;
	cold->config.dir = SADB_DIR_IN;
	mark->inbound = true;
	sadb_mark_dirty(db, mark);
	sadb_resolve_sa(cold);
	return true;
}

/* Is there an address that is local now and was not? A local prefix of more than one address counts as one: longer routes
 * may have lain in it. */
static bool
adds_local(const struct sadb_fib *old, const struct sadb_fib *next)
{
	const struct sadb_route *route;
	for (unsigned i = 0; (route = sadb_fib_route(next, i)) != NULL; i++)
		if (route->kind == SADB_ROUTE_LOCAL && route->dst.addr.family != AF_UNSPEC &&
		    (route->dst.len < sadb_addr_bits(route->dst.addr.family) || !is_local(old, &route->dst.addr)))
			return true;
	return false;
}

void
sadb_direction_locals(struct sadb *db, const struct sadb_fib *next)
{
	bool turned = false;
	if (!adds_local(sadb_vnet_fib(sadb_underlay(db)), next))
		return;
	for (uint32_t slot = 0; slot < db->positions; slot++) {
		struct sadb_sa_cold *cold = db->cold[slot];
		if (cold != NULL && !cold->larval && cold->config.dir == SADB_DIR_ANY &&
		    is_local(next, &cold->config.dst))
			turned |= turn_inbound(db, cold);
	}
	if (turned)
		sadb_marks_flush(db, NULL); /* what fails stays in the list, and its SA hidden, until a tick succeeds */
}
