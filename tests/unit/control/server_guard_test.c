/* SPDX-License-Identifier: BSD-3-Clause
 * What the server must stand: malformed datagrams, too many clients, tricks with addresses and descriptors. */
#include "tests/unit/control/server_rig.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "tests/unit/control/iproute2_bytes.h"

static void
send_to(const struct rig *rig, int fd, const void *data, size_t bytes)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	memcpy(to.sun_path, rig->path, sizeof(rig->path));
	assert_int_equal(sendto(fd, data, bytes, 0, (struct sockaddr *)&to, sizeof(to)), bytes);
}

/* The error number in the next answer, which must be one error or ACK. */
static int
answer(struct ctl_client *client)
{
	uint8_t in[1024] __attribute__((aligned(8)));
	const struct nlmsghdr *nlh = rig_event(client, in, sizeof(in));

	assert_int_equal(nlh->nlmsg_type, NLMSG_ERROR);
	assert_true(nlh->nlmsg_flags & NLM_F_CAPPED); /* no request, perhaps with a key, is echoed */
	assert_true(nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)));
	return ((const struct nlmsgerr *)NLMSG_DATA(nlh))->error;
}

static void
malformed_datagrams_get_an_error_each(void **state)
{
	static uint8_t big[CTL_DATAGRAM_MAX + 4096] __attribute__((aligned(8)));
	struct rig *rig = *state;
	int fd = ctl_client_fd(rig->client);
	struct nlmsghdr nlh = {.nlmsg_len = 16, .nlmsg_type = XFRM_MSG_GETSADINFO, .nlmsg_flags = NLM_F_REQUEST};
	const int on = CTL_DATAGRAM_MAX * 8;

	send_to(rig, fd, "", 0);
	assert_int_equal(answer(rig->client), -EINVAL);
	send_to(rig, fd, &nlh, 15);
	assert_int_equal(answer(rig->client), -EINVAL);
	for (unsigned i = 0; i < 3; i++) {
		static const uint32_t wrong[] = {0, 15, 17};
		nlh.nlmsg_len = wrong[i];
		send_to(rig, fd, &nlh, sizeof(nlh));
		assert_int_equal(answer(rig->client), -EINVAL);
	}
	nlh.nlmsg_len = UINT32_MAX;
	send_to(rig, fd, &nlh, sizeof(nlh));
	assert_int_equal(answer(rig->client), -EINVAL);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &on, sizeof(on)), 0);
	nlh.nlmsg_len = sizeof(big);
	memcpy(big, &nlh, sizeof(nlh));
	send_to(rig, fd, big, sizeof(big));
	assert_int_equal(answer(rig->client), -EMSGSIZE);
	/* A sample cut at every length. */
	struct nlmsghdr *sample = rig_message(sa_add);
	for (size_t cut = 0; cut < sample->nlmsg_len; cut++) {
		send_to(rig, fd, sample, cut);
		assert_int_equal(answer(rig->client), -EINVAL);
	}
	free(sample);
	struct ctl_xfrm info;
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, &info), 0);
	assert_int_equal(info.sad.count, 0);
}

