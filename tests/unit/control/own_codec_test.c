/* SPDX-License-Identifier: BSD-3-Clause
 * Culvert's own messages: what is encoded is decoded to the same; what is malformed is refused. */
#include "tests/unit/control/codec_rig.h"

#include <errno.h>

#include "control/own_codec.h"

static uint8_t buf[32768] __attribute__((aligned(8)));

static struct ctl_own *
decode(size_t bytes)
{
	static struct ctl_own out;
	struct nlmsghdr *exact = malloc(bytes);
	struct sadb_error err;

	assert_true(bytes > 0 && exact);
	memcpy(exact, buf, bytes);
	assert_int_equal(exact->nlmsg_len, bytes);
	if (ctl_own_decode(exact, &out, &err) != 0)
		fail_msg("%s", err.text);
	free(exact);
	return &out;
}

static struct nlmsghdr
header(uint16_t type)
{
	return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_seq = 5, .nlmsg_pid = 77};
}

static struct sadb_addr
addr(const char *text)
{
	struct sadb_addr out;

	assert_int_equal(sadb_addr_parse(text, &out), 0);
	return out;
}

static void
info_survives_the_wire(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_INFO);
	const struct ctl_info info = {"1.2.3", "ipsec-mb", 1ull << 40, 3000000000ull, 4, 1000, 20, true};
	struct ctl_own *own = decode(ctl_own_encode_info(buf, sizeof(buf), &h, &info));

	(void)state;
	assert_int_equal(own->type, CTL_MSG_INFO);
	assert_string_equal(own->info.version, "1.2.3");
	assert_string_equal(own->info.engine, "ipsec-mb");
	assert_true(own->info.uptime_s == info.uptime_s && own->info.tsc_hz == info.tsc_hz);
	assert_int_equal(own->info.workers, 4);
	assert_int_equal(own->info.sa_count, 1000);
	assert_int_equal(own->info.policy_count, 20);
	assert_true(own->info.huge);
}

static void
a_port_survives_the_wire(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_PORT);
	struct dp_port_info port;

	(void)state;
	memset(&port, 0, sizeof(port));
	strcpy(port.name, "wan0");
	strcpy(port.device, "net_af_xdp0,iface=eth1");
	strcpy(port.driver, "net_af_xdp");
	memcpy(port.mac, "\x02\x00\x00\x00\x00\x07", 6);
	port.underlay = port.up = true;
	port.port = 3;
	port.mtu = 1500;
	port.rx_queues = 2;
	port.tx_queues = 4;
	port.vnet_id = 17;
	port.speed_mbps = 100000;
	port.twin_ifindex = 12;
	port.trunk = true;
	strcpy(port.on, "trunk");
	port.vlan = 4094;
	strcpy(port.netns, "tenant-red");
	uint64_t *counter = &port.rx_packets;
	for (unsigned i = 0; i < 12; i++)
		counter[i] = 1ull << (i + 30);
	struct ctl_own *own = decode(ctl_own_encode_port(buf, sizeof(buf), &h, &port));
	assert_memory_equal(&own->port, &port, sizeof(port));
}

static void
a_vnet_a_route_and_a_neighbour_survive_the_wire(void **state)
{
	const struct nlmsghdr v = header(CTL_MSG_VNET), r = header(CTL_MSG_ROUTE), n = header(CTL_MSG_NEIGH);
	const struct ctl_vnet vnet = {"blue", 100, 7, 3, true};
	struct ctl_route route = {.vnet_id = 100};
	struct ctl_neigh neigh = {.addr = addr("192.0.2.9"), .port = 2, .mac = {2, 0, 0, 0, 0, 9}};

	(void)state;
	route.route.dst = (struct sadb_prefix){addr("10.2.0.0"), 16};
	route.route.gateway = addr("10.1.0.254");
	route.route.metric = 200;
	route.route.port = 1;
	route.route.kind = SADB_ROUTE_BLACKHOLE;
	struct ctl_own *own = decode(ctl_own_encode_vnet(buf, sizeof(buf), &v, &vnet));
	assert_string_equal(own->vnet.name, "blue");
	assert_true(own->vnet.id == 100 && own->vnet.sa_count == 7 && own->vnet.policy_count == 3);
	assert_true(own->vnet.bypass);
	own = decode(ctl_own_encode_route(buf, sizeof(buf), &r, &route));
	assert_true(sadb_addr_equal(&own->route.route.dst.addr, &route.route.dst.addr));
	assert_int_equal(own->route.route.dst.len, 16);
	assert_true(sadb_addr_equal(&own->route.route.gateway, &route.route.gateway));
	assert_int_equal(own->route.route.metric, 200);
	assert_int_equal(own->route.route.port, 1);
	assert_int_equal(own->route.route.kind, SADB_ROUTE_BLACKHOLE);
	assert_int_equal(own->route.vnet_id, 100);
	assert_false(own->route.underlay);
	/* On link: no gateway. */
	route.route.gateway = (struct sadb_addr){.family = AF_UNSPEC};
	route.underlay = true;
	own = decode(ctl_own_encode_route(buf, sizeof(buf), &r, &route));
	assert_int_equal(own->route.route.gateway.family, AF_UNSPEC);
	assert_true(own->route.underlay);
	own = decode(ctl_own_encode_neigh(buf, sizeof(buf), &n, &neigh));
	assert_true(sadb_addr_equal(&own->neigh.addr, &neigh.addr));
	assert_int_equal(own->neigh.port, 2);
	assert_memory_equal(own->neigh.mac, neigh.mac, 6);
}

