/* SPDX-License-Identifier: BSD-3-Clause
 * The messages about tunnels: what is encoded is decoded to the same; what is malformed or too long is refused. */
#include "tests/unit/control/codec_rig.h"

#include <errno.h>

#include "control/attr.h"
#include "control/own_codec.h"

static uint8_t buf[16384] __attribute__((aligned(8)));
static struct ctl_own own;
static struct sadb_error err;

static struct nlmsghdr
header(uint16_t type)
{
	return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_seq = 5, .nlmsg_pid = 77};
}

/* From a buffer of just that size; the caller frees it, as words point into it. */
static struct nlmsghdr *
decode(size_t bytes, int rc)
{
	struct nlmsghdr *exact = malloc(bytes);

	assert_true(bytes > 0 && exact);
	memcpy(exact, buf, bytes);
	assert_int_equal(exact->nlmsg_len, bytes);
	assert_int_equal(ctl_own_decode(exact, &own, &err), rc);
	return exact;
}

static void
fill(struct ctl_tunnel_info *info)
{
	memset(info, 0, sizeof(*info));
	ctl_tunnel_defaults(&info->config);
	strcpy(info->config.name, "site");
	info->config.vnet_id = 7;
	info->config.priority = 9;
	assert_int_equal(sadb_addr_parse("192.0.2.1", &info->config.local), 0);
	assert_int_equal(sadb_addr_parse("2001:db8::2", &info->config.remote), 0);
	for (unsigned i = 0; i < CTL_TUNNEL_PREFIXES; i++) {
		assert_int_equal(sadb_prefix_parse("10.1.0.0/24", &info->config.local_prefix[i]), 0);
		assert_int_equal(sadb_prefix_parse("2001:db8:1::/64", &info->config.remote_prefix[i]), 0);
		info->config.local_prefix[i].addr.bytes[2] = (uint8_t)i;
		info->config.remote_prefix[i].addr.bytes[7] = (uint8_t)i;
	}
	info->config.n_local = CTL_TUNNEL_PREFIXES;
	info->config.n_remote = CTL_TUNNEL_PREFIXES - 1;
	memset(&info->config.remote_prefix[CTL_TUNNEL_PREFIXES - 1], 0, sizeof(struct sadb_prefix));
	info->config.window_packets = 1024;
	info->config.overlap_s = 3;
	info->config.sa_flags = SADB_SA_OUTER_DSCP | SADB_SA_NOPMTUDISC | SADB_SA_FRAGMENT_AFTER;
	info->config.tfc_pad_bytes = 1400;
	info->config.outer_ttl = 255;
	info->config.outer_dscp = 46;
	info->config.life = (struct sadb_lifetime){1, 2, 3, 4, 5, 6, 0, 0};
	memset(info->config.exchange, 'e', sizeof(info->config.exchange) - 1);
}

static void
a_description_survives_the_wire(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_TUNNEL_ADD);
	struct ctl_tunnel_info info;

	(void)state;
	fill(&info);
	info.config.esn = false;
	info.config.algorithm = sadb_algorithm_named("aes-128-gmac");
	info.reqid = 5; /* is the daemon's to say, and does not go along */
	free(decode(ctl_own_encode_tunnel(buf, sizeof(buf), &h, &info), 0));
	assert_int_equal(own.type, CTL_MSG_TUNNEL_ADD);
	assert_memory_equal(&own.tunnel.config, &info.config, sizeof(info.config));
	assert_int_equal(own.tunnel.reqid, 0);
}

static void
a_state_survives_the_wire(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_TUNNEL);
	struct ctl_tunnel_info info;

	(void)state;
	fill(&info);
	info.reqid = 1;
	info.generation = 2;
	info.out_spi_be = 3;
	info.in_spi_be = 4;
	info.in_count = 5;
	info.out_age_s = 6;
	info.out_packets = 7;
	info.out_bytes = 8;
	info.in_packets = 9;
	info.in_bytes = 10;
	info.next_rekey_s = 11;
	info.exchanges = 12;
	info.failures = 13;
	strcpy(info.state, "half");
	strcpy(info.keying, "retrying");
	memset(info.error, 'x', sizeof(info.error) - 1);
	free(decode(ctl_own_encode_tunnel(buf, sizeof(buf), &h, &info), 0));
	assert_memory_equal(&own.tunnel, &info, sizeof(info));
}

