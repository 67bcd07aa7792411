/* SPDX-License-Identifier: BSD-3-Clause
 * Tunnels over the server's socket: described, shown, offered, answered; and what others may not do to them. */
#include "tests/unit/control/server_rig.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t request[16384] __attribute__((aligned(8)));
static struct ctl_own own; /* the last answer */
static char offer[CTL_OFFER_BYTES];

static int
keep(void *arg, const struct nlmsghdr *nlh)
{
	struct sadb_error err;

	(void)arg;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return 0;
	if (ctl_own_decode(nlh, &own, &err) != 0)
		fail_msg("%s", err.text);
	if (own.type == CTL_MSG_TUNNEL_OFFER)
		memcpy(offer, own.words.offer.text, own.words.offer.bytes);
	return 0;
}

static int
ask(struct ctl_client *client, size_t bytes)
{
	memset(&own, 0, sizeof(own));
	assert_true(bytes > 0);
	return ctl_client_ask(client, (struct nlmsghdr *)request, keep, NULL, &rig_error);
}

static struct nlmsghdr
header(uint16_t type, uint16_t flags)
{
	return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)};
}

static int
ask_add(struct ctl_client *client, const char *name, bool mirrored, const char *exchange)
{
	const struct nlmsghdr h = header(CTL_MSG_TUNNEL_ADD, NLM_F_ACK);
	struct ctl_tunnel_info info = {.reqid = 0};

	ctl_tunnel_defaults(&info.config);
	strcpy(info.config.name, name);
	strcpy(info.config.exchange, exchange);
	/* Two ends on one gateway, in two virtual networks: they speak to each other. */
	info.config.vnet_id = mirrored ? RIG_VNET + 1 : RIG_VNET;
	info.config.local = rig_addr(mirrored ? "198.51.100.2" : "192.0.2.1");
	info.config.remote = rig_addr(mirrored ? "192.0.2.1" : "198.51.100.2");
	info.config.local_prefix[0] = rig_prefix(mirrored ? "10.2.0.0/16" : "10.1.0.0/16");
	info.config.remote_prefix[0] = rig_prefix(mirrored ? "10.1.0.0/16" : "10.2.0.0/16");
	info.config.n_local = info.config.n_remote = 1;
	return ask(client, ctl_own_encode_tunnel(request, sizeof(request), &h, &info));
}

static int
ask_words(struct ctl_client *client, uint16_t type, const char *name, size_t offer_bytes)
{
	const struct nlmsghdr h = header(type, NLM_F_ACK);
	struct ctl_tunnel_words words = {.offer = {offer, offer_bytes}};

	strcpy(words.name, name);
	return ask(client, ctl_own_encode_tunnel_words(request, sizeof(request), &h, &words));
}

static int
ask_dump(struct ctl_client *client)
{
	const struct nlmsghdr h = header(CTL_MSG_TUNNEL_GET, NLM_F_DUMP);

	return ask(client, ctl_own_encode_get(request, sizeof(request), &h));
}

static void
a_tunnel_is_described_shown_and_deleted(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(ask_add(rig->client, "site", false, ""), 0);
	assert_int_equal(ask_add(rig->client, "site", true, ""), -EEXIST);
	assert_int_equal(ask_dump(rig->client), 0);
	assert_int_equal(own.type, CTL_MSG_TUNNEL);
	assert_string_equal(own.tunnel.config.name, "site");
	assert_string_equal(own.tunnel.state, "down");
	assert_true(ctl_tunnel_reqid(own.tunnel.reqid));
	assert_int_equal(ask_words(rig->client, CTL_MSG_TUNNEL_REKEY, "site", 0), -ENOTSUP);
	assert_int_equal(ask_words(rig->client, CTL_MSG_TUNNEL_DEL, "site", 0), 0);
	assert_int_equal(ask_words(rig->client, CTL_MSG_TUNNEL_DEL, "site", 0), -ENOENT);
	assert_int_equal(ask_dump(rig->client), 0);
	assert_int_equal(own.type, 0);
}

static void
an_offer_comes_over_the_socket_and_bad_ones_are_refused(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(ask_add(rig->client, "site", false, ""), 0);
	assert_int_equal(ask_words(rig->client, CTL_MSG_TUNNEL_OFFER, "site", 0), 0);
	assert_int_equal(own.type, CTL_MSG_TUNNEL_OFFER);
	size_t bytes = own.words.offer.bytes;
	assert_memory_equal(offer, "culvert-keying 1\n", 17);
	assert_memory_equal(offer + bytes - 5, "\nend\n", 5);
	assert_int_equal(ask_words(rig->client, CTL_MSG_TUNNEL_ACCEPT, "site", bytes), -EINVAL); /* its own */
	assert_non_null(strstr(rig_error.text, "must mirror"));
	assert_int_equal(ask_words(rig->client, CTL_MSG_TUNNEL_ACCEPT, "site", bytes - 1), -EINVAL);
	assert_int_equal(ask_words(rig->client, CTL_MSG_TUNNEL_ACCEPT, "site", 0), -EINVAL);
	assert_int_equal(ask_words(rig->client, CTL_MSG_TUNNEL_ACCEPT, "other", bytes), -ENOENT);
}