static void
a_worker_tells_its_reasons_and_stages_by_name(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_WORKER);
	static struct dp_worker_stats stats;
	struct ctl_worker_source source = {&stats, 3, false};
	uint64_t *counter = &stats.from_ports;

	(void)state;
	for (unsigned i = 0; i < 15; i++)
		counter[i] = 100 + i;
	stats.cpu = -1;
	stats.drops[DP_DROP_ICV] = 9;
	stats.drops[DP_DROP_SHUTDOWN] = 8;
	stats.stages[DP_STAGE_ESP_IN] = (struct dp_stage_stats){1, 2, 3};
	stats.audit_told[DP_AUDIT_ICV] = 5;
	stats.audit_suppressed[DP_AUDIT_ICV] = 6;
	stats.audit_suppressed[DP_AUDIT_ENGINE] = 1;
	struct ctl_own *own = decode(ctl_own_encode_worker(buf, sizeof(buf), &h, &source));
	const struct ctl_worker *w = &own->worker;
	assert_int_equal(w->worker, 3);
	assert_int_equal(w->cpu, -1);
	assert_true(w->from_ports == 100 && w->from_twins == 101 && w->made == 102 && w->tx == 103);
	assert_true(w->punted == 104 && w->dropped == 105 && w->held == 106 && w->esp_in == 107);
	assert_true(w->esp_out == 108 && w->polls == 109 && w->idle_polls == 110 && w->sleeps == 111);
	assert_true(w->joined == 112 && w->dummies == 113 && w->unsent == 114);
	assert_int_equal(w->n_drops, 2);
	assert_string_equal(w->drops[0].name, dp_drop_name(DP_DROP_ICV));
	assert_string_equal(w->drops[0].help, dp_drop_help(DP_DROP_ICV));
	assert_true(w->drops[0].packets == 9 && w->drops[1].packets == 8);
	assert_int_equal(w->n_stages, DP_STAGE_COUNT);
	assert_string_equal(w->stages[DP_STAGE_ESP_IN].name, dp_stage_name(DP_STAGE_ESP_IN));
	assert_true(w->stages[DP_STAGE_ESP_IN].packets == 1 && w->stages[DP_STAGE_ESP_IN].batches == 2);
	assert_true(w->stages[DP_STAGE_ESP_IN].cycles == 3);
	assert_int_equal(w->n_audits, 2);
	assert_string_equal(w->audits[0].name, dp_audit_name(DP_AUDIT_ICV));
	assert_string_equal(w->audits[0].help, dp_audit_help(DP_AUDIT_ICV));
	assert_true(w->audits[0].told == 5 && w->audits[0].suppressed == 6);
	assert_true(w->audits[1].told == 0 && w->audits[1].suppressed == 1);
	source.all_drops = true;
	own = decode(ctl_own_encode_worker(buf, sizeof(buf), &h, &source));
	assert_int_equal(own->worker.n_drops, DP_DROP_COUNT);
	assert_int_equal(own->worker.n_audits, DP_AUDIT_KINDS - DP_AUDIT_NONE - 1);
}

