/* SPDX-License-Identifier: BSD-3-Clause
 * The mirror and the kernel that runs here, in a network namespace of the test's own: what iproute2 does to policies comes,
 * losses are made good, and an ACQUIRE that Culvert asks for is the kernel's own word. Kernels without ESP do for this. */
#include "tests/unit/sa-db/rig.h"
#include "tests/unit/eal.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "control/mirror_impl.h"

#define SKIPPED 77 /* meson's exit code for a skipped test */

static struct sadb *db;
static struct ctl_mirror *mirror;

static void
run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

/* What the kernel has multicast is in the socket when the command has ended. */
static void
catch_up(void)
{
	mirror->retry_ns = 0;
	ctl_mirror_read(mirror);
	ctl_mirror_tick(mirror);
	rig_commit(db);
}

static int
start(void **state)
{
	const struct ctl_mirror_config config = {.db = (db = rig_create(NULL)),
						 .max_sas = 64,
						 .max_policies = 64,
						 .report_s = 1,
						 .events_fd = -1,
						 .requests_fd = -1};

	(void)state;
	run("ip xfrm policy flush");
	mirror = ctl_mirror_create(&config, &rig_err);
	if (mirror == NULL)
		fail_msg("%s", rig_err.text);
	assert_int_equal(ctl_mirror_sync(mirror, &rig_err), 0);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ctl_mirror_destroy(mirror);
	sadb_destroy(db);
	return 0;
}

static uint64_t
count(const char *name)
{
	static struct ctl_mirror_info info;

	ctl_mirror_get(mirror, &info);
	for (unsigned i = 0; i < info.n_counts; i++)
		if (strcmp(info.counts[i].name, name) == 0)
			return info.counts[i].value;
	fail_msg("no count is called %s", name);
	return 0;
}

static int
fate(const char *dst)
{
	struct sadb_flow_v4 flow = rig_flow("10.1.0.1", dst, IPPROTO_UDP, 1, 2);
	const struct sadb_policy *found = rig_find(db, &flow);

	return found ? found->action : -1;
}

#define PROTECT "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp reqid 7 mode tunnel"

static void
what_iproute2_does_to_policies_is_done_here(void **state)
{
	(void)state;
	run("ip xfrm policy add src 10.1.0.0/24 dst 10.2.0.0/24 dir out if_id 1 priority 10 " PROTECT);
	run("ip xfrm policy add src 10.1.0.0/24 dst 10.3.0.0/24 dir out if_id 1");
	run("ip xfrm policy add src 10.1.0.0/24 dst 10.4.0.0/24 dir out if_id 1 action block");
	run("ip xfrm policy add src 10.2.0.0/24 dst 10.1.0.0/24 dir fwd if_id 1 " PROTECT);
	catch_up();
	assert_int_equal(fate("10.2.0.1"), SADB_PROTECT);
	assert_int_equal(fate("10.3.0.1"), SADB_BYPASS);
	assert_int_equal(fate("10.4.0.1"), SADB_DROP);
	assert_int_equal(count("policies"), 4);
	run("ip xfrm policy update src 10.1.0.0/24 dst 10.3.0.0/24 dir out if_id 1 action block");
	catch_up();
	assert_int_equal(fate("10.3.0.1"), SADB_DROP);
	run("ip xfrm policy delete src 10.1.0.0/24 dst 10.2.0.0/24 dir out if_id 1");
	catch_up();
	assert_int_equal(fate("10.2.0.1"), -1);
	run("ip xfrm policy flush");
	catch_up();
	assert_int_equal(count("policies"), 0);
}

