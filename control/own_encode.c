/* SPDX-License-Identifier: BSD-3-Clause
 * Encoding of Culvert's own messages. Pure. */
#include "control/own_codec.h"

#include "control/attr.h"

static bool
start(struct ctl_put *put, void *buf, size_t size, const struct nlmsghdr *header)
{
	struct ctl_msg_head *head = ctl_put_start(put, buf, size, header, sizeof(*head));

	if (head)
		head->version = CTL_MSG_VERSION;
	return head != NULL;
}

static void
put_addr(struct ctl_put *put, uint16_t type, const struct sadb_addr *addr)
{
	if (addr->family != AF_UNSPEC)
		ctl_put_attr(put, type, addr->bytes, addr->family == AF_INET6 ? 16 : 4);
}

size_t
ctl_own_encode_get(void *buf, size_t size, const struct nlmsghdr *header)
{
	struct ctl_put put;

	return start(&put, buf, size, header) ? ctl_put_end(&put) : 0;
}

size_t
ctl_own_encode_subscribe(void *buf, size_t size, const struct nlmsghdr *header, uint32_t groups)
{
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	ctl_put_u32(&put, CTL_A_GROUPS, groups);
	return ctl_put_end(&put);
}

size_t
ctl_own_encode_chain(void *buf, size_t size, const struct nlmsghdr *header, bool chain)
{
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	ctl_put_u32(&put, CTL_A_CHAIN, chain);
	return ctl_put_end(&put);
}

size_t
ctl_own_encode_hello(void *buf, size_t size, const struct nlmsghdr *header, uint64_t boot_id)
{
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	ctl_put_u64(&put, CTL_A_BOOT_ID, boot_id);
	return ctl_put_end(&put);
}

size_t
ctl_own_encode_info(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_info *info)
{
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	ctl_put_str(&put, CTL_A_VERSION, info->version);
	ctl_put_str(&put, CTL_A_ENGINE, info->engine);
	ctl_put_u64(&put, CTL_A_UPTIME_S, info->uptime_s);
	ctl_put_u64(&put, CTL_A_TSC_HZ, info->tsc_hz);
	ctl_put_u32(&put, CTL_A_HUGE, info->huge);
	ctl_put_u32(&put, CTL_A_WORKERS, info->workers);
	ctl_put_u32(&put, CTL_A_SA_COUNT, info->sa_count);
	ctl_put_u32(&put, CTL_A_POLICY_COUNT, info->policy_count);
	return ctl_put_end(&put);
}

size_t
ctl_own_encode_port(void *buf, size_t size, const struct nlmsghdr *header, const struct dp_port_info *port)
{
	const uint64_t counters[] = {port->rx_packets, port->rx_bytes,     port->tx_packets, port->tx_bytes,
				     port->rx_missed,  port->rx_errors,    port->rx_nombuf,  port->tx_errors,
				     port->punted,     port->punt_dropped, port->injected,   port->inject_dropped};
	struct ctl_put put;

	_Static_assert(CTL_A_RX_PACKETS + sizeof(counters) / sizeof(counters[0]) - 1 == CTL_A_INJECT_DROPPED,
		       "one attribute for each counter, in order");
	if (!start(&put, buf, size, header))
		return 0;
	ctl_put_str(&put, CTL_A_NAME, port->name);
	ctl_put_u16(&put, CTL_A_PORT, port->port);
	ctl_put_str(&put, CTL_A_DEVICE, port->device);
	ctl_put_str(&put, CTL_A_DRIVER, port->driver);
	ctl_put_attr(&put, CTL_A_MAC, port->mac, sizeof(port->mac));
	ctl_put_u16(&put, CTL_A_MTU, port->mtu);
	ctl_put_u32(&put, CTL_A_UP, port->up);
	ctl_put_u32(&put, CTL_A_UNDERLAY, port->underlay);
	ctl_put_u32(&put, CTL_A_VNET_ID, port->vnet_id);
	ctl_put_u32(&put, CTL_A_SPEED_MBPS, port->speed_mbps);
	ctl_put_u32(&put, CTL_A_IFINDEX, (uint32_t)port->twin_ifindex);
	ctl_put_u16(&put, CTL_A_RX_QUEUES, port->rx_queues);
	ctl_put_u16(&put, CTL_A_TX_QUEUES, port->tx_queues);
	ctl_put_u32(&put, CTL_A_TRUNK, port->trunk);
	if (port->netns[0] != '\0')
		ctl_put_str(&put, CTL_A_NETNS, port->netns);
	if (port->vlan != 0) {
		ctl_put_str(&put, CTL_A_ON, port->on);
		ctl_put_u16(&put, CTL_A_VLAN, port->vlan);
	}
	for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		ctl_put_u64(&put, (uint16_t)(CTL_A_RX_PACKETS + i), counters[i]);
	return ctl_put_end(&put);
}

