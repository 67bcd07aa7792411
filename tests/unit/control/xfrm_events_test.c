/* SPDX-License-Identifier: BSD-3-Clause
 * The messages about what SAs and policies do and where they move to: what is encoded is decoded to the same, laid out as
 * linux/xfrm.h says, and a wrong one is refused by name. */
#include "tests/unit/control/xfrm_events_rig.h"

#include <errno.h>

static struct ctl_xfrm
decode_right(const void *buf, size_t bytes)
{
	struct sadb_error err;
	struct ctl_xfrm out;

	if (decode(buf, bytes, &out, &err) != 0)
		fail_msg("%s", err.text);
	return out;
}

static void
progress_survives_the_wire_with_its_bitmap(void **state)
{
	static const struct {
		uint32_t window, flags, has, words;
		uint64_t out_seq, in_seq;
	} table[] = {
	    {0, 0, CTL_HAS_REPLAY, 1, 0x70000001, 0},
	    {32, 0, CTL_HAS_REPLAY, 1, 0xffffffff, 0x80000000},
	    {33, 0, CTL_HAS_REPLAY_ESN, 2, 3, 4},
	    {64, SADB_SA_ESN, CTL_HAS_REPLAY_ESN, 2, 0x500000006, 0x600000007},
	    {128, SADB_SA_ESN, CTL_HAS_REPLAY_ESN, 4, 0, UINT64_MAX},
	};
	static const uint32_t bitmap[4] = {0x11223344, 0x55667788, 0x99aabbcc, 0xddeeff00};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct nlmsghdr event = header(XFRM_MSG_NEWAE, 0);
		const struct sadb_sa_config c = config_of(table[i].window, table[i].flags);
		const struct sadb_sa_key key = sadb_sa_key_make(&c.dst, c.spi_be, c.proto);
		const struct ctl_sa_state s = {.bytes = 1,
					       .packets = 2,
					       .add_time_s = 3,
					       .use_time_s = 4,
					       .out_seq = table[i].out_seq,
					       .in_seq = table[i].in_seq,
					       .bitmap_words = table[i].words,
					       .bitmap = bitmap};
		uint8_t buf[ROOM] __attribute__((aligned(8)));
		struct ctl_xfrm m = decode_right(buf, ctl_xfrm_encode_ae(buf, sizeof(buf), &event, &c, &s, XFRM_AE_CU));

		assert_memory_equal(&m.ae.sa_id, &key, sizeof(key));
		assert_true(sadb_addr_equal(&m.ae.src, &c.src));
		assert_true(m.ae.flags == XFRM_AE_CU && m.ae.reqid == 7 && m.ae.vnet_id == 9);
		assert_int_equal(m.ae.past.has, CTL_HAS_LIFETIME | table[i].has);
		assert_true(m.ae.past.bytes == 1 && m.ae.past.packets == 2);
		assert_true(m.ae.past.add_time_s == 3 && m.ae.past.use_time_s == 4);
		assert_true(m.ae.past.out_seq == s.out_seq && m.ae.past.in_seq == s.in_seq);
		assert_int_equal(m.ae.past.bitmap_words, table[i].words);
		assert_memory_equal(m.ae.past.bitmap, bitmap, table[i].words * sizeof(bitmap[0]));
	}
}

static void
a_question_for_progress_names_an_sa(void **state)
{
	const struct nlmsghdr get = header(XFRM_MSG_GETAE, NLM_F_REQUEST);
	const struct sadb_sa_config c = config_of(0, 0);
	const struct sadb_sa_key key = sadb_sa_key_make(&c.dst, c.spi_be, c.proto);
	uint8_t buf[ROOM] __attribute__((aligned(8)));
	struct ctl_xfrm m = decode_right(buf, ctl_xfrm_encode_get_ae(buf, sizeof(buf), &get, &c, XFRM_AE_RVAL));

	(void)state;
	assert_memory_equal(&m.ae.sa_id, &key, sizeof(key));
	assert_int_equal(m.ae.src.family, AF_UNSPEC);
	assert_int_equal(m.ae.flags, XFRM_AE_RVAL);
	assert_int_equal(m.ae.past.has, 0);
}

