/* SPDX-License-Identifier: BSD-3-Clause
 * A daemon that begins says so to the clients of the one before: to those that may speak, and to nobody else. */
#include "tests/unit/control/server_rig.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int
keep_boot(void *arg, const struct nlmsghdr *nlh)
{
	static struct ctl_own own;
	struct sadb_error err;

	assert_int_equal(ctl_own_decode(nlh, &own, &err), 0);
	assert_int_equal(own.type, CTL_MSG_HELLO);
	assert_int_equal(nlh->nlmsg_seq, 0);
	*(uint64_t *)arg = own.boot_id;
	return 0;
}

static void
each_beginning_is_announced_with_a_number_of_its_own(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *other = rig_client(rig);
	uint64_t first = 0, second = 0, others = 0;

	assert_int_equal(ctl_client_events(rig->client, 0, keep_boot, &first), -EAGAIN);
	rig_daemon_restart(rig);
	assert_int_equal(ctl_client_events(rig->client, 5000, keep_boot, &first), 0);
	assert_int_equal(ctl_client_events(other, 5000, keep_boot, &others), 0);
	assert_int_not_equal(first, 0);
	assert_int_equal(first, others);
	assert_int_equal(ctl_client_events(rig->client, 0, keep_boot, &second), -EAGAIN); /* once */
	rig_daemon_restart(rig);
	assert_int_equal(ctl_client_events(rig->client, 5000, keep_boot, &second), 0);
	assert_int_not_equal(first, second);
	ctl_client_close(other);
}

/* A socket bound in clients/, as a client's. */
static int
bind_client(const struct rig *rig, const char *name, uid_t uid, gid_t gid)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/run/clients/%s", rig->dir, name);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(chown(addr.sun_path, uid, gid), 0);
	return fd;
}

static bool
was_greeted(int fd)
{
	uint8_t in[256] __attribute__((aligned(8)));
	ssize_t n = recv(fd, in, sizeof(in), 0);

	assert_true(n < 0 || ((const struct nlmsghdr *)in)->nlmsg_type == CTL_MSG_HELLO);
	return n > 0;
}

static void
only_who_may_speak_is_greeted(void **state)
{
	static const struct {
		uid_t uid;
		gid_t gid;
		bool greeted;
	} cases[] = {
	    {0, 0, true},          /* root */
	    {65534, 65534, false}, /* nobody */
	    {65534, 1, true},      /* of the group: daemon's number is 1 */
	};
	struct rig *rig = *state;
	int fd[3];
	char name[8];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		fd[i] = bind_client(rig, name, cases[i].uid, cases[i].gid);
	}
	rig_daemon_restart(rig);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(was_greeted(fd[i]), cases[i].greeted);
		close(fd[i]);
	}
}

static void
a_link_in_clients_leads_nowhere(void **state)
{
	struct rig *rig = *state;
	struct sockaddr_un outside = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	char link[96];

	snprintf(outside.sun_path, sizeof(outside.sun_path), "%s/outside", rig->dir);
	snprintf(link, sizeof(link), "%s/run/clients/link", rig->dir);
	assert_int_equal(bind(fd, (const struct sockaddr *)&outside, sizeof(outside)), 0);
	assert_int_equal(symlink(outside.sun_path, link), 0);
	rig_daemon_restart(rig);
	assert_false(was_greeted(fd));
	assert_int_equal(unlink(link), 0);
	close(fd);
}

/* Its queue is full when the daemon begins: it hears of it once it reads. */
static void
who_does_not_read_just_now_hears_of_it_later(void **state)
{
	struct rig *rig = *state;
	int fd = bind_client(rig, "slow", 0, 0), sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;
	socklen_t bytes = sizeof(addr);
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	uint8_t in[256] __attribute__((aligned(8))) = {0};
	unsigned waiting = 0;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &bytes), 0);
	while (sendto(sender, in, 16, 0, (const struct sockaddr *)&addr, sizeof(addr)) == 16)
		waiting++;
	assert_true(waiting > 0);
	rig_daemon_restart(rig);
	for (; waiting > 0; waiting--)
		assert_int_equal(recv(fd, in, sizeof(in), 0), 16);
	assert_int_equal(poll(&ready, 1, 5000), 1);
	assert_true(was_greeted(fd));
	close(sender);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(each_beginning_is_announced_with_a_number_of_its_own, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(only_who_may_speak_is_greeted, rig_create_for_group, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_link_in_clients_leads_nowhere, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(who_does_not_read_just_now_hears_of_it_later, rig_create, rig_destroy),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
