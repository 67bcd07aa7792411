/* SPDX-License-Identifier: BSD-3-Clause
 * Decoding of Culvert's own messages: answers for the CLI, SUBSCRIBE for the server. Pure. */
#include "control/own_codec.h"

#include <errno.h>

#include "control/attr.h"

#define RULE(attr, bytes) [attr] = {#attr, bytes}
#define U16(attr)         RULE(attr, sizeof(uint16_t))
#define U32(attr)         RULE(attr, sizeof(uint32_t))
#define U64(attr)         RULE(attr, sizeof(uint64_t))

static const struct ctl_attr_rule rule[CTL_A_MAX + 1] = {
    U32(CTL_A_GROUPS),       RULE(CTL_A_VERSION, 1), RULE(CTL_A_ENGINE, 1),     U64(CTL_A_UPTIME_S),
    U64(CTL_A_TSC_HZ),       U32(CTL_A_HUGE),        RULE(CTL_A_NAME, 1),       U16(CTL_A_PORT),
    RULE(CTL_A_DEVICE, 1),   RULE(CTL_A_DRIVER, 1),  RULE(CTL_A_MAC, 6),        U16(CTL_A_MTU),
    U32(CTL_A_UP),           U32(CTL_A_UNDERLAY),    U32(CTL_A_VNET_ID),        U32(CTL_A_SPEED_MBPS),
    U32(CTL_A_IFINDEX),      U16(CTL_A_RX_QUEUES),   U16(CTL_A_TX_QUEUES),      U64(CTL_A_RX_PACKETS),
    U64(CTL_A_RX_BYTES),     U64(CTL_A_TX_PACKETS),  U64(CTL_A_TX_BYTES),       U64(CTL_A_RX_MISSED),
    U64(CTL_A_RX_ERRORS),    U64(CTL_A_RX_NOMBUF),   U64(CTL_A_TX_ERRORS),      U64(CTL_A_PUNTED),
    U64(CTL_A_PUNT_DROPPED), U64(CTL_A_INJECTED),    U64(CTL_A_INJECT_DROPPED), U32(CTL_A_SA_COUNT),
    U32(CTL_A_POLICY_COUNT), RULE(CTL_A_DST, 4),     U32(CTL_A_DST_LEN),        RULE(CTL_A_GATEWAY, 4),
    U32(CTL_A_METRIC),       U32(CTL_A_KIND),        U32(CTL_A_WORKER),         U32(CTL_A_CPU),
    U64(CTL_A_FROM_PORTS),   U64(CTL_A_FROM_TWINS),  U64(CTL_A_MADE),           U64(CTL_A_TX),
    U64(CTL_A_DROPPED),      U64(CTL_A_HELD),        U64(CTL_A_ESP_IN),         U64(CTL_A_ESP_OUT),
    U64(CTL_A_POLLS),        U64(CTL_A_IDLE_POLLS),  U64(CTL_A_SLEEPS),         RULE(CTL_A_DROP, 0),
    RULE(CTL_A_STAGE, 0),    RULE(CTL_A_HELP, 1),    U64(CTL_A_PACKETS),        U64(CTL_A_BATCHES),
    U64(CTL_A_CYCLES),       U32(CTL_A_WORKERS),     RULE(CTL_A_USE, 0),        U64(CTL_A_BYTES),
    U64(CTL_A_OBJECTS),      U64(CTL_A_RSS),         U32(CTL_A_CHAIN),          U64(CTL_A_BOOT_ID),
    RULE(CTL_A_COUNT, 0),    RULE(CTL_A_MISSING, 0), U32(CTL_A_GUARDED),        RULE(CTL_A_TUNNEL, 0),
    U64(CTL_A_JOINED),       U32(CTL_A_TRUNK),       RULE(CTL_A_ON, 1),         U16(CTL_A_VLAN),
    RULE(CTL_A_NETNS, 1),    RULE(CTL_A_AUDIT, 0),   U64(CTL_A_SUPPRESSED),     RULE(CTL_A_EVENT, 0),
    U32(CTL_A_BYPASS),       U32(CTL_A_SPI),         U32(CTL_A_LENGTH),         U32(CTL_A_RATE),
    U64(CTL_A_DUMMIES),      U64(CTL_A_UNSENT),
};
static const struct ctl_attr_rules rules = {rule, CTL_A_MAX};