static void
thresholds_are_read_from_an_event_and_refused_in_a_request(void **state)
{
	const struct nlmsghdr set = header(XFRM_MSG_NEWAE, 0);
	const struct sadb_sa_config c = config_of(0, 0);
	const uint32_t packets = 100, tenths = 50;
	uint8_t buf[ROOM] __attribute__((aligned(8)));
	size_t n = ctl_xfrm_encode_get_ae(buf, sizeof(buf), &set, &c, 0);
	struct nlmsghdr *nlh = rig_cut((struct nlmsghdr *)buf, n);
	struct sadb_error err;
	struct ctl_xfrm m;

	(void)state;
	nlh = rig_add(nlh, XFRMA_REPLAY_THRESH, &packets, sizeof(packets));
	nlh = rig_add(nlh, XFRMA_ETIMER_THRESH, &tenths, sizeof(tenths));
	assert_int_equal(ctl_xfrm_decode(nlh, &m, &err), 0);
	assert_int_equal(m.ae.past.has, CTL_HAS_SEQ_THRESH | CTL_HAS_TIME_THRESH);
	assert_true(m.ae.past.seq_threshold == 100 && m.ae.past.time_threshold_ds == 50);
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_REPLACE;
	assert_int_equal(ctl_xfrm_decode(nlh, &m, &err), -EOPNOTSUPP);
	assert_int_equal(err.attr, XFRMA_REPLAY_THRESH);
	assert_non_null(strstr(err.text, "GETAE"));
	free(nlh);
}

/* The kernel reads from an EXPIRE or POLEXPIRE request what names the object, and no more. */
static void
a_request_to_expire_needs_only_a_name(void **state)
{
	uint8_t buf[ROOM] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	struct xfrm_user_expire sa = {.state = {.id = {.spi = htonl(0x1001), .proto = IPPROTO_ESP}, .family = AF_INET},
				      .hard = 1};
	struct xfrm_user_polexpire policy = {.pol = {.index = 9, .dir = XFRM_POLICY_OUT}, .hard = 1};
	struct ctl_xfrm m;

	(void)state;
	sa.state.id.daddr.a4 = htonl(0xc6336402);
	*nlh = header(XFRM_MSG_EXPIRE, NLM_F_REQUEST);
	memcpy(nlh + 1, &sa, sizeof(sa));
	m = decode_right(buf, NLMSG_LENGTH(sizeof(sa)));
	const struct sadb_addr dst = rig_addr("198.51.100.2");
	const struct sadb_sa_key key = sadb_sa_key_make(&dst, htonl(0x1001), IPPROTO_ESP);
	assert_int_equal(m.sa.hard, 1);
	assert_memory_equal(&m.sa.expired, &key, sizeof(key));
	*nlh = header(XFRM_MSG_POLEXPIRE, NLM_F_REQUEST);
	memcpy(nlh + 1, &policy, sizeof(policy));
	m = decode_right(buf, NLMSG_LENGTH(sizeof(policy)));
	assert_true(m.policy.hard == 1 && m.policy.config.index == 9 && m.policy.config.dir == SADB_POLICY_OUT);
}

static void
a_policy_that_ended_survives_the_wire(void **state)
{
	const struct nlmsghdr event = header(XFRM_MSG_POLEXPIRE, 0);
	struct sadb_policy_info p = {.config = rig_decode(policy_add_time_limit).policy.config, .add_time_s = 1};
	uint8_t buf[ROOM] __attribute__((aligned(8)));

	(void)state;
	p.config.index = 9;
	p.use_time_s = 2;
	for (int hard = 0; hard <= 1; hard++) {
		struct ctl_xfrm m =
		    decode_right(buf, ctl_xfrm_encode_policy_expire(buf, sizeof(buf), &event, &p, hard));

		assert_memory_equal(&m.policy.config, &p.config, sizeof(p.config));
		assert_int_equal(m.policy.hard, hard);
		assert_true(m.policy.add_time_s == 1 && m.policy.use_time_s == 2);
	}
}

/* As a request all in one attribute, as an event one in each. */
static void
a_migration_survives_the_wire_as_request_and_event(void **state)
{
	static const uint16_t flags[] = {NLM_F_REQUEST, 0};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned n = 1; n <= CTL_MIGRATIONS; n++) {
			const struct nlmsghdr h = header(XFRM_MSG_MIGRATE, flags[i]);
			struct ctl_migrate in = migrate_of(n);
			uint8_t buf[ROOM] __attribute__((aligned(8)));

			in.has_km = true;
			in.km_local = rig_addr("192.0.2.9");
			in.km_remote = rig_addr("203.0.113.4");
			struct ctl_xfrm m = decode_right(buf, ctl_xfrm_encode_migrate(buf, sizeof(buf), &h, &in));
			assert_true(sadb_selector_equal(&m.migrate.sel, &in.sel));
			assert_true(m.migrate.dir == in.dir && m.migrate.vnet_id == 9 && m.migrate.n == n);
			for (unsigned k = 0; k < n; k++)
				rig_assert_same_move(&m.migrate.one[k], &in.one[k]);
			assert_true(m.migrate.has_km && sadb_addr_equal(&m.migrate.km_local, &in.km_local) &&
				    sadb_addr_equal(&m.migrate.km_remote, &in.km_remote));
		}
	}
}