static void
what_a_tunnel_owns_nobody_else_changes(void **state)
{
	struct rig *rig = *state;
	struct sadb_sa_config sa = rig_sa(0x1001);
	struct sadb_policy_info policy = rig_policy("10.2.0.0/16", SADB_POLICY_OUT);

	assert_int_equal(ask_add(rig->client, "site", false, ""), 0);
	sa.reqid = CTL_TUNNEL_REQID_FIRST;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &sa), -EPERM);
	sa.reqid = CTL_TUNNEL_REQID_LAST;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &sa), -EPERM);
	sa.reqid = CTL_TUNNEL_REQID_LAST + 1;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &sa), 0);
	/* Its policy, replaced by one that lets everything pass. */
	policy.config.action = SADB_BYPASS;
	memset(&policy.config.tmpl, 0, sizeof(policy.config.tmpl));
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_UPDPOLICY, &policy), -EPERM);
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_DELPOLICY, &policy.config, NULL), -EPERM);
	policy = rig_policy("10.9.0.0/16", SADB_POLICY_OUT);
	policy.config.tmpl.reqid = CTL_TUNNEL_REQID_FIRST;
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &policy), -EPERM);
	assert_non_null(strstr(rig_error.text, "are for tunnels"));
}

static int
ask_migrate(struct ctl_client *client, const struct sadb_policy_info *policy, const struct sadb_migration *one)
{
	const struct nlmsghdr h = header(XFRM_MSG_MIGRATE, NLM_F_ACK);
	struct ctl_migrate migrate = {
	    .sel = policy->config.sel, .vnet_id = policy->config.vnet_id, .dir = policy->config.dir, .n = 2};

	/* The first is of the policy itself. */
	migrate.one[0] = *one;
	migrate.one[0].old_src = policy->config.tmpl.src;
	migrate.one[0].old_dst = policy->config.tmpl.dst;
	migrate.one[0].reqid = policy->config.tmpl.reqid;
	migrate.one[0].new_dst = rig_addr("203.0.113.3");
	migrate.one[1] = *one;
	return ask(client, ctl_xfrm_encode_migrate(request, sizeof(request), &h, &migrate));
}

static void
sas_of_a_tunnel_are_not_moved_along_with_others(void **state)
{
	struct rig *rig = *state;
	struct sadb_policy_info policy = rig_policy("10.9.0.0/16", SADB_POLICY_OUT);
	struct sadb_migration one = {.old_src = rig_addr("192.0.2.1"),
				     .old_dst = rig_addr("198.51.100.2"),
				     .new_src = rig_addr("203.0.113.1"),
				     .new_dst = rig_addr("203.0.113.2"),
				     .proto = IPPROTO_ESP,
				     .mode = XFRM_MODE_TUNNEL};

	assert_int_equal(ask_add(rig->client, "site", false, ""), 0);
	policy.config.tmpl.dst = rig_addr("192.0.2.77");
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &policy), 0);
	assert_int_equal(ask_migrate(rig->client, &policy, &one), -EPERM);
	assert_non_null(strstr(rig_error.text, "no reqid"));
	one.old_src = rig_addr("198.51.100.2"); /* the other way */
	one.old_dst = rig_addr("192.0.2.1");
	assert_int_equal(ask_migrate(rig->client, &policy, &one), -EPERM);
	one.reqid = CTL_TUNNEL_REQID_FIRST;
	assert_int_equal(ask_migrate(rig->client, &policy, &one), -EPERM);
	one.reqid = 9; /* an SA of somebody else's */
	assert_int_equal(ask_migrate(rig->client, &policy, &one), 0);
}

static void
on_tunnel_event(void *arg, const struct ctl_tunnel_event *event)
{
	ctl_server_tunnel_event(((struct rig *)arg)->server, event);
}

static void
start_tunnels(struct rig *rig, void *arg)
{
	(void)arg;
	ctl_tunnels_start(rig->tunnels, NULL, on_tunnel_event, rig);
}

static struct sadb_sa_config
out_sa(struct ctl_client *client)
{
	assert_int_equal(ask_dump(client), 0);
	return (struct sadb_sa_config){
	    .dst = rig_addr("198.51.100.2"), .spi_be = own.tunnel.out_spi_be, .proto = IPPROTO_ESP};
}

