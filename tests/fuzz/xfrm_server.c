/* SPDX-License-Identifier: BSD-3-Clause
 * The daemon's socket: a client's datagram through the real server into a real database, and back. The input is the
 * datagram. No key comes back in any answer or event. There are no tunnels: what they run is the operator's own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/attr.h"
#include "control/client.h"
#include "control/log.h"
#include "control/own_codec.h"
#include "control/server.h"
#include "control/xfrm_codec.h"
#include "tests/fuzz/fuzz.h"

#define VNET   100 /* of the seeds */
#define ROUNDS 64  /* of the loop, at most, to answer one datagram */

static struct sadb *db;
static struct dp *dp;
static struct event_base *base;
static struct ctl_server *server;
static struct sockaddr_un server_addr = {.sun_family = AF_UNIX}, client_addr = {.sun_family = AF_UNIX};
static char folder[64];

/* Few keys, or the marks of dead ones would fill the memory: they are kept for ever. */
static int
key_id(const uint8_t *key, uint32_t key_bytes, const uint8_t salt[SADB_SALT_BYTES], uint8_t id[SADB_KEY_ID_BYTES])
{
	(void)key_bytes, (void)salt;
	memset(id, 0, SADB_KEY_ID_BYTES);
	id[0] = key[0];
	return 0;
}

static void
create_database(void)
{
	const struct dp_eal_config eal = {.workers = 1, .memory_mb = 128, .log_level = 4};
	const struct dp_config dp_config = {
	    .engine = "openssl", .workers = 1, .packets = 1024, .max_frame_bytes = 1514, .idle_sleep_us = 100};
	struct sadb_config config = {.max_sas = 256, .max_policies = 256, .max_workers = 1, .key_id = key_id};
	struct dp_error dp_err;
	struct sadb_error err;
	bool huge;

	fuzz_expect(dp_eal_start(&eal, &huge, &dp_err) == 0);
	fuzz_expect((dp = dp_create(&dp_config, &config.keyer, &dp_err)) != NULL);
	fuzz_expect((db = sadb_create(&config, &err)) != NULL);
	dp_attach(dp, db);
	fuzz_expect(sadb_vnet_add(db, VNET, "blue", &err) == 0);
}

/* When an input ends the process, the socket's folder stays. */
static void
stop(void)
{
	char path[128];
	static const char *const left[] = {"/run/clients/fuzz",   "/run/clients", "/run/fuzz.sock",
					   "/run/fuzz.sock.lock", "/run",         ""};

	ctl_server_destroy(server);
	event_base_free(base);
	dp_destroy(dp);
	sadb_destroy(db);
	for (unsigned i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", folder, left[i]);
		remove(path);
	}
}

static void
create_server(void)
{
	const char *tmp = getenv("TMPDIR");
	struct sadb_error err;

	snprintf(folder, sizeof(folder), "%.40s/culvert-fuzz-XXXXXX", tmp != NULL ? tmp : "/tmp");
	fuzz_expect(mkdtemp(folder) != NULL);
	snprintf(server_addr.sun_path, sizeof(server_addr.sun_path), "%s/run/fuzz.sock", folder);
	snprintf(client_addr.sun_path, sizeof(client_addr.sun_path), "%s/run/clients/fuzz", folder);
	base = event_base_new();
	const struct ctl_server_config config = {
	    .base = base, .path = server_addr.sun_path, .db = db, .dp = dp, .max_sas = 256};
	fuzz_expect((server = ctl_server_create(&config, &err)) != NULL);
	atexit(stop);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	ctl_log_level_set(CTL_LOG_ERROR);
	create_database();
	create_server();
	return 0;
}

/* In the key's place of an SA stand zeros, or what only stands for it (sa-db/keep.c). */
static void
expect_no_key(const struct nlmsghdr *nlh)
{
	static const char stand_in[] = "culvert"; /* with its zero */
	const size_t head = NLMSG_HDRLEN + (nlh->nlmsg_type == XFRM_MSG_EXPIRE ? sizeof(struct xfrm_user_expire)
									       : sizeof(struct xfrm_usersa_info));
	const bool has_sa = nlh->nlmsg_type == XFRM_MSG_NEWSA || nlh->nlmsg_type == XFRM_MSG_UPDSA ||
			    nlh->nlmsg_type == XFRM_MSG_EXPIRE;
	struct xfrm_algo_aead alg;
	uint8_t any = 0;

	if (!has_sa)
		return;
	fuzz_expect(nlh->nlmsg_len >= head);
	const struct nlattr *attr = ctl_attr_find((const uint8_t *)nlh + head, nlh->nlmsg_len - head, XFRMA_ALG_AEAD);
	if (attr == NULL)
		return;
	const uint8_t *key = (const uint8_t *)mnl_attr_get_payload(attr) + sizeof(alg);
	memcpy(&alg, mnl_attr_get_payload(attr), sizeof(alg));
	fuzz_expect(mnl_attr_get_payload_len(attr) >= sizeof(alg) + alg.alg_key_len / 8);
	if (memcmp(key, stand_in, sizeof(stand_in)) == 0)
		return;
	for (unsigned i = 0; i < alg.alg_key_len / 8; i++)
		any |= key[i];
	fuzz_expect(any == 0);
}

static void
expect_sound(const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	while (at < size) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(bytes + at);
		fuzz_expect(size - at >= sizeof(*nlh));
		fuzz_expect(nlh->nlmsg_len >= sizeof(*nlh) && nlh->nlmsg_len <= size - at);
		expect_no_key(nlh);
		at += NLMSG_ALIGN(nlh->nlmsg_len);
	}
}

/* A client that nobody knows yet, so that an input finds no chain or subscription of one before. */
static int
open_client(void)
{
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	fuzz_expect(fd >= 0);
	unlink(client_addr.sun_path);
	fuzz_expect(bind(fd, (const struct sockaddr *)&client_addr, sizeof(client_addr)) == 0);
	return fd;
}

static void
talk(int fd, const uint8_t *data, size_t size)
{
	static uint8_t answer[65536] __attribute__((aligned(8)));

	fuzz_expect(sendto(fd, data, size, 0, (const struct sockaddr *)&server_addr, sizeof(server_addr)) ==
		    (ssize_t)size);
	for (unsigned round = 0; round < ROUNDS; round++) {
		ssize_t bytes;
		bool more = false;

		event_base_loop(base, EVLOOP_NONBLOCK);
		while ((bytes = recv(fd, answer, sizeof(answer), 0)) >= 0) {
			expect_sound(answer, (size_t)bytes);
			more = true;
		}
		if (!more)
			return;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sadb_error err;

	if (size > CTL_DATAGRAM_MAX)
		return 0;
	const int fd = open_client();
	talk(fd, data, size);
	close(fd);
	sadb_sa_flush(db, 0);
	sadb_policy_flush(db);
	fuzz_expect(sadb_commit(db, &err) == 0);
	sadb_reclaim(db);
	fuzz_expect(sadb_sa_count(db) == 0);
	return 0;
}
