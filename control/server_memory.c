/* SPDX-License-Identifier: BSD-3-Clause
 * What the daemon's memory went to, all of it: the database's parts, packet buffers, and what else is in DPDK's and in
 * malloc()'s heap. Control thread. */
#include "control/server_impl.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/attr.h"

static void
add(struct ctl_memory *memory, const char *name, const char *help, const struct sadb_memory *use)
{
	if (memory->n_uses == CTL_MAX_USES)
		return;
	struct ctl_memory_use *row = &memory->uses[memory->n_uses++];
	*row = (struct ctl_memory_use){.bytes = use->bytes, .objects = use->objects};
	snprintf(row->name, sizeof(row->name), "%s", name);
	snprintf(row->help, sizeof(row->help), "%s", help);
}

/* The kernel's count of the pages that are there; 0 when it does not tell. */
static uint64_t
rss_bytes(void)
{
	unsigned long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "re");

	if (!statm)
		return 0;
	if (fscanf(statm, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(statm);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t
less(uint64_t all, uint64_t part)
{
	return all > part ? all - part : 0;
}

static void
gather(const struct ctl_server *server, struct ctl_memory *memory)
{
	struct sadb_memory use[SADB_MEMORY_USES];
	const struct mallinfo2 heap = mallinfo2();
	struct dp_memory dpdk;
	uint64_t known = 0;

	*memory = (struct ctl_memory){.rss_bytes = rss_bytes(), .sa_count = sadb_sa_count(server->config.db)};
	sadb_memory_get(server->config.db, use);
	for (unsigned i = 0; i < SADB_MEMORY_USES; i++) {
		add(memory, sadb_memory_name((enum sadb_memory_use)i), sadb_memory_help((enum sadb_memory_use)i),
		    &use[i]);
		known += use[i].heap_bytes;
	}
	dp_memory_get(server->config.dp, &dpdk);
	add(memory, "packets", "packet buffers: packets in the configuration",
	    &(struct sadb_memory){.bytes = dpdk.packet_bytes, .objects = dpdk.packets});
	add(memory, "other-dpdk", "what else DPDK's heap holds: ports, rings, tables of policies",
	    &(struct sadb_memory){.bytes = less(dpdk.heap_bytes, dpdk.packet_bytes)});
	/* What was freed and not given back to the kernel is in it. */
	add(memory, "other-heap", "what else malloc() holds: routes, neighbours, clients and what waits for them",
	    &(struct sadb_memory){.bytes = less(heap.arena + heap.hblkhd, known)});
}

int
ctl_serve_memory(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct sadb_error *err)
{
	const struct nlmsghdr header = {
	    .nlmsg_type = CTL_MSG_MEMORY, .nlmsg_seq = nlh->nlmsg_seq, .nlmsg_pid = nlh->nlmsg_pid};
	static struct ctl_memory memory; /* large; one thread */
	struct ctl_server *server = peer->server;

	gather(server, &memory);
	size_t bytes = ctl_own_encode_memory(server->out, CTL_MESSAGE_BYTES, &header, &memory);
	if (bytes == 0 || !ctl_peer_queue(peer, server->out, bytes, NULL))
		return ctl_refuse(err, -ENOMEM, 0, "no memory for the answer");
	return 0;
}
