/* SPDX-License-Identifier: BSD-3-Clause
 * A program with NETLINK_XFRM sockets lives on while the daemon goes and comes: it gets errors and one line instead of
 * silence, its policies are there again before it knows, and it hears which SAs are gone. */
#include "tests/unit/control/preload_rig.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#define EXPIRES (1u << (XFRMNLGRP_EXPIRE - 1))

static void
count(struct rig *rig, void *arg)
{
	unsigned *n = arg;

	n[0] = sadb_sa_count(rig->db);
	n[1] = 0;
	for (unsigned dir = 0; dir < SADB_POLICY_DIRS; dir++)
		n[1] += sadb_policy_count(rig->db, (enum sadb_policy_dir)dir);
}

static unsigned
count_sas(struct rig *rig)
{
	unsigned n[2];

	rig_call(rig, count, n);
	return n[0];
}

static unsigned
count_policies(struct rig *rig)
{
	unsigned n[2];

	rig_call(rig, count, n);
	return n[1];
}

/* Standard error in a pipe while it lasts. */
static int
hold_stderr(int *kept)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	*kept = dup(STDERR_FILENO);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	return fds[0];
}

static void
release_stderr(int fd, int kept, char *text, size_t size)
{
	dup2(kept, STDERR_FILENO);
	close(kept);
	ssize_t n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = 0;
	close(fd);
}

static void
without_a_daemon_sending_fails_and_one_line_says_why(void **state)
{
	struct rig *rig = *state;
	uint8_t request[4096] __attribute__((aligned(8)));
	size_t bytes = nl_sa(request, XFRM_MSG_NEWSA, 0x1001, 1);
	int fd = nl_open(0, 0), kept;
	char text[1024];

	rig_call(rig, rig_daemon_end, NULL);
	int held = hold_stderr(&kept);
	int rc[3], errors[3];
	for (int i = 0; i < 3; i++) {
		rc[i] = (int)nl_send(fd, request, bytes);
		errors[i] = errno;
	}
	int blind = nl_open(0, 0); /* opens all the same */
	release_stderr(held, kept, text, sizeof(text));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rc[i], -1);
		assert_int_equal(errors[i], ECONNREFUSED);
	}
	assert_non_null(strstr(text, "no daemon at "));
	assert_non_null(strstr(text, rig->path));
	assert_non_null(strstr(text, "start culvertd"));
	assert_ptr_equal(strchr(text, '\n') + 1, text + strlen(text)); /* one line */
	assert_int_equal(nl_receive(fd, MSG_DONTWAIT, NULL), -EAGAIN);
	rig_call(rig, rig_daemon_begin, NULL);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	assert_int_equal(nl_ask_sa(blind, XFRM_MSG_DELSA, 0x1001), 0);
	close(fd);
	close(blind);
}

/* What the library says goes to a pipe that nobody reads any more: that is no signal of the program's. */
static void
a_line_that_nobody_reads_ends_no_program(void **state)
{
	struct rig *rig = *state;
	uint8_t request[4096] __attribute__((aligned(8)));
	size_t bytes = nl_sa(request, XFRM_MSG_NEWSA, 0x1001, 1);
	int fd = nl_open(0, 0), kept;
	sigset_t pending;

	rig_call(rig, rig_daemon_end, NULL);
	close(hold_stderr(&kept));
	ssize_t n = nl_send(fd, request, bytes);
	int error = errno;
	dup2(kept, STDERR_FILENO);
	close(kept);
	assert_int_equal(n, -1);
	assert_int_equal(error, ECONNREFUSED);
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGPIPE));
	rig_call(rig, rig_daemon_begin, NULL);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	close(fd);
}

static void
where_no_daemon_ever_was_nothing_can_be_heard(void **state)
{
	const struct rig *rig = *state;
	const struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = EXPIRES};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_XFRM), kept;
	char text[1024];

	assert_int_equal(setenv(PRE_SOCKET_ENV, "/nowhere/culvert.sock", 1), 0);
	int held = hold_stderr(&kept);
	int rc = bind(fd, (const struct sockaddr *)&name, sizeof(name));
	int error = errno;
	release_stderr(held, kept, text, sizeof(text));
	assert_int_equal(rc, -1);
	assert_int_equal(error, ECONNREFUSED);
	assert_non_null(strstr(text, "/nowhere/culvert.sock"));
	assert_int_equal(setenv(PRE_SOCKET_ENV, rig->path, 1), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	close(fd);
}

