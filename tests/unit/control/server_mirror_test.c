/* SPDX-License-Identifier: BSD-3-Clause
 * A server beside the kernel's mirror: clients read, the kernel writes. */
#include "tests/unit/control/server_rig.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/mirror.h"
#include "control/server_impl.h"

static int other_ends[2];

/* On the control thread. */
static void
join_mirror(struct rig *rig, void *arg)
{
	struct ctl_mirror_config config = {.db = rig->db, .max_sas = 4096, .max_policies = 256, .report_s = 1};
	struct sadb_error err;
	int events[2], requests[2];

	(void)arg;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, events), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, requests), 0);
	other_ends[0] = events[1];
	other_ends[1] = requests[1];
	config.events_fd = events[0];
	config.requests_fd = requests[0];
	rig->server->config.mirror = ctl_mirror_create(&config, &err);
	assert_non_null(rig->server->config.mirror);
}

static void
leave_mirror(struct rig *rig, void *arg)
{
	(void)arg;
	ctl_mirror_destroy(rig->server->config.mirror);
	rig->server->config.mirror = NULL;
	close(other_ends[0]);
	close(other_ends[1]);
}

static void
clients_change_nothing_that_the_kernel_owns(void **state)
{
	struct rig *rig = *state;
	const struct sadb_sa_config sa = rig_sa(0x1001);
	const struct sadb_policy_info policy = rig_policy("10.2.0.0/16", SADB_POLICY_OUT);

	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &sa), 0);
	rig_call(rig, join_mirror, NULL);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_UPDSA, &sa), -EPERM);
	assert_non_null(strstr(rig_error.text, "source: kernel"));
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_DELSA, &sa, NULL), -EPERM);
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_FLUSHSA, NLM_F_ACK, NULL), -EPERM);
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &policy), -EPERM);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &sa, NULL), 0);
	rig_call(rig, leave_mirror, NULL);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_DELSA, &sa, NULL), 0);
}

/* A tunnel's SAs would be gone at the next comparison with the kernel. */
static void
no_tunnel_is_made_beside_the_kernel(void **state)
{
	const struct nlmsghdr h = {.nlmsg_type = CTL_MSG_TUNNEL_REKEY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	static uint8_t request[256] __attribute__((aligned(8)));
	const struct ctl_tunnel_words words = {.name = "site"};
	struct rig *rig = *state;

	for (unsigned with = 0; with < 2; with++) {
		if (with)
			rig_call(rig, join_mirror, NULL);
		assert_true(ctl_own_encode_tunnel_words(request, sizeof(request), &h, &words) > 0);
		assert_int_equal(ctl_client_ask(rig->client, (struct nlmsghdr *)request, NULL, NULL, &rig_error),
				 with ? -EPERM : -ENOENT);
	}
	assert_non_null(strstr(rig_error.text, "tunnels need source: socket"));
	rig_call(rig, leave_mirror, NULL);
}

static struct ctl_own answer;

static int
keep(void *arg, const struct nlmsghdr *nlh)
{
	struct sadb_error err;

	(void)arg;
	assert_int_equal(ctl_own_decode(nlh, &answer, &err), 0);
	return 0;
}

static int
ask_mirror(struct rig *rig)
{
	const struct nlmsghdr h = {.nlmsg_type = CTL_MSG_MIRROR_GET, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	static uint8_t request[256] __attribute__((aligned(8)));

	assert_true(ctl_own_encode_get(request, sizeof(request), &h) > 0);
	return ctl_client_ask(rig->client, (struct nlmsghdr *)request, keep, NULL, &rig_error);
}

static void
the_mirror_is_shown_where_there_is_one(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(ask_mirror(rig), -ENOENT);
	assert_non_null(strstr(rig_error.text, "source: socket"));
	rig_call(rig, join_mirror, NULL);
	assert_int_equal(ask_mirror(rig), 0);
	assert_int_equal(answer.type, CTL_MSG_MIRROR);
	assert_string_equal(answer.mirror.counts[0].name, "sas");
	assert_true(answer.mirror.counts[0].value == 0);
	assert_true(answer.mirror.n_counts > 10);
	rig_call(rig, leave_mirror, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(clients_change_nothing_that_the_kernel_owns, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(no_tunnel_is_made_beside_the_kernel, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(the_mirror_is_shown_where_there_is_one, rig_create, rig_destroy),
	};
	return cmocka_run_group_tests_name("control/server_mirror", tests, rig_start_dpdk, rig_stop_dpdk);
}
