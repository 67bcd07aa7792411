/* SPDX-License-Identifier: BSD-3-Clause
 * Culvert's own messages, as a client and the daemon send them: what decodes and is encoded again decodes to the same. The
 * input is one message. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/own_codec.h"
#include "tests/fuzz/fuzz.h"

#define MESSAGE_BYTES 65536

/* A message that says what m does; 0: there is no encoder for all of it. */
static size_t
encode(void *buf, const struct nlmsghdr *header, const struct ctl_own *m)
{
	switch (m->type) {
	case CTL_MSG_SUBSCRIBE:
		return ctl_own_encode_subscribe(buf, MESSAGE_BYTES, header, m->groups);
	case CTL_MSG_CHAIN:
		return ctl_own_encode_chain(buf, MESSAGE_BYTES, header, m->chain);
	case CTL_MSG_HELLO:
		return ctl_own_encode_hello(buf, MESSAGE_BYTES, header, m->boot_id);
	case CTL_MSG_INFO:
		return ctl_own_encode_info(buf, MESSAGE_BYTES, header, &m->info);
	case CTL_MSG_PORT:
		return ctl_own_encode_port(buf, MESSAGE_BYTES, header, &m->port);
	case CTL_MSG_VNET:
		return ctl_own_encode_vnet(buf, MESSAGE_BYTES, header, &m->vnet);
	case CTL_MSG_ROUTE:
		return ctl_own_encode_route(buf, MESSAGE_BYTES, header, &m->route);
	case CTL_MSG_NEIGH:
		return ctl_own_encode_neigh(buf, MESSAGE_BYTES, header, &m->neigh);
	case CTL_MSG_MEMORY:
		return ctl_own_encode_memory(buf, MESSAGE_BYTES, header, &m->memory);
	case CTL_MSG_MIRROR:
		return ctl_own_encode_mirror(buf, MESSAGE_BYTES, header, &m->mirror);
	case CTL_MSG_TUNNEL_ADD:
	case CTL_MSG_TUNNEL:
		return ctl_own_encode_tunnel(buf, MESSAGE_BYTES, header, &m->tunnel);
	case CTL_MSG_TUNNEL_DEL:
	case CTL_MSG_TUNNEL_REKEY:
	case CTL_MSG_TUNNEL_OFFER:
	case CTL_MSG_TUNNEL_ACCEPT:
	case CTL_MSG_TUNNEL_EVENT:
		return ctl_own_encode_tunnel_words(buf, MESSAGE_BYTES, header, &m->words);
	case CTL_MSG_DUMMY:
		return ctl_own_encode_dummy(buf, MESSAGE_BYTES, header, &m->dummy);
	case CTL_MSG_AUDIT:
		return ctl_own_encode_audit(buf, MESSAGE_BYTES, header, &m->audit);
	default:
		return 0;
	}
}

/* What was encoded from a decoded message decodes, and says the same. */
static void
again(const struct nlmsghdr *header, const struct ctl_own *m)
{
	static uint8_t first[MESSAGE_BYTES] __attribute__((aligned(8)));
	static uint8_t second[MESSAGE_BYTES] __attribute__((aligned(8)));
	static struct ctl_own twice;
	struct sadb_error err;
	const size_t bytes = encode(first, header, m);

	if (bytes == 0)
		return;
	fuzz_expect(ctl_own_decode((const struct nlmsghdr *)first, &twice, &err) == 0);
	fuzz_expect(encode(second, header, &twice) == bytes);
	fuzz_expect(memcmp(first, second, bytes) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ctl_own m;
	struct nlmsghdr *nlh = fuzz_message(data, size);
	struct sadb_error err;

	if (nlh == NULL)
		return 0;
	const int rc = ctl_own_decode(nlh, &m, &err);
	if (rc == 0)
		again(nlh, &m);
	else
		fuzz_expect((rc == -EINVAL || rc == -EOPNOTSUPP) && memchr(err.text, 0, sizeof(err.text)) != NULL);
	free(nlh);
	return 0;
}