/* The request lies in the old daemon's queue, which nobody reads any more. */
static void
send_and_end(struct rig *rig, void *arg)
{
	const int fd = *(const int *)arg;
	uint8_t request[4096] __attribute__((aligned(8)));

	for (uint32_t seq = 1; seq <= 3; seq++)
		assert_true(nl_send(fd, request, nl_sa(request, XFRM_MSG_NEWSA, 0x1000 + seq, seq)) > 0);
	rig_daemon_end(rig, NULL);
}

static void
who_waits_for_an_answer_of_a_dead_daemon_gets_an_error(void **state)
{
	struct rig *rig = *state;
	int fd = nl_open(0, 0), kept;
	char text[1024];

	rig_call(rig, send_and_end, &fd);
	int held = hold_stderr(&kept);
	ssize_t n = nl_receive(fd, 0, NULL); /* blocks until the daemon was looked for */
	release_stderr(held, kept, text, sizeof(text));
	assert_true(n > 0);
	assert_int_equal(((struct nlmsghdr *)nl_buf)->nlmsg_seq, 1);
	assert_int_equal(((struct nlmsgerr *)(nl_buf + NLMSG_HDRLEN))->error, -ECONNREFUSED);
	assert_int_equal(nl_ack(fd, 2), -ECONNREFUSED);
	assert_int_equal(nl_ack(fd, 3), -ECONNREFUSED);
	assert_int_equal(nl_receive(fd, MSG_DONTWAIT, NULL), -EAGAIN);
	rig_call(rig, rig_daemon_begin, NULL);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	close(fd);
}

static void
send_and_restart(struct rig *rig, void *arg)
{
	const int fd = *(const int *)arg;
	uint8_t request[4096] __attribute__((aligned(8)));

	send_and_end(rig, arg);
	rig_daemon_begin(rig, NULL);
	/* This one is the new daemon's, although its hello was not read yet. */
	assert_true(nl_send(fd, request, nl_sa(request, XFRM_MSG_NEWSA, 0x1009, 9)) > 0);
}

static void
what_only_the_old_daemon_was_asked_fails_and_what_the_new_one_was_does_not(void **state)
{
	struct rig *rig = *state;
	int fd = nl_open(SOCK_NONBLOCK, 0), answers = 0, rc[10] = {0};

	rig_call(rig, send_and_restart, &fd);
	while (answers < 4 && nl_is_readable(fd, 5000)) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)nl_buf;

		if (nl_receive(fd, 0, NULL) < 0)
			continue; /* what woke us was not for us */
		assert_int_equal(nlh->nlmsg_type, NLMSG_ERROR);
		assert_in_range(nlh->nlmsg_seq, 1, 9);
		rc[nlh->nlmsg_seq] = ((struct nlmsgerr *)(nl_buf + NLMSG_HDRLEN))->error;
		answers++;
	}
	assert_int_equal(answers, 4);
	assert_int_equal(rc[1], -ECONNRESET);
	assert_int_equal(rc[2], -ECONNRESET);
	assert_int_equal(rc[3], -ECONNRESET);
	assert_int_equal(rc[9], 0);
	assert_false(nl_is_readable(fd, 0));
	assert_int_equal(count_sas(rig), 1);
	close(fd);
}

/* Reads soft EXPIREs until nothing is left; the SPIs as bits above 0x1000. */
static unsigned
hear_expires(int fd)
{
	struct sockaddr_nl from;
	struct sadb_error err;
	unsigned spis = 0;
	struct ctl_xfrm m;

	while (nl_is_readable(fd, 200)) {
		ssize_t n = nl_receive(fd, MSG_DONTWAIT, &from);

		if (n == -EAGAIN)
			continue;
		assert_true(n > 0);
		assert_int_equal(from.nl_groups, EXPIRES);
		if (ctl_xfrm_decode((const struct nlmsghdr *)nl_buf, &m, &err) != 0)
			fail_msg("%s", err.text);
		assert_int_equal(m.type, XFRM_MSG_EXPIRE);
		assert_int_equal(m.sa.hard, 0);
		assert_false(spis & 1u << (ntohl(m.sa.config.spi_be) - 0x1000));
		spis |= 1u << (ntohl(m.sa.config.spi_be) - 0x1000);
	}
	return spis;
}

