/* SPDX-License-Identifier: BSD-3-Clause
 * What becomes of a NETLINK_XFRM socket of the preload library when its descriptor is copied, closed, inherited, or
 * used by several threads. */
#include "tests/unit/control/preload_rig.h"

#include <sys/syscall.h>
#include <sys/wait.h>

static void
copies_are_one_socket_and_the_last_takes_its_file_along(void **state)
{
	struct rig *rig = *state;
	const unsigned before = rig_client_files(rig);
	int fd = nl_open(0, 0), copies[4], plain = open("/dev/null", O_RDONLY);

	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	copies[0] = dup(fd);
	copies[1] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	copies[2] = dup2(fd, 101);
	copies[3] = dup3(fd, plain, O_CLOEXEC);
	assert_int_equal(copies[3], plain);
	assert_true(copies[1] >= 100 && copies[2] == 101);
	for (int i = 0; i < 4; i++)
		assert_int_equal(nl_port(copies[i]), nl_port(fd));
	uint8_t request[4096] __attribute__((aligned(8)));
	nl_send(copies[0], request, nl_sa(request, XFRM_MSG_DELSA, 0x1001, 9));
	assert_int_equal(nl_ack(copies[1], 9), 0);
	close(fd);
	assert_int_equal(rig_client_files(rig), before + 1);
	for (int i = 0; i < 3; i++)
		close(copies[i]);
	assert_int_equal(nl_ask_sa(copies[3], XFRM_MSG_NEWSA, 0x1001), 0);
	/* A number that becomes another file's stands for the socket no more. */
	plain = open("/dev/null", O_RDONLY);
	assert_int_equal(dup2(plain, copies[3]), copies[3]);
	assert_int_equal(rig_client_files(rig), before);
	socklen_t bytes = sizeof(struct sockaddr_nl);
	assert_int_equal(getsockname(copies[3], (struct sockaddr *)&(struct sockaddr_nl){0}, &bytes), -1);
	assert_int_equal(errno, ENOTSOCK);
	close(plain);
	close(copies[3]);
}

/* As by closefrom() and programs that make system calls themselves. */
static void
a_descriptor_closed_behind_the_librarys_back_is_ours_no_more(void **state)
{
	struct rig *rig = *state;
	const unsigned before = rig_client_files(rig);
	int fd = nl_open(0, 0);
	char byte;

	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	assert_int_equal(syscall(SYS_close, fd), 0);
	assert_int_equal(open("/dev/null", O_RDONLY), fd);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ENOTSOCK);
	assert_int_equal(rig_client_files(rig), before);
	close(fd);
}

static pid_t receiver; /* written by the thread, read with the release and acquire of __atomic */

static void *
receive_forever(void *arg)
{
	char byte;

	__atomic_store_n(&receiver, gettid(), __ATOMIC_RELEASE);
	return recv(*(const int *)arg, &byte, 1, 0) < 0 ? (void *)(intptr_t)errno : NULL;
}

/* Until the thread is inside the system call. */
static void
await_receiver(void)
{
	char path[64];
	int number = -1;

	for (int i = 0; i < 5000 && number != SYS_recvfrom; i++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/syscall",
			 __atomic_load_n(&receiver, __ATOMIC_ACQUIRE));
		FILE *file = fopen(path, "re");

		if (file) {
			if (fscanf(file, "%d", &number) != 1)
				number = -1;
			fclose(file);
		}
		usleep(1000);
	}
	assert_int_equal(number, SYS_recvfrom);
}

/* The thread wakes when an event comes for the socket that it still holds; the number is another socket's by then. */
static void
a_thread_that_waits_never_reads_from_what_takes_the_descriptors_number(void **state)
{
	struct rig *rig = *state;
	const struct sadb_sa_config c = rig_sa(0x1001);
	int fd = nl_open(0, 1u << (XFRMNLGRP_SA - 1)), pair[2];
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, receive_forever, &fd), 0);
	await_receiver();
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	assert_int_equal(dup2(pair[0], fd), fd);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, EBADF);
	assert_true(nl_is_readable(pair[0], 0)); /* untouched */
	close(pair[0]);
	close(pair[1]);
	close(fd);
}

static void
a_child_shares_the_socket_and_does_not_take_its_file_away(void **state)
{
	struct rig *rig = *state;
	int fd = nl_open(0, 0), status;
	uint8_t request[4096] __attribute__((aligned(8)));

	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	size_t bytes = nl_sa(request, XFRM_MSG_DELSA, 0x1001, 3);
	pid_t child = fork();
	if (child == 0) {
		ssize_t n = nl_send(fd, request, bytes);
		close(fd);
		_exit(n == (ssize_t)bytes ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(nl_ack(fd, 3), 0);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_DELSA, 0x1001), -ESRCH);
	close(fd);
	/* Nobody knows who of the two was the last: the server sweeps. */
	rig_call(rig, rig_daemon_end, NULL);
	assert_int_equal(rig_client_files(rig), 1); /* the rig's own */
	rig_call(rig, rig_daemon_begin, NULL);
}

#define ROUNDS 200

/* A number that is no descriptor: of one that is, TSan would know only half, as the library calls libc past it. */
static void *
close_often(void *arg)
{
	intptr_t refused = 0;

	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++)
		refused += close(-1) == -1 && errno == EBADF;
	return (void *)refused;
}

static void
a_thread_closes_what_is_not_ours_while_another_opens_and_closes_sockets(void **state)
{
	pthread_t thread;
	void *refused;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, close_often, NULL), 0);
	for (unsigned i = 0; i < ROUNDS; i++)
		assert_int_equal(close(nl_open(SOCK_CLOEXEC, 0)), 0);
	pthread_join(thread, &refused);
	assert_int_equal((intptr_t)refused, ROUNDS);
}

#define THREADS 4
#define ASKS    100

static void *
ask_often(void *arg)
{
	uint8_t buf[4096] __attribute__((aligned(8)));
	const uint32_t spi = 0x1001 + *(const uint32_t *)arg;
	const struct nlmsgerr *ack = (const void *)(buf + NLMSG_HDRLEN);
	int fd = nl_open(0, 0), good = 0;

	for (uint32_t i = 0; i < ASKS; i++) {
		size_t bytes = nl_sa(buf, i % 2 ? XFRM_MSG_DELSA : XFRM_MSG_NEWSA, spi, i + 1);
		struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

		if (nl_send(fd, buf, bytes) == (ssize_t)bytes && recv(fd, buf, sizeof(buf), 0) > 0)
			good += nlh->nlmsg_seq == i + 1 && ack->error == 0;
	}
	close(fd);
	return (void *)(intptr_t)good;
}

static void
threads_ask_side_by_side(void **state)
{
	pthread_t threads[THREADS];
	uint32_t numbers[THREADS];

	(void)state;
	for (uint32_t i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &numbers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		void *good;

		pthread_join(threads[i], &good);
		assert_int_equal((intptr_t)good, ASKS);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(copies_are_one_socket_and_the_last_takes_its_file_along, nl_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(a_descriptor_closed_behind_the_librarys_back_is_ours_no_more, nl_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(a_thread_that_waits_never_reads_from_what_takes_the_descriptors_number,
					    nl_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_child_shares_the_socket_and_does_not_take_its_file_away, nl_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(a_thread_closes_what_is_not_ours_while_another_opens_and_closes_sockets,
					    nl_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(threads_ask_side_by_side, nl_create, rig_destroy),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