static void
the_messages_of_a_datagram_are_carried_out_in_order(void **state)
{
	struct rig *rig = *state;
	const struct nlmsghdr add = {.nlmsg_type = XFRM_MSG_NEWSA, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
			      del = {.nlmsg_type = XFRM_MSG_DELSA, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	const struct sadb_sa_config c = rig_sa(0x1001);
	uint8_t buf[2048] __attribute__((aligned(8))), in[2048] __attribute__((aligned(8)));
	static const int expected[] = {0, -EEXIST, 0, -ESRCH};
	size_t n = ctl_xfrm_encode_sa(buf, sizeof(buf), &add, &c, NULL);

	n += ctl_xfrm_encode_sa(buf + n, sizeof(buf) - n, &add, &c, NULL);
	n += ctl_xfrm_encode_sa_id(buf + n, sizeof(buf) - n, &del, &c);
	n += ctl_xfrm_encode_sa_id(buf + n, sizeof(buf) - n, &del, &c);
	uint32_t seq = 100;
	int left = (int)n;
	for (struct nlmsghdr *m = (struct nlmsghdr *)buf; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
		m->nlmsg_seq = seq++;
	assert_int_equal(seq, 104);
	send_to(rig, ctl_client_fd(rig->client), buf, n);
	left = (int)recv(ctl_client_fd(rig->client), in, sizeof(in), 0);
	seq = 0;
	for (const struct nlmsghdr *m = (struct nlmsghdr *)in; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
		assert_int_equal(m->nlmsg_seq, 100 + seq);
		assert_int_equal(((const struct nlmsgerr *)NLMSG_DATA(m))->error, expected[seq]);
		seq++;
	}
	assert_int_equal(seq, 4);
}

static unsigned
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void
descriptors_sent_along_are_not_kept(void **state)
{
	struct rig *rig = *state;
	struct nlmsghdr nlh = {.nlmsg_len = 16, .nlmsg_type = NLMSG_NOOP, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct iovec iov = {&nlh, sizeof(nlh)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	const struct msghdr msg = {.msg_name = &to,
				   .msg_namelen = sizeof(to),
				   .msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = &control,
				   .msg_controllen = sizeof(control)};

	memcpy(to.sun_path, rig->path, sizeof(rig->path));
	memcpy(CMSG_DATA(&control.header), &rig->ask[0], sizeof(int));
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, NULL), 0);
	unsigned before = open_files();
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(sendmsg(ctl_client_fd(rig->client), &msg, 0), sizeof(nlh));
		assert_int_equal(answer(rig->client), 0);
	}
	assert_int_equal(open_files(), before);
}

static void
a_full_house_refuses_until_someone_leaves(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *listeners[64];

	for (unsigned i = 0; i < 64; i++) {
		listeners[i] = rig_client(rig);
		assert_int_equal(rig_subscribe(listeners[i], 1u << XFRMNLGRP_SA), 0);
	}
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, NULL), -ENOBUFS);
	assert_non_null(strstr(rig_error.text, "too many clients"));
	ctl_client_close(listeners[7]);
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, NULL), 0);
	/* Those who only ask make room for each other. */
	assert_int_equal(rig_subscribe(listeners[8], 0), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct ctl_client *visitor = rig_client(rig);
		assert_int_equal(rig_ask_plain(visitor, XFRM_MSG_GETSADINFO, 0, NULL), 0);
		ctl_client_close(visitor);
	}
	for (unsigned i = 0; i < 64; i++)
		if (i != 7)
			ctl_client_close(listeners[i]);
}

/* A client whose address is not in clients/, or is another's file, is neither served nor answered. */
static void
answers_cannot_be_sent_elsewhere(void **state)
{
	struct rig *rig = *state;
	const struct sadb_sa_config c = rig_sa(0x1001);
	const struct nlmsghdr add = {.nlmsg_type = XFRM_MSG_NEWSA, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	uint8_t buf[1024] __attribute__((aligned(8)));
	struct sockaddr_un outside = {.sun_family = AF_UNIX}, inside = outside;
	size_t n = ctl_xfrm_encode_sa(buf, sizeof(buf), &add, &c, NULL);
	int victim = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), sender = socket(AF_UNIX, SOCK_DGRAM, 0),
	    nameless = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct ctl_xfrm info;

	snprintf(outside.sun_path, sizeof(outside.sun_path), "%s/victim", rig->dir);
	snprintf(inside.sun_path, sizeof(inside.sun_path), "%s/run/clients/trick", rig->dir);
	assert_int_equal(bind(victim, (struct sockaddr *)&outside, sizeof(outside)), 0);
	send_to(rig, victim, buf, n);
	send_to(rig, nameless, buf, n);
	assert_int_equal(bind(sender, (struct sockaddr *)&inside, sizeof(inside)), 0);
	assert_int_equal(unlink(inside.sun_path), 0);
	assert_int_equal(symlink(outside.sun_path, inside.sun_path), 0);
	send_to(rig, sender, buf, n);
	assert_int_equal(unlink(inside.sun_path), 0);
	assert_int_equal(link(outside.sun_path, inside.sun_path), 0);
	send_to(rig, sender, buf, n);
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, &info), 0);
	assert_int_equal(info.sad.count, 0);
	assert_int_equal(recv(victim, buf, sizeof(buf), 0), -1);
	assert_int_equal(errno, EAGAIN);
	unlink(inside.sun_path);
	close(victim);
	close(sender);
	close(nameless);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(malformed_datagrams_get_an_error_each, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(the_messages_of_a_datagram_are_carried_out_in_order, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(descriptors_sent_along_are_not_kept, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_full_house_refuses_until_someone_leaves, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(answers_cannot_be_sent_elsewhere, rig_create, rig_destroy),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