static void
what_is_not_given_is_the_default(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_TUNNEL_ADD);
	const struct ctl_tunnel_words words = {.name = "site"};
	struct ctl_tunnel_config want;

	(void)state;
	ctl_tunnel_defaults(&want);
	strcpy(want.name, "site");
	free(decode(ctl_own_encode_tunnel_words(buf, sizeof(buf), &h, &words), 0));
	assert_memory_equal(&own.tunnel.config, &want, sizeof(want));
}

static void
words_survive_the_wire(void **state)
{
	static const uint16_t types[] = {CTL_MSG_TUNNEL_DEL, CTL_MSG_TUNNEL_REKEY, CTL_MSG_TUNNEL_OFFER,
					 CTL_MSG_TUNNEL_ACCEPT, CTL_MSG_TUNNEL_EVENT};
	struct ctl_tunnel_words words = {
	    .name = "site", .offer = {"an offer", 8}, .generation = 9, .kind = "tunnel-up", .text = "what to do"};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct nlmsghdr h = header(types[i]);
		struct nlmsghdr *message = decode(ctl_own_encode_tunnel_words(buf, sizeof(buf), &h, &words), 0);

		assert_string_equal(own.words.name, "site");
		assert_int_equal(own.words.offer.bytes, 8);
		assert_memory_equal(own.words.offer.text, "an offer", 8);
		assert_true((const char *)message < own.words.offer.text);
		assert_int_equal(own.words.generation, 9);
		assert_string_equal(own.words.kind, "tunnel-up");
		assert_string_equal(own.words.text, "what to do");
		free(message);
	}
}

/* A message whose nest holds one attribute beside the name. */
static size_t
with_attribute(uint16_t attr, const void *data, size_t bytes, unsigned times)
{
	const struct nlmsghdr h = header(CTL_MSG_TUNNEL_ADD);
	struct ctl_put put;
	struct ctl_msg_head *head = ctl_put_start(&put, buf, sizeof(buf), &h, sizeof(*head));

	head->version = CTL_MSG_VERSION;
	struct nlattr *nest = ctl_put_nest_open(&put, CTL_A_TUNNEL);
	if (attr != CTL_T_NAME)
		ctl_put_str(&put, CTL_T_NAME, "site");
	for (unsigned i = 0; i < times; i++)
		ctl_put_attr(&put, attr, data, bytes);
	ctl_put_nest_close(&put, nest);
	return ctl_put_end(&put);
}

static void
what_is_too_long_too_short_or_too_much_is_refused(void **state)
{
	static const uint8_t bytes[600] = {33, 10, 1};
	char name[64], command[600];
	static const struct {
		uint16_t attr;
		size_t bytes;
		unsigned times;
		const char *says;
	} cases[] = {
	    {CTL_T_LOCAL, 3, 1, "CTL_T_LOCAL"},
	    {CTL_T_LOCAL, 5, 1, "CTL_T_LOCAL has an address of 5 bytes"},
	    {CTL_T_LOCAL_PREFIX, 4, 1, "CTL_T_LOCAL_PREFIX"},
	    {CTL_T_LOCAL_PREFIX, 5, 1, "33 is no prefix length"},
	    {CTL_T_REMOTE_PREFIX, 17, 17, "more than 16 times"},
	    {CTL_T_ESN, 3, 1, "CTL_T_ESN"},
	    {CTL_T_SOFT_BYTES, 4, 1, "CTL_T_SOFT_BYTES"},
	    {CTL_T_NAME, 0, 1, "CTL_T_NAME"},
	    {CTL_T_SA_FLAGS, 2, 1, "CTL_T_SA_FLAGS"},
	    {CTL_T_TFC_PAD, 1, 1, "CTL_T_TFC_PAD"},
	    {CTL_T_OUTER_TTL, 0, 1, "CTL_T_OUTER_TTL"},
	    {CTL_T_OUTER_DSCP, 0, 1, "CTL_T_OUTER_DSCP"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		free(decode(with_attribute(cases[i].attr, bytes, cases[i].bytes, cases[i].times), -EINVAL));
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("'%s': '%s' expected", err.text, cases[i].says);
	}
	memset(name, 'n', sizeof(name));
	free(decode(with_attribute(CTL_T_NAME, name, CTL_TUNNEL_NAME, 1), -EINVAL)); /* not cut: refused */
	free(decode(with_attribute(CTL_T_NAME, name, CTL_TUNNEL_NAME - 1, 1), 0));
	free(decode(with_attribute(CTL_T_NAME, "", 1, 1), -EINVAL)); /* as none is encoded from it */
	assert_non_null(strstr(err.text, "CTL_T_NAME is missing"));
	memset(command, 'c', sizeof(command));
	free(decode(with_attribute(CTL_T_EXCHANGE, command, CTL_TUNNEL_COMMAND, 1), -EINVAL));
}

static void
what_an_sa_is_to_do_is_said_by_known_flags_only(void **state)
{
	static const struct {
		uint32_t wire, flags;
	} cases[] = {
	    {0, 0},
	    {1, SADB_SA_OUTER_DSCP},
	    {2, SADB_SA_OUTER_DF},
	    {4, SADB_SA_NOPMTUDISC},
	    {5, SADB_SA_OUTER_DSCP | SADB_SA_NOPMTUDISC},
	};
	static const uint32_t unknown[] = {0x80000000, 0x80000001};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		free(decode(with_attribute(CTL_T_SA_FLAGS, &cases[i].wire, 4, 1), 0));
		assert_int_equal(own.tunnel.config.sa_flags, cases[i].flags);
	}
	for (size_t i = 0; i < 2; i++) {
		free(decode(with_attribute(CTL_T_SA_FLAGS, &unknown[i], 4, 1), -EOPNOTSUPP));
		assert_non_null(strstr(err.text, "newer than this daemon"));
	}
}

