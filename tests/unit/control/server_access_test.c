/* SPDX-License-Identifier: BSD-3-Clause
 * Who may speak to the server, and its files: modes, lock, what a dead daemon left. */
#include "tests/unit/control/server_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child under another user (and group) asks for the count of SAs; its answer, or what opening failed with. */
static int
ask_as(const struct rig *rig, uid_t uid, gid_t gid)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
			_exit(200);
		struct ctl_client_error err;
		struct ctl_client *client = ctl_client_open(rig->path, &err);
		if (!client)
			_exit(strstr(err.text, "not allowed") ? 201 : 202);
		int rc = rig_ask_plain(client, XFRM_MSG_GETSADINFO, 0, NULL);
		if (rc == -EPERM && !strstr(rig_error.text, "not allowed"))
			rc = -EPROTO;
		ctl_client_close(client);
		_exit(-rc);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
strangers_are_refused_by_the_files_and_by_their_credentials(void **state)
{
	struct rig *rig = *state;
	const struct passwd *nobody = getpwnam("nobody");

	if (geteuid() != 0 || !nobody)
		skip();
	uid_t uid = nobody->pw_uid;
	gid_t gid = nobody->pw_gid;
	assert_int_equal(ask_as(rig, uid, gid), 201);
	rig_open_doors(rig);
	assert_int_equal(ask_as(rig, uid, gid), EPERM);
	assert_int_equal(ask_as(rig, 0, 0), 0);
}

static void
members_of_the_group_may_speak(void **state)
{
	struct rig *rig = *state;
	const struct passwd *nobody = getpwnam("nobody");
	const struct group *daemon_group = getgrnam("daemon");

	if (geteuid() != 0 || !nobody || !daemon_group)
		skip();
	uid_t uid = nobody->pw_uid;
	gid_t gid = nobody->pw_gid, member = daemon_group->gr_gid;
	assert_int_equal(ask_as(rig, uid, member), 0);
	assert_int_equal(ask_as(rig, uid, gid), 201);
	/* By the group file: the user "daemon" is of that group, whatever its process says. */
	const struct passwd *user = getpwnam("daemon");
	if (!user || user->pw_gid != member)
		skip();
	uid = user->pw_uid;
	rig_open_doors(rig);
	assert_int_equal(ask_as(rig, uid, gid), 0);
}

static void
its_files_have_the_narrowest_modes_that_work(void **state)
{
	static const struct {
		const char *name;
		mode_t mode;
	} table[] = {{"run", 0750}, {"run/clients", 01770}, {"run/test.sock", 0660}, {"run/test.sock.lock", 0600}};
	struct rig *rig = *state;
	const struct group *group = getgrnam("daemon");
	struct stat st;

	if (geteuid() != 0 || !group)
		skip();
	gid_t gid = group->gr_gid;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", rig->dir, table[i].name);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, table[i].mode);
		assert_int_equal(st.st_gid, i < 3 ? gid : getegid());
	}
}

struct another {
	const char *path;
	struct sadb_error *err;
	struct ctl_server *server;
};

static void
create_another(struct rig *rig, void *arg)
{
	struct another *a = arg;
	const struct ctl_server_config config = {.base = rig->base, .path = a->path, .db = rig->db, .dp = rig->dp};

	a->server = ctl_server_create(&config, a->err);
}

static void
destroy_another(struct rig *rig, void *arg)
{
	(void)rig;
	ctl_server_destroy(arg);
}

static struct ctl_server *
second(struct rig *rig, const char *path, struct sadb_error *err)
{
	struct another a = {path, err, NULL};

	rig_call(rig, create_another, &a);
	return a.server;
}

static void
a_second_daemon_on_the_same_path_is_refused(void **state)
{
	struct rig *rig = *state;
	struct sadb_error err;
	char pid[32];

	assert_null(second(rig, rig->path, &err));
	snprintf(pid, sizeof(pid), "pid %d", getpid());
	assert_non_null(strstr(err.text, "another daemon"));
	assert_non_null(strstr(err.text, pid));
	assert_non_null(strstr(err.text, rig->path));
	assert_int_equal(ctl_server_is_alone(rig->path, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "another daemon"));
	assert_non_null(strstr(err.text, pid));
	assert_non_null(strstr(err.text, rig->path));
	/* The first one is unharmed. */
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, NULL), 0);
}

