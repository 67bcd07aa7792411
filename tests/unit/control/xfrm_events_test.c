/* SPDX-License-Identifier: BSD-3-Clause
 * The messages about what SAs and policies do and where they move to: what is encoded is decoded to the same, laid out as
 * linux/xfrm.h says, and a wrong one is refused by name. */
#include "tests/unit/control/xfrm_rig.h"

#include <errno.h>
#include <netinet/in.h>

#include "tests/unit/control/iproute2_bytes.h"

#define ROOM 1024

static struct nlmsghdr
header(uint16_t type, uint16_t flags)
{
	return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = 5, .nlmsg_pid = 77};
}

/* In memory of exactly its length, kept until the next one: what was decoded may point into it. */
static int
decode(const void *buf, size_t bytes, struct ctl_xfrm *out, struct sadb_error *err)
{
	static struct nlmsghdr *exact;

	assert_true(bytes > 0);
	free(exact);
	exact = malloc(bytes);
	assert_non_null(exact);
	memcpy(exact, buf, bytes);
	exact->nlmsg_len = (uint32_t)bytes;
	return ctl_xfrm_decode(exact, out, err);
}

static struct ctl_xfrm
decode_right(const void *buf, size_t bytes)
{
	struct sadb_error err;
	struct ctl_xfrm out;

	if (decode(buf, bytes, &out, &err) != 0)
		fail_msg("%s", err.text);
	return out;
}

