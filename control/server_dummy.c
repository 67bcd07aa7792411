/* SPDX-License-Identifier: BSD-3-Clause
 * Requests for dummy packets by an outbound SA (RFC 4303 2.6). Control thread. */
#include "control/server_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>

#include "control/attr.h"

static int
check(const struct ctl_dummy *ask, struct sadb_error *err)
{
	if (ask->packets > DP_DUMMY_PACKETS)
		return ctl_refuse(err, -EINVAL, CTL_A_PACKETS,
				  "%" PRIu64 " dummy packets: 1 to %d are accepted, or 0 to end them", ask->packets,
				  DP_DUMMY_PACKETS);
	if (ask->packets > 0 && (ask->rate_pps == 0 || ask->rate_pps > DP_DUMMY_RATE_MAX))
		return ctl_refuse(err, -EINVAL, CTL_A_RATE, "%u dummy packets a second: 1 to %d are accepted",
				  ask->rate_pps, DP_DUMMY_RATE_MAX);
	if (ask->length > UINT16_MAX || (ask->length != 0 && ask->length < DP_DUMMY_SHORTEST))
		return ctl_refuse(err, -EINVAL, CTL_A_LENGTH,
				  "dummy packets of %u bytes: %d to %u are accepted, or 0 for random lengths",
				  ask->length, DP_DUMMY_SHORTEST, UINT16_MAX);
	return 0;
}

/* An SA that can send something. */
static int
check_sa(const struct sadb *db, const struct sadb_sa_key *key, struct sadb_error *err)
{
	const struct sadb_sa_cold *sa = sadb_sa_find(db, key);

	if (sa == NULL)
		return ctl_refuse(err, -ESRCH, 0, "there is no SA with SPI 0x%08x and that destination",
				  rte_be_to_cpu_32(key->spi_be));
	if (sa->hot == NULL)
		return ctl_refuse(err, -EINVAL, 0, "the SA has no key yet: 'culvert sa update' completes it");
	if (sa->hot->dir != SADB_DIR_OUT)
		return ctl_refuse(err, -EINVAL, 0, "the SA is inbound: dummy packets go by one that sends");
	if (sadb_sa_stopped(sa->hot))
		return ctl_refuse(err, -EKEYEXPIRED, 0, "the SA is past a hard limit: it sends nothing any more");
	return 0;
}

static int
start(struct ctl_server *server, const struct sadb_sa_key *key, struct ctl_dummy *told, struct sadb_error *err)
{
	const struct dp_dummy_request request = {
	    .sa = *key, .packets = (uint32_t)told->packets, .per_s = told->rate_pps, .bytes = (uint16_t)told->length};
	struct dp_error why;
	unsigned worker;
	int rc = check_sa(server->config.db, key, err);

	if (rc != 0)
		return rc;
	rc = dp_dummy_start(server->config.dp, &request, &worker, &why);
	if (rc != 0)
		return ctl_refuse(err, rc, 0, "%s", why.text);
	told->worker = worker;
	return 0;
}

static int
stop(struct ctl_server *server, const struct sadb_sa_key *key, struct ctl_dummy *told, struct sadb_error *err)
{
	uint32_t unsent;
	int rc = dp_dummy_stop(server->config.dp, key, &unsent);

	if (rc != 0)
		return ctl_refuse(err, rc, 0, "the SA with SPI 0x%08x and that destination sends no dummy packets",
				  rte_be_to_cpu_32(key->spi_be));
	told->unsent = unsent;
	return 0;
}

int
ctl_serve_dummy(struct ctl_peer *peer, const struct nlmsghdr *nlh, const struct ctl_dummy *ask, struct sadb_error *err)
{
	const struct nlmsghdr header = {
	    .nlmsg_type = CTL_MSG_DUMMY, .nlmsg_seq = nlh->nlmsg_seq, .nlmsg_pid = nlh->nlmsg_pid};
	const struct sadb_sa_key key = sadb_sa_key_make(&ask->dst, ask->spi_be, IPPROTO_ESP);
	struct ctl_server *server = peer->server;
	struct ctl_dummy told = *ask;
	int rc = check(ask, err);

	if (rc != 0)
		return rc;
	ctl_server_commit(server); /* an SA that came with the same datagram is there for the workers */
	rc = ask->packets > 0 ? start(server, &key, &told, err) : stop(server, &key, &told, err);
	if (rc != 0)
		return rc;
	size_t bytes = ctl_own_encode_dummy(server->out, CTL_MESSAGE_BYTES, &header, &told);
	if (bytes == 0 || !ctl_peer_queue(peer, server->out, bytes, NULL))
		return ctl_refuse(err, -ENOMEM, 0, "no memory for the answer");
	return 0;
}
