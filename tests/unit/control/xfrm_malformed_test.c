/* SPDX-License-Identifier: BSD-3-Clause
 * Wrong XFRM messages: each is refused with the kernel's error and a line that names what is wrong; no byte beyond the
 * message is read (the buffers are exact, a sanitizer watches). */
#include "tests/unit/control/xfrm_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "control/xfrm_impl.h"
#include "tests/unit/control/iproute2_bytes.h"

#define SA_BODY      sizeof(struct xfrm_usersa_info)
#define POLICY_BODY  sizeof(struct xfrm_userpolicy_info)
#define SA_AT(m)     (NLMSG_HDRLEN + offsetof(struct xfrm_usersa_info, m))
#define POLICY_AT(m) (NLMSG_HDRLEN + offsetof(struct xfrm_userpolicy_info, m))
#define ID_AT(m)     (NLMSG_HDRLEN + offsetof(struct xfrm_usersa_id, m))
#define PID_AT(m)    (NLMSG_HDRLEN + offsetof(struct xfrm_userpolicy_id, m))
/* iproute2 puts these attributes first, right after the fixed part, ... */
#define ALG_AT(m)  (NLMSG_HDRLEN + SA_BODY + NLA_HDRLEN + offsetof(struct xfrm_algo_aead, m))
#define TMPL_AT(m) (NLMSG_HDRLEN + POLICY_BODY + NLA_HDRLEN + offsetof(struct xfrm_user_tmpl, m))
/* ... and in sa_add_esn the ESN attribute follows a 96-byte one. */
#define ESN_AT(m) (NLMSG_HDRLEN + SA_BODY + 96 + NLA_HDRLEN + offsetof(struct xfrm_replay_state_esn, m))

static int
decode(const struct nlmsghdr *nlh, struct sadb_error *err)
{
	struct ctl_xfrm out;

	return ctl_xfrm_decode(nlh, &out, err);
}