size_t
ctl_own_encode_vnet(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_vnet *vnet)
{
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	ctl_put_str(&put, CTL_A_NAME, vnet->name);
	ctl_put_u32(&put, CTL_A_VNET_ID, vnet->id);
	ctl_put_u32(&put, CTL_A_SA_COUNT, vnet->sa_count);
	ctl_put_u32(&put, CTL_A_POLICY_COUNT, vnet->policy_count);
	ctl_put_u32(&put, CTL_A_BYPASS, vnet->bypass);
	return ctl_put_end(&put);
}

size_t
ctl_own_encode_route(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_route *route)
{
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	put_addr(&put, CTL_A_DST, &route->route.dst.addr);
	ctl_put_u32(&put, CTL_A_DST_LEN, route->route.dst.len);
	put_addr(&put, CTL_A_GATEWAY, &route->route.gateway);
	ctl_put_u32(&put, CTL_A_METRIC, route->route.metric);
	ctl_put_u32(&put, CTL_A_KIND, route->route.kind);
	ctl_put_u16(&put, CTL_A_PORT, route->route.port);
	ctl_put_u32(&put, CTL_A_VNET_ID, route->vnet_id);
	ctl_put_u32(&put, CTL_A_UNDERLAY, route->underlay);
	return ctl_put_end(&put);
}

size_t
ctl_own_encode_neigh(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_neigh *neigh)
{
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	put_addr(&put, CTL_A_DST, &neigh->addr);
	ctl_put_u16(&put, CTL_A_PORT, neigh->port);
	ctl_put_attr(&put, CTL_A_MAC, neigh->mac, sizeof(neigh->mac));
	return ctl_put_end(&put);
}

size_t
ctl_own_encode_dummy(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_dummy *dummy)
{
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	put_addr(&put, CTL_A_DST, &dummy->dst);
	ctl_put_u32(&put, CTL_A_SPI, dummy->spi_be);
	ctl_put_u64(&put, CTL_A_PACKETS, dummy->packets);
	ctl_put_u32(&put, CTL_A_LENGTH, dummy->length);
	ctl_put_u32(&put, CTL_A_RATE, dummy->rate_pps);
	ctl_put_u32(&put, CTL_A_WORKER, dummy->worker);
	ctl_put_u64(&put, CTL_A_UNSENT, dummy->unsent);
	return ctl_put_end(&put);
}

size_t
ctl_own_encode_memory(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_memory *memory)
{
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	ctl_put_u64(&put, CTL_A_RSS, memory->rss_bytes);
	ctl_put_u32(&put, CTL_A_SA_COUNT, memory->sa_count);
	for (unsigned i = 0; i < memory->n_uses; i++) {
		const struct ctl_memory_use *use = &memory->uses[i];
		struct nlattr *nest = ctl_put_nest_open(&put, CTL_A_USE);
		ctl_put_str(&put, CTL_A_NAME, use->name);
		ctl_put_str(&put, CTL_A_HELP, use->help);
		ctl_put_u64(&put, CTL_A_BYTES, use->bytes);
		ctl_put_u64(&put, CTL_A_OBJECTS, use->objects);
		ctl_put_nest_close(&put, nest);
	}
	return ctl_put_end(&put);
}

