/* SPDX-License-Identifier: BSD-3-Clause
 * Dumps: one for each client at a time, a datagram at a time, as fast as the client reads. The cursor is a place in the
 * database, so changes between two datagrams are harmless. Control thread. */
#include "control/server_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/attr.h"
#include "control/tunnel.h"

/* Encodes the item at the cursor and moves the cursor past it. Returns its length; 0 when it does not fit (the cursor
 * stays); -ENOENT at the end. */
typedef ssize_t (*next_fn)(struct ctl_server *server, struct ctl_dump *dump, void *buf, size_t size);

static bool
passes(const struct ctl_xfrm *ask, const struct sadb_sa_config *config)
{
	uint8_t proto = ask->filter.proto;

	return (proto == 0 || proto == 255 || proto == config->proto) &&
	       sadb_prefix_contains(&ask->filter.src, &config->src) &&
	       sadb_prefix_contains(&ask->filter.dst, &config->dst);
}

/* Dump order is by place, and places are used again: what came while the dump went on may be missing. */
static void
note_changes(struct ctl_dump *dump, uint64_t changes)
{
	if (dump->slot > 0 && dump->changes != changes)
		dump->header.nlmsg_flags |= NLM_F_DUMP_INTR;
	dump->changes = changes;
}

static ssize_t
next_sa(struct ctl_server *server, struct ctl_dump *dump, void *buf, size_t size)
{
	const struct sadb_sa_cold *sa;
	struct ctl_sa_state state;

	note_changes(dump, sadb_sa_changes(server->config.db));
	while ((sa = sadb_sa_at(server->config.db, dump->slot)) && !passes(&dump->ask, &sa->config))
		dump->slot = sa->slot + 1;
	if (!sa)
		return -ENOENT;
	ctl_sa_state_fill(server, sa, &state);
	size_t bytes = ctl_xfrm_encode_sa(buf, size, &dump->header, &sa->config, &state);
	if (bytes > 0)
		dump->slot = sa->slot + 1;
	return (ssize_t)bytes;
}

static ssize_t
next_policy(struct ctl_server *server, struct ctl_dump *dump, void *buf, size_t size)
{
	struct sadb_policy_info info;
	uint32_t slot = dump->slot;

	note_changes(dump, sadb_policy_changes(server->config.db));
	if (!sadb_policy_at(server->config.db, &slot, &info))
		return -ENOENT;
	size_t bytes = ctl_xfrm_encode_policy(buf, size, &dump->header, &info);
	if (bytes > 0)
		dump->slot = slot;
	return (ssize_t)bytes;
}

static ssize_t
next_port(struct ctl_server *server, struct ctl_dump *dump, void *buf, size_t size)
{
	struct dp_port_info port;

	if (dump->slot >= DP_MAX_PORTS || dp_port_get(server->config.dp, (uint16_t)dump->slot, &port) != 0)
		return -ENOENT;
	size_t bytes = ctl_own_encode_port(buf, size, &dump->header, &port);
	if (bytes > 0)
		dump->slot++;
	return (ssize_t)bytes;
}

