/* SPDX-License-Identifier: BSD-3-Clause
 * README's tables of what is supported: each row is sent to the daemon, and stands there as it came out. */
#include "tests/unit/control/server_rig.h"

#include <errno.h>
#include <netinet/in.h>

#include "control/xfrm_impl.h"
#include "tests/unit/control/iproute2_bytes.h"

enum verdict { SUPPORTED, IGNORED, REFUSED };
static const char *const verdicts[] = {"supported", "ignored", "refused"};

static const struct {
	int rc;
	const char *name;
} errors[] = {{-EINVAL, "EINVAL"}, {-EOPNOTSUPP, "EOPNOTSUPP"}, {-ENOSYS, "ENOSYS"}};

/* The line of README's table that begins with this name. */
static void
find_row(const char *name, char *line, size_t size)
{
	const char *path = getenv("CULVERT_README");
	char begin[64];
	FILE *file = fopen(path ? path : "README.md", "r");

	assert_non_null(file);
	snprintf(begin, sizeof(begin), "| `%s` |", name);
	while (fgets(line, (int)size, file))
		if (strncmp(line, begin, strlen(begin)) == 0) {
			fclose(file);
			return;
		}
	fclose(file);
	fail_msg("README has no row for %s", name);
}

static void
assert_row(const char *name, enum verdict verdict, int rc)
{
	char line[512], says[64];

	find_row(name, line, sizeof(line));
	snprintf(says, sizeof(says), "` | %s", verdicts[verdict]);
	for (unsigned i = 0; verdict == REFUSED && i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].rc == rc)
			snprintf(says, sizeof(says), "` | refused (%s)", errors[i].name);
	if (!strstr(line, says))
		fail_msg("README's row of %s does not say \"%s\"", name, says + 4);
}

static const struct {
	uint16_t type;
	enum verdict verdict;
} messages[] = {
    {XFRM_MSG_NEWSA, SUPPORTED},      {XFRM_MSG_UPDSA, SUPPORTED},      {XFRM_MSG_DELSA, SUPPORTED},
    {XFRM_MSG_GETSA, SUPPORTED},      {XFRM_MSG_ALLOCSPI, SUPPORTED},   {XFRM_MSG_EXPIRE, SUPPORTED},
    {XFRM_MSG_FLUSHSA, SUPPORTED},    {XFRM_MSG_GETAE, SUPPORTED},      {XFRM_MSG_NEWAE, SUPPORTED},
    {XFRM_MSG_NEWPOLICY, SUPPORTED},  {XFRM_MSG_UPDPOLICY, SUPPORTED},  {XFRM_MSG_DELPOLICY, SUPPORTED},
    {XFRM_MSG_GETPOLICY, SUPPORTED},  {XFRM_MSG_POLEXPIRE, SUPPORTED},  {XFRM_MSG_FLUSHPOLICY, SUPPORTED},
    {XFRM_MSG_MIGRATE, SUPPORTED},    {XFRM_MSG_GETSADINFO, SUPPORTED}, {XFRM_MSG_GETSPDINFO, SUPPORTED},
    {XFRM_MSG_NEWSPDINFO, SUPPORTED}, {XFRM_MSG_GETDEFAULT, SUPPORTED}, {XFRM_MSG_SETDEFAULT, SUPPORTED},
    {XFRM_MSG_ACQUIRE, REFUSED},      {XFRM_MSG_MAPPING, REFUSED},      {XFRM_MSG_REPORT, REFUSED},
    {XFRM_MSG_NEWSADINFO, REFUSED},
};

/* A body that its decoder takes: what is asked for makes no sense, and is judged. */
static size_t
make_request(uint16_t type, uint8_t *buf, size_t size)
{
	const struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	const struct sadb_sa_config c = rig_sa(0x1001);
	const struct sadb_policy_info p = rig_policy("10.2.0.0/16", SADB_POLICY_OUT);
	const struct ctl_mapping mapping = {.sa_id = sadb_sa_key_make(&c.dst, c.spi_be, c.proto)};
	const struct sadb_flow flow = {.src = c.src, .dst = c.dst};
	struct ctl_put put;

	switch (type) {
	case XFRM_MSG_MAPPING: {
		struct ctl_mapping whole = mapping;
		whole.old_src = whole.new_src = c.src;
		return ctl_xfrm_encode_mapping(buf, size, &h, &whole);
	}
	case XFRM_MSG_REPORT:
		return ctl_xfrm_encode_report(buf, size, &h, IPPROTO_ESP, &c.sel);
	case XFRM_MSG_ACQUIRE:
		return ctl_xfrm_encode_acquire(buf, size, &h, &p.config, &flow, 1);
	default:
		return ctl_put_start(&put, buf, size, &h, ctl_xfrm_kind(type)->body_bytes) ? ctl_put_end(&put) : 0;
	}
}