static void
a_limit_that_somebody_makes_pass_is_the_tunnels_to_answer(void **state)
{
	static const char *const kinds[] = {"tunnel-rekey-wanted", "tunnel-down"}; /* soft, hard */
	static uint8_t message[4096] __attribute__((aligned(8)));
	const struct nlmsghdr h = header(XFRM_MSG_EXPIRE, NLM_F_ACK);
	struct rig *rig = *state;
	struct sadb_error err;

	rig_call(rig, start_tunnels, NULL);
	assert_int_equal(ask_add(rig->client, "site", true, ""), 0);
	assert_int_equal(ask_words(rig->client, CTL_MSG_TUNNEL_OFFER, "site", 0), 0);
	const size_t bytes = own.words.offer.bytes;
	assert_int_equal(ask_words(rig->client, CTL_MSG_TUNNEL_DEL, "site", 0), 0);
	char *key = strstr(offer, "\nkey ") + 5; /* which was in use here, on the other side */
	*key = *key == '0' ? '1' : '0';
	assert_int_equal(ask_add(rig->client, "site", false, ""), 0);
	assert_int_equal(ask_words(rig->client, CTL_MSG_TUNNEL_ACCEPT, "site", bytes), 0);
	const struct sadb_sa_config sa = out_sa(rig->client);
	assert_true(sa.spi_be != 0);
	struct ctl_client *listener = rig_client(rig);
	assert_int_equal(rig_subscribe(listener, 1u << CTL_GROUP_TUNNEL), 0);
	for (unsigned hard = 0; hard < 2; hard++) {
		const struct ctl_sa_state none = {0};
		assert_int_equal(
		    ask(rig->client, ctl_xfrm_encode_expire(request, sizeof(request), &h, &sa, &none, hard != 0)), 0);
		assert_int_equal(ctl_own_decode(rig_event(listener, message, sizeof(message)), &own, &err), 0);
		assert_string_equal(own.words.kind, kinds[hard]);
	}
	ctl_client_close(listener);
}

static void
count_policies(struct rig *rig, void *arg)
{
	unsigned *n = arg;

	*n = 0;
	for (unsigned dir = 0; dir < SADB_POLICY_DIRS; dir++)
		*n += sadb_policy_count(rig->db, dir);
}

static void
a_flush_leaves_the_policies_of_tunnels(void **state)
{
	struct rig *rig = *state;
	const struct sadb_policy_info policy = rig_policy("10.9.0.0/16", SADB_POLICY_OUT);
	const struct nlmsghdr h = header(XFRM_MSG_FLUSHPOLICY, NLM_F_ACK);
	unsigned n;

	assert_int_equal(ask_add(rig->client, "site", false, ""), 0);
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &policy), 0);
	rig_call(rig, count_policies, &n);
	assert_int_equal(n, 4);
	assert_int_equal(ask(rig->client, ctl_xfrm_encode_flush_policy(request, sizeof(request), &h)), 0);
	rig_call(rig, count_policies, &n);
	assert_int_equal(n, 3);
}

static void
tell(struct rig *rig, void *arg)
{
	const struct ctl_tunnel_event event = {"tunnel-up", "site", 3, "a text"};

	(void)arg;
	ctl_server_tunnel_event(rig->server, &event);
}

static void
an_event_reaches_who_subscribed(void **state)
{
	static uint8_t message[4096] __attribute__((aligned(8)));
	struct rig *rig = *state;
	struct sadb_error err;

	assert_int_equal(rig_subscribe(rig->client, 1u << CTL_GROUP_TUNNEL), 0);
	rig_call(rig, tell, NULL);
	assert_int_equal(ctl_own_decode(rig_event(rig->client, message, sizeof(message)), &own, &err), 0);
	assert_int_equal(own.type, CTL_MSG_TUNNEL_EVENT);
	assert_string_equal(own.words.kind, "tunnel-up");
	assert_string_equal(own.words.name, "site");
	assert_int_equal(own.words.generation, 3);
	assert_string_equal(own.words.text, "a text");
}

/* In a child of another user. */
static int
add_as(const struct rig *rig, uid_t uid, gid_t gid, const char *exchange)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
			_exit(200);
		struct ctl_client *client = ctl_client_open(rig->path, &rig_error);
		if (!client)
			_exit(201);
		int rc = ask_add(client, "theirs", false, exchange);
		ctl_client_close(client);
		_exit(-rc);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The daemon runs it as root: a member of the group must not become root by it. */
static void
only_root_gives_the_daemon_a_command(void **state)
{
	struct rig *rig = *state;
	const struct passwd *nobody = getpwnam("nobody");
	const struct group *group = getgrnam("daemon");

	if (geteuid() != 0 || !nobody || !group)
		skip();
	rig_open_doors(rig);
	assert_int_equal(add_as(rig, nobody->pw_uid, group->gr_gid, "id"), EPERM);
	assert_int_equal(add_as(rig, nobody->pw_uid, group->gr_gid, ""), 0);
	assert_int_equal(ask_add(rig->client, "ours", true, "id"), 0);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, rig_create, rig_destroy)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    RIG(a_tunnel_is_described_shown_and_deleted),
	    RIG(an_offer_comes_over_the_socket_and_bad_ones_are_refused),
	    RIG(what_a_tunnel_owns_nobody_else_changes),
	    RIG(sas_of_a_tunnel_are_not_moved_along_with_others),
	    RIG(a_limit_that_somebody_makes_pass_is_the_tunnels_to_answer),
	    RIG(a_flush_leaves_the_policies_of_tunnels),
	    RIG(an_event_reaches_who_subscribed),
	    cmocka_unit_test_setup_teardown(only_root_gives_the_daemon_a_command, rig_create_for_group, rig_destroy),
	};
	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