static struct sadb_sa_config
config_of(uint32_t window, uint32_t flags)
{
	struct sadb_sa_config c = rig_decode(sa_add).sa.config;

	c.window_packets = window;
	c.flags = flags;
	c.vnet_id = 9;
	return c;
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

static struct ctl_migrate
migrate_of(unsigned n)
{
	struct ctl_migrate out = {.vnet_id = 9, .dir = SADB_POLICY_OUT, .n = (uint8_t)n};

	out.sel.src = rig_prefix("10.1.0.0/16");
	out.sel.dst = rig_prefix("10.2.0.0/16");
	for (unsigned i = 0; i < n && i < CTL_MIGRATIONS; i++)
		out.one[i] = (struct sadb_migration){.old_src = rig_addr("192.0.2.1"),
						     .old_dst = rig_addr("198.51.100.2"),
						     .new_src = rig_addr("192.0.2.9"),
						     .new_dst = rig_addr("203.0.113.4"),
						     .reqid = 7 + i,
						     .proto = IPPROTO_ESP,
						     .mode = XFRM_MODE_TUNNEL};
	return out;
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
			assert_memory_equal(m.migrate.one, in.one, n * sizeof(in.one[0]));
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

/* ---- what is wrong ---- */

static size_t
ae(void *buf, uint16_t flags)
{
	const struct nlmsghdr h = header(XFRM_MSG_NEWAE, flags);
	const struct sadb_sa_config c = config_of(64, SADB_SA_ESN);

	return ctl_xfrm_encode_ae(buf, ROOM, &h, &c, &(struct ctl_sa_state){.bytes = 1}, 0);
}

static size_t
right_ae(void *buf)
{
	return ae(buf, NLM_F_REQUEST | NLM_F_REPLACE);
}

static size_t
ae_without_replace(void *buf)
{
	return ae(buf, NLM_F_REQUEST);
}

static size_t
ae_that_says_nothing(void *buf)
{
	const struct nlmsghdr h = header(XFRM_MSG_NEWAE, NLM_F_REQUEST | NLM_F_REPLACE);
	const struct sadb_sa_config c = config_of(0, 0);

	return ctl_xfrm_encode_get_ae(buf, ROOM, &h, &c, 0);
}

static size_t
right_migrate(void *buf)
{
	const struct nlmsghdr h = header(XFRM_MSG_MIGRATE, NLM_F_REQUEST);
	const struct ctl_migrate in = migrate_of(CTL_MIGRATIONS);

	return ctl_xfrm_encode_migrate(buf, ROOM, &h, &in);
}

static size_t
migrate_of_seven(void *buf)
{
	const struct xfrm_user_migrate one = {
	    .proto = IPPROTO_ESP, .mode = XFRM_MODE_TUNNEL, .old_family = AF_INET, .new_family = AF_INET};
	size_t n = right_migrate(buf);
	struct nlmsghdr *nlh = rig_cut(buf, n);

	nlh = rig_add(nlh, XFRMA_MIGRATE, &one, sizeof(one));
	n = nlh->nlmsg_len;
	memcpy(buf, nlh, n);
	free(nlh);
	return n;
}

static size_t
migrate_of_nothing(void *buf)
{
	const struct nlmsghdr h = header(XFRM_MSG_MIGRATE, NLM_F_REQUEST);
	struct sadb_policy_config which = {.dir = SADB_POLICY_OUT};

	return ctl_xfrm_encode_policy_id(buf, ROOM, &h, &which);
}

static size_t
right_thresholds(void *buf)
{
	const struct nlmsghdr h = header(XFRM_MSG_NEWSPDINFO, NLM_F_REQUEST);
	const struct ctl_spd_info info = {.has_v4 = true, .has_v6 = true};

	return ctl_xfrm_encode_spd_info(buf, ROOM, &h, &info);
}

#define AE_BODY   sizeof(struct xfrm_aevent_id)
#define AE_AT(m)  (NLMSG_HDRLEN + offsetof(struct xfrm_aevent_id, m))
#define ESN_AT(m) (NLMSG_HDRLEN + AE_BODY + NLA_HDRLEN + offsetof(struct xfrm_replay_state_esn, m))
#define MIG_AT(m) \
	(NLMSG_HDRLEN + sizeof(struct xfrm_userpolicy_id) + NLA_HDRLEN + offsetof(struct xfrm_user_migrate, m))

static void
refuses_what_the_kernel_refuses(void **state)
{
	static const struct {
		size_t (*make)(void *buf);
		size_t at; /* of a byte to set; 0: none */
		uint8_t value;
		uint16_t attr;
		int rc;
		const char *says;
	} table[] = {
	    {right_ae, 0, 0, 0, 0, ""},
	    {ae_without_replace, 0, 0, 0, -EINVAL, "NLM_F_REPLACE"},
	    {ae_that_says_nothing, 0, 0, 0, -EINVAL, "changes nothing"},
	    {right_ae, AE_AT(sa_id.proto), IPPROTO_AH, 0, -ESRCH, "no SA of protocol 51"},
	    {right_ae, AE_AT(sa_id.proto), 0, 0, -EINVAL, "protocol 0 has no SAs"},
	    {right_ae, AE_AT(sa_id.family), AF_UNIX, 0, -EINVAL, "address family 1"},
	    {right_ae, ESN_AT(bmp_len), 3, XFRMA_REPLAY_ESN_VAL, -EINVAL, "3 words of bitmap"},
	    {right_ae, ESN_AT(bmp_len) + 3, 0x80, XFRMA_REPLAY_ESN_VAL, -EINVAL, "at most 2048"},
	    {right_ae, ESN_AT(replay_window), 65, XFRMA_REPLAY_ESN_VAL, -EINVAL, "does not fit bmp_len 2"},
	    {right_migrate, 0, 0, 0, 0, ""},
	    {migrate_of_nothing, 0, 0, XFRMA_MIGRATE, -EINVAL, "XFRMA_MIGRATE is missing"},
	    {migrate_of_seven, 0, 0, XFRMA_MIGRATE, -EINVAL, "more than 6"},
	    {right_migrate, MIG_AT(proto), 0, XFRMA_MIGRATE, -EINVAL, "protocol 0"},
	    {right_migrate, MIG_AT(proto), IPPROTO_AH, XFRMA_MIGRATE, -EPROTONOSUPPORT, "protocol 51"},
	    {right_migrate, MIG_AT(mode), XFRM_MODE_TRANSPORT, XFRMA_MIGRATE, -EOPNOTSUPP, "transport"},
	    {right_migrate, MIG_AT(new_family), AF_UNIX, XFRMA_MIGRATE, -EINVAL, "address family 1"},
	    {right_migrate, NLMSG_HDRLEN + offsetof(struct xfrm_userpolicy_id, dir), 3, 0, -EINVAL, "direction 3"},
	    {right_thresholds, 0, 0, 0, 0, ""},
	    {right_thresholds, NLMSG_HDRLEN + 4 + NLA_HDRLEN, 32, 0, 0, ""},
	    {right_thresholds, NLMSG_HDRLEN + 4 + NLA_HDRLEN, 33, XFRMA_SPD_IPV4_HTHRESH, -EINVAL, "at most 32"},
	    {right_thresholds, NLMSG_HDRLEN + 12 + NLA_HDRLEN, 128, 0, 0, ""},
	    {right_thresholds, NLMSG_HDRLEN + 12 + NLA_HDRLEN + 1, 129, XFRMA_SPD_IPV6_HTHRESH, -EINVAL, "at most 128"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t buf[ROOM] __attribute__((aligned(8)));
		size_t n = table[i].make(buf);
		struct sadb_error err;
		struct ctl_xfrm m;

		if (table[i].at != 0)
			buf[table[i].at] = table[i].value;
		if (decode(buf, n, &m, &err) != table[i].rc || err.attr != table[i].attr)
			fail_msg("case %u: %s (attribute %u)", i, err.text, err.attr);
		if (!strstr(err.text, table[i].says))
			fail_msg("case %u: \"%s\" does not say \"%s\"", i, err.text, table[i].says);
	}
}

/* Cut anywhere, a message is refused or, at the end of an attribute, read without what is missing. */
static void
no_byte_beyond_a_message_is_read(void **state)
{
	size_t (*const make[])(void *) = {right_ae, right_migrate, right_thresholds};
	uint8_t buf[ROOM] __attribute__((aligned(8)));

	(void)state;
	for (unsigned i = 0; i < sizeof(make) / sizeof(make[0]); i++) {
		size_t n = make[i](buf);

		for (size_t cut = NLMSG_HDRLEN; cut < n; cut++) {
			struct sadb_error err;
			struct ctl_xfrm m;

			if (decode(buf, cut, &m, &err) != 0)
				assert_true(err.text[0] != 0);
		}
	}
}

static void
no_encoder_writes_beyond_its_room(void **state)
{
	const struct nlmsghdr h = header(XFRM_MSG_NEWAE, NLM_F_REQUEST);
	const struct sadb_sa_config c = config_of(64, SADB_SA_ESN);
	const struct sadb_policy_info p = {.config = rig_decode(policy_add_out).policy.config};
	const struct ctl_migrate migrate = migrate_of(2);
	const struct ctl_mapping mapping = {.reqid = 1};
	const struct ctl_spd_info info = {.has_v4 = true};
	const struct ctl_spd_default d = {.action = {1}};
	const struct ctl_sa_state s = {.bytes = 1};

	(void)state;
	for (size_t size = 1; size < ROOM; size++) {
		uint8_t *room = malloc(size);
		size_t n[] = {
		    ctl_xfrm_encode_ae(room, size, &h, &c, &s, 0),
		    ctl_xfrm_encode_get_ae(room, size, &h, &c, 0),
		    ctl_xfrm_encode_policy_expire(room, size, &h, &p, 1),
		    ctl_xfrm_encode_migrate(room, size, &h, &migrate),
		    ctl_xfrm_encode_mapping(room, size, &h, &mapping),
		    ctl_xfrm_encode_spd_info(room, size, &h, &info),
		    ctl_xfrm_encode_default(room, size, &h, &d),
		    ctl_xfrm_encode_report(room, size, &h, IPPROTO_ESP, &c.sel),
		};

		for (unsigned i = 0; i < sizeof(n) / sizeof(n[0]); i++)
			assert_true(n[i] <= size && (n[i] > 0 || size < ROOM / 2));
		free(room);
	}
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
	    cmocka_unit_test(refuses_what_the_kernel_refuses),
	    cmocka_unit_test(no_byte_beyond_a_message_is_read),
	    cmocka_unit_test(no_encoder_writes_beyond_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