size_t
ctl_own_encode_mirror(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_mirror_info *mirror)
{
	struct nlattr *nest;
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	for (unsigned i = 0; i < mirror->n_counts; i++) {
		nest = ctl_put_nest_open(&put, CTL_A_COUNT);
		ctl_put_str(&put, CTL_A_NAME, mirror->counts[i].name);
		ctl_put_u64(&put, CTL_A_PACKETS, mirror->counts[i].value);
		ctl_put_nest_close(&put, nest);
	}
	for (unsigned i = 0; i < mirror->n_missing; i++) {
		nest = ctl_put_nest_open(&put, CTL_A_MISSING);
		ctl_put_str(&put, CTL_A_NAME, mirror->missing[i].what);
		ctl_put_str(&put, CTL_A_HELP, mirror->missing[i].reason);
		ctl_put_u32(&put, CTL_A_GUARDED, mirror->missing[i].guarded);
		ctl_put_nest_close(&put, nest);
	}
	return ctl_put_end(&put);
}

static void
put_drops(struct ctl_put *put, const struct ctl_worker_source *source)
{
	for (unsigned i = 0; i < DP_DROP_COUNT; i++) {
		if (!source->all_drops && source->stats->drops[i] == 0)
			continue;
		struct nlattr *nest = ctl_put_nest_open(put, CTL_A_DROP);
		ctl_put_str(put, CTL_A_NAME, dp_drop_name((enum dp_drop)i));
		ctl_put_str(put, CTL_A_HELP, dp_drop_help((enum dp_drop)i));
		ctl_put_u64(put, CTL_A_PACKETS, source->stats->drops[i]);
		ctl_put_nest_close(put, nest);
	}
}

static void
put_stages(struct ctl_put *put, const struct dp_worker_stats *stats)
{
	for (unsigned i = 0; i < DP_STAGE_COUNT; i++) {
		struct nlattr *nest = ctl_put_nest_open(put, CTL_A_STAGE);
		ctl_put_str(put, CTL_A_NAME, dp_stage_name((enum dp_stage)i));
		ctl_put_u64(put, CTL_A_PACKETS, stats->stages[i].packets);
		ctl_put_u64(put, CTL_A_BATCHES, stats->stages[i].batches);
		ctl_put_u64(put, CTL_A_CYCLES, stats->stages[i].cycles);
		ctl_put_nest_close(put, nest);
	}
}

static void
put_audits(struct ctl_put *put, const struct ctl_worker_source *source)
{
	for (unsigned i = DP_AUDIT_NONE + 1; i < DP_AUDIT_KINDS; i++) {
		const uint64_t told = source->stats->audit_told[i], suppressed = source->stats->audit_suppressed[i];

		if (!source->all_drops && told == 0 && suppressed == 0)
			continue;
		struct nlattr *nest = ctl_put_nest_open(put, CTL_A_AUDIT);
		ctl_put_str(put, CTL_A_NAME, dp_audit_name((enum dp_audit_kind)i));
		ctl_put_str(put, CTL_A_HELP, dp_audit_help((enum dp_audit_kind)i));
		ctl_put_u64(put, CTL_A_PACKETS, told);
		ctl_put_u64(put, CTL_A_SUPPRESSED, suppressed);
		ctl_put_nest_close(put, nest);
	}
}

size_t
ctl_own_encode_worker(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_worker_source *source)
{
	const struct dp_worker_stats *stats = source->stats;
	const uint64_t counters[] = {stats->from_ports, stats->from_twins, stats->made,   stats->tx,
				     stats->dropped,    stats->held,       stats->esp_in, stats->esp_out,
				     stats->polls,      stats->idle_polls, stats->sleeps};
	struct ctl_put put;

	_Static_assert(CTL_A_FROM_PORTS + sizeof(counters) / sizeof(counters[0]) - 1 == CTL_A_SLEEPS,
		       "one attribute for each counter, in order");
	if (!start(&put, buf, size, header))
		return 0;
	ctl_put_u32(&put, CTL_A_WORKER, source->worker);
	ctl_put_u32(&put, CTL_A_CPU, (uint32_t)stats->cpu);
	ctl_put_u64(&put, CTL_A_PUNTED, stats->punted);
	ctl_put_u64(&put, CTL_A_JOINED, stats->joined);
	ctl_put_u64(&put, CTL_A_DUMMIES, stats->dummies);
	ctl_put_u64(&put, CTL_A_UNSENT, stats->dummies_unsent);
	for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		ctl_put_u64(&put, (uint16_t)(CTL_A_FROM_PORTS + i), counters[i]);
	put_drops(&put, source);
	put_stages(&put, stats);
	put_audits(&put, source);
	return ctl_put_end(&put);
}
