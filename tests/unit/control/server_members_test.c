/* SPDX-License-Identifier: BSD-3-Clause
 * Users who are not root: how long their membership counts, and how many places they may take. */
#include "tests/unit/control/server_rig.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/server_impl.h"

/* The linker puts this in the place of getgrouplist() (meson.build): a user database that the test changes, in which
 * a user is of its first group or of none. Relaxed: changed only while the control thread waits. */
static bool is_member;
static unsigned lookups;
int __wrap_getgrouplist(const char *user, gid_t first, gid_t *groups, int *n);

int
__wrap_getgrouplist(const char *user, gid_t first, gid_t *groups, int *n)
{
	(void)user;
	__atomic_fetch_add(&lookups, 1, __ATOMIC_RELAXED);
	groups[0] = __atomic_load_n(&is_member, __ATOMIC_RELAXED) ? first : first + 1;
	*n = 1;
	return 1;
}

static void
database_set(bool member)
{
	__atomic_store_n(&is_member, member, __ATOMIC_RELAXED);
}

static unsigned
lookups_take(void)
{
	return __atomic_exchange_n(&lookups, 0, __ATOMIC_RELAXED);
}

/* The user "daemon", whose first group is the rig's, and a group that is not. */
struct ids {
	uid_t uid;
	gid_t member, stranger;
};

/* False where the test cannot be: without root or those users. */
static bool
find_ids(struct ids *ids)
{
	const struct passwd *user = getpwnam("nobody");

	if (geteuid() != 0 || !user)
		return false;
	ids->stranger = user->pw_gid;
	user = getpwnam("daemon");
	if (!user)
		return false;
	ids->uid = user->pw_uid;
	ids->member = user->pw_gid;
	const struct group *group = getgrnam("daemon");
	return group && group->gr_gid == ids->member && ids->member != ids->stranger;
}

/* A child under another user, which does with its client what it is told, a byte at a time. */
struct child {
	pid_t pid;
	int ask, answer;
};
enum command { QUIT, ASK, SUBSCRIBE, LISTEN };

static int
obey(struct ctl_client *client, enum command command)
{
	uint8_t event[1024] __attribute__((aligned(8)));
	int rc;

	switch (command) {
	case ASK:
		return rig_ask_plain(client, XFRM_MSG_GETSADINFO, 0, NULL);
	case SUBSCRIBE:
		return rig_subscribe(client, 1u << XFRMNLGRP_SA);
	default:
		rc = (int)recv(ctl_client_fd(client), event, sizeof(event), MSG_DONTWAIT);
		return rc < 0 ? -errno : 0;
	}
}

static struct child
child_start(const struct rig *rig, uid_t uid, gid_t gid)
{
	int ask[2], answer[2];
	unsigned char byte;
	struct child child;

	assert_int_equal(pipe(ask), 0);
	assert_int_equal(pipe(answer), 0);
	child = (struct child){fork(), ask[1], answer[0]};
	if (child.pid == 0) {
		close(ask[1]);
		if (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
			_exit(1);
		struct ctl_client *client = rig_client(rig);
		while (read(ask[0], &byte, 1) == 1 && byte != QUIT) {
			byte = (unsigned char)-obey(client, byte);
			if (write(answer[1], &byte, 1) != 1)
				_exit(1);
		}
		ctl_client_close(client);
		_exit(0);
	}
	close(ask[0]);
	close(answer[1]);
	return child;
}

static int
child_do(const struct child *child, enum command command)
{
	unsigned char byte = (unsigned char)command;

	assert_int_equal(write(child->ask, &byte, 1), 1);
	assert_int_equal(read(child->answer, &byte, 1), 1);
	return -byte;
}

static void
child_stop(const struct child *child)
{
	const unsigned char byte = QUIT;
	int status;

	assert_int_equal(write(child->ask, &byte, 1), 1);
	close(child->ask);
	close(child->answer);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_int_equal(status, 0);
}

/* As if the minute were over. */
static void
age(struct rig *rig, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < CTL_MAX_PEERS; i++)
		rig->server->members[i].until_s = 0;
}

static void
a_users_groups_are_looked_up_once_a_minute(void **state)
{
	struct rig *rig = *state;
	struct ids ids;

	if (!find_ids(&ids))
		skip();
	rig_open_doors(rig);
	database_set(true);
	lookups_take();
	struct child first = child_start(rig, ids.uid, ids.stranger), second = child_start(rig, ids.uid, ids.stranger);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(child_do(&first, ASK), 0);
		assert_int_equal(child_do(&second, ASK), 0);
	}
	assert_int_equal(lookups_take(), 1);
	/* Taken out of the group: noticed by the next look, though the socket is the same. */
	database_set(false);
	assert_int_equal(child_do(&first, ASK), 0);
	rig_call(rig, age, NULL);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(child_do(&first, ASK), -EPERM);
		assert_int_equal(child_do(&second, ASK), -EPERM);
	}
	assert_int_equal(lookups_take(), 1);
	/* And back. */
	database_set(true);
	rig_call(rig, age, NULL);
	assert_int_equal(child_do(&first, ASK), 0);
	child_stop(&first);
	child_stop(&second);
}

