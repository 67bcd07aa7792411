/* SPDX-License-Identifier: BSD-3-Clause
 * What outlives the daemon. The policies go to a new daemon over a socket of their own, acknowledged, before the program
 * meets it: until the SAs are negotiated anew, what the policies protect is dropped, not sent in the clear. The daemon
 * takes them in parts, and may take some only: they go in the order in which they win, and none after one that was lost,
 * so that no packet meets a policy that lets it pass before the one that protects it is there. Any thread. */
#include "control/preload/restore.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "control/client.h"
#include "control/preload/daemon.h"
#include "control/preload/real.h"
#include "control/preload/wire.h"

#define FEED_MESSAGES 64 /* before their ACKs are awaited */
#define FEED_S        5  /* that the daemon has for one datagram */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pre_journal *journal;
static struct pre_lost *lost;
static uint64_t met; /* the boot number of the daemon */
static bool full_told;

/* A conversation with the daemon. */
struct feed {
	int fd;
	struct sockaddr_un own;
	int rc;      /* the first failure */
	bool broken; /* a datagram or its answers were lost: nothing more is sent */
	uint32_t seq, awaited;
	size_t bytes;
	uint8_t out[CTL_DATAGRAM_MAX] __attribute__((aligned(8)));
	uint8_t in[CTL_DATAGRAM_MAX] __attribute__((aligned(8)));
};

void
pre_restore_lock(void)
{
	pthread_mutex_lock(&lock);
}

void
pre_restore_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

static struct feed *
feed_open(void)
{
	const struct timeval limit = {.tv_sec = FEED_S};
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return NULL;
	feed->fd = pre_real()->socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (feed->fd < 0 || pre_real()->setsockopt(feed->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
	    pre_real()->setsockopt(feed->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0)
		feed->rc = -errno;
	else
		feed->rc = pre_daemon_bind(feed->fd, &feed->own);
	return feed;
}

/* An ACK. What the daemon does not take, the operator hears of, once: it may be a virtual network that is no more. */
static void
take_ack(struct feed *feed, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *ack = (const void *)((const uint8_t *)nlh + NLMSG_HDRLEN);

	if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_len < PRE_ERROR_BYTES)
		return;
	if (feed->awaited > 0)
		feed->awaited--;
	if (ack->error == 0 || feed->rc)
		return;
	const char *why = strerror(-ack->error);
	size_t bytes = strlen(why);
	const char *text = pre_daemon_text(nlh, &bytes);
	feed->rc = ack->error;
	pre_say("the daemon began anew and refuses a policy that was installed in the one before: %.*s", (int)bytes,
		text ? text : why);
}

static void
feed_break(struct feed *feed, int rc)
{
	feed->rc = rc;
	feed->broken = true;
	feed->awaited = 0;
	pre_say("the daemon began anew and does not answer: its policies may be incomplete; restart it");
}

/* Sends what is gathered and waits until all of it is answered. */
static void
feed_flush(struct feed *feed)
{
	const struct nlmsghdr *nlh;

	if (feed->bytes > 0) {
		ssize_t sent = pre_daemon_send(feed->fd, feed->out, feed->bytes, 0);

		if (sent < 0)
			feed_break(feed, (int)sent);
	}
	feed->bytes = 0;
	while (feed->awaited > 0) {
		ssize_t n = pre_real()->recv(feed->fd, feed->in, sizeof(feed->in), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			feed_break(feed, -errno);
			return;
		}
		for (size_t at = 0; (nlh = pre_wire_at(feed->in, (size_t)n, at));
		     at += pre_wire_step(nlh, (size_t)n - at))
			take_ack(feed, nlh);
	}
}

static void
feed_add(struct feed *feed, const struct nlmsghdr *nlh, uint16_t type)
{
	size_t bytes = NLMSG_ALIGN((size_t)nlh->nlmsg_len);
	struct nlmsghdr header = *nlh;

	if (bytes > sizeof(feed->out))
		return;
	if (feed->bytes + bytes > sizeof(feed->out) || feed->awaited == FEED_MESSAGES)
		feed_flush(feed);
	if (feed->broken)
		return;
	header.nlmsg_type = type;
	header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	header.nlmsg_seq = ++feed->seq;
	header.nlmsg_pid = PRE_OWN_PORT;
	memset(feed->out + feed->bytes, 0, bytes);
	memcpy(feed->out + feed->bytes, nlh, nlh->nlmsg_len);
	memcpy(feed->out + feed->bytes, &header, sizeof(header));
	feed->bytes += bytes;
	feed->awaited++;
}

static void
feed_close(struct feed *feed)
{
	if (feed->own.sun_path[0])
		unlink(feed->own.sun_path);
	if (feed->fd >= 0)
		pre_real()->close(feed->fd);
	free(feed);
}

/* Whatever the program said: the policy is to be there afterwards. */
static void
add_policy(void *arg, const struct nlmsghdr *nlh)
{
	feed_add(arg, nlh, XFRM_MSG_UPDPOLICY);
}

/* With the lock held. */
static void
send_policies(void)
{
	struct feed *feed = feed_open();

	if (!feed)
		return;
	if (feed->rc == 0) {
		if (pre_journal_policies(journal, add_policy, feed))
			feed_flush(feed);
		else
			pre_say("no memory to give the daemon that began anew its policies; restart it");
	}
	feed_close(feed);
}

void
pre_restore_note(struct pre_change *change)
{
	bool told = true;

	if (!change)
		return;
	pre_restore_lock();
	if (!journal)
		journal = pre_journal_create();
	if (!journal)
		pre_change_destroy(change);
	else if (!pre_journal_apply(journal, change)) {
		told = full_told;
		full_told = true;
	}
	pre_restore_unlock();
	if (!told)
		pre_say("more than %u policies and SAs: those beyond are not restored when the daemon begins anew",
			PRE_JOURNAL_RECORDS);
}

void
pre_restore_expired(const struct nlmsghdr *event)
{
	pre_restore_lock();
	if (journal)
		pre_journal_expire(journal, event);
	pre_restore_unlock();
}

static void
put(struct pre_lost *which)
{
	if (which && --which->refs == 0)
		free(which);
}

void
pre_lost_put(struct pre_lost *which)
{
	pre_restore_lock();
	put(which);
	pre_restore_unlock();
}

struct pre_lost *
pre_restore(uint64_t boot)
{
	struct pre_lost *found;

	pre_restore_lock();
	if (boot != met) {
		met = boot;
		put(lost);
		lost = NULL;
		if (journal) {
			send_policies();
			lost = pre_journal_lose(journal);
		}
	}
	found = lost;
	if (found)
		found->refs++;
	pre_restore_unlock();
	return found;
}

void
pre_restore_delete(const struct pre_change *change)
{
	const struct nlmsghdr *request = pre_change_policy(change);
	struct feed *feed = NULL;

	pre_restore_lock();
	if (request && journal && pre_journal_has(journal, change) && (feed = feed_open())) {
		if (feed->rc == 0) {
			feed_add(feed, request, XFRM_MSG_DELPOLICY);
			feed_flush(feed);
		}
		feed_close(feed);
	}
	pre_restore_unlock();
}

uint64_t
pre_restore_boot(void)
{
	pre_restore_lock();
	uint64_t boot = met;
	pre_restore_unlock();
	return boot;
}
