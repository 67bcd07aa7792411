/* SPDX-License-Identifier: BSD-3-Clause
 * What the asking side makes of a daemon's answers, which the test writes itself. */
#include "control/client.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct rig {
	char dir[32], clients[48];
	struct sockaddr_un daemon;
	int fd;
	struct ctl_client *client;
};

static int
start(void **state)
{
	static struct rig rig;
	struct ctl_client_error err;

	rig = (struct rig){.dir = "/tmp/culvert-test-XXXXXX", .daemon = {.sun_family = AF_UNIX}};
	assert_non_null(mkdtemp(rig.dir));
	snprintf(rig.clients, sizeof(rig.clients), "%s/clients", rig.dir);
	assert_int_equal(mkdir(rig.clients, 0700), 0);
	snprintf(rig.daemon.sun_path, sizeof(rig.daemon.sun_path), "%s/sock", rig.dir);
	rig.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(rig.fd, (struct sockaddr *)&rig.daemon, sizeof(rig.daemon)), 0);
	rig.client = ctl_client_open(rig.daemon.sun_path, &err);
	assert_non_null(rig.client);
	*state = &rig;
	return 0;
}

static int
stop(void **state)
{
	struct rig *rig = *state;

	ctl_client_close(rig->client);
	close(rig->fd);
	assert_int_equal(unlink(rig->daemon.sun_path), 0);
	assert_int_equal(rmdir(rig->clients), 0); /* its socket is gone */
	return rmdir(rig->dir);
}

/* Puts an answer into the queue of the client's socket, the only file in clients/. */
static void
answer(const struct rig *rig, const void *data, size_t bytes)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	DIR *dir = opendir(rig->clients);

	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir));)
		if (e->d_name[0] != '.')
			snprintf(to.sun_path, sizeof(to.sun_path), "%s/%.40s", rig->clients, e->d_name);
	closedir(dir);
	assert_int_equal(sendto(rig->fd, data, bytes, 0, (struct sockaddr *)&to, sizeof(to)), bytes);
}

/* The text of an error is taken as far as the message goes, though the datagram holds more. */
static void
the_text_of_an_error_ends_with_its_message(void **state)
{
	static const struct {
		uint16_t text_bytes;    /* the attribute's */
		uint32_t message_bytes; /* of it, and of what is around it, that nlmsg_len covers */
		const char *shown;
	} table[] = {
	    {8, 8, "abcdefgh"},
	    {5, 8, "abcde"},
	    {5, 5, "abcde"}, /* without its padding */
	    {6, 5, "Operation not permitted"},
	    {8, 5, "Operation not permitted"},
	    {8, 7, "Operation not permitted"},
	    {0, 0, ""},
	};
	struct rig *rig = *state;

	for (uint32_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nlmsghdr request = {
		    .nlmsg_len = sizeof(request), .nlmsg_type = 0x400, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
		struct {
			struct nlmsghdr header;
			struct nlmsgerr error;
			struct nlattr attr;
			char text[8];
		} in = {.header = {.nlmsg_type = NLMSG_ERROR,
				   .nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS,
				   .nlmsg_seq = i + 1},
			.error = {.error = -EPERM},
			.attr = {.nla_type = NLMSGERR_ATTR_MSG},
			.text = {'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}};
		struct ctl_client_error err;

		in.attr.nla_len = (uint16_t)(sizeof(in.attr) + table[i].text_bytes);
		in.header.nlmsg_len = (uint32_t)(sizeof(in) - sizeof(in.text)) + table[i].message_bytes;
		answer(rig, &in, sizeof(in));
		assert_int_equal(ctl_client_ask(rig->client, &request, NULL, NULL, &err), -EPERM);
		assert_string_equal(err.text, table[i].shown);
	}
}

static bool
is_wanted(const struct rig *rig, uint32_t number, int error, int wanted)
{
	struct nlmsghdr request = {
	    .nlmsg_len = sizeof(request), .nlmsg_type = 0x400, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} last = {.header = {.nlmsg_len = sizeof(last), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = number},
		  .error = {.error = error}};
	struct ctl_client_error err;

	answer(rig, &last, sizeof(last));
	return ctl_client_ask(rig->client, &request, NULL, NULL, &err) == wanted;
}

/* Its file lets others write, so that the daemon need not be root: the sender's user decides. */
static void
an_answer_is_taken_from_root_and_the_owner_of_the_daemons_socket_only(void **state)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} first = {.header = {.nlmsg_len = sizeof(first), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = 1},
		   .error = {.error = -EACCES}};
	struct rig *rig = *state;
	const uid_t other = 65533, owner = 65532;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(rig->dir, 0755), 0);
	assert_int_equal(chmod(rig->clients, 0755), 0);
	assert_int_equal(setresuid(other, 0, 0), 0);
	answer(rig, &first, sizeof(first));
	assert_int_equal(setresuid(0, 0, 0), 0);
	assert_true(is_wanted(rig, 1, -ENOENT, -ENOENT));

	assert_int_equal(chown(rig->daemon.sun_path, owner, (gid_t)-1), 0);
	assert_int_equal(setresuid(owner, 0, 0), 0);
	first.header.nlmsg_seq = 2;
	answer(rig, &first, sizeof(first));
	assert_int_equal(setresuid(0, 0, 0), 0);
	assert_true(is_wanted(rig, 2, -ENOENT, -EACCES));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_text_of_an_error_ends_with_its_message, start, stop),
	    cmocka_unit_test_setup_teardown(an_answer_is_taken_from_root_and_the_owner_of_the_daemons_socket_only,
					    start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
