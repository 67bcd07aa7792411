/* SPDX-License-Identifier: BSD-3-Clause
 * The played kernel: see mirror_rig.h. */
#include "tests/unit/control/mirror_rig.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/control/mirror_rig_write.h"

const struct played_sa played_out = {.spi = 0x1001,
				     .src = "192.0.2.1",
				     .dst = "192.0.2.2",
				     .key = 0x11,
				     .esn = true,
				     .window = 128,
				     .reqid = 7,
				     .if_id = 1,
				     .add_time = 1700000000};
const struct played_sa played_in = {.spi = 0x2001,
				    .src = "192.0.2.2",
				    .dst = "192.0.2.1",
				    .key = 0x22,
				    .esn = true,
				    .window = 128,
				    .reqid = 7,
				    .if_id = 1,
				    .add_time = 1700000000};
const struct played_policy played_out_policy = {.index = 9,
						.src = "10.1.0.0",
						.dst = "10.2.0.0",
						.dir = 1,
						.priority = 100,
						.if_id = 1,
						.reqid = 7,
						.tmpl_src = "192.0.2.1",
						.tmpl_dst = "192.0.2.2"};

void
played_read(struct played *played)
{
	ctl_mirror_read(played->mirror);
	if (ctl_mirror_take_changed(played->mirror))
		rig_commit(played->db);
}

void
played_event(struct played *played, uint16_t type, const void *object, uint32_t pid)
{
	struct played_writer w;

	played_write_event(&w, type, object, pid);
	played_write_send(played->events, &w);
	played_read(played);
}

void
played_send(struct played *played, uint16_t type, const void *body, size_t bytes)
{
	struct played_writer w;

	played_write_start(&w, type, 0, 99, PLAYED_PID);
	played_write(&w, body, bytes);
	played_write_send(played->events, &w);
	played_read(played);
}

void
played_install(struct played *played, const struct played_sa *sa)
{
	for (unsigned i = 0; i < PLAYED_MAX; i++) {
		if (played->sa[i].spi == 0) {
			played->sa[i] = *sa;
			played_event(played, XFRM_MSG_NEWSA, sa, PLAYED_PID);
			return;
		}
	}
	fail_msg("no room");
}

/* ---- requests ---- */

static void
answer_error(struct played *played, const struct nlmsghdr *ask, int rc)
{
	const struct nlmsgerr body = {.error = rc, .msg = *ask};
	struct played_writer w;

	if (rc == 0 && !(ask->nlmsg_flags & NLM_F_ACK))
		return;
	played_write_start(&w, NLMSG_ERROR, 0, ask->nlmsg_seq, ask->nlmsg_pid);
	played_write(&w, &body, sizeof(body));
	played_write_send(played->requests, &w);
}

/* The newest first, as the kernel's lists are. */
static void
answer_dump(struct played *played, const struct nlmsghdr *ask)
{
	bool of_sas = ask->nlmsg_type == XFRM_MSG_GETSA;
	uint16_t cut = of_sas && played->interruptions > 0 ? NLM_F_DUMP_INTR : 0;
	const struct nlmsghdr header = {.nlmsg_type = of_sas ? XFRM_MSG_NEWSA : XFRM_MSG_NEWPOLICY,
					.nlmsg_flags = NLM_F_MULTI | cut,
					.nlmsg_seq = ask->nlmsg_seq,
					.nlmsg_pid = ask->nlmsg_pid};
	const int done = 0;
	struct played_writer w;

	played->dumps++;
	for (unsigned i = PLAYED_MAX; i-- > 0;) {
		if (of_sas && played->sa[i].spi != 0) {
			played_write_sa(&w, &header, &played->sa[i]);
			played_write_send(played->requests, &w);
		} else if (!of_sas && played->policy[i].index != 0) {
			played_write_policy(&w, &header, &played->policy[i]);
			played_write_send(played->requests, &w);
		}
	}
	if (of_sas && played->amid != NULL)
		played->amid(played);
	if (cut != 0)
		played->interruptions--;
	played_write_start(&w, NLMSG_DONE, NLM_F_MULTI | cut, ask->nlmsg_seq, ask->nlmsg_pid);
	played_write(&w, &done, sizeof(done));
	played_write_send(played->requests, &w);
}

static struct played_sa *
find_sa(struct played *played, const xfrm_address_t *dst, uint32_t spi_be)
{
	for (unsigned i = 0; i < PLAYED_MAX; i++) {
		struct played_sa *sa = &played->sa[i];
		xfrm_address_t addr;

		played_set_addr(&addr, sa->dst);
		if (sa->spi != 0 && htonl(sa->spi) == spi_be && addr.a4 == dst->a4 && sa->mark == 0)
			return sa;
	}
	return NULL;
}

static const void *
find_attr(const struct nlmsghdr *nlh, size_t body, uint16_t type, size_t bytes)
{
	for (size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(body); at + sizeof(struct nlattr) <= nlh->nlmsg_len;) {
		const struct nlattr *attr = (const void *)((const uint8_t *)nlh + at);

		if (attr->nla_type == type) {
			assert_true(attr->nla_len >= sizeof(*attr) + bytes);
			return attr + 1;
		}
		at += NLMSG_ALIGN(attr->nla_len);
	}
	return NULL;
}