/* What iproute2 may ask for and Culvert does not do. */
static void
refuses_what_it_cannot_do_and_says_what_it_can(void **state)
{
	static const struct {
		const char *hex;
		int rc;
		uint16_t attr;
		const char *says;
	} table[] = {
	    {sa_add_cbc, -ENOSYS, XFRMA_ALG_CRYPT, "rfc4106(gcm(aes))"},
	    {sa_add_mark, -EOPNOTSUPP, XFRMA_MARK, "XFRMA_MARK 0x5/0xff"},
	    {sa_add_output_mark, -EOPNOTSUPP, XFRMA_SET_MARK, "XFRMA_SET_MARK"},
	    {sa_add_offload, -EOPNOTSUPP, XFRMA_OFFLOAD_DEV, "XFRMA_OFFLOAD_DEV"},
	    {sa_add_ah, -EPROTONOSUPPORT, 0, "protocol 51 is not supported: esp (50) is"},
	    {policy_add_level_use, -EOPNOTSUPP, XFRMA_TMPL, "level 'use' would let clear packets pass"},
	    {policy_add_two_templates, -EOPNOTSUPP, XFRMA_TMPL, "more than one template"},
	    {policy_add_device, -EOPNOTSUPP, 0, "selector with a device"},
	    {policy_add_mark, -EOPNOTSUPP, XFRMA_MARK, "XFRMA_MARK 0x3/0xffffffff"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nlmsghdr *nlh = rig_message(table[i].hex);
		struct sadb_error err;

		assert_int_equal(decode(nlh, &err), table[i].rc);
		assert_int_equal(err.attr, table[i].attr);
		if (!strstr(err.text, table[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err.text, table[i].says);
		free(nlh);
	}
}

/* One field of a right message set to a wrong value. */
static const struct field {
	const char *hex;
	size_t at;
	uint64_t value;
	uint8_t bytes;
	uint16_t attr;
	int rc;
	const char *says;
} fields[] = {
    {sa_add, SA_AT(family), 0, 2, 0, -EINVAL, "address family 0"},
    {sa_add, SA_AT(family), AF_UNIX, 2, 0, -EINVAL, "address family 1"},
    {sa_add, SA_AT(mode), XFRM_MODE_BEET, 1, 0, -EINVAL, "mode 4"},
    {sa_add, SA_AT(mode), 200, 1, 0, -EINVAL, "mode 200"},
    {sa_add, SA_AT(id.proto), IPPROTO_COMP, 1, 0, -EPROTONOSUPPORT, "protocol 108"},
    {sa_add, SA_AT(sel.family), AF_UNIX, 2, 0, -EINVAL, "address family 1"},
    {sa_add, SA_AT(sel.prefixlen_s), 33, 1, 0, -EINVAL, "prefix length 33"},
    {sa_add, SA_AT(sel.prefixlen_d), 255, 1, 0, -EINVAL, "prefix length 255"},
    {sa_add_limits, SA_AT(sel.prefixlen_d), 1, 1, 0, -EINVAL, "selector of no family"},
    {sa_add, SA_AT(sel.ifindex), 1, 4, 0, -EOPNOTSUPP, "selector with a device"},
    {sa_add, SA_AT(flags), XFRM_STATE_ESN, 1, XFRMA_REPLAY_ESN_VAL, -EINVAL, "XFRMA_REPLAY_ESN_VAL is missing"},
    {sa_add, SA_AT(lft.soft_byte_limit), 0, 8, 0, -EINVAL, "XFRM_INF"},
    {sa_add, SA_AT(lft.hard_byte_limit), 0, 8, 0, -EINVAL, "XFRM_INF"},
    {sa_add, SA_AT(lft.soft_packet_limit), 0, 8, 0, -EINVAL, "XFRM_INF"},
    {sa_add, SA_AT(lft.hard_packet_limit), 0, 8, 0, -EINVAL, "XFRM_INF"},
    {sa_add, ALG_AT(alg_name), 'R', 1, XFRMA_ALG_AEAD, -ENOSYS, "rfc4106(gcm(aes))"},
    {sa_add, ALG_AT(alg_name[17]), ' ', 1, XFRMA_ALG_AEAD, -ENOSYS, "rfc4106(gcm(aes))"},
    {sa_add, ALG_AT(alg_name[7]), '\n', 1, XFRMA_ALG_AEAD, -ENOSYS, "rfc4106?gcm(aes)) is not supported"},
    {sa_add, ALG_AT(alg_icv_len), 64, 4, XFRMA_ALG_AEAD, -ENOSYS, "ICV of 64 bits"},
    {sa_add, ALG_AT(alg_icv_len), 0, 4, XFRMA_ALG_AEAD, -ENOSYS, "ICV of 0 bits"},
    {sa_add, ALG_AT(alg_key_len), 0, 4, XFRMA_ALG_AEAD, -EINVAL, "key of 0 bits"},
    {sa_add, ALG_AT(alg_key_len), 32, 4, XFRMA_ALG_AEAD, -EINVAL, "key of 32 bits"},
    {sa_add, ALG_AT(alg_key_len), 224, 4, XFRMA_ALG_AEAD, -EINVAL, "key of 224 bits"},
    {sa_add, ALG_AT(alg_key_len), 281, 4, XFRMA_ALG_AEAD, -EINVAL, "key of 281 bits"},
    {sa_add, ALG_AT(alg_key_len), 289, 4, XFRMA_ALG_AEAD, -EINVAL, "only 36 bytes follow"},
    {sa_add, ALG_AT(alg_key_len), 0xfffffff9, 4, XFRMA_ALG_AEAD, -EINVAL, "only 36 bytes follow"},
    {sa_add, ALG_AT(alg_key_len), 0xffffffff, 4, XFRMA_ALG_AEAD, -EINVAL, "only 36 bytes follow"},
    {sa_add_esn, SA_AT(replay_window), 32, 1, XFRMA_REPLAY_ESN_VAL, -EINVAL, "replay_window 32"},
    {sa_add_esn, ESN_AT(replay_window), 0, 4, XFRMA_REPLAY_ESN_VAL, -EINVAL, "window of 0"},
    {sa_add_esn, ESN_AT(replay_window), 129, 4, XFRMA_REPLAY_ESN_VAL, -EINVAL, "does not fit bmp_len 4"},
    {sa_add_esn, ESN_AT(replay_window), 0xffffffff, 4, XFRMA_REPLAY_ESN_VAL, -EINVAL, "does not fit bmp_len 4"},
    {sa_add_esn, ESN_AT(bmp_len), 3, 4, XFRMA_REPLAY_ESN_VAL, -EINVAL, "does not fit bmp_len 3"},
    {sa_add_esn, ESN_AT(bmp_len), 0x80000004, 4, XFRMA_REPLAY_ESN_VAL, -EINVAL, "bmp_len 2147483652"},
    {sa_add_esn, ESN_AT(bmp_len), 2049, 4, XFRMA_REPLAY_ESN_VAL, -EINVAL, "bmp_len 2049"},
    {sa_alloc_spi, NLMSG_HDRLEN + offsetof(struct xfrm_userspi_info, min), 0x2000, 4, 0, -EINVAL, "range"},
    {sa_delete, ID_AT(family), AF_UNIX, 2, 0, -EINVAL, "AF_INET (2) and AF_INET6 (10)"},
    {sa_delete, ID_AT(proto), IPPROTO_AH, 1, 0, -ESRCH, "protocol 51"},
    {sa_delete, ID_AT(proto), IPPROTO_UDP, 1, 0, -EINVAL, "protocol 17"},
    {policy_add_out, POLICY_AT(dir), 3, 1, 0, -EINVAL, "direction 3"},
    {policy_add_out, POLICY_AT(action), 2, 1, 0, -EINVAL, "action 2"},
    {policy_add_out, POLICY_AT(index), 8, 4, 0, -EINVAL, "index 8"},
    {policy_add_out, POLICY_AT(share), 4, 1, 0, -EINVAL, "share 4"},
    {policy_add_out, POLICY_AT(sel.family), 0, 2, 0, -EINVAL, "without an address family"},
    {policy_add_out, POLICY_AT(sel.prefixlen_s), 33, 1, 0, -EINVAL, "prefix length 33"},
    {policy_add_out, TMPL_AT(id.proto), 0, 1, XFRMA_TMPL, -EINVAL, "protocol 0"},
    {policy_add_out, TMPL_AT(id.proto), 255, 1, XFRMA_TMPL, -EINVAL, "protocol 255"},
    {policy_add_out, TMPL_AT(mode), XFRM_MODE_BEET, 1, XFRMA_TMPL, -EINVAL, "mode 4"},
    {policy_add_out, TMPL_AT(family), AF_UNIX, 2, XFRMA_TMPL, -EINVAL, "address family 1"},
    {policy_add_ipv6, POLICY_AT(sel.prefixlen_s), 129, 1, 0, -EINVAL, "prefix length 129 is over 128"},
    {policy_add_ipv6, POLICY_AT(sel.prefixlen_d), 255, 1, 0, -EINVAL, "prefix length 255 is over 128"},
    {policy_delete, PID_AT(dir), 3, 1, 0, -EINVAL, "direction 3"},
    {policy_get_index, PID_AT(dir), 2, 1, 0, -EINVAL, "index 9"},
    {policy_get, PID_AT(sel.prefixlen_d), 33, 1, 0, -EINVAL, "prefix length 33"},
};

static void
refuses_every_wrong_field_and_names_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field *f = &fields[i];
		struct nlmsghdr *nlh = rig_message(f->hex);
		struct sadb_error err;

		assert_int_equal(decode(nlh, &err), 0); /* right before */
		memcpy((uint8_t *)nlh + f->at, &f->value, f->bytes);
		int rc = decode(nlh, &err);
		if (rc != f->rc || err.attr != f->attr || !strstr(err.text, f->says))
			fail_msg("row %u: %d, attribute %u, \"%s\"; wanted \"%s\"", i, rc, err.attr, err.text, f->says);
		free(nlh);
	}
}

/* Type and ports of XFRMA_ENCAP. */
static void
refuses_encapsulation_other_than_esp_in_udp(void **state)
{
	static const struct {
		uint16_t type, sport, dport;
		int rc;
		const char *says;
	} table[] = {
	    {2, 4500, 4500, 0, ""},
	    {2, 1, 65535, 0, ""},
	    {0, 4500, 4500, -EOPNOTSUPP, "type 0 is not supported: espinudp (2) is"},
	    {1, 4500, 4500, -EOPNOTSUPP, "type 1 (espinudp-nonike)"},
	    {7, 4500, 4500, -EOPNOTSUPP, "type 7 (espintcp)"},
	    {65535, 4500, 4500, -EOPNOTSUPP, "type 65535 is not"},
	    {2, 0, 4500, -EINVAL, "ports 0 and 4500: 1 to 65535"},
	    {2, 4500, 0, -EINVAL, "ports 4500 and 0"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct xfrm_encap_tmpl encap = {
		    table[i].type, htons(table[i].sport), htons(table[i].dport), {.a4 = 0}};
		struct nlmsghdr *nlh = rig_add(rig_message(sa_add), XFRMA_ENCAP, &encap, sizeof(encap));
		struct sadb_error err;

		assert_int_equal(decode(nlh, &err), table[i].rc);
		if (strstr(err.text, table[i].says) == NULL)
			fail_msg("'%s' is not in '%s'", table[i].says, err.text);
		assert_int_equal(err.attr, table[i].rc ? XFRMA_ENCAP : 0);
		free(nlh);
	}
}

/* One more attribute on a right message. */
static void
refuses_attributes_that_it_cannot_heed(void **state)
{
	static const uint32_t zero[10], one[10] = {1}, longer[10] = {UINT16_MAX + 1}, beyond_outer[10] = {1 << 19};
	static const struct {
		const char *hex;
		uint16_t type;
		uint16_t bytes;
		const uint32_t *data;
		int rc;
	} table[] = {
	    {sa_add, XFRMA_ALG_COMP, 68, NULL, -ENOSYS},
	    {sa_add, XFRMA_ALG_AUTH, 68, NULL, -ENOSYS},
	    {sa_add, XFRMA_SEC_CTX, 8, zero, -EOPNOTSUPP},
	    {sa_add, XFRMA_TFCPAD, 4, longer, -EINVAL},
	    {sa_add, XFRMA_TFCPAD, 4, zero, 0},
	    {sa_add, CTL_XFRMA_OUTER, 4, beyond_outer, -EOPNOTSUPP},
	    {sa_add, CTL_XFRMA_OUTER, 4, zero, 0},
	    {sa_add, XFRMA_MARK, 8, zero, 0},
	    {sa_add, XFRMA_MARK, 4, zero, -EINVAL},
	    {sa_add, XFRMA_SET_MARK, 4, zero, 0},
	    {sa_add, XFRMA_SA_EXTRA_FLAGS, 4, one, 0},
	    {sa_add, XFRMA_SA_EXTRA_FLAGS, 2, one, -EINVAL},
	    {sa_add, XFRMA_IF_ID, 3, one, -EINVAL},
	    {sa_add, XFRMA_MTIMER_THRESH, 4, one, -EINVAL}, /* for encapsulation only */
	    {sa_add_encap, XFRMA_MTIMER_THRESH, 4, one, 0},
	    {sa_add_encap, XFRMA_MTIMER_THRESH, 3, one, -EINVAL},
	    {sa_add, XFRMA_ENCAP, 23, one, -EINVAL},
	    {sa_add, 33, 1, one, 0}, /* XFRMA_SA_DIR in */
	    {sa_add, 33, 1, zero, -EINVAL},
	    {sa_add, 33, 0, zero, -EINVAL},
	    {sa_add, 35, 4, one, 0},  /* XFRMA_SA_PCPU: an SA belongs to no core */
	    {sa_add, 999, 4, one, 0}, /* unknown */
	    {sa_add, XFRMA_REPLAY_VAL, 8, zero, -EINVAL},
	    {sa_add, XFRMA_LASTUSED, 4, zero, -EINVAL},
	    {policy_add_bypass, XFRMA_TMPL, 0, zero, 0}, /* no template: still a bypass */
	    {policy_add_bypass, XFRMA_TMPL, 40, zero, -EINVAL},
	    {policy_add_bypass, XFRMA_POLICY_TYPE, 6, zero, 0},
	    {policy_add_bypass, XFRMA_POLICY_TYPE, 6, one, -EINVAL},
	    {policy_add_bypass, XFRMA_POLICY_TYPE, 5, zero, -EINVAL},
	    {policy_flush, XFRMA_POLICY_TYPE, 6, one, -EINVAL},
	    {policy_delete, XFRMA_SEC_CTX, 8, zero, -EOPNOTSUPP},
	    {sa_delete, XFRMA_MARK, 8, one, 0}, /* no SA has a mark, so each is found by every mark */
	    {policy_delete, XFRMA_MARK, 8, one, -EOPNOTSUPP},
	    {sa_list, XFRMA_ADDRESS_FILTER, 35, zero, -EINVAL},
	};
	static const uint32_t algorithm[17];

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nlmsghdr *nlh = rig_add(rig_message(table[i].hex), table[i].type,
					       table[i].data ? table[i].data : algorithm, table[i].bytes);
		struct sadb_error err;
		int rc = decode(nlh, &err);

		if (rc != table[i].rc)
			fail_msg("row %u: %d \"%s\"", i, rc, err.text);
		if (rc)
			assert_int_equal(err.attr, table[i].type);
		free(nlh);
	}
}

static void
refuses_a_key_of_zeros_in_a_request_only(void **state)
{
	struct nlmsghdr *nlh = rig_message(sa_add);
	struct nlattr *attr = rig_attr(nlh, SA_BODY, XFRMA_ALG_AEAD);
	struct sadb_error err;

	(void)state;
	memset((uint8_t *)attr + NLA_HDRLEN + sizeof(struct xfrm_algo_aead), 0, 32);
	assert_int_equal(decode(nlh, &err), -EINVAL);
	assert_int_equal(err.attr, XFRMA_ALG_AEAD);
	assert_non_null(strstr(err.text, "zero bytes"));
	nlh->nlmsg_flags = 0; /* an answer, which never shows the key */
	assert_int_equal(decode(nlh, &err), 0);
	free(nlh);
}

static void
refuses_an_sa_without_a_key_and_a_name_without_an_end(void **state)
{
	struct nlmsghdr *nlh = rig_message(sa_add);
	struct nlmsghdr *bare = rig_cut(nlh, NLMSG_HDRLEN + SA_BODY);
	struct sadb_error err;

	(void)state;
	assert_int_equal(decode(bare, &err), -EINVAL);
	assert_string_equal(err.text, "XFRMA_ALG_AEAD is missing");
	memset((uint8_t *)nlh + ALG_AT(alg_name), 'x', 64);
	assert_int_equal(decode(nlh, &err), -ENOSYS);
	free(bare);
	free(nlh);
}

static bool
ends_an_attribute(const struct nlmsghdr *nlh, size_t body, size_t cut)
{
	size_t at = NLMSG_HDRLEN + body;

	for (;;) {
		if (cut == at)
			return true;
		if (at >= nlh->nlmsg_len)
			return false;
		const struct nlattr *attr = (const struct nlattr *)((const uint8_t *)nlh + at);
		/* The padding may be missing. */
		if (cut >= at + attr->nla_len && cut < at + NLA_ALIGN(attr->nla_len))
			return true;
		at += NLA_ALIGN(attr->nla_len);
	}
}

static void
a_message_cut_anywhere_but_between_attributes_is_refused(void **state)
{
	static const struct {
		const char *hex;
		size_t body;
	} table[] = {
	    {sa_add, sizeof(struct xfrm_usersa_info)},
	    {sa_add_esn, sizeof(struct xfrm_usersa_info)},
	    {sa_add_limits, sizeof(struct xfrm_usersa_info)},
	    {sa_update, sizeof(struct xfrm_usersa_info)},
	    {sa_delete, sizeof(struct xfrm_usersa_id)},
	    {sa_get, sizeof(struct xfrm_usersa_id)},
	    {sa_alloc_spi, sizeof(struct xfrm_userspi_info)},
	    {sa_list, 0},
	    {sa_list_filtered, 0},
	    {sa_flush, sizeof(struct xfrm_usersa_flush)},
	    {sa_count, sizeof(uint32_t)},
	    {policy_add_out, POLICY_BODY},
	    {policy_add_in, POLICY_BODY},
	    {policy_add_fwd, POLICY_BODY},
	    {policy_add_bypass, POLICY_BODY},
	    {policy_add_icmp, POLICY_BODY},
	    {policy_update, POLICY_BODY},
	    {policy_get, sizeof(struct xfrm_userpolicy_id)},
	    {policy_delete, sizeof(struct xfrm_userpolicy_id)},
	    {policy_list, 0},
	    {policy_count, sizeof(uint32_t)},
	    {policy_flush, 0},
	    {kernel_policy, POLICY_BODY},
	    {kernel_larval_sa, sizeof(struct xfrm_usersa_info)},
	    {kernel_sad_info, sizeof(uint32_t)},
	    {kernel_spd_info, sizeof(uint32_t)},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nlmsghdr *nlh = rig_message(table[i].hex);
		struct sadb_error err;

		for (size_t cut = NLMSG_HDRLEN; cut < nlh->nlmsg_len; cut++) {
			struct nlmsghdr *less = rig_cut(nlh, cut);
			int rc = decode(less, &err);

			if (rc == 0 && !ends_an_attribute(nlh, table[i].body, cut))
				fail_msg("sample %u cut to %zu bytes is taken", i, cut);
			if (rc != 0)
				assert_true(err.text[0] != 0);
			free(less);
		}
		free(nlh);
	}
}

/* An attribute's length set to every value: an error, or a message that is still whole. */
static void
an_attribute_of_every_length_is_survived(void **state)
{
	static const struct {
		const char *hex;
		size_t body;
		uint16_t type;
	} table[] = {
	    {sa_add, SA_BODY, XFRMA_ALG_AEAD},
	    {sa_add_esn, SA_BODY, XFRMA_REPLAY_ESN_VAL},
	    {sa_add_esn, SA_BODY, XFRMA_IF_ID},
	    {policy_add_out, POLICY_BODY, XFRMA_TMPL},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nlmsghdr *nlh = rig_message(table[i].hex);
		struct nlattr *attr = rig_attr(nlh, table[i].body, table[i].type);
		uint16_t right = attr->nla_len;
		struct sadb_error err;

		for (unsigned bytes = 0; bytes <= UINT16_MAX; bytes++) {
			attr->nla_len = (uint16_t)bytes;
			int rc = decode(nlh, &err);
			if (rc == 0)
				assert_int_equal(NLA_ALIGN(bytes), NLA_ALIGN(right));
		}
		free(nlh);
	}
}

static void
refuses_types_that_are_no_request(void **state)
{
	struct nlmsghdr nlh = {.nlmsg_len = sizeof(nlh), .nlmsg_flags = NLM_F_REQUEST};
	struct sadb_error err;

	(void)state;
	for (unsigned type = 0; type <= 0x500; type++) {
		nlh.nlmsg_type = (uint16_t)type;
		int rc = decode(&nlh, &err);
		if (type < XFRM_MSG_BASE || type > XFRM_MSG_MAX)
			assert_int_equal(rc, -EINVAL);
		else if (type != XFRM_MSG_FLUSHPOLICY) /* which has no fixed part */
			assert_int_equal(rc, -EINVAL);
	}
	nlh.nlmsg_type = XFRM_MSG_NEWAE;
	assert_int_equal(decode(&nlh, &err), -EINVAL);
	assert_string_equal(err.text, "XFRM_MSG_NEWAE has 0 bytes after its header, it needs 48");
}

static void
finds_the_attribute_at_fault_for_the_extended_ack(void **state)
{
	struct nlmsghdr *nlh = rig_message(sa_add_esn);
	const struct nlattr *attr = rig_attr(nlh, SA_BODY, XFRMA_REPLAY_ESN_VAL);

	(void)state;
	assert_int_equal(ctl_xfrm_attr_offset(nlh, XFRMA_REPLAY_ESN_VAL), (const uint8_t *)attr - (uint8_t *)nlh);
	assert_int_equal(ctl_xfrm_attr_offset(nlh, XFRMA_ALG_AEAD), NLMSG_HDRLEN + SA_BODY);
	assert_int_equal(ctl_xfrm_attr_offset(nlh, XFRMA_MARK), 0);
	assert_int_equal(ctl_xfrm_attr_offset(nlh, 0), 0);
	free(nlh);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refuses_what_it_cannot_do_and_says_what_it_can),
	    cmocka_unit_test(refuses_every_wrong_field_and_names_it),
	    cmocka_unit_test(refuses_encapsulation_other_than_esp_in_udp),
	    cmocka_unit_test(refuses_attributes_that_it_cannot_heed),
	    cmocka_unit_test(refuses_a_key_of_zeros_in_a_request_only),
	    cmocka_unit_test(refuses_an_sa_without_a_key_and_a_name_without_an_end),
	    cmocka_unit_test(a_message_cut_anywhere_but_between_attributes_is_refused),
	    cmocka_unit_test(an_attribute_of_every_length_is_survived),
	    cmocka_unit_test(refuses_types_that_are_no_request),
	    cmocka_unit_test(finds_the_attribute_at_fault_for_the_extended_ack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