/* The same by dump, where the kernel's order is the newest first: of equal policies the older decides. */
static void
a_dump_keeps_the_kernels_order(void **state)
{
	run("ip xfrm policy add src 10.1.0.0/24 dst 10.2.0.0/16 dir out if_id 1 action block");
	run("ip xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/24 dir out if_id 1 " PROTECT);
	run("ip xfrm policy add src 10.0.0.0/8 dst 10.2.0.0/24 dir out if_id 1");
	catch_up();
	assert_int_equal(fate("10.2.0.1"), SADB_DROP);
	stop(state);
	db = rig_create(NULL);
	const struct ctl_mirror_config config = {
	    .db = db, .max_sas = 64, .max_policies = 64, .report_s = 1, .events_fd = -1, .requests_fd = -1};
	mirror = ctl_mirror_create(&config, &rig_err);
	assert_non_null(mirror);
	assert_int_equal(ctl_mirror_sync(mirror, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(count("policies"), 3);
	assert_int_equal(fate("10.2.0.1"), SADB_DROP);
}

static void
marks_and_foreign_networks_are_named_and_guarded(void **state)
{
	(void)state;
	run("ip xfrm policy add src 10.1.0.0/24 dst 10.2.0.0/24 dir out if_id 1 mark 7 priority 10 " PROTECT);
	run("ip xfrm policy add src 10.1.0.0/24 dst 10.0.0.0/8 dir out if_id 1 priority 20");
	run("ip xfrm policy add src 10.1.0.0/24 dst 10.2.0.0/24 dir out if_id 99 " PROTECT);
	catch_up();
	assert_int_equal(fate("10.2.0.1"), SADB_DROP);
	assert_int_equal(fate("10.3.0.1"), SADB_BYPASS);
	assert_int_equal(count("guards"), 1);
	assert_int_equal(count("policies_missing"), 2);
}

/* ENOBUFS: far more is said than the socket holds. */
static void
what_was_lost_is_made_good(void **state)
{
	const int tiny = 1;
	char path[] = "/tmp/culvert-test-XXXXXX", command[64];
	int fd = mkstemp(path);
	FILE *batch = fdopen(fd, "w");

	(void)state;
	assert_non_null(batch);
	assert_int_equal(setsockopt(mirror->events.fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)), 0);
	for (unsigned i = 0; i < 60; i++)
		fprintf(batch, "xfrm policy add src 10.1.0.0/24 dst 10.2.%u.0/24 dir out if_id 1 " PROTECT "\n", i);
	fclose(batch);
	snprintf(command, sizeof(command), "ip -batch %s", path);
	run(command);
	unlink(path);
	catch_up();
	assert_true(count("losses") > 0);
	assert_int_equal(count("policies"), 60);
	assert_int_equal(fate("10.2.59.1"), SADB_PROTECT);
}

static void
an_spi_that_is_only_reserved_is_no_sa(void **state)
{
	(void)state;
	run("ip xfrm state allocspi src 192.0.2.2 dst 192.0.2.1 proto esp >/dev/null");
	assert_int_equal(ctl_mirror_sync(mirror, &rig_err), 0);
	assert_int_equal(count("sas") + count("sas_missing"), 0);
	run("ip xfrm state flush");
	catch_up();
}

static int
listen_to(unsigned group)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = 1u << (group - 1)};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* strongSwan takes an ACQUIRE from the kernel only (nl_pid 0), so Culvert has the kernel say it. */
static void
an_acquire_is_the_kernels_own_word(void **state)
{
	struct sadb_policy_config config = rig_policy("10.2.0.0/24", 10, 7);
	struct sadb_flow flow = {.proto = IPPROTO_TCP, .sport_be = htons(1234), .dport_be = htons(80)};
	struct sockaddr_nl from = {0};
	socklen_t len = sizeof(from);
	struct {
		struct nlmsghdr header;
		uint8_t rest[2048];
	} message __attribute__((aligned(8)));
	struct xfrm_user_acquire acquire;
	int fd = listen_to(XFRMNLGRP_ACQUIRE);

	(void)state;
	config.index = 8 * 5 + 1;
	config.sel.src = rig_prefix("10.1.0.0/24");
	assert_int_equal(sadb_addr_parse("10.1.0.5", &flow.src), 0);
	assert_int_equal(sadb_addr_parse("10.2.0.6", &flow.dst), 0);
	assert_int_equal(ctl_mirror_acquire(mirror, &config, &flow), 0);

	struct pollfd wait = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 2000), 1);
	assert_true(recvfrom(fd, &message, sizeof(message), 0, (struct sockaddr *)&from, &len) > 0);
	assert_int_equal(from.nl_pid, 0);
	assert_int_equal(message.header.nlmsg_type, XFRM_MSG_ACQUIRE);
	memcpy(&acquire, NLMSG_DATA(&message.header), sizeof(acquire));
	assert_int_not_equal(acquire.seq, 0); /* the kernel's */
	assert_int_equal(acquire.policy.dir, XFRM_POLICY_OUT);
	assert_int_equal(ntohl(acquire.sel.saddr.a4), 0x0a010005);
	assert_int_equal(ntohl(acquire.sel.daddr.a4), 0x0a020006);
	assert_int_equal(ntohs(acquire.sel.dport), 80);
	assert_int_equal(ntohl(acquire.id.daddr.a4), 0xc0000202);
	close(fd);
}

