/* SPDX-License-Identifier: BSD-3-Clause
 * The mirror's events, and its dumps, which are compared with what it has. Control thread. */
#include "control/mirror_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/attr.h"
#include "control/clock.h"
#include "control/log.h"

#define READ_DATAGRAMS  64    /* in one go, so that a flood leaves time for other work */
#define DRAIN_DATAGRAMS 65536 /* more than a socket holds: an end even if they come as fast as they are read */
#define DUMP_TRIES      8
#define NS_S            1000000000ull
#define AUDIT_SHARE     100 /* audits take a hundredth of the time at most */
#define SAID_MAX        8   /* lines a second about what is not mirrored */

/* ---- reasons ---- */

void
ctl_mirror_reason(struct ctl_mirror *mirror, char **reason, const char *what, const char *text)
{
	if (!text) {
		if (*reason)
			ctl_log(CTL_LOG_INFO, "mirror: %s: is mirrored now", what);
		free(*reason);
		*reason = NULL;
		return;
	}
	if (*reason && strcmp(*reason, text) == 0)
		return;
	free(*reason);
	*reason = strdup(text);
	if (mirror->said++ < SAID_MAX)
		ctl_log(CTL_LOG_WARNING, "mirror: %s is not mirrored: %s", what, text);
	else
		mirror->unsaid++;
}

static void
say_rest(struct ctl_mirror *mirror)
{
	uint64_t now_ns = ctl_now_ns();

	if (now_ns < mirror->said_ns)
		return;
	mirror->said_ns = now_ns + NS_S;
	if (mirror->unsaid > 0)
		ctl_log(CTL_LOG_WARNING, "mirror: %u more are not mirrored: culvert mirror show", mirror->unsaid);
	mirror->said = mirror->unsaid = 0;
}

/* ---- one message ---- */

static int
take_sa(struct ctl_mirror *mirror, const struct nlmsghdr *nlh)
{
	struct ctl_mirror_sa_msg msg;
	int rc = ctl_mirror_get_sa(nlh, &msg);
	bool marked = msg.id.mark_value != 0 || msg.id.mark_mask != 0;

	/* The event of an update shows what its sender wrote, numbers and use included, not what the kernel made of it. */
	if (rc == 0 && nlh->nlmsg_type == XFRM_MSG_UPDSA && !marked)
		ctl_mirror_sa_refresh(mirror, &msg.id);
	else if (rc == 0)
		ctl_mirror_sa_put(mirror, &msg);
	sadb_wipe(&msg, sizeof(msg));
	return rc;
}

static int
take_sa_end(struct ctl_mirror *mirror, const struct nlmsghdr *nlh)
{
	struct ctl_mirror_sa_id id = {0};
	bool hard = true;
	int rc = nlh->nlmsg_type == XFRM_MSG_EXPIRE ? ctl_mirror_get_expire(nlh, &id, &hard)
						    : ctl_mirror_get_sa_id(nlh, &id);

	if (rc == 0 && hard)
		ctl_mirror_sa_gone(mirror, &id);
	return rc;
}

static int
take_mapping(struct ctl_mirror *mirror, const struct nlmsghdr *nlh)
{
	struct ctl_mirror_sa_id id = {0};
	int rc = ctl_mirror_get_sa_id(nlh, &id);

	if (rc == 0)
		ctl_mirror_sa_refresh(mirror, &id);
	return rc;
}

static int
take_policy(struct ctl_mirror *mirror, const struct nlmsghdr *nlh)
{
	struct ctl_mirror_policy_msg msg;
	int rc = ctl_mirror_get_policy(nlh, &msg);

	if (rc == 0)
		ctl_mirror_policy_put(mirror, &msg);
	return rc;
}

static int
take_policy_end(struct ctl_mirror *mirror, const struct nlmsghdr *nlh)
{
	uint32_t index;
	bool hard;
	int rc = ctl_mirror_get_policy_index(nlh, &index, &hard);

	if (rc == 0 && hard)
		ctl_mirror_policy_gone(mirror, index);
	return rc;
}

static int
take_flush(struct ctl_mirror *mirror, const struct nlmsghdr *nlh)
{
	uint8_t type;
	int rc;

	if (nlh->nlmsg_type == XFRM_MSG_FLUSHSA) {
		if (nlh->nlmsg_len < NLMSG_HDRLEN + sizeof(struct xfrm_usersa_flush))
			return -EINVAL;
		ctl_mirror_sa_flush(mirror, ((const struct xfrm_usersa_flush *)NLMSG_DATA(nlh))->proto);
		return 0;
	}
	rc = ctl_mirror_get_policy_type(nlh, &type);
	if (rc == 0)
		ctl_mirror_policy_flush(mirror, type);
	return rc;
}