/* Where none is, nothing is made; a lock that a dead one left is nobody's. */
static void
whoever_looks_for_another_daemon_leaves_no_trace(void **state)
{
	struct rig *rig = *state;
	struct sadb_error err;
	char path[256], lock[264];

	snprintf(path, sizeof(path), "%s/none/culvert.sock", rig->dir);
	assert_int_equal(ctl_server_is_alone(path, &err), 0);
	snprintf(path, sizeof(path), "%s/run/other.sock", rig->dir);
	assert_int_equal(ctl_server_is_alone(path, &err), 0);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	assert_int_equal(access(lock, F_OK), -1);
	FILE *left = fopen(lock, "w");
	assert_non_null(left);
	fclose(left);
	assert_int_equal(ctl_server_is_alone(path, &err), 0);
	struct ctl_server *server = second(rig, path, &err);
	assert_non_null(server);
	assert_int_equal(ctl_server_is_alone(path, &err), -EADDRINUSE);
	ctl_server_destroy(server);
	assert_int_equal(ctl_server_is_alone(path, &err), 0);
}

static void
leave_socket(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(addr.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd); /* the file stays */
}

static void
leftovers_of_a_dead_daemon_are_replaced_but_no_other_file(void **state)
{
	struct rig *rig = *state;
	struct sadb_error err;
	char path[160], lock[176], client[112];

	snprintf(path, sizeof(path), "%s/run/dead.sock", rig->dir);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	snprintf(client, sizeof(client), "%s/run/clients/1-dead", rig->dir);
	leave_socket(path);
	leave_socket(client);
	close(open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	struct ctl_server *server = second(rig, path, &err);
	assert_non_null(server);
	assert_int_not_equal(access(client, F_OK), 0);
	assert_int_equal(rig_client_files(rig), 1); /* the living one's stays */
	rig_call(rig, destroy_another, server);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_not_equal(access(lock, F_OK), 0);
	/* A file that is no socket is someone else's. */
	close(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	assert_null(second(rig, path, &err));
	assert_non_null(strstr(err.text, "is no socket"));
	assert_int_equal(access(path, F_OK), 0);
	assert_null(second(rig, "/proc/nowhere/x.sock", &err));
	assert_non_null(strstr(err.text, "/proc/nowhere"));
	snprintf(path, sizeof(path), "%s/%090d.sock", rig->dir, 1);
	assert_null(second(rig, path, &err));
	assert_non_null(strstr(err.text, "too long"));
}

/* In a directory that others may write to, clients/ may be a link to where the daemon must change nothing. */
static void
a_link_in_the_place_of_clients_is_not_followed(void **state)
{
	struct rig *rig = *state;
	char dir[96], link[128], target[96], path[128], dead[128];
	struct sadb_error err;
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/open", rig->dir);
	snprintf(link, sizeof(link), "%s/clients", dir);
	snprintf(path, sizeof(path), "%s/test.sock", dir);
	snprintf(target, sizeof(target), "%s/precious", rig->dir);
	snprintf(dead, sizeof(dead), "%s/socket", target);
	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(mkdir(target, 0755), 0);
	assert_int_equal(chmod(target, 0755), 0);
	leave_socket(dead);
	assert_int_equal(symlink(target, link), 0);
	assert_null(second(rig, path, &err));
	assert_non_null(strstr(err.text, link));
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(access(dead, F_OK), 0);
}

static void
the_living_socket_of_another_program_is_not_removed(void **state)
{
	static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct rig *rig = *state;
	struct sadb_error err;
	struct stat before, after;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/run/other.sock", rig->dir);
	for (unsigned i = 0; i < 2; i++) {
		int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);

		assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
		assert_int_equal(stat(addr.sun_path, &before), 0);
		assert_null(second(rig, addr.sun_path, &err));
		assert_non_null(strstr(err.text, "another program"));
		assert_non_null(strstr(err.text, addr.sun_path));
		assert_int_equal(stat(addr.sun_path, &after), 0);
		assert_int_equal(after.st_ino, before.st_ino);
		close(fd);
		/* What it leaves is in nobody's use. */
		struct ctl_server *server = second(rig, addr.sun_path, &err);
		assert_non_null(server);
		rig_call(rig, destroy_another, server);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(strangers_are_refused_by_the_files_and_by_their_credentials, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(members_of_the_group_may_speak, rig_create_for_group, rig_destroy),
	    cmocka_unit_test_setup_teardown(its_files_have_the_narrowest_modes_that_work, rig_create_for_group,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(a_second_daemon_on_the_same_path_is_refused, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(whoever_looks_for_another_daemon_leaves_no_trace, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(leftovers_of_a_dead_daemon_are_replaced_but_no_other_file, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(a_link_in_the_place_of_clients_is_not_followed, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(the_living_socket_of_another_program_is_not_removed, rig_create,
					    rig_destroy),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