static void
every_message_is_served_or_refused_as_the_table_says(void **state)
{
	struct rig *rig = *state;
	uint8_t buf[1024] __attribute__((aligned(8)));
	bool met[XFRM_MSG_MAX + 1] = {false};

	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		uint16_t type = messages[i].type;

		assert_true(make_request(type, buf, sizeof(buf)) > 0);
		int rc = ctl_client_ask(rig->client, (struct nlmsghdr *)buf, NULL, NULL, &rig_error);
		bool none = rc != 0 && strstr(rig_error.text, "no request");
		if (none != (messages[i].verdict == REFUSED))
			fail_msg("%s: %d %s", ctl_xfrm_name(type), rc, rig_error.text);
		assert_row(ctl_xfrm_name(type), messages[i].verdict, rc);
		met[type] = true;
	}
	for (uint16_t type = XFRM_MSG_BASE; type <= XFRM_MSG_MAX; type++)
		if (!met[type])
			fail_msg("%s is not in the table", ctl_xfrm_name(type));
}

static const uint32_t zero[64], one[64] = {1};
static const uint8_t in[4] = {1};
static const struct xfrm_algo_auth auth = {.alg_name = "hmac(sha256)"};
static const struct xfrm_lifetime_cur use = {.bytes = 1};
static const struct xfrm_encap_tmpl encap = {.encap_type = 2, .encap_sport = 1, .encap_dport = 1};

/* Attributes added to a right message, which was accepted without. */
static const struct {
	const char *name;
	const char *base;
	uint16_t type, bytes;
	const void *data;
	enum verdict verdict;
	int rc;
} attributes[] = {
    {"XFRMA_ALG_CRYPT", sa_add, XFRMA_ALG_CRYPT, 68, zero, REFUSED, -ENOSYS},
    {"XFRMA_ALG_AUTH", sa_add, XFRMA_ALG_AUTH, 68, zero, REFUSED, -ENOSYS},
    {"XFRMA_ALG_AUTH_TRUNC", sa_add, XFRMA_ALG_AUTH_TRUNC, sizeof(auth), &auth, REFUSED, -ENOSYS},
    {"XFRMA_ALG_COMP", sa_add, XFRMA_ALG_COMP, 68, zero, REFUSED, -ENOSYS},
    {"XFRMA_REPLAY_VAL", sa_add, XFRMA_REPLAY_VAL, 12, zero, SUPPORTED, 0},
    {"XFRMA_REPLAY_ESN_VAL", sa_add, XFRMA_REPLAY_ESN_VAL, 24, zero, SUPPORTED, 0},
    {"XFRMA_LTIME_VAL", sa_add, XFRMA_LTIME_VAL, sizeof(use), &use, SUPPORTED, 0},
    {"XFRMA_REPLAY_THRESH", sa_add, XFRMA_REPLAY_THRESH, 4, one, REFUSED, -EOPNOTSUPP},
    {"XFRMA_ETIMER_THRESH", sa_add, XFRMA_ETIMER_THRESH, 4, one, REFUSED, -EOPNOTSUPP},
    {"XFRMA_ENCAP", sa_add, XFRMA_ENCAP, sizeof(encap), &encap, SUPPORTED, 0},
    {"XFRMA_MTIMER_THRESH", sa_add_encap, XFRMA_MTIMER_THRESH, 4, one, SUPPORTED, 0},
    {"XFRMA_IF_ID", sa_add, XFRMA_IF_ID, 4, one, SUPPORTED, 0},
    {"XFRMA_SA_DIR", sa_add, CTL_XFRMA_SA_DIR, 1, in, SUPPORTED, 0},
    {"XFRMA_SA_EXTRA_FLAGS", sa_add, XFRMA_SA_EXTRA_FLAGS, 4, one, SUPPORTED, 0},
    {"XFRMA_MARK", sa_add, XFRMA_MARK, 8, one, REFUSED, -EOPNOTSUPP},
    {"XFRMA_SET_MARK", sa_add, XFRMA_SET_MARK, 4, one, REFUSED, -EOPNOTSUPP},
    {"XFRMA_SET_MARK_MASK", sa_add, XFRMA_SET_MARK_MASK, 4, one, IGNORED, 0},
    {"XFRMA_TFCPAD", sa_add, XFRMA_TFCPAD, 4, one, SUPPORTED, 0},
    {"XFRMA_SEC_CTX", sa_add, XFRMA_SEC_CTX, 8, zero, REFUSED, -EOPNOTSUPP},
    {"XFRMA_OFFLOAD_DEV", sa_add, XFRMA_OFFLOAD_DEV, 8, one, REFUSED, -EOPNOTSUPP},
    {"XFRMA_NAT_KEEPALIVE_INTERVAL", sa_add, CTL_XFRMA_KEEPALIVE, 4, one, REFUSED, -EOPNOTSUPP},
    {"XFRMA_IPTFS_DROP_TIME", sa_add, CTL_XFRMA_IPTFS_FIRST, 4, one, REFUSED, -EOPNOTSUPP},
    {"XFRMA_COADDR", sa_add, XFRMA_COADDR, 16, one, IGNORED, 0},
    {"XFRMA_SRCADDR", sa_delete, XFRMA_SRCADDR, 16, one, IGNORED, 0},
    {"XFRMA_SA_PCPU", sa_add, CTL_XFRMA_SA_PCPU, 4, one, IGNORED, 0},
    {"XFRMA_LASTUSED", sa_add, XFRMA_LASTUSED, 8, one, IGNORED, 0},
    {"XFRMA_POLICY_TYPE", policy_add_bypass, XFRMA_POLICY_TYPE, 6, zero, SUPPORTED, 0},
};