typedef const struct nlattr *attr_table[CTL_A_MAX + 1];

static uint16_t
get_u16(attr_table at, unsigned type)
{
	uint16_t value = 0;

	if (at[type])
		ctl_attr_copy(&value, at[type], sizeof(value));
	return value;
}

static uint32_t
get_u32(attr_table at, unsigned type)
{
	uint32_t value = 0;

	if (at[type])
		ctl_attr_copy(&value, at[type], sizeof(value));
	return value;
}

static uint64_t
get_u64(attr_table at, unsigned type)
{
	uint64_t value = 0;

	if (at[type])
		ctl_attr_copy(&value, at[type], sizeof(value));
	return value;
}

/* Cuts what is too long, always terminates. */
static void
get_str(attr_table at, unsigned type, char *out, size_t size)
{
	out[0] = 0;
	if (!at[type])
		return;
	size_t bytes = strnlen(mnl_attr_get_payload(at[type]), mnl_attr_get_payload_len(at[type]));
	if (bytes > size - 1)
		bytes = size - 1;
	memcpy(out, mnl_attr_get_payload(at[type]), bytes);
	out[bytes] = 0;
}

static int
get_addr(attr_table at, unsigned type, struct sadb_addr *out, struct sadb_error *err)
{
	*out = (struct sadb_addr){.family = AF_UNSPEC};
	if (!at[type])
		return 0;
	size_t bytes = mnl_attr_get_payload_len(at[type]);
	if (bytes != 4 && bytes != 16)
		return ctl_refuse(err, -EINVAL, (uint16_t)type, "%s has %zu bytes: an address has 4 or 16",
				  rule[type].name, bytes);
	memcpy(out->bytes, mnl_attr_get_payload(at[type]), bytes);
	out->family = bytes == 4 ? AF_INET : AF_INET6;
	return 0;
}

static int
get_info(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	struct ctl_info *info = &out->info;

	(void)err;
	get_str(at, CTL_A_VERSION, info->version, sizeof(info->version));
	get_str(at, CTL_A_ENGINE, info->engine, sizeof(info->engine));
	info->uptime_s = get_u64(at, CTL_A_UPTIME_S);
	info->tsc_hz = get_u64(at, CTL_A_TSC_HZ);
	info->workers = get_u32(at, CTL_A_WORKERS);
	info->sa_count = get_u32(at, CTL_A_SA_COUNT);
	info->policy_count = get_u32(at, CTL_A_POLICY_COUNT);
	info->huge = get_u32(at, CTL_A_HUGE) != 0;
	return 0;
}

static int
get_subscribe(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	if (!at[CTL_A_GROUPS])
		return ctl_refuse(err, -EINVAL, CTL_A_GROUPS, "CTL_A_GROUPS is missing");
	out->groups = get_u32(at, CTL_A_GROUPS);
	return 0;
}

static int
get_chain(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	if (!at[CTL_A_CHAIN])
		return ctl_refuse(err, -EINVAL, CTL_A_CHAIN, "CTL_A_CHAIN is missing");
	out->chain = get_u32(at, CTL_A_CHAIN) != 0;
	return 0;
}

static int
get_hello(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	if (!at[CTL_A_BOOT_ID])
		return ctl_refuse(err, -EINVAL, CTL_A_BOOT_ID, "CTL_A_BOOT_ID is missing");
	out->boot_id = get_u64(at, CTL_A_BOOT_ID);
	return 0;
}