/* Root may multicast to the same groups. */
static void
another_process_is_not_the_kernel(void **state)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_groups = 1u << (XFRMNLGRP_POLICY - 1)};
	const struct nlmsghdr flush = {.nlmsg_len = sizeof(flush), .nlmsg_type = XFRM_MSG_FLUSHPOLICY};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
	int witness = listen_to(XFRMNLGRP_POLICY);
	struct pollfd wait = {.fd = witness, .events = POLLIN};

	(void)state;
	run("ip xfrm policy add src 10.1.0.0/24 dst 10.2.0.0/24 dir out if_id 1 " PROTECT);
	catch_up();
	assert_int_equal(sendto(fd, &flush, sizeof(flush), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(flush));
	assert_int_equal(poll(&wait, 1, 2000), 1); /* it was sent indeed */
	catch_up();
	assert_int_equal(fate("10.2.0.1"), SADB_PROTECT);
	close(fd);
	close(witness);
}

static void
defaults_are_read(void **state)
{
	(void)state;
	if (system("ip xfrm policy setdefault in accept out accept fwd block") != 0)
		skip(); /* before Linux 5.15 */
	catch_up();
	assert_int_equal(count("kernel_default_fwd"), XFRM_USERPOLICY_BLOCK);
	run("ip xfrm policy setdefault in accept out accept fwd accept");
	assert_int_equal(ctl_mirror_sync(mirror, &rig_err), 0);
	assert_int_equal(count("kernel_default_fwd"), XFRM_USERPOLICY_ACCEPT);
}

/* Both would take over the same SAs and begin at the same numbers. */
static void
a_second_mirror_of_one_kernel_is_refused(void **state)
{
	const struct ctl_mirror_config config = {
	    .db = db, .max_sas = 64, .max_policies = 64, .report_s = 1, .events_fd = -1, .requests_fd = -1};

	(void)state;
	assert_null(ctl_mirror_create(&config, &rig_err));
	assert_non_null(strstr(rig_err.text, "another culvertd mirrors this kernel"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
	    TEST(what_iproute2_does_to_policies_is_done_here),
	    TEST(a_dump_keeps_the_kernels_order),
	    TEST(marks_and_foreign_networks_are_named_and_guarded),
	    TEST(what_was_lost_is_made_good),
	    TEST(an_spi_that_is_only_reserved_is_no_sa),
	    TEST(an_acquire_is_the_kernels_own_word),
	    TEST(another_process_is_not_the_kernel),
	    TEST(defaults_are_read),
	    TEST(a_second_mirror_of_one_kernel_is_refused),
	};
	int fd;

	if (unshare(CLONE_NEWNET) != 0 || (fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_XFRM)) < 0) {
		fprintf(stderr, "skipped: no network namespace or no NETLINK_XFRM\n");
		return SKIPPED;
	}
	close(fd);
	unit_eal_start();
	return cmocka_run_group_tests_name("control/mirror_kernel", tests, NULL, NULL);
}
