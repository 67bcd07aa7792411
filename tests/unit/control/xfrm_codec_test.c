/* SPDX-License-Identifier: BSD-3-Clause
 * The XFRM codec against itself: what is encoded is decoded to the same, and no key leaves in an answer. */
#include "tests/unit/control/xfrm_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "tests/unit/control/iproute2_bytes.h"

static const struct nlmsghdr request = {.nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = 5, .nlmsg_pid = 77};

static struct nlmsghdr
header(uint16_t type, bool is_request)
{
	struct nlmsghdr out = request;

	out.nlmsg_type = type;
	out.nlmsg_flags = is_request ? NLM_F_REQUEST : 0;
	return out;
}

static struct ctl_xfrm
decode_bytes(const void *buf, size_t bytes)
{
	struct nlmsghdr *exact = malloc(bytes);
	struct sadb_error err;
	struct ctl_xfrm out;

	assert_true(bytes > 0 && exact);
	memcpy(exact, buf, bytes);
	assert_int_equal(exact->nlmsg_len, bytes);
	if (ctl_xfrm_decode(exact, &out, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(out.seq, 5);
	assert_int_equal(out.pid, 77);
	free(exact);
	return out;
}

static struct sadb_sa_config
full_config(uint32_t window, uint32_t flags, uint8_t dir)
{
	struct sadb_sa_config c;

	memset(&c, 0, sizeof(c));
	c.src = rig_addr("192.0.2.1");
	c.dst = rig_addr("198.51.100.2");
	c.spi_be = htonl(0xcafe0001);
	c.proto = IPPROTO_ESP;
	c.aead = SADB_AEAD_AES_GCM_16;
	c.dir = dir;
	c.mode = XFRM_MODE_TUNNEL;
	c.reqid = 42;
	c.vnet_id = 9;
	c.window_packets = window;
	c.flags = flags;
	c.key_bytes = 32;
	memcpy(c.key, rig_key, sizeof(c.key));
	memcpy(c.salt, rig_salt, sizeof(c.salt));
	c.sel.src = rig_prefix("10.1.2.0/24");
	c.sel.dst = rig_prefix("10.2.0.0/15");
	c.sel.proto = IPPROTO_UDP;
	c.sel.dport_be = htons(53);
	c.sel.dport_mask_be = 0xffff;
	c.life = (struct sadb_lifetime){1, 2, 3, 4, 5, 6, 7, 8};
	c.out_seq = flags & SADB_SA_ESN ? 0x700000001ull : 0x70000001ull;
	c.in_seq = flags & SADB_SA_ESN ? 0x300000002ull : 0x30000002ull;
	return c;
}

static const struct {
	uint32_t window, flags;
	uint8_t dir;
} sa_table[] = {
    {0, 0, SADB_DIR_ANY},
    {1, 0, SADB_DIR_IN},
    {32, SADB_SA_NOECN, SADB_DIR_OUT},
    {33, SADB_SA_DECAP_DSCP, SADB_DIR_ANY},
    {64, SADB_SA_ESN, SADB_DIR_IN},
    {128, SADB_SA_NOPMTUDISC | SADB_SA_DONT_ENCAP_DSCP, SADB_DIR_ANY},
    {4096, SADB_SA_ESN | SADB_SA_NOECN, SADB_DIR_ANY},
    {SADB_REPLAY_MAX, SADB_SA_ESN, SADB_DIR_IN},
    {0, SADB_SA_ESN, SADB_DIR_OUT},
};

static void
an_sa_survives_the_wire(void **state)
{
	static uint8_t buf[16384] __attribute__((aligned(8)));
	const struct nlmsghdr h = header(XFRM_MSG_NEWSA, true);

	(void)state;
	for (unsigned i = 0; i < sizeof(sa_table) / sizeof(sa_table[0]); i++) {
		struct sadb_sa_config c = full_config(sa_table[i].window, sa_table[i].flags, sa_table[i].dir);
		size_t n = ctl_xfrm_encode_sa(buf, sizeof(buf), &h, &c, NULL);
		struct ctl_xfrm m = decode_bytes(buf, n);

		assert_memory_equal(&m.sa.config, &c, sizeof(c));
		c.encap_sport_be = htons(4500);
		c.encap_dport_be = htons((uint16_t)(1 + i));
		c.mapping_s = i;
		n = ctl_xfrm_encode_sa(buf, sizeof(buf), &h, &c, NULL);
		m = decode_bytes(buf, n);
		assert_memory_equal(&m.sa.config, &c, sizeof(c));
		c.tfc_pad_bytes = (uint16_t)(UINT16_MAX - i);
		c.outer_ttl = (uint8_t)(UINT8_MAX - i);
		c.outer_dscp = 63;
		c.flags |= (i % 2 != 0 ? SADB_SA_OUTER_DSCP : 0u) | (i % 3 != 0 ? SADB_SA_OUTER_DF : 0u) |
			   (i % 4 < 2 ? SADB_SA_FRAGMENT_AFTER : 0u);
		n = ctl_xfrm_encode_sa(buf, sizeof(buf), &h, &c, NULL);
		m = decode_bytes(buf, n);
		assert_memory_equal(&m.sa.config, &c, sizeof(c));
	}
}

/* Under the names that the kernel's crypto has for it, which IKE daemons and iproute2 say too. */
static void
every_algorithm_survives_the_wire_under_the_kernels_name(void **state)
{
	static const struct {
		const char *name, *kernel_name;
		uint32_t key_bits;
	} table[] = {
	    {"aes-256-gcm-16", "rfc4106(gcm(aes))", 288},
	    {"aes-128-gcm-16", "rfc4106(gcm(aes))", 160},
	    {"chacha20-poly1305", "rfc7539esp(chacha20,poly1305)", 288},
	    {"aes-256-gmac", "rfc4543(gcm(aes))", 288},
	    {"aes-128-gmac", "rfc4543(gcm(aes))", 160},
	};
	static uint8_t buf[16384] __attribute__((aligned(8)));
	const struct nlmsghdr h = header(XFRM_MSG_NEWSA, true);

	(void)state;
	assert_null(sadb_algorithm_at(sizeof(table) / sizeof(table[0])));
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct sadb_algorithm *algorithm = sadb_algorithm_named(table[i].name);
		struct sadb_sa_config c = full_config(128, SADB_SA_ESN, SADB_DIR_ANY);
		struct xfrm_algo_aead alg = {.alg_name = ""};

		c.aead = (uint8_t)algorithm->aead;
		c.key_bytes = algorithm->key_bytes;
		memset(c.key + c.key_bytes, 0, sizeof(c.key) - c.key_bytes);
		size_t n = ctl_xfrm_encode_sa(buf, sizeof(buf), &h, &c, NULL);
		struct ctl_xfrm m = decode_bytes(buf, n);
		assert_memory_equal(&m.sa.config, &c, sizeof(c));
		snprintf(alg.alg_name, sizeof(alg.alg_name), "%s", table[i].kernel_name);
		alg.alg_key_len = table[i].key_bits;
		alg.alg_icv_len = 128;
		assert_non_null(memmem(buf, n, &alg, sizeof(alg)));
	}
}

/* A run of the message's bytes that is the key or salt. */
static bool
holds(const uint8_t *buf, size_t n, const uint8_t *what, size_t bytes)
{
	for (size_t i = 0; i + bytes <= n; i++)
		if (memcmp(buf + i, what, bytes) == 0)
			return true;
	return false;
}

static void
an_answer_tells_the_state_and_never_the_key(void **state)
{
	static uint8_t buf[16384] __attribute__((aligned(8)));
	static const uint32_t bitmap[2] = {0x80000001, 0x7};
	const struct nlmsghdr answer = header(XFRM_MSG_NEWSA, false), gone = header(XFRM_MSG_DELSA, false);
	const struct sadb_sa_config c = full_config(64, SADB_SA_ESN, SADB_DIR_IN);
	const struct ctl_sa_state s = {.bytes = 1,
				       .packets = 2,
				       .add_time_s = 3,
				       .use_time_s = 4,
				       .last_use_s = 10,
				       .out_seq = 0x500000006ull,
				       .in_seq = 0x600000007ull,
				       .replay_drops = 7,
				       .window_drops = 8,
				       .icv_drops = 9,
				       .path_mtu = 1400,
				       .bitmap_words = 2,
				       .bitmap = bitmap};
	const struct sadb_sa_key key = sadb_sa_key_make(&c.dst, c.spi_be, c.proto);
	size_t n = ctl_xfrm_encode_sa(buf, sizeof(buf), &answer, &c, &s);
	struct ctl_xfrm m = decode_bytes(buf, n);

	(void)state;
	assert_true(m.sa.cur.bytes == 1 && m.sa.cur.packets == 2 && m.sa.cur.add_time_s == 3);
	assert_true(m.sa.cur.use_time_s == 4 && m.sa.cur.last_use_s == 10);
	assert_true(m.sa.cur.replay_drops == 7 && m.sa.cur.window_drops == 8 && m.sa.cur.icv_drops == 9);
	assert_int_equal(m.sa.cur.path_mtu, 1400);
	assert_true(m.sa.config.out_seq == s.out_seq && m.sa.config.in_seq == s.in_seq);
	assert_int_equal(m.sa.config.key_bytes, 32);
	assert_true(holds(buf, n, (const uint8_t *)bitmap, sizeof(bitmap)));
	assert_false(holds(buf, n, rig_key + 1, 8));
	assert_false(holds(buf, n, rig_salt, 4));
	n = ctl_xfrm_encode_sa_deleted(buf, sizeof(buf), &gone, &c, &s);
	m = decode_bytes(buf, n);
	assert_memory_equal(&m.sa_id, &key, sizeof(key));
	assert_false(holds(buf, n, rig_key + 1, 8));
	assert_false(holds(buf, n, rig_salt, 4));
	/* The same search finds them in a request. */
	n = ctl_xfrm_encode_sa(buf, sizeof(buf), &request, &c, NULL);
	assert_true(holds(buf, n, rig_key + 1, 8) && holds(buf, n, rig_salt, 4));
}

static void
the_other_sa_messages_survive_the_wire(void **state)
{
	uint8_t buf[1024] __attribute__((aligned(8)));
	const struct nlmsghdr alloc = header(XFRM_MSG_ALLOCSPI, true), expire = header(XFRM_MSG_EXPIRE, false),
			      flush = header(XFRM_MSG_FLUSHSA, true), get = header(XFRM_MSG_GETSA, true),
			      info = header(XFRM_MSG_NEWSADINFO, false);
	struct sadb_sa_config c = full_config(32, 0, SADB_DIR_IN);
	const struct sadb_sa_key key = sadb_sa_key_make(&c.dst, c.spi_be, c.proto);
	const struct ctl_sa_state s = {.bytes = 11};
	struct ctl_xfrm m = decode_bytes(buf, ctl_xfrm_encode_alloc_spi(buf, sizeof(buf), &alloc, &c, 300, 400));

	(void)state;
	assert_int_equal(m.sa.spi_min, 300);
	assert_int_equal(m.sa.spi_max, 400);
	assert_int_equal(m.sa.config.vnet_id, 9);
	assert_int_equal(m.sa.config.encap_sport_be, 0);
	c.encap_sport_be = htons(4500);
	c.encap_dport_be = htons(61000);
	m = decode_bytes(buf, ctl_xfrm_encode_alloc_spi(buf, sizeof(buf), &alloc, &c, 300, 400));
	assert_int_equal(m.sa.config.encap_sport_be, htons(4500));
	assert_int_equal(m.sa.config.encap_dport_be, htons(61000));
	for (int hard = 0; hard <= 1; hard++) {
		m = decode_bytes(buf, ctl_xfrm_encode_expire(buf, sizeof(buf), &expire, &c, &s, hard));
		assert_int_equal(m.sa.hard, hard);
		assert_int_equal(m.sa.config.spi_be, c.spi_be);
		assert_int_equal(m.sa.config.vnet_id, 9);
		assert_true(m.sa.cur.bytes == 11);
	}
	m = decode_bytes(buf, ctl_xfrm_encode_flush_sa(buf, sizeof(buf), &flush, IPPROTO_ESP));
	assert_int_equal(m.proto, IPPROTO_ESP);
	m = decode_bytes(buf, ctl_xfrm_encode_sa_id(buf, sizeof(buf), &get, &c));
	assert_memory_equal(&m.sa_id, &key, sizeof(key));
	m = decode_bytes(buf, ctl_xfrm_encode_sad_info(buf, sizeof(buf), &info, 12, 4096));
	assert_int_equal(m.sad.count, 12);
	assert_int_equal(m.sad.hash_max, 4096);
}

/* Written and read as linux/xfrm.h has it. */
static void
a_mapping_is_the_kernel_s_on_the_wire_and_back(void **state)
{
	uint8_t buf[256] __attribute__((aligned(8)));
	const struct nlmsghdr h = header(XFRM_MSG_MAPPING, false);
	const struct sadb_addr dst = rig_addr("198.51.100.2");
	struct ctl_mapping mapping;
	struct xfrm_user_mapping wire;

	(void)state;
	memset(&mapping, 0, sizeof(mapping)); /* compared as bytes */
	mapping.sa_id = sadb_sa_key_make(&dst, htonl(0xcafe0001), IPPROTO_ESP);
	mapping.reqid = 42;
	mapping.old_src = rig_addr("192.0.2.1");
	mapping.new_src = rig_addr("203.0.113.9");
	mapping.old_sport_be = htons(4500);
	mapping.new_sport_be = htons(61000);
	size_t n = ctl_xfrm_encode_mapping(buf, sizeof(buf), &h, &mapping);
	struct ctl_xfrm m = decode_bytes(buf, n);
	assert_memory_equal(&m.mapping, &mapping, sizeof(mapping));
	assert_int_equal(n, NLMSG_LENGTH(sizeof(wire)));
	memcpy(&wire, buf + NLMSG_HDRLEN, sizeof(wire));
	assert_int_equal(wire.id.daddr.a4, inet_addr("198.51.100.2"));
	assert_int_equal(wire.id.spi, htonl(0xcafe0001));
	assert_true(wire.id.family == AF_INET && wire.id.proto == IPPROTO_ESP);
	assert_int_equal(wire.reqid, 42);
	assert_int_equal(wire.old_saddr.a4, inet_addr("192.0.2.1"));
	assert_int_equal(wire.new_saddr.a4, inet_addr("203.0.113.9"));
	assert_true(wire.old_sport == htons(4500) && wire.new_sport == htons(61000));
	for (size_t room = 0; room < n; room++)
		assert_int_equal(ctl_xfrm_encode_mapping(buf, room, &h, &mapping), 0);
}

static void
policy_messages_survive_the_wire(void **state)
{
	uint8_t buf[1024] __attribute__((aligned(8)));
	const struct nlmsghdr add = header(XFRM_MSG_NEWPOLICY, true), gone = header(XFRM_MSG_DELPOLICY, false),
			      acquire = header(XFRM_MSG_ACQUIRE, false), info = header(XFRM_MSG_NEWSPDINFO, false);
	const struct sadb_flow flow = {.src = rig_addr("10.1.0.9"),
				       .dst = rig_addr("10.2.0.9"),
				       .sport_be = htons(1000),
				       .dport_be = htons(53),
				       .proto = IPPROTO_UDP};
	struct sadb_policy_info p;
	struct ctl_xfrm m;

	(void)state;
	memset(&p, 0, sizeof(p));
	p.config = rig_decode(policy_add_ports).policy.config;
	p.config.index = 81;
	p.config.vnet_id = 3;
	p.add_time_s = 100;
	p.use_time_s = 200;
	m = decode_bytes(buf, ctl_xfrm_encode_policy(buf, sizeof(buf), &add, &p));
	assert_memory_equal(&m.policy.config, &p.config, sizeof(p.config));
	assert_true(m.policy.add_time_s == 100 && m.policy.use_time_s == 200);
	m = decode_bytes(buf, ctl_xfrm_encode_policy_deleted(buf, sizeof(buf), &gone, &p));
	assert_memory_equal(&m.policy.config, &p.config, sizeof(p.config));
	m = decode_bytes(buf, ctl_xfrm_encode_acquire(buf, sizeof(buf), &acquire, &p.config, &flow, 55));
	assert_int_equal(m.acquire.seq, 55);
	assert_memory_equal(&m.acquire.policy, &p.config, sizeof(p.config));
	assert_true(sadb_addr_equal(&m.acquire.flow.src, &flow.src) && sadb_addr_equal(&m.acquire.flow.dst, &flow.dst));
	assert_true(m.acquire.flow.sport_be == flow.sport_be && m.acquire.flow.dport_be == flow.dport_be);
	assert_int_equal(m.acquire.flow.proto, IPPROTO_UDP);
	/* IPv6 inside, IPv4 outside; what asked for it. */
	p.config.sel.src = rig_prefix("2001:db8:1::/64");
	p.config.sel.dst = rig_prefix("2001:db8:2::/127");
	m = decode_bytes(buf, ctl_xfrm_encode_policy(buf, sizeof(buf), &add, &p));
	assert_memory_equal(&m.policy.config, &p.config, sizeof(p.config));
	const struct sadb_flow wide = {.src = rig_addr("2001:db8:1::5"), .dst = rig_addr("2001:db8:2::1"), .proto = 58};
	m = decode_bytes(buf, ctl_xfrm_encode_acquire(buf, sizeof(buf), &acquire, &p.config, &wide, 56));
	assert_memory_equal(&m.acquire.policy, &p.config, sizeof(p.config));
	assert_true(sadb_addr_equal(&m.acquire.flow.src, &wide.src) && sadb_addr_equal(&m.acquire.flow.dst, &wide.dst));
	m = decode_bytes(buf, ctl_xfrm_encode_spd_info(buf, sizeof(buf), &info,
						       &(struct ctl_spd_info){.in = 1, .out = 2, .fwd = 3}));
	assert_true(m.spd.in == 1 && m.spd.out == 2 && m.spd.fwd == 3);
}

static void
an_encoder_refuses_every_room_that_is_too_small(void **state)
{
	const struct sadb_sa_config c = full_config(128, SADB_SA_ESN, SADB_DIR_IN);
	const struct sadb_policy_info p = {.config = rig_decode(policy_add_out).policy.config};
	const struct ctl_sa_state s = {.bytes = 1};
	uint8_t big[1024] __attribute__((aligned(8)));
	size_t sa = ctl_xfrm_encode_sa_deleted(big, sizeof(big), &request, &c, &s);
	size_t policy = ctl_xfrm_encode_policy_deleted(big, sizeof(big), &request, &p);

	(void)state;
	for (size_t size = 1; size <= sa; size++) {
		uint8_t *room = malloc(size);
		assert_int_equal(ctl_xfrm_encode_sa_deleted(room, size, &request, &c, &s), size < sa ? 0 : sa);
		free(room);
	}
	for (size_t size = 1; size <= policy; size++) {
		uint8_t *room = malloc(size);
		assert_int_equal(ctl_xfrm_encode_policy_deleted(room, size, &request, &p), size < policy ? 0 : policy);
		free(room);
	}
}

static void
knows_names(void **state)
{
	(void)state;
	assert_string_equal(ctl_xfrm_name(XFRM_MSG_UPDSA), "UPDSA");
	assert_null(ctl_xfrm_name(XFRM_MSG_BASE - 1));
	assert_null(ctl_xfrm_name(XFRM_MSG_MAX + 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_sa_survives_the_wire),
	    cmocka_unit_test(every_algorithm_survives_the_wire_under_the_kernels_name),
	    cmocka_unit_test(an_answer_tells_the_state_and_never_the_key),
	    cmocka_unit_test(the_other_sa_messages_survive_the_wire),
	    cmocka_unit_test(a_mapping_is_the_kernel_s_on_the_wire_and_back),
	    cmocka_unit_test(policy_messages_survive_the_wire),
	    cmocka_unit_test(an_encoder_refuses_every_room_that_is_too_small),
	    cmocka_unit_test(knows_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