static int
get_port(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	struct dp_port_info *port = &out->port;
	uint64_t *counters[] = {&port->rx_packets, &port->rx_bytes,     &port->tx_packets, &port->tx_bytes,
				&port->rx_missed,  &port->rx_errors,    &port->rx_nombuf,  &port->tx_errors,
				&port->punted,     &port->punt_dropped, &port->injected,   &port->inject_dropped};

	(void)err;
	get_str(at, CTL_A_NAME, port->name, sizeof(port->name));
	get_str(at, CTL_A_DEVICE, port->device, sizeof(port->device));
	get_str(at, CTL_A_DRIVER, port->driver, sizeof(port->driver));
	if (at[CTL_A_MAC])
		ctl_attr_copy(port->mac, at[CTL_A_MAC], sizeof(port->mac));
	port->port = get_u16(at, CTL_A_PORT);
	port->mtu = get_u16(at, CTL_A_MTU);
	port->up = get_u32(at, CTL_A_UP) != 0;
	port->underlay = get_u32(at, CTL_A_UNDERLAY) != 0;
	port->vnet_id = get_u32(at, CTL_A_VNET_ID);
	port->speed_mbps = get_u32(at, CTL_A_SPEED_MBPS);
	port->twin_ifindex = (int)get_u32(at, CTL_A_IFINDEX);
	port->rx_queues = get_u16(at, CTL_A_RX_QUEUES);
	port->tx_queues = get_u16(at, CTL_A_TX_QUEUES);
	port->trunk = get_u32(at, CTL_A_TRUNK) != 0;
	get_str(at, CTL_A_ON, port->on, sizeof(port->on));
	port->vlan = get_u16(at, CTL_A_VLAN);
	get_str(at, CTL_A_NETNS, port->netns, sizeof(port->netns));
	for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		*counters[i] = get_u64(at, CTL_A_RX_PACKETS + i);
	return 0;
}

static int
get_vnet(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	(void)err;
	get_str(at, CTL_A_NAME, out->vnet.name, sizeof(out->vnet.name));
	out->vnet.id = get_u32(at, CTL_A_VNET_ID);
	out->vnet.sa_count = get_u32(at, CTL_A_SA_COUNT);
	out->vnet.policy_count = get_u32(at, CTL_A_POLICY_COUNT);
	out->vnet.bypass = get_u32(at, CTL_A_BYPASS) != 0;
	return 0;
}

static int
get_route(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	struct sadb_route *route = &out->route.route;
	uint32_t len = get_u32(at, CTL_A_DST_LEN);
	int rc = get_addr(at, CTL_A_DST, &route->dst.addr, err);

	if (rc == 0)
		rc = get_addr(at, CTL_A_GATEWAY, &route->gateway, err);
	if (rc)
		return rc;
	if (len > (route->dst.addr.family == AF_INET6 ? 128 : 32))
		return ctl_refuse(err, -EINVAL, CTL_A_DST_LEN, "CTL_A_DST_LEN %u is no prefix length", len);
	route->dst.len = (uint8_t)len;
	route->metric = get_u32(at, CTL_A_METRIC);
	route->kind = (uint8_t)get_u32(at, CTL_A_KIND);
	route->port = get_u16(at, CTL_A_PORT);
	out->route.vnet_id = get_u32(at, CTL_A_VNET_ID);
	out->route.underlay = get_u32(at, CTL_A_UNDERLAY) != 0;
	return 0;
}

static int
get_neigh(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	out->neigh.port = get_u16(at, CTL_A_PORT);
	if (at[CTL_A_MAC])
		ctl_attr_copy(out->neigh.mac, at[CTL_A_MAC], sizeof(out->neigh.mac));
	return get_addr(at, CTL_A_DST, &out->neigh.addr, err);
}

static void
get_mirror(attr_table at, uint16_t type, struct ctl_mirror_info *mirror)
{
	if (type == CTL_A_COUNT && mirror->n_counts < CTL_MAX_COUNTS) {
		struct ctl_mirror_count *count = &mirror->counts[mirror->n_counts++];

		get_str(at, CTL_A_NAME, count->name, sizeof(count->name));
		count->value = get_u64(at, CTL_A_PACKETS);
	} else if (type == CTL_A_MISSING && mirror->n_missing < CTL_MAX_MISSING) {
		struct ctl_mirror_missing *missing = &mirror->missing[mirror->n_missing++];

		get_str(at, CTL_A_NAME, missing->what, sizeof(missing->what));
		get_str(at, CTL_A_HELP, missing->reason, sizeof(missing->reason));
		missing->guarded = get_u32(at, CTL_A_GUARDED) != 0;
	}
}