/* xfrm_new_ae(). */
static int
new_ae(struct played *played, const struct nlmsghdr *ask)
{
	const struct xfrm_aevent_id *ae = NLMSG_DATA(ask);
	const struct xfrm_replay_state *narrow = find_attr(ask, sizeof(*ae), XFRMA_REPLAY_VAL, sizeof(*narrow));
	const struct xfrm_replay_state_esn *wide = find_attr(ask, sizeof(*ae), XFRMA_REPLAY_ESN_VAL, sizeof(*wide));
	const void *use = find_attr(ask, sizeof(*ae), XFRMA_LTIME_VAL, sizeof(struct xfrm_lifetime_cur));
	struct played_sa *sa = find_sa(played, &ae->sa_id.daddr, ae->sa_id.spi);
	struct xfrm_lifetime_cur cur;

	if (!(ask->nlmsg_flags & NLM_F_REPLACE) || (!narrow && !wide && !use))
		return -EINVAL;
	if (!sa)
		return -ESRCH;
	if (wide && played_is_wide(sa) &&
	    (wide->bmp_len != played_words(sa) || wide->replay_window > wide->bmp_len * 32))
		return -EINVAL;
	/* xfrm_replay_overflow_offload_esn(), xfrm_output_one() */
	sa->oseq += sa->sends * (sa->segments > 1 ? sa->segments : 1);
	sa->packets += sa->sends;
	sa->bytes += sa->sends * (sa->segments > 1 ? sa->segments : 1) * 100;
	sa->sends = 0;
	sa->aes++;
	if (sa->stubborn)
		return 0;
	if (wide && played_is_wide(sa)) {
		sa->oseq = (sa->esn ? (uint64_t)wide->oseq_hi << 32 : 0) | wide->oseq;
		sa->seq = (uint64_t)wide->seq_hi << 32 | wide->seq;
		memcpy(sa->bitmap, wide->bmp, wide->bmp_len * sizeof(uint32_t));
	}
	if (narrow && !played_is_wide(sa)) {
		sa->oseq = narrow->oseq;
		sa->seq = narrow->seq;
		sa->bitmap[0] = narrow->bitmap;
	}
	if (use) {
		memcpy(&cur, use, sizeof(cur));
		sa->bytes = cur.bytes;
		sa->packets = cur.packets;
		sa->add_time = cur.add_time;
		sa->use_time = cur.use_time;
	}
	return 0;
}

static int
get_sa(struct played *played, const struct nlmsghdr *ask)
{
	const struct xfrm_usersa_id *id = NLMSG_DATA(ask);
	const struct nlmsghdr header = {
	    .nlmsg_type = XFRM_MSG_NEWSA, .nlmsg_seq = ask->nlmsg_seq, .nlmsg_pid = ask->nlmsg_pid};
	struct played_sa *sa = find_sa(played, &id->daddr, id->spi);
	struct played_writer w;

	if (!sa)
		return -ESRCH;
	if (sa->unreadable > 0) {
		sa->unreadable--;
		return -ENOBUFS;
	}
	played_write_sa(&w, &header, sa);
	played_write_send(played->requests, &w);
	return 0;
}

static int
expire(struct played *played, const struct nlmsghdr *ask)
{
	const struct xfrm_user_expire *body = NLMSG_DATA(ask);
	struct played_sa *sa = find_sa(played, &body->state.id.daddr, body->state.id.spi);

	if (!sa)
		return -ENOENT;
	/* Linux 6.10: "Invalid attribute SA_DIR". */
	if (find_attr(ask, sizeof(*body), 33, 1))
		return -EINVAL;
	if (body->hard)
		sa->spi = 0;
	return 0;
}

static int
get_default(struct played *played, const struct nlmsghdr *ask)
{
	const struct xfrm_userpolicy_default body = {
	    .in = XFRM_USERPOLICY_ACCEPT, .fwd = XFRM_USERPOLICY_ACCEPT, .out = XFRM_USERPOLICY_ACCEPT};
	struct played_writer w;

	played_write_start(&w, XFRM_MSG_GETDEFAULT, 0, ask->nlmsg_seq, ask->nlmsg_pid);
	played_write(&w, &body, sizeof(body));
	played_write_send(played->requests, &w);
	return 0;
}