static void
what_memory_goes_to_survives_the_wire(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_MEMORY), c = header(CTL_MSG_CHAIN);
	static struct ctl_memory memory = {.rss_bytes = 1ull << 40, .sa_count = 2000000, .n_uses = CTL_MAX_USES};

	(void)state;
	for (unsigned i = 0; i < CTL_MAX_USES; i++) {
		struct ctl_memory_use *use = &memory.uses[i];

		snprintf(use->name, sizeof(use->name), "use-%u", i);
		memset(use->help, 'h', sizeof(use->help) - 1 - i);
		use->bytes = (1ull << 33) + i;
		use->objects = i * 1000003ull;
	}
	struct ctl_own *own = decode(ctl_own_encode_memory(buf, sizeof(buf), &h, &memory));
	assert_memory_equal(&own->memory, &memory, sizeof(memory));
	assert_true(decode(ctl_own_encode_chain(buf, sizeof(buf), &c, true))->chain);
	assert_false(decode(ctl_own_encode_chain(buf, sizeof(buf), &c, false))->chain);
}

static void
what_the_mirror_has_and_lacks_survives_the_wire(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_MIRROR);
	static struct ctl_mirror_info mirror = {.n_counts = CTL_MAX_COUNTS, .n_missing = CTL_MAX_MISSING};

	(void)state;
	for (unsigned i = 0; i < CTL_MAX_COUNTS; i++) {
		snprintf(mirror.counts[i].name, sizeof(mirror.counts[i].name), "count_%u", i);
		mirror.counts[i].value = (1ull << 40) + i;
	}
	for (unsigned i = 0; i < CTL_MAX_MISSING; i++) {
		memset(mirror.missing[i].what, 'w', sizeof(mirror.missing[i].what) - 1 - i);
		memset(mirror.missing[i].reason, 'r', sizeof(mirror.missing[i].reason) - 1);
		mirror.missing[i].guarded = i % 2;
	}
	/* In one message of the server's, whatever it says. */
	struct ctl_own *own = decode(ctl_own_encode_mirror(buf, 16384, &h, &mirror));
	assert_memory_equal(&own->mirror, &mirror, sizeof(mirror));
}

static void
dummy_packets_survive_the_wire_and_name_their_sa(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_DUMMY);
	static const uint16_t needed[] = {CTL_A_DST, CTL_A_SPI, CTL_A_PACKETS};
	const struct ctl_dummy dummy = {.dst = addr("2001:db8::2"),
					.spi_be = 0x01100000,
					.packets = 1ull << 40,
					.length = 1400,
					.rate_pps = 70000,
					.worker = 3,
					.unsent = 1ull << 41};
	static struct ctl_own out;
	struct sadb_error err;

	(void)state;
	struct ctl_own *own = decode(ctl_own_encode_dummy(buf, sizeof(buf), &h, &dummy));
	assert_true(sadb_addr_equal(&own->dummy.dst, &dummy.dst) && own->dummy.spi_be == dummy.spi_be);
	assert_true(own->dummy.packets == dummy.packets && own->dummy.unsent == dummy.unsent);
	assert_true(own->dummy.length == dummy.length && own->dummy.rate_pps == dummy.rate_pps);
	assert_int_equal(own->dummy.worker, dummy.worker);
	for (unsigned i = 0; i < 3; i++) {
		const size_t n = ctl_own_encode_dummy(buf, sizeof(buf), &h, &dummy);
		struct nlattr *attr = (struct nlattr *)(buf + NLMSG_HDRLEN + sizeof(struct ctl_msg_head));
		while (attr->nla_type != needed[i])
			attr = (struct nlattr *)((uint8_t *)attr + NLA_ALIGN(attr->nla_len));
		attr->nla_type = CTL_A_MAX + 1; /* skipped */
		struct nlmsghdr *lacking = rig_cut((const struct nlmsghdr *)buf, n);
		assert_int_equal(ctl_own_decode(lacking, &out, &err), -EINVAL);
		assert_int_equal(err.attr, needed[i]);
		assert_non_null(strstr(err.text, "is missing"));
		free(lacking);
	}
}

/* Names, help and message stay within what the receiver has room for. */
static void
every_reason_and_stage_fits_the_wire(void **state)
{
	(void)state;
	assert_true(DP_DROP_COUNT <= CTL_MAX_DROPS && DP_STAGE_COUNT <= CTL_MAX_STAGES);
	for (unsigned i = 0; i < DP_DROP_COUNT; i++) {
		assert_true(strlen(dp_drop_name((enum dp_drop)i)) < CTL_NAME_BYTES);
		assert_true(strlen(dp_drop_help((enum dp_drop)i)) < CTL_HELP_BYTES);
	}
	for (unsigned i = 0; i < DP_STAGE_COUNT; i++)
		assert_true(strlen(dp_stage_name((enum dp_stage)i)) < CTL_NAME_BYTES);
}

