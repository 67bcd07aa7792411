/* SPDX-License-Identifier: BSD-3-Clause
 * Wrong messages about what SAs and policies do: each is refused by name, and no byte beyond it is read or written. */
#include "tests/unit/control/xfrm_events_rig.h"

#include <errno.h>

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
	    {right_migrate, MIG_AT(mode), XFRM_MODE_BEET, XFRMA_MIGRATE, -EINVAL, "mode 4"},
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
	    cmocka_unit_test(refuses_what_the_kernel_refuses),
	    cmocka_unit_test(no_byte_beyond_a_message_is_read),
	    cmocka_unit_test(no_encoder_writes_beyond_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
