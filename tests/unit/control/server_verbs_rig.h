/* SPDX-License-Identifier: BSD-3-Clause
 * For the tests of XFRM's verbs against a running server: a request under way and the next event. */
#ifndef TEST_SERVER_VERBS_RIG_H
#define TEST_SERVER_VERBS_RIG_H

#include "tests/unit/control/server_rig.h"

#define GROUP(name) (1u << XFRMNLGRP_##name)

static uint8_t out[16384] __attribute__((aligned(8))); /* the request */
static uint8_t in[16384] __attribute__((aligned(8)));  /* the event */

static inline struct nlmsghdr
request(uint16_t type, uint16_t flags)
{
	return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags)};
}

static inline int
ask(struct rig *rig, size_t bytes, struct ctl_xfrm *answer)
{
	assert_true(bytes > 0);
	return ctl_client_ask(rig->client, (struct nlmsghdr *)out, rig_keep, answer, &rig_error);
}

static inline void
assert_says(const char *what)
{
	if (!strstr(rig_error.text, what))
		fail_msg("\"%s\" does not say \"%s\"", rig_error.text, what);
}

static inline struct ctl_xfrm
next(struct ctl_client *listener, uint16_t type)
{
	const struct nlmsghdr *nlh = rig_event(listener, in, sizeof(in));
	struct ctl_xfrm m;
	struct sadb_error err;

	assert_int_equal(nlh->nlmsg_type, type);
	if (ctl_xfrm_decode(nlh, &m, &err) != 0)
		fail_msg("%s", err.text);
	return m;
}

static inline struct ctl_xfrm
get_ae(struct rig *rig, const struct sadb_sa_config *c)
{
	const struct nlmsghdr get = request(XFRM_MSG_GETAE, 0);
	struct ctl_xfrm m;

	assert_int_equal(ask(rig, ctl_xfrm_encode_get_ae(out, sizeof(out), &get, c, XFRM_AE_RVAL | XFRM_AE_ETHR), &m),
			 0);
	assert_int_equal(m.type, XFRM_MSG_NEWAE);
	assert_int_equal(m.ae.flags, XFRM_AE_RVAL); /* no threshold is told */
	return m;
}

static inline int
new_ae(struct rig *rig, const struct sadb_sa_config *c, const struct ctl_sa_state *state)
{
	const struct nlmsghdr set = request(XFRM_MSG_NEWAE, NLM_F_REPLACE);

	return ask(rig, ctl_xfrm_encode_ae(out, sizeof(out), &set, c, state, 0), NULL);
}

#endif