static void
policies_are_there_again_and_lost_sas_are_announced_to_who_hears_expires(void **state)
{
	struct rig *rig = *state;
	int fd = nl_open(0, 0), listener = nl_open(0, EXPIRES), second = nl_open(0, EXPIRES);

	for (uint32_t spi = 0x1001; spi <= 0x1004; spi++)
		assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, spi), 0);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), -EEXIST); /* refused: changes nothing */
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_DELSA, 0x1003), 0);
	assert_int_equal(nl_ask_policy(fd, XFRM_MSG_NEWPOLICY, "10.2.0.0/16"), 0);
	assert_int_equal(nl_ask_policy(fd, XFRM_MSG_UPDPOLICY, "10.3.0.0/16"), 0);
	assert_int_equal(nl_ask_policy(fd, XFRM_MSG_NEWPOLICY, "10.4.0.0/16"), 0);
	assert_int_equal(nl_ask_policy(fd, XFRM_MSG_DELPOLICY, "10.4.0.0/16"), 0);
	rig_daemon_restart(rig);
	assert_int_equal(count_policies(rig), 0);
	assert_int_equal(hear_expires(listener), 1u << 1 | 1u << 2 | 1u << 4);
	assert_int_equal(count_policies(rig), 2);
	assert_int_equal(count_sas(rig), 0); /* never by themselves: their keys are not kept */
	assert_int_equal(hear_expires(second), 1u << 1 | 1u << 2 | 1u << 4);
	assert_int_equal(hear_expires(listener), 0);
	/* Both hear again, without having done anything. */
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1005), 0);
	const struct sadb_sa_config c = rig_sa(0x1005);
	const struct nlmsghdr header = nl_header(XFRM_MSG_GETSA, 0, 5);
	nl_send(fd, nl_buf, ctl_xfrm_encode_sa_id(nl_buf, sizeof(nl_buf), &header, &c));
	assert_true(nl_receive(fd, 0, NULL) > 0);
	assert_int_equal(((struct nlmsghdr *)nl_buf)->nlmsg_type, XFRM_MSG_NEWSA);
	/* And once more: only what the new daemon had. */
	rig_daemon_restart(rig);
	assert_int_equal(hear_expires(listener), 1u << 5);
	assert_int_equal(count_policies(rig), 2);
	close(fd);
	close(listener);
	close(second);
}

static void
expire_all(struct rig *rig, void *arg)
{
	(void)arg;
	for (uint32_t slot = 0; slot < 64; slot++) {
		const struct sadb_sa_cold *sa = sadb_sa_at(rig->db, slot);

		if (!sa)
			break;
		slot = sa->slot;
		ctl_server_expire(rig->server, sa, SADB_EXPIRE_HARD);
	}
	sadb_sa_flush(rig->db, 0);
}

static void
an_sa_that_expired_is_not_announced_again(void **state)
{
	struct rig *rig = *state;
	int fd = nl_open(0, 0), listener = nl_open(0, EXPIRES);

	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	rig_call(rig, expire_all, NULL);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1002), 0);
	ssize_t n;
	while ((n = nl_receive(listener, 0, NULL)) == -EAGAIN)
		continue;
	assert_true(n > 0 && ((struct nlmsghdr *)nl_buf)->nlmsg_type == XFRM_MSG_EXPIRE);
	rig_daemon_restart(rig);
	assert_int_equal(hear_expires(listener), 1u << 2);
	close(fd);
	close(listener);
}

/* The new daemon's queue is full of what others send when the listener reads its hello. */
static void
restart_and_read_while_it_is_busy(struct rig *rig, void *arg)
{
	const int other = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct sockaddr_un daemon = {.sun_family = AF_UNIX};

	rig_daemon_end(rig, NULL);
	rig_daemon_begin(rig, NULL);
	strcpy(daemon.sun_path, rig->path);
	while (sendto(other, "", 1, 0, (const struct sockaddr *)&daemon, sizeof(daemon)) >= 0)
		continue;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(nl_receive(*(const int *)arg, 0, NULL), -EAGAIN);
	close(other);
}

static void
a_listener_hears_a_daemon_that_was_busy_when_it_began(void **state)
{
	struct rig *rig = *state;
	int fd = nl_open(0, 0), listener = nl_open(SOCK_NONBLOCK, EXPIRES);

	rig_call(rig, restart_and_read_while_it_is_busy, &listener);
	assert_true(nl_is_readable(listener, 0)); /* what is left to be done wakes who polls */
	assert_int_equal(hear_expires(listener), 0);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	rig_call(rig, expire_all, NULL);
	assert_true(nl_is_readable(listener, 5000));
	assert_true(nl_receive(listener, 0, NULL) > 0);
	assert_int_equal(((struct nlmsghdr *)nl_buf)->nlmsg_type, XFRM_MSG_EXPIRE);
	close(fd);
	close(listener);
}

static void
restart_and_delete(struct rig *rig, void *arg)
{
	const int fd = *(const int *)arg;
	uint8_t request[4096] __attribute__((aligned(8)));

	rig_daemon_end(rig, NULL);
	rig_daemon_begin(rig, NULL);
	assert_true(nl_send(fd, request, nl_policy(request, XFRM_MSG_DELPOLICY, "10.2.0.0/16", 5)) > 0);
}