static void
get_worker_row(attr_table at, uint16_t type, struct ctl_worker *worker)
{
	if (type == CTL_A_DROP && worker->n_drops < CTL_MAX_DROPS) {
		struct ctl_worker_drop *drop = &worker->drops[worker->n_drops++];

		get_str(at, CTL_A_NAME, drop->name, sizeof(drop->name));
		get_str(at, CTL_A_HELP, drop->help, sizeof(drop->help));
		drop->packets = get_u64(at, CTL_A_PACKETS);
	} else if (type == CTL_A_STAGE && worker->n_stages < CTL_MAX_STAGES) {
		struct ctl_worker_stage *stage = &worker->stages[worker->n_stages++];

		get_str(at, CTL_A_NAME, stage->name, sizeof(stage->name));
		stage->packets = get_u64(at, CTL_A_PACKETS);
		stage->batches = get_u64(at, CTL_A_BATCHES);
		stage->cycles = get_u64(at, CTL_A_CYCLES);
	} else if (type == CTL_A_AUDIT && worker->n_audits < CTL_MAX_AUDITS) {
		struct ctl_worker_audit *audit = &worker->audits[worker->n_audits++];

		get_str(at, CTL_A_NAME, audit->name, sizeof(audit->name));
		get_str(at, CTL_A_HELP, audit->help, sizeof(audit->help));
		audit->told = get_u64(at, CTL_A_PACKETS);
		audit->suppressed = get_u64(at, CTL_A_SUPPRESSED);
	}
}

static int
get_nested(const struct nlattr *nest, struct ctl_own *out, struct sadb_error *err)
{
	struct ctl_memory *memory = &out->memory;
	attr_table at;
	int rc = ctl_attr_parse(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), &rules, at, err);

	if (rc)
		return rc;
	if (out->type == CTL_MSG_MIRROR) {
		get_mirror(at, mnl_attr_get_type(nest), &out->mirror);
	} else if (out->type == CTL_MSG_MEMORY) {
		if (mnl_attr_get_type(nest) != CTL_A_USE || memory->n_uses == CTL_MAX_USES)
			return 0;
		struct ctl_memory_use *use = &memory->uses[memory->n_uses++];

		get_str(at, CTL_A_NAME, use->name, sizeof(use->name));
		get_str(at, CTL_A_HELP, use->help, sizeof(use->help));
		use->bytes = get_u64(at, CTL_A_BYTES);
		use->objects = get_u64(at, CTL_A_OBJECTS);
	} else {
		get_worker_row(at, mnl_attr_get_type(nest), &out->worker);
	}
	return 0;
}

static int
get_worker(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	struct ctl_worker *worker = &out->worker;
	uint64_t *counters[] = {&worker->from_ports, &worker->from_twins, &worker->made,   &worker->tx,
				&worker->dropped,    &worker->held,       &worker->esp_in, &worker->esp_out,
				&worker->polls,      &worker->idle_polls, &worker->sleeps};

	(void)err;
	worker->worker = get_u32(at, CTL_A_WORKER);
	worker->cpu = (int32_t)get_u32(at, CTL_A_CPU);
	worker->punted = get_u64(at, CTL_A_PUNTED);
	worker->joined = get_u64(at, CTL_A_JOINED);
	worker->dummies = get_u64(at, CTL_A_DUMMIES);
	worker->unsent = get_u64(at, CTL_A_UNSENT);
	for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		*counters[i] = get_u64(at, CTL_A_FROM_PORTS + i);
	return 0;
}

static int
get_memory(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	(void)err;
	out->memory.rss_bytes = get_u64(at, CTL_A_RSS);
	out->memory.sa_count = get_u32(at, CTL_A_SA_COUNT);
	return 0;
}

static int
get_dummy(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	struct ctl_dummy *dummy = &out->dummy;

	for (unsigned i = 0; i < 3; i++) {
		static const uint16_t needed[] = {CTL_A_DST, CTL_A_SPI, CTL_A_PACKETS};
		if (!at[needed[i]])
			return ctl_refuse(err, -EINVAL, needed[i], "%s is missing", rule[needed[i]].name);
	}
	dummy->spi_be = get_u32(at, CTL_A_SPI);
	dummy->packets = get_u64(at, CTL_A_PACKETS);
	dummy->length = get_u32(at, CTL_A_LENGTH);
	dummy->rate_pps = get_u32(at, CTL_A_RATE);
	dummy->worker = get_u32(at, CTL_A_WORKER);
	dummy->unsent = get_u64(at, CTL_A_UNSENT);
	return get_addr(at, CTL_A_DST, &dummy->dst, err);
}

static int
get_tunnel(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	return ctl_own_decode_tunnel(at[CTL_A_TUNNEL], out, err);
}