static int
take(struct ctl_mirror *mirror, const struct nlmsghdr *nlh)
{
	switch (nlh->nlmsg_type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		return take_sa(mirror, nlh);
	case XFRM_MSG_DELSA:
	case XFRM_MSG_EXPIRE:
		return take_sa_end(mirror, nlh);
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		return take_policy(mirror, nlh);
	case XFRM_MSG_DELPOLICY:
	case XFRM_MSG_POLEXPIRE:
		return take_policy_end(mirror, nlh);
	case XFRM_MSG_FLUSHSA:
	case XFRM_MSG_FLUSHPOLICY:
		return take_flush(mirror, nlh);
	case XFRM_MSG_MAPPING:
		return take_mapping(mirror, nlh);
	case XFRM_MSG_NEWAE:
		ctl_mirror_sa_ae(mirror, nlh);
		return 0;
	case XFRM_MSG_GETDEFAULT:
		return ctl_mirror_get_defaults(nlh, mirror->defaults);
	case XFRM_MSG_MIGRATE: /* changes SAs and templates and tells of neither */
		mirror->again = true;
		return 0;
	default:
		return 0;
	}
}

/* The kernel multicasts what we asked for too, under our name. Only these; whatever else bears it is none of ours. */
static bool
is_echo(const struct ctl_mirror *mirror, const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_pid == mirror->requests.port_id &&
	       (nlh->nlmsg_type == XFRM_MSG_NEWAE || nlh->nlmsg_type == XFRM_MSG_EXPIRE);
}

static void
take_datagram(struct ctl_mirror *mirror, size_t bytes)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)mirror->in;
	int left = (int)bytes;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		mirror->n_events++;
		if (is_echo(mirror, nlh)) {
			mirror->n_echoes++;
			continue;
		}
		if (take(mirror, nlh) == 0)
			continue;
		ctl_log(CTL_LOG_WARNING, "mirror: a message of type %u is malformed; comparing with a dump",
			nlh->nlmsg_type);
		mirror->again = true;
	}
	sadb_wipe(mirror->in, bytes); /* it may have held keys */
}

void
ctl_mirror_read(struct ctl_mirror *mirror)
{
	for (int i = 0; i < READ_DATAGRAMS; i++) {
		ssize_t n = ctl_mirror_receive(&mirror->events, mirror->in, sizeof(mirror->in), MSG_DONTWAIT);

		if (n == -EAGAIN || n == 0)
			return;
		if (n > 0) {
			take_datagram(mirror, (size_t)n);
			continue;
		}
		mirror->n_lost++;
		if (!mirror->again)
			ctl_log(CTL_LOG_NOTICE, "mirror: messages of the kernel were lost (%s): comparing with a dump",
				strerror((int)-n));
		mirror->again = true;
	}
}

/* ---- dumps ---- */

/* The kernel dumps the newest first. Of equal policies the older decides, of SAs the newer, so age matters: what is put in
 * front of the list as it comes is read from the oldest on. More of policies in mirror_order.c. */
struct dumped {
	struct dumped *next;
	size_t bytes;
	uint8_t message[] __attribute__((aligned(8)));
};

struct dump {
	struct dumped *first;
	size_t n;
	uint16_t type;
	int rc;
};

static void
on_dumped(void *arg, const struct nlmsghdr *nlh)
{
	struct dump *dump = arg;
	struct dumped *one;

	if (nlh->nlmsg_type != dump->type)
		return;
	one = malloc(sizeof(*one) + nlh->nlmsg_len);
	if (!one) {
		dump->rc = -ENOMEM;
		return;
	}
	one->bytes = nlh->nlmsg_len;
	memcpy(one->message, nlh, nlh->nlmsg_len);
	one->next = dump->first;
	dump->first = one;
	dump->n++;
}

static void
dump_free(struct dump *dump)
{
	while (dump->first) {
		struct dumped *one = dump->first;

		dump->first = one->next;
		sadb_wipe(one->message, one->bytes);
		free(one);
	}
	dump->n = 0;
}

static int
dump_get(struct ctl_mirror *mirror, uint16_t ask, struct dump *dump)
{
	struct nlmsghdr header = ctl_mirror_header(ask, NLM_F_DUMP);
	int rc =
	    ctl_mirror_ask(mirror, ctl_xfrm_encode_get(mirror->out, sizeof(mirror->out), &header), on_dumped, dump);

	return rc ? rc : dump->rc;
}

/* What the kernel said before the dump is in the dump. Taken in after it, an SA that is gone since would come back. */
static void
drop_queued(struct ctl_mirror *mirror)
{
	ssize_t n = 0;

	for (int i = 0; i < DRAIN_DATAGRAMS && n != -EAGAIN; i++) {
		n = ctl_mirror_receive(&mirror->events, mirror->in, sizeof(mirror->in), MSG_DONTWAIT);
		if (n > 0)
			sadb_wipe(mirror->in, (size_t)n);
		if (n == 0)
			return;
	}
}