static int
count_compare(const void *left, const void *right)
{
	const struct ctl_vnet_count *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

static struct ctl_vnet_count *
find_count(const struct ctl_server *server, uint32_t vnet_id)
{
	const struct ctl_vnet_count key = {.id = vnet_id};

	return bsearch(&key, server->counts, server->n_counts, sizeof(key), count_compare);
}

/* Once for a dump: policies may be many, and so may virtual networks. */
static int
count_all(struct ctl_server *server)
{
	struct sadb *db = server->config.db;
	const struct sadb_vnet *vnet = NULL;
	struct sadb_policy_info policy;
	struct ctl_vnet_count *count;
	size_t n = 0;

	while ((vnet = sadb_vnet_next(db, vnet)))
		n++;
	count = calloc(n + 1, sizeof(*count)); /* never of no bytes */
	if (!count)
		return -ENOMEM;
	free(server->counts);
	server->counts = count;
	server->n_counts = n;
	for (vnet = NULL; (vnet = sadb_vnet_next(db, vnet)); count++)
		count->id = vnet->id;
	qsort(server->counts, n, sizeof(*count), count_compare);
	for (uint32_t slot = 0; sadb_policy_at(db, &slot, &policy);)
		if ((count = find_count(server, policy.config.vnet_id)))
			count->policies++;
	return 0;
}

static ssize_t
next_vnet(struct ctl_server *server, struct ctl_dump *dump, void *buf, size_t size)
{
	struct sadb *db = server->config.db;
	const struct sadb_vnet *from = sadb_vnet_next(db, dump->vnet);
	struct ctl_vnet vnet = {0};
	const struct ctl_vnet_count *count;

	if (!from)
		return -ENOENT;
	vnet.id = from->id;
	memcpy(vnet.name, from->name, sizeof(vnet.name));
	vnet.sa_count = from->sa_count;
	vnet.bypass = sadb_vnet_bypasses(from);
	count = find_count(server, from->id);
	if (count) /* else it was added since, empty */
		vnet.policy_count = count->policies;
	size_t bytes = ctl_own_encode_vnet(buf, size, &dump->header, &vnet);
	if (bytes > 0)
		dump->vnet = from;
	return (ssize_t)bytes;
}

/* A table that was replaced amid its dump: the rest may repeat or lack entries, and the header says so. */
static void
note_table(struct ctl_dump *dump, const void *table)
{
	if (dump->slot > 0 && dump->table != table)
		dump->header.nlmsg_flags |= NLM_F_DUMP_INTR;
	dump->table = table;
}

/* The underlay's routes first (vnet NULL), then each virtual network's. */
static ssize_t
next_route(struct ctl_server *server, struct ctl_dump *dump, void *buf, size_t size)
{
	struct sadb *db = server->config.db;
	const struct sadb_route *route;

	for (;;) {
		const struct sadb_vnet *vnet = dump->vnet ? dump->vnet : sadb_underlay(db);
		const struct sadb_fib *fib = sadb_vnet_fib(vnet);

		note_table(dump, fib);
		route = fib ? sadb_fib_route(fib, dump->slot) : NULL;
		if (route)
			break;
		dump->slot = 0;
		dump->vnet = sadb_vnet_next(db, dump->vnet);
		if (!dump->vnet)
			return -ENOENT;
	}
	const struct ctl_route out = {
	    .route = *route, .vnet_id = dump->vnet ? dump->vnet->id : 0, .underlay = dump->vnet == NULL};
	size_t bytes = ctl_own_encode_route(buf, size, &dump->header, &out);
	if (bytes > 0)
		dump->slot++;
	return (ssize_t)bytes;
}

static ssize_t
next_neigh(struct ctl_server *server, struct ctl_dump *dump, void *buf, size_t size)
{
	const struct sadb_neigh_table *table = sadb_neighs(server->config.db);
	const struct sadb_neigh *neigh = table ? sadb_neigh_at(table, dump->slot) : NULL;

	if (!neigh)
		return -ENOENT;
	note_table(dump, table);
	struct ctl_neigh out = {.addr = sadb_neigh_addr(neigh), .port = neigh->port};
	memcpy(out.mac, neigh->mac, sizeof(out.mac));
	size_t bytes = ctl_own_encode_neigh(buf, size, &dump->header, &out);
	if (bytes > 0)
		dump->slot++;
	return (ssize_t)bytes;
}

static ssize_t
next_worker(struct ctl_server *server, struct ctl_dump *dump, void *buf, size_t size)
{
	static struct dp_worker_stats stats; /* large; one thread */
	const struct ctl_worker_source source = {&stats, dump->slot, dump->all_drops};

	if (dp_worker_stats_get(server->config.dp, dump->slot, &stats) != 0)
		return -ENOENT;
	size_t bytes = ctl_own_encode_worker(buf, size, &dump->header, &source);
	if (bytes > 0)
		dump->slot++;
	return (ssize_t)bytes;
}

static ssize_t
next_tunnel(struct ctl_server *server, struct ctl_dump *dump, void *buf, size_t size)
{
	static struct ctl_tunnel_info info; /* large; one thread */

	if (server->config.tunnels == NULL)
		return -ENOENT;
	while (!ctl_tunnel_get(server->config.tunnels, dump->slot, &info))
		if (dump->slot++ >= CTL_TUNNELS_MAX)
			return -ENOENT;
	size_t bytes = ctl_own_encode_tunnel(buf, size, &dump->header, &info);
	if (bytes > 0)
		dump->slot++;
	return (ssize_t)bytes;
}

static const struct dump_kind {
	uint16_t asked, answered;
	next_fn next;
} kinds[] = {
    {XFRM_MSG_GETSA, XFRM_MSG_NEWSA, next_sa},         {XFRM_MSG_GETPOLICY, XFRM_MSG_NEWPOLICY, next_policy},
    {CTL_MSG_PORT_GET, CTL_MSG_PORT, next_port},       {CTL_MSG_VNET_GET, CTL_MSG_VNET, next_vnet},
    {CTL_MSG_ROUTE_GET, CTL_MSG_ROUTE, next_route},    {CTL_MSG_NEIGH_GET, CTL_MSG_NEIGH, next_neigh},
    {CTL_MSG_WORKER_GET, CTL_MSG_WORKER, next_worker}, {CTL_MSG_TUNNEL_GET, CTL_MSG_TUNNEL, next_tunnel},
};

static const struct dump_kind *
find_kind(uint16_t asked)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].asked == asked)
			return &kinds[i];
	return NULL;
}