static int
get_audit(attr_table at, struct ctl_own *out, struct sadb_error *err)
{
	return ctl_own_decode_audit(at[CTL_A_EVENT], out, err);
}

static int (*const decoders[CTL_MSG_MAX - CTL_MSG_BASE])(attr_table, struct ctl_own *, struct sadb_error *) = {
    [CTL_MSG_INFO - CTL_MSG_BASE] = get_info,           [CTL_MSG_SUBSCRIBE - CTL_MSG_BASE] = get_subscribe,
    [CTL_MSG_PORT - CTL_MSG_BASE] = get_port,           [CTL_MSG_VNET - CTL_MSG_BASE] = get_vnet,
    [CTL_MSG_ROUTE - CTL_MSG_BASE] = get_route,         [CTL_MSG_NEIGH - CTL_MSG_BASE] = get_neigh,
    [CTL_MSG_WORKER - CTL_MSG_BASE] = get_worker,       [CTL_MSG_MEMORY - CTL_MSG_BASE] = get_memory,
    [CTL_MSG_CHAIN - CTL_MSG_BASE] = get_chain,         [CTL_MSG_HELLO - CTL_MSG_BASE] = get_hello,
    [CTL_MSG_TUNNEL_ADD - CTL_MSG_BASE] = get_tunnel,   [CTL_MSG_TUNNEL - CTL_MSG_BASE] = get_tunnel,
    [CTL_MSG_TUNNEL_DEL - CTL_MSG_BASE] = get_tunnel,   [CTL_MSG_TUNNEL_REKEY - CTL_MSG_BASE] = get_tunnel,
    [CTL_MSG_TUNNEL_OFFER - CTL_MSG_BASE] = get_tunnel, [CTL_MSG_TUNNEL_ACCEPT - CTL_MSG_BASE] = get_tunnel,
    [CTL_MSG_TUNNEL_EVENT - CTL_MSG_BASE] = get_tunnel, [CTL_MSG_AUDIT - CTL_MSG_BASE] = get_audit,
    [CTL_MSG_DUMMY - CTL_MSG_BASE] = get_dummy,
};

/* Repeated attributes, which the table by number cannot hold; their lengths have been checked. */
static int
get_repeated(const struct nlmsghdr *nlh, struct ctl_own *out, struct sadb_error *err)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, sizeof(struct ctl_msg_head)) {
		uint16_t type = mnl_attr_get_type(attr);
		bool nested = type == CTL_A_DROP || type == CTL_A_STAGE || type == CTL_A_USE || type == CTL_A_COUNT ||
			      type == CTL_A_MISSING || type == CTL_A_AUDIT;
		int rc = nested ? get_nested(attr, out, err) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

int
ctl_own_decode(const struct nlmsghdr *nlh, struct ctl_own *out, struct sadb_error *err)
{
	const uint8_t *body = (const uint8_t *)nlh + MNL_NLMSG_HDRLEN;
	struct ctl_msg_head head;
	attr_table at;

	memset(err, 0, sizeof(*err));
	memset(out, 0, sizeof(*out));
	if (nlh->nlmsg_type < CTL_MSG_BASE || nlh->nlmsg_type >= CTL_MSG_MAX)
		return ctl_refuse(err, -EOPNOTSUPP, 0, "message type 0x%x is unknown", nlh->nlmsg_type);
	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(head))
		return ctl_refuse(err, -EINVAL, 0, "message of %u bytes is shorter than its header", nlh->nlmsg_len);
	memcpy(&head, body, sizeof(head));
	if (head.version != CTL_MSG_VERSION)
		return ctl_refuse(err, -EINVAL, 0, "message version %u: version %u is accepted", head.version,
				  CTL_MSG_VERSION);
	int rc = ctl_attr_parse(body + sizeof(head), nlh->nlmsg_len - MNL_NLMSG_HDRLEN - sizeof(head), &rules, at, err);
	if (rc)
		return rc;
	out->type = nlh->nlmsg_type;
	if (decoders[out->type - CTL_MSG_BASE])
		rc = decoders[out->type - CTL_MSG_BASE](at, out, err);
	if (rc == 0 && (out->type == CTL_MSG_WORKER || out->type == CTL_MSG_MEMORY || out->type == CTL_MSG_MIRROR))
		rc = get_repeated(nlh, out, err);
	return rc;
}