static void
a_mapping_survives_the_wire(void **state)
{
	const struct nlmsghdr event = header(XFRM_MSG_MAPPING, 0);
	const struct sadb_sa_config c = config_of(0, 0);
	const struct ctl_mapping in = {.sa_id = sadb_sa_key_make(&c.dst, c.spi_be, c.proto),
				       .reqid = 7,
				       .old_src = rig_addr("192.0.2.1"),
				       .new_src = rig_addr("192.0.2.77"),
				       .old_sport_be = htons(4500),
				       .new_sport_be = htons(61234)};
	uint8_t buf[ROOM] __attribute__((aligned(8)));
	struct ctl_xfrm m = decode_right(buf, ctl_xfrm_encode_mapping(buf, sizeof(buf), &event, &in));
	const struct xfrm_user_mapping *wire = (const void *)(buf + NLMSG_HDRLEN);

	(void)state;
	assert_memory_equal(&m.mapping.sa_id, &in.sa_id, sizeof(in.sa_id));
	assert_true(sadb_addr_equal(&m.mapping.old_src, &in.old_src));
	assert_true(sadb_addr_equal(&m.mapping.new_src, &in.new_src));
	assert_true(m.mapping.old_sport_be == in.old_sport_be && m.mapping.new_sport_be == in.new_sport_be);
	assert_int_equal(m.mapping.reqid, 7);
	assert_true(wire->id.family == AF_INET && wire->new_saddr.a4 == htonl(0xc000024d));
}

static void
the_table_wide_messages_survive_the_wire(void **state)
{
	const struct ctl_spd_default d = {
	    .action = {[SADB_POLICY_IN] = XFRM_USERPOLICY_BLOCK, [SADB_POLICY_OUT] = XFRM_USERPOLICY_ACCEPT}};
	const struct ctl_spd_info info = {.has_v4 = true, .has_v6 = true, .v4 = {16, 24}, .v6 = {64, 128}};
	const struct sadb_selector sel = {.src = rig_prefix("10.1.0.0/16"), .dst = rig_prefix("10.2.0.0/16")};
	const struct nlmsghdr set = header(XFRM_MSG_SETDEFAULT, NLM_F_REQUEST), told = header(XFRM_MSG_GETDEFAULT, 0),
			      get = header(XFRM_MSG_GETDEFAULT, NLM_F_REQUEST),
			      spd = header(XFRM_MSG_NEWSPDINFO, NLM_F_REQUEST), report = header(XFRM_MSG_REPORT, 0);
	uint8_t buf[ROOM] __attribute__((aligned(8)));
	struct ctl_xfrm m = decode_right(buf, ctl_xfrm_encode_default(buf, sizeof(buf), &set, &d));

	(void)state;
	assert_memory_equal(&m.spd_default, &d, sizeof(d));
	m = decode_right(buf, ctl_xfrm_encode_default(buf, sizeof(buf), &told, &d));
	assert_memory_equal(&m.spd_default, &d, sizeof(d));
	decode_right(buf, ctl_xfrm_encode_get(buf, sizeof(buf), &get));
	m = decode_right(buf, ctl_xfrm_encode_spd_info(buf, sizeof(buf), &spd, &info));
	assert_true(m.spd.has_v4 && m.spd.v4[0] == 16 && m.spd.v4[1] == 24);
	assert_true(m.spd.has_v6 && m.spd.v6[0] == 64 && m.spd.v6[1] == 128);
	m = decode_right(buf, ctl_xfrm_encode_report(buf, sizeof(buf), &report, IPPROTO_ESP, &sel));
	assert_true(m.report.proto == IPPROTO_ESP && sadb_selector_equal(&m.report.sel, &sel));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(progress_survives_the_wire_with_its_bitmap),
	    cmocka_unit_test(a_question_for_progress_names_an_sa),
	    cmocka_unit_test(thresholds_are_read_from_an_event_and_refused_in_a_request),
	    cmocka_unit_test(a_request_to_expire_needs_only_a_name),
	    cmocka_unit_test(a_policy_that_ended_survives_the_wire),
	    cmocka_unit_test(a_migration_survives_the_wire_as_request_and_event),
	    cmocka_unit_test(a_mapping_survives_the_wire),
	    cmocka_unit_test(the_table_wide_messages_survive_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
