/* SPDX-License-Identifier: BSD-3-Clause
 * Asks a daemon as fast as it answers, and tells how long that took: for scale.sh. It prints "NAME VALUE" lines.
 *   asker SOCKET dump             all SAs: how many, in how many seconds
 *   asker SOCKET slow MS          the same by a reader that sleeps after every datagram's worth of SAs
 *   asker SOCKET latency SECONDS  one small request after the other, or until SIGTERM: the longest and the median wait */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "control/client.h"
#include "control/own_codec.h"
#include "control/xfrm_codec.h"

#define PAUSE_SAS   64
#define LATENCY_MAX 1000000

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct dump {
	unsigned long sas, pause_ms;
};

static int
on_sa(void *arg, const struct nlmsghdr *nlh)
{
	struct dump *dump = arg;
	const struct timespec pause = {.tv_nsec = (long)dump->pause_ms * 1000000};

	dump->sas += nlh->nlmsg_type == XFRM_MSG_NEWSA;
	if (dump->pause_ms > 0 && dump->sas % PAUSE_SAS == 0)
		nanosleep(&pause, NULL);
	return 0;
}

static int
fail(const struct ctl_client_error *err)
{
	fprintf(stderr, "asker: %s\n", err->text);
	return 1;
}

static int
dump_all(struct ctl_client *client, unsigned long pause_ms)
{
	const struct nlmsghdr header = {.nlmsg_type = XFRM_MSG_GETSA, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
	uint8_t request[256] __attribute__((aligned(8)));
	struct dump dump = {.pause_ms = pause_ms};
	struct ctl_client_error err;
	double start = now_s();

	if (ctl_xfrm_encode_get(request, sizeof(request), &header) == 0 ||
	    ctl_client_ask(client, (struct nlmsghdr *)request, on_sa, &dump, &err) != 0)
		return fail(&err);
	printf("sas %lu\nseconds %.3f\n", dump.sas, now_s() - start);
	return 0;
}

static volatile sig_atomic_t stopped;

static void
on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int
ask_on(struct ctl_client *client, double seconds)
{
	const struct nlmsghdr header = {.nlmsg_type = CTL_MSG_INFO_GET, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	const struct timespec pause = {.tv_nsec = 1000000};
	double *waits = malloc(LATENCY_MAX * sizeof(*waits));
	double end = now_s() + seconds;
	uint8_t request[256] __attribute__((aligned(8)));
	struct ctl_client_error err;
	size_t n = 0;

	signal(SIGTERM, on_signal);
	while (waits != NULL && n < LATENCY_MAX && now_s() < end && !stopped) {
		double start = now_s();

		ctl_own_encode_get(request, sizeof(request), &header);
		int rc = ctl_client_ask(client, (struct nlmsghdr *)request, NULL, NULL, &err);
		if (rc == -EINTR)
			break;
		if (rc != 0) {
			free(waits);
			return fail(&err);
		}
		waits[n++] = now_s() - start;
		nanosleep(&pause, NULL);
	}
	if (n > 0) {
		qsort(waits, n, sizeof(*waits), by_size);
		printf("requests %zu\nmedian_ms %.2f\np99_ms %.2f\nlongest_ms %.2f\n", n, waits[n / 2] * 1e3,
		       waits[n * 99 / 100] * 1e3, waits[n - 1] * 1e3);
	}
	free(waits);
	return n == 0;
}

int
main(int argc, char *argv[])
{
	struct ctl_client_error err;
	struct ctl_client *client;
	int status = 2;

	if (argc < 3) {
		fputs("usage: asker SOCKET dump | slow MS | latency SECONDS\n", stderr);
		return 2;
	}
	client = ctl_client_open(argv[1], &err);
	if (client == NULL)
		return fail(&err);
	if (strcmp(argv[2], "dump") == 0)
		status = dump_all(client, 0);
	else if (strcmp(argv[2], "slow") == 0 && argc > 3)
		status = dump_all(client, strtoul(argv[3], NULL, 10));
	else if (strcmp(argv[2], "latency") == 0 && argc > 3)
		status = ask_on(client, strtod(argv[3], NULL));
	ctl_client_close(client);
	return status;
}
