/* SPDX-License-Identifier: BSD-3-Clause
 * What comes to tunnels with time and events: limits, first packets, lapsed offers, the next try. Control thread. */
#include <errno.h>
#include <string.h>

#include "control/log.h"
#include "control/tunnel_impl.h"

static struct ctl_tunnel *
owner_of(struct ctl_tunnels *tunnels, const struct sadb_sa_cold *sa)
{
	const uint32_t i = sa->config.reqid - CTL_TUNNEL_REQID_FIRST;

	return ctl_tunnel_reqid(sa->config.reqid) && i < tunnels->n ? tunnels->tunnel[i] : NULL;
}

/* A soft limit without a command to answer it: the operator has to. */
static void
ask_for_hands(struct ctl_tunnel *tunnel)
{
	static const char text[] =
	    "its soft limit has come: exchange keys by hand (culvert tunnel offer), before the hard "
	    "limit stops it";

	ctl_log(CTL_LOG_WARNING, "tunnel %s: %s", tunnel->config.name, text);
	ctl_tunnel_tell(tunnel, "tunnel-rekey-wanted", text);
}

static void
lost_out(struct ctl_tunnel *tunnel, const char *why)
{
	tunnel->out_spi_be = 0;
	tunnel->wanted = tunnel->config.exchange[0] != 0;
	ctl_log(CTL_LOG_WARNING, "tunnel %s: %s: packets to its prefixes are dropped until keys are exchanged",
		tunnel->config.name, why);
	ctl_tunnel_tell(tunnel, "tunnel-down", why);
}

void
ctl_tunnels_expire(struct ctl_tunnels *tunnels, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	struct ctl_tunnel *tunnel = owner_of(tunnels, sa);
	const bool out = sa->config.dir == SADB_DIR_OUT;

	if (tunnel == NULL || (out && sa->config.spi_be != tunnel->out_spi_be))
		return;
	if (!out && kind == SADB_EXPIRE_HARD)
		ctl_tunnel_in_forget(tunnel, sa->config.spi_be);
	else if (out && kind == SADB_EXPIRE_HARD)
		lost_out(tunnel, "the hard limit of its outbound SA has come");
	else if (out && tunnel->config.exchange[0] == 0)
		ask_for_hands(tunnel);
	else if (out && tunnel->pending.running == NULL)
		tunnel->wanted = true; /* not before the next tick: the caller is amid the database */
}

/* First packets, and dates that have come. True when an SA was taken away. */
static bool
look_at_in(struct ctl_tunnel *tunnel, uint64_t now_ns)
{
	bool changed = false;

	for (unsigned i = 0; i < tunnel->n_in;) {
		const struct ctl_tunnel_in in = tunnel->in[i];
		const struct sadb_sa_cold *sa = ctl_tunnel_in_sa(tunnel, in.spi_be);

		if (sa == NULL || (in.retire_ns != 0 && in.retire_ns <= now_ns)) {
			ctl_tunnel_in_drop(tunnel, in.spi_be);
			changed = true;
			continue;
		}
		if (!in.known && ctl_tunnel_packets(sa) > 0) {
			ctl_tunnel_in_known(tunnel, in.spi_be);
			if (in.spi_be == tunnel->taken.answered_spi_be)
				ctl_tunnel_answer_wipe(tunnel);
		}
		i++;
	}
	return changed;
}

/* An offer that nobody answered. If the peer seals for it nevertheless, the SA stays. */
static bool
lapse(struct ctl_tunnel *tunnel)
{
	const rte_be32_t spi_be = tunnel->pending.spi_be;
	const bool used = ctl_tunnel_packets(ctl_tunnel_in_sa(tunnel, spi_be)) > 0;

	ctl_log(CTL_LOG_NOTICE, "tunnel %s: its offer of an hour ago has no answer and is not valid any more",
		tunnel->config.name);
	ctl_tunnel_pending_close(tunnel);
	if (!used)
		ctl_tunnel_in_drop(tunnel, spi_be);
	return !used;
}

static bool
tick(struct ctl_tunnel *tunnel, uint64_t now_ns)
{
	const struct ctl_tunnel_pending *pending = &tunnel->pending;
	bool changed = look_at_in(tunnel, now_ns);

	if (pending->open && pending->running == NULL && pending->lapse_ns <= now_ns)
		changed |= lapse(tunnel);
	if (tunnel->out_spi_be != 0 && ctl_tunnel_out_sa(tunnel) == NULL)
		lost_out(tunnel, "its outbound SA was deleted");
	if (tunnel->wanted && pending->running == NULL && tunnel->retry_ns <= now_ns && tunnel->set->keying != NULL)
		ctl_tunnel_exchange(tunnel);
	return changed;
}

void
ctl_tunnels_tick(struct ctl_tunnels *tunnels)
{
	const uint64_t now_ns = tunnels->now_ns();
	struct sadb_error err = {.text = ""};
	bool changed = false;

	for (uint32_t i = 0; i < tunnels->n; i++)
		if (tunnels->tunnel[i] != NULL)
			changed |= tick(tunnels->tunnel[i], now_ns);
	if (changed && sadb_commit(tunnels->db, &err) != 0)
		ctl_log(CTL_LOG_WARNING, "tunnels: %s", err.text);
}