static void
a_message_without_a_tunnel_is_refused(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_TUNNEL_DEL);

	(void)state;
	free(decode(ctl_own_encode_get(buf, sizeof(buf), &h), -EINVAL));
	assert_non_null(strstr(err.text, "CTL_A_TUNNEL is missing"));
}

/* Cut anywhere, and with any one byte changed, it is refused or read within its bytes: the sanitizer watches. */
static void
no_cut_and_no_changed_byte_is_read_past_its_end(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_TUNNEL);
	struct ctl_tunnel_info info;

	(void)state;
	fill(&info);
	strcpy(info.config.exchange, "x");
	size_t bytes = ctl_own_encode_tunnel(buf, sizeof(buf), &h, &info);
	for (size_t n = sizeof(struct nlmsghdr); n < bytes; n++) {
		struct nlmsghdr *cut = rig_cut((const struct nlmsghdr *)buf, n);
		ctl_own_decode(cut, &own, &err);
		free(cut);
	}
	for (size_t i = sizeof(struct nlmsghdr); i < bytes; i++) {
		struct nlmsghdr *changed = rig_cut((const struct nlmsghdr *)buf, bytes);
		for (unsigned c = 0; c < 256; c += 17) {
			((uint8_t *)changed)[i] = (uint8_t)c;
			ctl_own_decode(changed, &own, &err);
		}
		free(changed);
	}
}

static void
nothing_is_written_past_the_buffer(void **state)
{
	const struct nlmsghdr h = header(CTL_MSG_TUNNEL);
	struct ctl_tunnel_info info;

	(void)state;
	fill(&info);
	size_t bytes = ctl_own_encode_tunnel(buf, sizeof(buf), &h, &info);
	assert_in_range(bytes, 1000, 4096);
	for (size_t size = 0; size < bytes; size += 4) {
		uint8_t *small = aligned_alloc(8, (size + 8) & ~(size_t)7);
		assert_int_equal(ctl_own_encode_tunnel(small, size, &h, &info), 0);
		free(small);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_description_survives_the_wire),
	    cmocka_unit_test(a_state_survives_the_wire),
	    cmocka_unit_test(what_is_not_given_is_the_default),
	    cmocka_unit_test(words_survive_the_wire),
	    cmocka_unit_test(what_is_too_long_too_short_or_too_much_is_refused),
	    cmocka_unit_test(what_an_sa_is_to_do_is_said_by_known_flags_only),
	    cmocka_unit_test(a_message_without_a_tunnel_is_refused),
	    cmocka_unit_test(no_cut_and_no_changed_byte_is_read_past_its_end),
	    cmocka_unit_test(nothing_is_written_past_the_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
