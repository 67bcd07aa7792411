/* SPDX-License-Identifier: BSD-3-Clause
 * ACKs and errors, with the kernel's extended ACK attributes (NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS). The request is never
 * echoed beyond its header: it may hold a key. Control thread. */
#include "control/server_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/attr.h"

/* Longest: header, error, text, offset. */
#define ACK_BYTES (NLMSG_HDRLEN + sizeof(struct nlmsgerr) + 8 + sizeof(((struct sadb_error *)0)->text) + 8)

static size_t
encode(void *buf, const struct nlmsghdr *request, int rc, const struct sadb_error *err, uint32_t offset)
{
	bool text = rc != 0 && err->text[0] != 0;
	const struct nlmsghdr header = {.nlmsg_type = NLMSG_ERROR,
					.nlmsg_flags = (uint16_t)(NLM_F_CAPPED | (text ? NLM_F_ACK_TLVS : 0)),
					.nlmsg_seq = request->nlmsg_seq,
					.nlmsg_pid = request->nlmsg_pid};
	struct ctl_put put;
	struct nlmsgerr *body = ctl_put_start(&put, buf, ACK_BYTES, &header, sizeof(*body));

	if (!body)
		return 0;
	body->error = rc;
	body->msg = *request;
	if (text)
		ctl_put_str(&put, NLMSGERR_ATTR_MSG, err->text);
	if (text && offset != 0)
		ctl_put_u32(&put, NLMSGERR_ATTR_OFFS, offset);
	return ctl_put_end(&put);
}

void
ctl_ack_queue(struct ctl_peer *peer, const struct nlmsghdr *request, int rc, const struct sadb_error *err)
{
	uint8_t buf[ACK_BYTES] __attribute__((aligned(8)));
	uint32_t offset = rc ? ctl_xfrm_attr_offset(request, err->attr) : 0;
	size_t bytes = encode(buf, request, rc, err, offset);
	struct ctl_out *message;

	static const struct sadb_error no_text;

	/* Without memory for its text, the number alone goes; without a spare for that, it is known that something was lost. */
	if (ctl_peer_queue(peer, buf, bytes, &message) ||
	    ctl_peer_queue(peer, buf, encode(buf, request, rc, &no_text, 0), &message))
		message->awaits_commit = rc == 0 && peer->server->changed;
	else
		peer->lost_events = true;
}

/* Puts the error in the place of the ACK. Without memory for its text, the number alone goes. */
static void
fail(struct ctl_peer *peer, struct ctl_out **place, int rc, const struct sadb_error *err)
{
	struct ctl_out *old = *place;
	struct nlmsgerr *ack = (struct nlmsgerr *)(old->data + NLMSG_HDRLEN);
	struct ctl_out *message = malloc(sizeof(*message) + ACK_BYTES);

	old->awaits_commit = false;
	ack->error = rc;
	if (!message)
		return;
	*message = (struct ctl_out){.next = old->next};
	message->bytes = (uint32_t)encode(message->data, &ack->msg, rc, err, 0);
	peer->waiting_bytes += message->bytes - old->bytes;
	if (peer->last == &old->next)
		peer->last = &message->next;
	*place = message;
	free(old);
}

void
ctl_acks_fail(struct ctl_server *server, int rc, const struct sadb_error *err)
{
	for (unsigned i = 0; i < CTL_MAX_PEERS; i++) {
		struct ctl_peer *peer = server->peers[i];

		for (struct ctl_out **place = peer ? &peer->first : NULL; place && *place; place = &(*place)->next) {
			if (!(*place)->awaits_commit)
				continue;
			fail(peer, place, rc, err);
			peer->broken = peer->chained;
		}
	}
}

void
ctl_acks_done(struct ctl_server *server)
{
	for (unsigned i = 0; i < CTL_MAX_PEERS; i++)
		for (struct ctl_out *m = server->peers[i] ? server->peers[i]->first : NULL; m; m = m->next)
			m->awaits_commit = false;
}
