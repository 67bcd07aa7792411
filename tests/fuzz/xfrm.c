/* SPDX-License-Identifier: BSD-3-Clause
 * XFRM messages, as a client, the kernel or the daemon sends them: what decodes and is encoded again decodes to the same.
 * The input is one message. */
#include <stdlib.h>
#include <string.h>

#include "control/mirror_msg.h"
#include "control/xfrm_codec.h"
#include "tests/fuzz/fuzz.h"

#define MESSAGE_BYTES 16384

static size_t
encode_policy(void *buf, const struct nlmsghdr *header, const struct ctl_xfrm *m)
{
	const struct sadb_policy_info info = {.config = m->policy.config};

	if (header->nlmsg_type == XFRM_MSG_DELPOLICY || header->nlmsg_type == XFRM_MSG_GETPOLICY)
		return ctl_xfrm_encode_policy_id(buf, MESSAGE_BYTES, header, &info.config);
	return ctl_xfrm_encode_policy(buf, MESSAGE_BYTES, header, &info);
}

/* A message that says what m does; 0: there is no encoder for all of it. */
static size_t
encode(void *buf, const struct nlmsghdr *header, const struct ctl_xfrm *m)
{
	switch (header->nlmsg_type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		return ctl_xfrm_encode_sa(buf, MESSAGE_BYTES, header, &m->sa.config, NULL);
	case XFRM_MSG_ALLOCSPI:
		return ctl_xfrm_encode_alloc_spi(buf, MESSAGE_BYTES, header, &m->sa.config, m->sa.spi_min,
						 m->sa.spi_max);
	case XFRM_MSG_FLUSHSA:
		return ctl_xfrm_encode_flush_sa(buf, MESSAGE_BYTES, header, m->proto);
	case XFRM_MSG_GETPOLICY:
		if (header->nlmsg_flags & NLM_F_DUMP)
			return 0;
		return encode_policy(buf, header, m);
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
	case XFRM_MSG_DELPOLICY:
		return encode_policy(buf, header, m);
	case XFRM_MSG_ACQUIRE:
		if (m->acquire.flow.src.family == AF_UNSPEC) /* a packet has a family */
			return 0;
		return ctl_xfrm_encode_acquire(buf, MESSAGE_BYTES, header, &m->acquire.policy, &m->acquire.flow,
					       m->acquire.seq);
	case XFRM_MSG_NEWSPDINFO:
		return ctl_xfrm_encode_spd_info(buf, MESSAGE_BYTES, header, &m->spd);
	case XFRM_MSG_SETDEFAULT:
		return ctl_xfrm_encode_default(buf, MESSAGE_BYTES, header, &m->spd_default);
	case XFRM_MSG_MIGRATE:
		return ctl_xfrm_encode_migrate(buf, MESSAGE_BYTES, header, &m->migrate);
	case XFRM_MSG_MAPPING:
		return ctl_xfrm_encode_mapping(buf, MESSAGE_BYTES, header, &m->mapping);
	case XFRM_MSG_REPORT:
		return ctl_xfrm_encode_report(buf, MESSAGE_BYTES, header, m->report.proto, &m->report.sel);
	default:
		return 0;
	}
}

/* What was encoded from a decoded message decodes, and says the same. */
static void
again(const struct nlmsghdr *header, const struct ctl_xfrm *m)
{
	static uint8_t first[MESSAGE_BYTES] __attribute__((aligned(8)));
	static uint8_t second[MESSAGE_BYTES] __attribute__((aligned(8)));
	static struct ctl_xfrm twice;
	struct sadb_error err;
	const size_t bytes = encode(first, header, m);

	if (bytes == 0)
		return;
	fuzz_expect(ctl_xfrm_decode((const struct nlmsghdr *)first, &twice, &err) == 0);
	fuzz_expect(encode(second, header, &twice) == bytes);
	fuzz_expect(memcmp(first, second, bytes) == 0);
}

/* The mirror reads what the kernel says by functions of its own. */
static void
mirror(const struct nlmsghdr *nlh)
{
	static struct ctl_mirror_sa_msg sa;
	static struct ctl_mirror_policy_msg policy;
	struct ctl_mirror_sa_id id = {0};
	struct ctl_mirror_copy copy = {0}; /* as of an SA that is known */
	uint8_t action[SADB_POLICY_DIRS], type;
	uint32_t index;
	bool hard;

	if (ctl_mirror_get_sa(nlh, &sa) == 0)
		fuzz_expect(sa.rc <= 0 && (sa.rc == 0 || sa.err.text[0] != 0));
	if (ctl_mirror_get_policy(nlh, &policy) == 0)
		fuzz_expect(policy.rc <= 0 && (policy.rc == 0 || policy.err.text[0] != 0));
	ctl_mirror_get_sa_id(nlh, &id);
	ctl_mirror_get_expire(nlh, &id, &hard);
	ctl_mirror_get_ae(nlh, &id, &copy);
	ctl_mirror_get_policy_index(nlh, &index, &hard);
	ctl_mirror_get_policy_type(nlh, &type);
	ctl_mirror_get_defaults(nlh, action);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ctl_xfrm m;
	struct nlmsghdr *nlh = fuzz_message(data, size);
	struct sadb_error err;

	if (nlh == NULL)
		return 0;
	const int rc = ctl_xfrm_decode(nlh, &m, &err);
	if (rc == 0) {
		again(nlh, &m);
	} else {
		fuzz_expect(rc < 0 && err.text[0] != 0 && memchr(err.text, 0, sizeof(err.text)) != NULL);
		fuzz_expect(ctl_xfrm_attr_offset(nlh, (uint16_t)err.attr) <= nlh->nlmsg_len);
	}
	mirror(nlh);
	free(nlh);
	return 0;
}