bool
ctl_dump_asked(const struct nlmsghdr *nlh)
{
	return (nlh->nlmsg_flags & NLM_F_DUMP) != 0 && find_kind(nlh->nlmsg_type) != NULL;
}

int
ctl_dump_start(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct sadb_error *err)
{
	static struct ctl_own own; /* large; one thread */
	struct ctl_dump dump = {.asked = nlh->nlmsg_type};
	bool xfrm = nlh->nlmsg_type < CTL_MSG_BASE;

	if (peer->dump.asked)
		return ctl_refuse(err, -EBUSY, 0, "another dump of this client still runs");
	int rc = xfrm ? ctl_xfrm_decode(nlh, &dump.ask, err) : ctl_own_decode(nlh, &own, err);
	if (rc)
		return rc;
	if (dump.asked == CTL_MSG_VNET_GET && count_all(peer->server) != 0)
		return ctl_refuse(err, -ENOMEM, 0, "no memory for the dump");
	dump.header = (struct nlmsghdr){.nlmsg_type = find_kind(nlh->nlmsg_type)->answered,
					.nlmsg_flags = NLM_F_MULTI,
					.nlmsg_seq = nlh->nlmsg_seq,
					.nlmsg_pid = nlh->nlmsg_pid};
	dump.all_drops = (nlh->nlmsg_flags & NLM_F_MATCH) != 0;
	peer->dump = dump;
	return 0;
}

/* NLMSG_DONE carries an error number, 0 here. */
static size_t
encode_done(const struct ctl_dump *dump, void *buf, size_t size)
{
	struct nlmsghdr header = dump->header;
	struct ctl_put put;

	header.nlmsg_type = NLMSG_DONE;
	return ctl_put_start(&put, buf, size, &header, sizeof(int)) ? ctl_put_end(&put) : 0;
}

void
ctl_dump_next(struct ctl_peer *peer)
{
	struct ctl_server *server = peer->server;
	struct ctl_dump *dump = &peer->dump;
	const struct ctl_dump before = *dump;
	const struct dump_kind *kind = find_kind(dump->asked);
	size_t used = 0;
	ssize_t n;

	while ((n = kind->next(server, dump, server->out + used, sizeof(server->out) - used)) > 0)
		used += (size_t)n;
	if (n < 0) {
		size_t done = encode_done(dump, server->out + used, sizeof(server->out) - used);
		used += done;
		if (done > 0)
			dump->asked = 0;
	}
	/* Without memory the dump waits: the loop comes back to it. */
	if (!ctl_peer_queue(peer, server->out, used, NULL))
		*dump = before;
}