static void
answer(struct played *played, const struct nlmsghdr *ask)
{
	unsigned i = played->asks;

	if ((ask->nlmsg_type == XFRM_MSG_GETSA || ask->nlmsg_type == XFRM_MSG_GETPOLICY) &&
	    (ask->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) {
		answer_dump(played, ask);
		return;
	}
	if (i < PLAYED_ASKS) {
		played->ask[i].type = ask->nlmsg_type;
		played->ask[i].bytes = ask->nlmsg_len;
		memcpy(played->ask[i].message, ask, ask->nlmsg_len < 1024 ? ask->nlmsg_len : 1024);
		played->asks++;
	}
	switch (ask->nlmsg_type) {
	case XFRM_MSG_GETSA:
		answer_error(played, ask, get_sa(played, ask));
		break;
	case XFRM_MSG_NEWAE:
		answer_error(played, ask, new_ae(played, ask));
		break;
	case XFRM_MSG_EXPIRE:
		answer_error(played, ask, expire(played, ask));
		break;
	case XFRM_MSG_GETDEFAULT:
		answer_error(played, ask, get_default(played, ask));
		break;
	default:
		answer_error(played, ask, ask->nlmsg_type == XFRM_MSG_ACQUIRE ? 0 : -EINVAL);
	}
}

static void *
run(void *arg)
{
	struct played *played = arg;
	uint8_t buf[32768] __attribute__((aligned(8)));
	ssize_t n;

	while ((n = recv(played->requests, buf, sizeof(buf), 0)) > 0) {
		pthread_mutex_lock(&played->lock);
		answer(played, (const struct nlmsghdr *)buf);
		pthread_mutex_unlock(&played->lock);
	}
	return NULL;
}

/* ---- life ---- */

static void
connect_mirror(struct played *played)
{
	struct ctl_mirror_config config = {.db = played->db, .max_sas = 64, .max_policies = 64, .report_s = 1};
	int events[2], requests[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, events), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, requests), 0);
	config.events_fd = events[0];
	config.requests_fd = requests[0];
	played->events = events[1];
	played->requests = requests[1];
	played->mirror = ctl_mirror_create(&config, &rig_err);
	assert_non_null(played->mirror);
	assert_int_equal(pthread_create(&played->thread, NULL, run, played), 0);
}

static void
disconnect(struct played *played)
{
	ctl_mirror_destroy(played->mirror);
	pthread_join(played->thread, NULL);
	close(played->events);
	close(played->requests);
}

int
played_start(void **state)
{
	struct played *played = calloc(1, sizeof(*played));

	assert_non_null(played);
	pthread_mutex_init(&played->lock, NULL);
	played->db = rig_create(NULL);
	rig_own_address(played->db, "192.0.2.1");
	connect_mirror(played);
	*state = played;
	return 0;
}

int
played_stop(void **state)
{
	struct played *played = *state;

	disconnect(played);
	sadb_destroy(played->db);
	pthread_mutex_destroy(&played->lock);
	free(played);
	return 0;
}

void
played_restart(struct played *played)
{
	disconnect(played);
	sadb_sa_flush(played->db, 0);
	sadb_policy_flush(played->db);
	rig_commit(played->db);
	rig_reclaim_all(played->db);
	connect_mirror(played);
}

void
played_sync(struct played *played)
{
	if (ctl_mirror_sync(played->mirror, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
	played_read(played);
	if (ctl_mirror_take_changed(played->mirror))
		rig_commit(played->db);
}

/* ---- what came, what is there ---- */

unsigned
played_count_asked(struct played *played, uint16_t type)
{
	unsigned n = 0;

	pthread_mutex_lock(&played->lock);
	for (unsigned i = 0; i < played->asks; i++)
		n += played->ask[i].type == type;
	pthread_mutex_unlock(&played->lock);
	return n;
}

const struct nlmsghdr *
played_asked(struct played *played, uint16_t type, unsigned n)
{
	for (unsigned tries = 0; tries < 500 && played_count_asked(played, type) <= n; tries++)
		poll(NULL, 0, 10);
	for (unsigned i = 0; i < played->asks; i++)
		if (played->ask[i].type == type && n-- == 0)
			return (const struct nlmsghdr *)played->ask[i].message;
	fail_msg("message %u of type %u was not asked", n, type);
	return NULL;
}

const struct sadb_sa_cold *
played_find(struct played *played, const char *dst, uint32_t spi)
{
	struct sadb_addr addr;

	assert_int_equal(sadb_addr_parse(dst, &addr), 0);
	const struct sadb_sa_key key = sadb_sa_key_make(&addr, htonl(spi), IPPROTO_ESP);
	return sadb_sa_find(played->db, &key);
}

bool
played_policy_is(struct played *played, uint32_t index, enum sadb_action action)
{
	const struct sadb_policy_config which = {.index = index};
	struct sadb_policy_info info;

	return sadb_policy_get(played->db, &which, &info) == 0 && info.config.action == action;
}

static struct ctl_mirror_info info;

uint64_t
played_count(struct played *played, const char *name)
{
	ctl_mirror_get(played->mirror, &info);
	for (unsigned i = 0; i < info.n_counts; i++)
		if (strcmp(info.counts[i].name, name) == 0)
			return info.counts[i].value;
	fail_msg("no count is called %s", name);
	return 0;
}

const char *
played_reason(struct played *played, const char *what)
{
	ctl_mirror_get(played->mirror, &info);
	for (unsigned i = 0; i < info.n_missing; i++)
		if (strncmp(info.missing[i].what, what, strlen(what)) == 0)
			return info.missing[i].reason;
	return "";
}