/* The new daemon does not know the policy when it is to delete it, and is sent it afterwards. */
static void
a_policy_deleted_before_the_hello_was_read_does_not_come_back(void **state)
{
	struct rig *rig = *state;
	int fd = nl_open(0, 0);

	assert_int_equal(nl_ask_policy(fd, XFRM_MSG_NEWPOLICY, "10.2.0.0/16"), 0);
	assert_int_equal(nl_ask_policy(fd, XFRM_MSG_NEWPOLICY, "10.3.0.0/16"), 0);
	rig_call(rig, restart_and_delete, &fd);
	nl_ack(fd, 5);
	assert_int_equal(count_policies(rig), 1);
	rig_daemon_restart(rig);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	assert_int_equal(count_policies(rig), 1);
	close(fd);
}

static void
a_policy_that_the_new_daemon_refuses_is_named(void **state)
{
	struct rig *rig = *state;
	int fd = nl_open(0, 0), kept;
	char text[1024];

	assert_int_equal(nl_ask_policy(fd, XFRM_MSG_NEWPOLICY, "10.2.0.0/16"), 0);
	rig_call(rig, rig_daemon_end, NULL);
	struct sadb_error err;
	sadb_destroy(rig->db);
	const struct sadb_config config = {.max_sas = 16, .max_policies = 16, .max_workers = 2};
	rig->db = sadb_create(&config, &err);
	assert_non_null(rig->db);
	assert_int_equal(sadb_vnet_add(rig->db, RIG_VNET + 1, "green", &err), 0); /* blue is no more */
	dp_attach(rig->dp, rig->db);
	rig_call(rig, rig_daemon_begin, NULL);
	int held = hold_stderr(&kept);
	uint8_t request[4096] __attribute__((aligned(8)));
	nl_send(fd, request, nl_sa(request, XFRM_MSG_DELSA, 0x1001, 4));
	int rc = nl_ack(fd, 4);
	release_stderr(held, kept, text, sizeof(text));
	assert_int_equal(rc, -ESRCH);
	assert_non_null(strstr(text, "refuses a policy"));
	assert_non_null(strstr(text, "no virtual network has the id 100"));
	close(fd);
}

/* What one test installed is not the next one's: the library remembers for the whole process. */
static int
flush_and_destroy(void **state)
{
	const struct nlmsghdr sas = nl_header(XFRM_MSG_FLUSHSA, NLM_F_ACK, 1);
	const struct nlmsghdr policies = nl_header(XFRM_MSG_FLUSHPOLICY, NLM_F_ACK, 2);
	int fd = nl_open(0, 0);

	nl_send(fd, nl_buf, ctl_xfrm_encode_flush_sa(nl_buf, sizeof(nl_buf), &sas, 0));
	assert_int_equal(nl_ack(fd, 1), 0);
	nl_send(fd, nl_buf, ctl_xfrm_encode_flush_policy(nl_buf, sizeof(nl_buf), &policies));
	assert_int_equal(nl_ack(fd, 2), 0);
	close(fd);
	return rig_destroy(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(without_a_daemon_sending_fails_and_one_line_says_why, nl_create,
					    flush_and_destroy),
	    cmocka_unit_test_setup_teardown(a_line_that_nobody_reads_ends_no_program, nl_create, flush_and_destroy),
	    cmocka_unit_test_setup_teardown(where_no_daemon_ever_was_nothing_can_be_heard, nl_create,
					    flush_and_destroy),
	    cmocka_unit_test_setup_teardown(who_waits_for_an_answer_of_a_dead_daemon_gets_an_error, nl_create,
					    flush_and_destroy),
	    cmocka_unit_test_setup_teardown(what_only_the_old_daemon_was_asked_fails_and_what_the_new_one_was_does_not,
					    nl_create, flush_and_destroy),
	    cmocka_unit_test_setup_teardown(policies_are_there_again_and_lost_sas_are_announced_to_who_hears_expires,
					    nl_create, flush_and_destroy),
	    cmocka_unit_test_setup_teardown(an_sa_that_expired_is_not_announced_again, nl_create, flush_and_destroy),
	    cmocka_unit_test_setup_teardown(a_listener_hears_a_daemon_that_was_busy_when_it_began, nl_create,
					    flush_and_destroy),
	    cmocka_unit_test_setup_teardown(a_policy_deleted_before_the_hello_was_read_does_not_come_back, nl_create,
					    flush_and_destroy),
	    cmocka_unit_test_setup_teardown(a_policy_that_the_new_daemon_refuses_is_named, nl_create,
					    flush_and_destroy),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