static int
decode_with(unsigned i, struct ctl_xfrm *with, struct ctl_xfrm *without)
{
	struct nlmsghdr *nlh = rig_message(attributes[i].base);
	struct sadb_error err;

	assert_int_equal(ctl_xfrm_decode(nlh, without, &err), 0);
	nlh = rig_add(nlh, attributes[i].type, attributes[i].data, attributes[i].bytes);
	int rc = ctl_xfrm_decode(nlh, with, &err);
	if (rc != 0)
		assert_int_equal(err.attr, attributes[i].type);
	free(nlh);
	return rc;
}

static void
every_attribute_is_taken_ignored_or_refused_as_the_table_says(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		static struct ctl_xfrm with, without;
		int rc = decode_with(i, &with, &without);

		if (rc != attributes[i].rc)
			fail_msg("%s: %d", attributes[i].name, rc);
		if (attributes[i].verdict == IGNORED) { /* in all but what is only shown */
			with.sa.cur = without.sa.cur;
			assert_memory_equal(&with.sa.config, &without.sa.config, sizeof(with.sa.config));
		}
		assert_row(attributes[i].name, attributes[i].verdict, rc);
	}
	assert_row("XFRMA_ALG_AEAD", SUPPORTED, 0); /* every message above has it */
	assert_row("XFRMA_TMPL", SUPPORTED, 0);
}

static const struct {
	const char *name;
	uint8_t bit;
	uint32_t flag; /* enum sadb_sa_flag; 0: none */
	enum verdict verdict;
} flags[] = {
    {"XFRM_STATE_NOECN", XFRM_STATE_NOECN, SADB_SA_NOECN, SUPPORTED},
    {"XFRM_STATE_DECAP_DSCP", XFRM_STATE_DECAP_DSCP, SADB_SA_DECAP_DSCP, SUPPORTED},
    {"XFRM_STATE_NOPMTUDISC", XFRM_STATE_NOPMTUDISC, SADB_SA_NOPMTUDISC, SUPPORTED},
    {"XFRM_STATE_AF_UNSPEC", XFRM_STATE_AF_UNSPEC, 0, SUPPORTED},
    {"XFRM_STATE_ICMP", XFRM_STATE_ICMP, 0, IGNORED},
    {"XFRM_STATE_ALIGN4", XFRM_STATE_ALIGN4, 0, IGNORED},
    {"XFRM_STATE_WILDRECV", XFRM_STATE_WILDRECV, 0, IGNORED},
};

static void
every_flag_is_taken_or_ignored_as_the_table_says(void **state)
{
	struct sadb_error err;
	struct ctl_xfrm m;

	(void)state;
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct nlmsghdr *nlh = rig_message(sa_add);

		((uint8_t *)nlh)[NLMSG_HDRLEN + offsetof(struct xfrm_usersa_info, flags)] = flags[i].bit;
		assert_int_equal(ctl_xfrm_decode(nlh, &m, &err), 0);
		assert_int_equal(m.sa.config.flags, flags[i].flag);
		if (flags[i].bit == XFRM_STATE_AF_UNSPEC)
			assert_int_equal(m.sa.config.sel.src.addr.family, AF_UNSPEC);
		assert_row(flags[i].name, flags[i].verdict, 0);
		free(nlh);
	}
	m = rig_decode(sa_add_esn);
	assert_int_equal(m.sa.config.flags, SADB_SA_ESN);
	assert_row("XFRM_STATE_ESN", SUPPORTED, 0);
	for (uint8_t bit = XFRM_POLICY_LOCALOK; bit <= XFRM_POLICY_ICMP; bit++) {
		const struct ctl_xfrm before = rig_decode(policy_add_out);
		struct nlmsghdr *nlh = rig_message(policy_add_out);

		((uint8_t *)nlh)[NLMSG_HDRLEN + offsetof(struct xfrm_userpolicy_info, flags)] = bit;
		assert_int_equal(ctl_xfrm_decode(nlh, &m, &err), 0);
		assert_memory_equal(&m.policy, &before.policy, sizeof(m.policy));
		assert_row(bit == XFRM_POLICY_ICMP ? "XFRM_POLICY_ICMP" : "XFRM_POLICY_LOCALOK", IGNORED, 0);
		free(nlh);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(every_message_is_served_or_refused_as_the_table_says, rig_create,
					    rig_destroy),
	    cmocka_unit_test(every_attribute_is_taken_ignored_or_refused_as_the_table_says),
	    cmocka_unit_test(every_flag_is_taken_or_ignored_as_the_table_says),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