/* A message of a dump that is malformed would be one of an unknown object: nothing can be said of it. */
static void
take_all(struct ctl_mirror *mirror, const struct dump *dump)
{
	for (const struct dumped *one = dump->first; one; one = one->next)
		take(mirror, (const struct nlmsghdr *)one->message);
}

/* The policies of the dump, each found in it, the oldest first. */
static void
mark_policies(struct ctl_mirror *mirror, const struct dump *policies, struct ctl_mirror_place *place)
{
	uint32_t n = 0;

	for (const struct dumped *one = policies->first; one; one = one->next, n++) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)one->message;
		struct ctl_mirror_policy_msg msg;

		place[n] = (struct ctl_mirror_place){.message = nlh, .dumped = n};
		if (ctl_mirror_get_policy(nlh, &msg) != 0)
			continue;
		ctl_mirror_policy_mark(mirror, msg.index);
		place[n].vnet_id = msg.config.vnet_id;
		place[n].dir = msg.config.dir;
		place[n].priority = msg.config.priority;
		place[n].index = msg.index;
		place[n].bypass = msg.rc == 0 && msg.config.action == SADB_BYPASS;
	}
	ctl_mirror_places_sort(place, n);
}

/* New SAs come before old ones go. Of policies, the old ones go first, for a selector has one place: before the commit
 * workers see neither. */
static int
compare(struct ctl_mirror *mirror, const struct dump *sas, const struct dump *policies)
{
	struct ctl_mirror_place *place = calloc(policies->n + 1, sizeof(*place));

	if (!place)
		return -ENOMEM;
	mirror->round++;
	mirror->again = mirror->conflicts = mirror->closed = false;
	mirror->n_unlisted = 0;
	take_all(mirror, sas);
	ctl_mirror_sa_sweep(mirror);
	if (mirror->conflicts) /* an SA that moved was refused while its key was another's */
		take_all(mirror, sas);
	mark_policies(mirror, policies, place);
	ctl_mirror_policy_sweep(mirror);
	for (size_t i = 0; i < policies->n; i++)
		take(mirror, place[i].message);
	free(place);
	return 0;
}

static void
on_default(void *arg, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == XFRM_MSG_GETDEFAULT)
		take(arg, nlh);
}

static void
get_defaults(struct ctl_mirror *mirror)
{
	struct nlmsghdr header = ctl_mirror_header(XFRM_MSG_GETDEFAULT, NLM_F_ACK);
	struct ctl_put put;

	/* Before Linux 5.15 there are none, and all is accepted. */
	memset(mirror->defaults, XFRM_USERPOLICY_ACCEPT, sizeof(mirror->defaults));
	if (ctl_put_start(&put, mirror->out, sizeof(mirror->out), &header, sizeof(struct xfrm_userpolicy_default)))
		ctl_mirror_ask(mirror, ctl_put_end(&put), on_default, mirror);
}

int
ctl_mirror_dump_and_compare(struct ctl_mirror *mirror)
{
	struct dump sas = {.type = XFRM_MSG_NEWSA}, policies = {.type = XFRM_MSG_NEWPOLICY};
	uint64_t start_ns = ctl_now_ns();
	int rc = -EINTR;

	for (int i = 0; i < DUMP_TRIES && rc == -EINTR; i++) {
		dump_free(&sas);
		dump_free(&policies);
		drop_queued(mirror);
		rc = dump_get(mirror, XFRM_MSG_GETSA, &sas);
		if (rc == 0)
			rc = dump_get(mirror, XFRM_MSG_GETPOLICY, &policies);
	}
	if (rc == 0) {
		get_defaults(mirror);
		rc = compare(mirror, &sas, &policies);
	}
	if (rc == 0) {
		mirror->n_syncs++;
		mirror->synced_ns = ctl_now_ns();
	}
	dump_free(&sas);
	dump_free(&policies);
	/* A quarter of the time at most, if it has to be done again at once; an audit seldom. */
	uint64_t took_ns = ctl_now_ns() - start_ns;
	mirror->retry_ns = ctl_now_ns() + (rc ? NS_S : 3 * took_ns);
	mirror->audit_ns = ctl_now_ns() + mirror->config.audit_s * NS_S + AUDIT_SHARE * took_ns;
	return rc;
}

void
ctl_mirror_tick(struct ctl_mirror *mirror)
{
	uint64_t now_ns = ctl_now_ns();
	bool audit = mirror->config.audit_s != 0 && now_ns >= mirror->audit_ns;
	int rc;

	if ((mirror->again || audit) && now_ns >= mirror->retry_ns) {
		rc = ctl_mirror_dump_and_compare(mirror);
		if (rc) {
			ctl_log(CTL_LOG_WARNING,
				"mirror: the kernel's SAs and policies cannot be read: %s; trying again",
				strerror(-rc));
			/* What was missed may be a policy that protects. */
			if (mirror->again)
				ctl_mirror_policy_close(mirror, strerror(-rc));
			mirror->again = true;
		}
	}
	ctl_mirror_report_tick(mirror);
	say_rest(mirror);
}