static void
a_subscription_needs_its_groups(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_SUBSCRIBE);
	static struct ctl_own out;
	struct sadb_error err;

	(void)state;
	assert_int_equal(decode(ctl_own_encode_subscribe(buf, sizeof(buf), &h, 0x1e))->groups, 0x1e);
	assert_true(ctl_own_encode_get(buf, sizeof(buf), &h) > 0);
	assert_int_equal(ctl_own_decode((struct nlmsghdr *)buf, &out, &err), -EINVAL);
	assert_string_equal(err.text, "CTL_A_GROUPS is missing");
}

static void
refuses_other_versions_and_types(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_INFO_GET);
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	static struct ctl_own out;
	struct sadb_error err;

	(void)state;
	assert_true(ctl_own_encode_get(buf, sizeof(buf), &h) > 0);
	assert_int_equal(ctl_own_decode(nlh, &out, &err), 0);
	((struct ctl_msg_head *)NLMSG_DATA(nlh))->version = CTL_MSG_VERSION + 1;
	assert_int_equal(ctl_own_decode(nlh, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "version 2"));
	((struct ctl_msg_head *)NLMSG_DATA(nlh))->version = CTL_MSG_VERSION;
	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		nlh->nlmsg_type = (uint16_t)type;
		int rc = ctl_own_decode(nlh, &out, &err);
		if (type < CTL_MSG_BASE || type >= CTL_MSG_MAX)
			assert_int_equal(rc, -EOPNOTSUPP);
	}
}

static void
a_message_of_every_length_is_survived(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_WORKER);
	static struct dp_worker_stats stats;
	const struct ctl_worker_source source = {&stats, 0, true};
	size_t n = ctl_own_encode_worker(buf, sizeof(buf), &h, &source);
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	static struct ctl_own out;
	struct sadb_error err;
	unsigned taken = 0;

	(void)state;
	for (size_t cut = NLMSG_HDRLEN; cut < n; cut++) {
		struct nlmsghdr *less = rig_cut(nlh, cut);
		int rc = ctl_own_decode(less, &out, &err);

		taken += rc == 0;
		if (rc != 0)
			assert_true(err.text[0] != 0);
		free(less);
	}
	/* Between the attributes only: 17 counters and one for each reason, stage and kind of event, and none at all. */
	assert_int_equal(taken, 17 + DP_DROP_COUNT + DP_STAGE_COUNT + DP_AUDIT_KINDS - DP_AUDIT_NONE - 1);
	for (size_t size = 1; size <= n; size += size < 64 ? 1 : 61) {
		uint8_t *room = malloc(size);
		assert_int_equal(ctl_own_encode_worker(room, size, &h, &source), size < n ? 0 : n);
		free(room);
	}
}

static void
refuses_addresses_and_prefixes_of_wrong_length(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_ROUTE);
	struct ctl_route route = {.vnet_id = 1};
	static struct ctl_own out;
	struct sadb_error err;

	(void)state;
	route.route.dst = (struct sadb_prefix){addr("10.0.0.0"), 33};
	assert_true(ctl_own_encode_route(buf, sizeof(buf), &h, &route) > 0);
	assert_int_equal(ctl_own_decode((struct nlmsghdr *)buf, &out, &err), -EINVAL);
	assert_int_equal(err.attr, CTL_A_DST_LEN);
	route.route.dst.len = 8;
	size_t n = ctl_own_encode_route(buf, sizeof(buf), &h, &route);
	struct nlmsghdr *nlh = malloc(n);
	memcpy(nlh, buf, n);
	nlh = rig_add(nlh, CTL_A_GATEWAY, "12345", 5);
	assert_int_equal(ctl_own_decode(nlh, &out, &err), -EINVAL);
	assert_int_equal(err.attr, CTL_A_GATEWAY);
	free(nlh);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(info_survives_the_wire),
	    cmocka_unit_test(a_port_survives_the_wire),
	    cmocka_unit_test(a_vnet_a_route_and_a_neighbour_survive_the_wire),
	    cmocka_unit_test(a_worker_tells_its_reasons_and_stages_by_name),
	    cmocka_unit_test(dummy_packets_survive_the_wire_and_name_their_sa),
	    cmocka_unit_test(what_memory_goes_to_survives_the_wire),
	    cmocka_unit_test(what_the_mirror_has_and_lacks_survives_the_wire),
	    cmocka_unit_test(every_reason_and_stage_fits_the_wire),
	    cmocka_unit_test(a_subscription_needs_its_groups),
	    cmocka_unit_test(refuses_other_versions_and_types),
	    cmocka_unit_test(a_message_of_every_length_is_survived),
	    cmocka_unit_test(refuses_addresses_and_prefixes_of_wrong_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
