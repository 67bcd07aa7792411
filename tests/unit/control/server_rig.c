/* SPDX-License-Identifier: BSD-3-Clause
 * The server's rig: see server_rig.h. */
#include "tests/unit/control/server_rig.h"

#include <dirent.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/clock.h"
#include "control/key_custody.h"

struct ctl_client_error rig_error;

int
rig_start_dpdk(void **state)
{
	const struct dp_eal_config config = {.workers = 1, .memory_mb = 128, .log_level = 4};
	struct dp_error err;
	bool huge;

	(void)state;
	if (dp_eal_start(&config, &huge, &err) != 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	return 0;
}

int
rig_stop_dpdk(void **state)
{
	(void)state;
	dp_eal_stop();
	return 0;
}

struct call {
	void (*fn)(struct rig *rig, void *arg);
	void *arg;
};

static void
on_call(evutil_socket_t fd, short what, void *arg)
{
	struct rig *rig = arg;
	struct call call;

	(void)what;
	assert_int_equal(read(fd, &call, sizeof(call)), sizeof(call));
	call.fn(rig, call.arg);
	assert_int_equal(write(rig->done[1], "", 1), 1);
}

void
rig_call(struct rig *rig, void (*fn)(struct rig *rig, void *arg), void *arg)
{
	const struct call call = {fn, arg};
	char byte;

	assert_int_equal(write(rig->ask[1], &call, sizeof(call)), sizeof(call));
	assert_int_equal(read(rig->done[0], &byte, 1), 1);
}

static void *
run(void *arg)
{
	event_base_dispatch(((struct rig *)arg)->base);
	return NULL;
}

static void
stop(struct rig *rig, void *arg)
{
	(void)arg;
	event_base_loopbreak(rig->base);
}

static void
create_database(struct rig *rig, const char *store)
{
	const struct dp_config dp_config = {
	    .engine = "openssl", .workers = 1, .packets = 1024, .max_frame_bytes = 1514, .idle_sleep_us = 100};
	struct sadb_config config = {
	    .max_sas = 4096, .max_policies = 256, .max_workers = 2, .key_id = ctl_key_id, .store_path = store};
	struct dp_error dp_err;
	struct sadb_error err;

	rig->dp = dp_create(&dp_config, &config.keyer, &dp_err);
	if (!rig->dp)
		fail_msg("%s", dp_err.text);
	rig->db = sadb_create(&config, &err);
	if (!rig->db)
		fail_msg("%s", err.text);
	dp_attach(rig->dp, rig->db);
	rig->tunnels = ctl_tunnels_create(rig->db, ctl_now_ns);
	assert_non_null(rig->tunnels);
	assert_int_equal(sadb_vnet_add(rig->db, RIG_VNET, "blue", &err), 0);
	assert_int_equal(sadb_vnet_add(rig->db, RIG_VNET + 1, "green", &err), 0);
}

enum { WITH_STORE = 1, WITH_WORKERS = 2 };

static int
create(void **state, const char *group, unsigned with)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct ctl_server_config config = {.path = rig->path, .group = group, .max_sas = 4096};
	struct sadb_error err;
	char store[96];

	rig->group = group;
	strcpy(rig->dir, "/tmp/culvert-test-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	assert_int_equal(chmod(rig->dir, 0755), 0);
	/* A level below, so that the server makes its directory. */
	snprintf(rig->path, sizeof(rig->path), "%s/run/test.sock", rig->dir);
	snprintf(store, sizeof(store), "%s/store.db", rig->dir);
	create_database(rig, with & WITH_STORE ? store : NULL);
	if (with & WITH_WORKERS) {
		struct dp_error dp_err;
		if (dp_start(rig->dp, &dp_err) != 0)
			fail_msg("%s", dp_err.text);
		rig->workers = true;
	}
	config.base = rig->base = event_base_new();
	config.db = rig->db;
	config.dp = rig->dp;
	config.tunnels = rig->tunnels;
	rig->server = ctl_server_create(&config, &err);
	if (!rig->server)
		fail_msg("%s", err.text);
	assert_int_equal(pipe(rig->ask), 0);
	assert_int_equal(pipe(rig->done), 0);
	rig->calls = event_new(rig->base, rig->ask[0], EV_READ | EV_PERSIST, on_call, rig);
	event_add(rig->calls, NULL);
	assert_int_equal(pthread_create(&rig->thread, NULL, run, rig), 0);
	rig->client = rig_client(rig);
	*state = rig;
	return 0;
}

int
rig_create(void **state)
{
	return create(state, NULL, 0);
}

int
rig_create_for_group(void **state)
{
	return create(state, "daemon", 0);
}

int
rig_create_with_store(void **state)
{
	return create(state, NULL, WITH_STORE);
}

int
rig_create_with_workers(void **state)
{
	return create(state, NULL, WITH_WORKERS);
}

static void
remove_tree(const char *path)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

int
rig_destroy(void **state)
{
	struct rig *rig = *state;

	ctl_client_close(rig->client);
	rig_call(rig, stop, NULL);
	pthread_join(rig->thread, NULL);
	ctl_server_destroy(rig->server);
	assert_int_not_equal(access(rig->path, F_OK), 0); /* no socket is left, ... */
	assert_int_equal(rig_client_files(rig), 0);       /* ... nor a client's */
	ctl_tunnels_destroy(rig->tunnels);
	event_free(rig->calls);
	event_base_free(rig->base);
	if (rig->workers)
		dp_stop(rig->dp);
	dp_destroy(rig->dp);
	sadb_destroy(rig->db);
	for (unsigned i = 0; i < 2; i++) {
		close(rig->ask[i]);
		close(rig->done[i]);
	}
	remove_tree(rig->dir);
	free(rig);
	return 0;
}

void
rig_daemon_end(struct rig *rig, void *arg)
{
	struct sadb_error err;

	(void)arg;
	ctl_server_destroy(rig->server);
	rig->server = NULL;
	sadb_sa_flush(rig->db, 0);
	sadb_policy_flush(rig->db);
	assert_int_equal(sadb_commit(rig->db, &err), 0);
}

void
rig_daemon_begin(struct rig *rig, void *arg)
{
	const struct ctl_server_config config = {
	    .base = rig->base, .path = rig->path, .group = rig->group, .db = rig->db, .dp = rig->dp, .max_sas = 4096};
	struct sadb_error err;

	(void)arg;
	rig->server = ctl_server_create(&config, &err);
	if (!rig->server)
		fail_msg("%s", err.text);
}

void
rig_daemon_restart(struct rig *rig)
{
	rig_call(rig, rig_daemon_end, NULL);
	rig_call(rig, rig_daemon_begin, NULL);
}

struct ctl_client *
rig_client(const struct rig *rig)
{
	struct ctl_client *client = ctl_client_open(rig->path, &rig_error);

	if (!client)
		fail_msg("%s", rig_error.text);
	return client;
}

unsigned
rig_client_files(const struct rig *rig)
{
	char path[96];
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/run/clients", rig->dir);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

void
rig_open_doors(const struct rig *rig)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/run", rig->dir);
	assert_int_equal(chmod(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/run/clients", rig->dir);
	assert_int_equal(chmod(path, 01777), 0);
	assert_int_equal(chmod(rig->path, 0666), 0);
}

struct sadb_sa_config
rig_sa(uint32_t spi)
{
	struct sadb_sa_config c;

	memset(&c, 0, sizeof(c));
	c.src = rig_addr("192.0.2.1");
	c.dst = rig_addr("198.51.100.2");
	c.spi_be = htonl(spi);
	c.proto = IPPROTO_ESP;
	c.aead = SADB_AEAD_AES_GCM_16;
	c.mode = XFRM_MODE_TUNNEL;
	c.reqid = 7;
	c.vnet_id = RIG_VNET;
	c.window_packets = 128;
	c.key_bytes = 32;
	memcpy(c.key, rig_key, sizeof(c.key));
	memcpy(c.key, &spi, sizeof(spi)); /* no two SAs share a key */
	memcpy(c.salt, rig_salt, sizeof(c.salt));
	c.sel.src = rig_prefix("0.0.0.0/0");
	c.sel.dst = rig_prefix("0.0.0.0/0");
	c.life = (struct sadb_lifetime){SADB_INF, SADB_INF, SADB_INF, SADB_INF, 0, 0, 0, 0};
	return c;
}

struct sadb_policy_info
rig_policy(const char *dst, uint8_t dir)
{
	struct sadb_policy_info p;

	memset(&p, 0, sizeof(p));
	p.config.sel.src = rig_prefix("10.1.0.0/16");
	p.config.sel.dst = rig_prefix(dst);
	p.config.tmpl = (struct sadb_template){.src = rig_addr("192.0.2.1"),
					       .dst = rig_addr("198.51.100.2"),
					       .reqid = 7,
					       .proto = IPPROTO_ESP,
					       .mode = XFRM_MODE_TUNNEL};
	p.config.vnet_id = RIG_VNET;
	p.config.dir = dir;
	p.config.action = SADB_PROTECT;
	return p;
}

static uint8_t request[4096] __attribute__((aligned(8)));

static struct nlmsghdr
header(uint16_t type, uint16_t flags)
{
	return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)};
}

int
rig_keep(void *arg, const struct nlmsghdr *nlh)
{
	struct sadb_error err;

	if (arg && ctl_xfrm_decode(nlh, arg, &err) != 0)
		fail_msg("%s", err.text);
	return 0;
}

static int
send_request(struct ctl_client *client, size_t bytes, struct ctl_xfrm *out)
{
	assert_true(bytes > 0);
	return ctl_client_ask(client, (struct nlmsghdr *)request, rig_keep, out, &rig_error);
}

int
rig_ask_sa(struct ctl_client *client, uint16_t type, const struct sadb_sa_config *config)
{
	const struct nlmsghdr h = header(type, NLM_F_ACK);

	return send_request(client, ctl_xfrm_encode_sa(request, sizeof(request), &h, config, NULL), NULL);
}

int
rig_ask_sa_id(struct ctl_client *client, uint16_t type, const struct sadb_sa_config *config, struct ctl_xfrm *out)
{
	const struct nlmsghdr h = header(type, NLM_F_ACK);

	return send_request(client, ctl_xfrm_encode_sa_id(request, sizeof(request), &h, config), out);
}

int
rig_ask_policy(struct ctl_client *client, uint16_t type, const struct sadb_policy_info *info)
{
	const struct nlmsghdr h = header(type, NLM_F_ACK);

	return send_request(client, ctl_xfrm_encode_policy(request, sizeof(request), &h, info), NULL);
}

int
rig_ask_policy_id(struct ctl_client *client, uint16_t type, const struct sadb_policy_config *which,
		  struct ctl_xfrm *out)
{
	const struct nlmsghdr h = header(type, NLM_F_ACK);

	return send_request(client, ctl_xfrm_encode_policy_id(request, sizeof(request), &h, which), out);
}

int
rig_ask_plain(struct ctl_client *client, uint16_t type, uint16_t flags, struct ctl_xfrm *out)
{
	const struct nlmsghdr h = header(type, flags);
	size_t bytes = type == XFRM_MSG_FLUSHSA ? ctl_xfrm_encode_flush_sa(request, sizeof(request), &h, 0)
						: ctl_xfrm_encode_get(request, sizeof(request), &h);

	return send_request(client, bytes, out);
}

int
rig_subscribe(struct ctl_client *client, uint32_t groups)
{
	const struct nlmsghdr h = header(CTL_MSG_SUBSCRIBE, NLM_F_ACK);

	return send_request(client, ctl_own_encode_subscribe(request, sizeof(request), &h, groups), NULL);
}

struct event_copy {
	void *out;
	size_t size;
	bool there;
};

static int
copy_event(void *arg, const struct nlmsghdr *nlh)
{
	struct event_copy *copy = arg;

	assert_true(nlh->nlmsg_len <= copy->size);
	assert_false(copy->there); /* the tests below wait for one at a time */
	memcpy(copy->out, nlh, nlh->nlmsg_len);
	copy->there = true;
	return 0;
}

struct nlmsghdr *
rig_event(struct ctl_client *client, void *out, size_t size)
{
	struct event_copy copy = {out, size, false};

	assert_int_equal(ctl_client_events(client, 5000, copy_event, &copy), 0);
	assert_true(copy.there);
	return out;
}