static void
who_left_the_group_hears_no_more(void **state)
{
	struct rig *rig = *state;
	struct ids ids;

	if (!find_ids(&ids))
		skip();
	rig_open_doors(rig);
	database_set(true);
	struct child child = child_start(rig, ids.uid, ids.stranger);
	assert_int_equal(child_do(&child, SUBSCRIBE), 0);
	for (uint32_t i = 0; i < 2; i++) {
		const struct sadb_sa_config c = rig_sa(0x1000 + i);

		assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
		/* A turn of the loop later the event has been sent. */
		assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, NULL), 0);
		assert_int_equal(child_do(&child, LISTEN), i == 0 ? 0 : -EAGAIN);
		database_set(false);
		rig_call(rig, age, NULL);
	}
	child_stop(&child);
}

/* A child of that user that subscribes with as many clients as it is let. */
static struct child
crowd_start(const struct rig *rig, uid_t uid, gid_t gid, unsigned *n)
{
	struct ctl_client *clients[CTL_MAX_PEERS];
	unsigned char byte = 0;
	int hold[2], let[2];
	struct child child;

	assert_int_equal(pipe(hold), 0);
	assert_int_equal(pipe(let), 0);
	child = (struct child){fork(), hold[1], let[0]};
	if (child.pid == 0) {
		close(hold[1]);
		if (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
			_exit(1);
		for (unsigned i = 0; i < CTL_MAX_PEERS; i++) {
			clients[i] = rig_client(rig);
			byte = (unsigned char)(byte + (obey(clients[i], SUBSCRIBE) == 0));
		}
		if (write(let[1], &byte, 1) != 1 || read(hold[0], &byte, 1) != 1)
			_exit(1);
		for (unsigned i = 0; i < CTL_MAX_PEERS; i++)
			ctl_client_close(clients[i]);
		_exit(0);
	}
	close(hold[0]);
	close(let[1]);
	assert_int_equal(read(child.answer, &byte, 1), 1);
	*n = byte;
	return child;
}

static void
no_crowd_of_users_locks_root_out(void **state)
{
	enum { USERS = 4, FIRST_UID = 70001 };
	static const unsigned expected[USERS] = {CTL_USER_PEERS, CTL_USER_PEERS, CTL_USER_PEERS, 0};
	struct ctl_client *listeners[CTL_ROOT_PEERS - 1]; /* and the rig's */
	struct rig *rig = *state;
	struct child crowd[USERS];
	struct ids ids;
	unsigned n;

	if (!find_ids(&ids))
		skip();
	for (unsigned i = 0; i < USERS; i++) {
		crowd[i] = crowd_start(rig, FIRST_UID + i, ids.member, &n);
		assert_int_equal(n, expected[i]);
	}
	assert_int_equal(rig_subscribe(rig->client, 1u << XFRMNLGRP_SA), 0);
	for (unsigned i = 0; i < CTL_ROOT_PEERS - 1; i++) {
		listeners[i] = rig_client(rig);
		assert_int_equal(rig_subscribe(listeners[i], 1u << XFRMNLGRP_SA), 0);
	}
	for (unsigned i = 0; i < CTL_ROOT_PEERS - 1; i++)
		ctl_client_close(listeners[i]);
	for (unsigned i = 0; i < USERS; i++)
		child_stop(&crowd[i]);
}

/* Those of a user who only ask make room for each other. */
static void
a_users_idle_clients_make_room_for_its_next(void **state)
{
	enum { MANY = CTL_USER_PEERS + 4 };
	struct rig *rig = *state;
	struct child children[MANY];
	struct ids ids;

	if (!find_ids(&ids))
		skip();
	for (unsigned i = 0; i < MANY; i++) {
		children[i] = child_start(rig, ids.uid, ids.member);
		assert_int_equal(child_do(&children[i], ASK), 0);
	}
	for (unsigned i = 0; i < MANY; i++)
		child_stop(&children[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_users_groups_are_looked_up_once_a_minute, rig_create_for_group,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(who_left_the_group_hears_no_more, rig_create_for_group, rig_destroy),
	    cmocka_unit_test_setup_teardown(no_crowd_of_users_locks_root_out, rig_create_for_group, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_users_idle_clients_make_room_for_its_next, rig_create_for_group,
					    rig_destroy),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
