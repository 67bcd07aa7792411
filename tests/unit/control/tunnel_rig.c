/* SPDX-License-Identifier: BSD-3-Clause
 * See tunnel_rig.h. */
#include "tests/unit/control/tunnel_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "tests/unit/eal.h"

#include "control/key_custody.h"
#include "control/log.h"

uint64_t rig_now_ns;
struct gateway west, east;
struct sadb_error rig_err;

/* The keyer's area is the key itself, so that two ends can be compared. */
static int
keyer_init(void *area, enum sadb_aead aead, const uint8_t *key, uint32_t key_bytes)
{
	(void)aead;
	memcpy(area, key, key_bytes);
	return 0;
}

static void
keyer_fini(void *area)
{
	memset(area, 0, SADB_KEY_MAX);
}

static uint64_t
now(void)
{
	return rig_now_ns;
}

static int
start(void *backend, const struct ctl_keying_request *request, struct ctl_keying_exchange **out, struct sadb_error *err)
{
	struct gateway *gateway = backend;

	if (gateway->refuse != 0) {
		snprintf(err->text, sizeof(err->text), "refused by the test");
		return gateway->refuse;
	}
	assert_null(gateway->running); /* one at a time */
	assert_string_equal(request->tunnel, "site");
	gateway->running = calloc(1, sizeof(*gateway->running));
	*gateway->running = (struct ctl_keying_exchange){
	    .gateway = gateway, .done = request->done, .arg = request->arg, .bytes = request->offer.bytes};
	memcpy(gateway->running->offer, request->offer.text, request->offer.bytes);
	gateway->started++;
	*out = gateway->running;
	return 0;
}

static void
cancel(struct ctl_keying_exchange *exchange)
{
	exchange->gateway->cancelled++;
	exchange->gateway->running = NULL;
	free(exchange);
}

static void
on_event(void *arg, const struct ctl_tunnel_event *event)
{
	struct gateway *gateway = arg;

	assert_string_equal(event->name, "site");
	snprintf(gateway->event, sizeof(gateway->event), "%s", event->kind);
	snprintf(gateway->event_text, sizeof(gateway->event_text), "%s", event->text);
	gateway->events++;
}

struct gateway *
rig_peer(const struct gateway *gateway)
{
	return gateway == &west ? &east : &west;
}

static struct sadb_addr
addr(const char *text)
{
	struct sadb_addr out;

	assert_int_equal(sadb_addr_parse(text, &out), 0);
	return out;
}

static struct sadb_prefix
prefix(const char *text)
{
	struct sadb_prefix out;

	assert_int_equal(sadb_prefix_parse(text, &out), 0);
	return out;
}

struct ctl_tunnel_config
rig_tunnel_config(const struct gateway *gateway)
{
	const bool is_west = gateway == &west;
	struct ctl_tunnel_config config;

	ctl_tunnel_defaults(&config);
	strcpy(config.name, "site");
	config.vnet_id = 1;
	config.local = addr(is_west ? "192.0.2.1" : "192.0.2.2");
	config.remote = addr(is_west ? "192.0.2.2" : "192.0.2.1");
	config.n_local = is_west ? 2 : 1;
	config.n_remote = is_west ? 1 : 2;
	struct sadb_prefix *two = is_west ? config.local_prefix : config.remote_prefix;
	struct sadb_prefix *one = is_west ? config.remote_prefix : config.local_prefix;
	/* The order is each gateway's own. */
	two[0] = prefix(is_west ? "10.1.0.0/24" : "10.3.0.0/24");
	two[1] = prefix(is_west ? "10.3.0.0/24" : "10.1.0.0/24");
	one[0] = prefix("10.2.0.0/24");
	strcpy(config.exchange, "reach the-peer");
	return config;
}

static void
start_tunnels(struct gateway *gateway)
{
	gateway->tunnels = ctl_tunnels_create(gateway->db, now);
	assert_non_null(gateway->tunnels);
	gateway->keying = (struct ctl_keying){"test", start, cancel, gateway};
	ctl_tunnels_start(gateway->tunnels, &gateway->keying, on_event, gateway);
}

static void
create(struct gateway *gateway, const char *name)
{
	const struct sadb_config config = {
	    .max_sas = 64,
	    .max_policies = 64,
	    .max_workers = 1,
	    .keyer = {.area_bytes = SADB_KEY_MAX, .init = keyer_init, .fini = keyer_fini},
	    .key_id = ctl_key_id,
	};

	*gateway = (struct gateway){.name = name};
	gateway->db = sadb_create(&config, &rig_err);
	if (gateway->db == NULL)
		fail_msg("%s", rig_err.text);
	assert_int_equal(sadb_vnet_add(gateway->db, 1, "blue", &rig_err), 0);
	start_tunnels(gateway);
}

int
rig_dpdk(void **state)
{
	(void)state;
	unit_eal_start();
	ctl_log_level_set(CTL_LOG_ERROR);
	return 0;
}

int
rig_set_up(void **state)
{
	(void)state;
	rig_now_ns = 1000 * CTL_NS_PER_S;
	create(&west, "west");
	create(&east, "east");
	return 0;
}

void
rig_add_tunnel(struct gateway *gateway, struct ctl_tunnel_config *config)
{
	if (ctl_tunnel_add(gateway->tunnels, config, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
	gateway->tunnel = ctl_tunnel_find(gateway->tunnels, config->name, &rig_err);
}

int
rig_set_up_tunnel(void **state)
{
	struct ctl_tunnel_config config;

	rig_set_up(state);
	config = rig_tunnel_config(&west);
	rig_add_tunnel(&west, &config);
	config = rig_tunnel_config(&east);
	rig_add_tunnel(&east, &config);
	return 0;
}

static void
destroy(struct gateway *gateway)
{
	ctl_tunnels_destroy(gateway->tunnels);
	assert_null(gateway->running); /* it was cancelled */
	sadb_destroy(gateway->db);
}

int
rig_tear_down(void **state)
{
	(void)state;
	destroy(&west);
	destroy(&east);
	return 0;
}

void
rig_restart(struct gateway *gateway)
{
	struct ctl_tunnel_config config = gateway->tunnel->config;

	sadb_sa_flush(gateway->db, 0);
	sadb_policy_flush(gateway->db);
	assert_int_equal(sadb_commit(gateway->db, &rig_err), 0);
	while (sadb_reclaim(gateway->db) > 0)
		continue;
	ctl_tunnels_destroy(gateway->tunnels);
	start_tunnels(gateway);
	rig_add_tunnel(gateway, &config);
}

void
rig_tick(struct gateway *gateway)
{
	ctl_tunnels_tick(gateway->tunnels);
	sadb_commit(gateway->db, &rig_err);
	sadb_reclaim(gateway->db);
}

void
rig_pass(uint64_t ms)
{
	rig_now_ns += ms * 1000000;
	rig_tick(&west);
	rig_tick(&east);
}

int
rig_accept(struct gateway *gateway, const char *text, size_t bytes, char out[CTL_OFFER_BYTES])
{
	return ctl_tunnel_accept(gateway->tunnels, "site", &(struct ctl_keying_text){text, bytes}, out, &rig_err);
}

/* The exchange is over before done is called, as the interface says. */
static void
end(struct gateway *gateway, int rc, const char *text, size_t bytes)
{
	struct ctl_keying_exchange exchange = *gateway->running;

	free(gateway->running);
	gateway->running = NULL;
	exchange.done(exchange.arg, rc, &(struct ctl_keying_text){text, bytes}, rc != 0 ? "failed by the test" : "");
}

void
rig_answer(struct gateway *gateway, const char *text, size_t bytes)
{
	end(gateway, 0, text, bytes);
}

void
rig_fail(struct gateway *gateway)
{
	end(gateway, -ECONNABORTED, "", 0);
}

int
rig_deliver(struct gateway *from)
{
	char answer[CTL_OFFER_BYTES];

	assert_non_null(from->running);
	int rc = rig_accept(rig_peer(from), from->running->offer, from->running->bytes, answer);
	if (from->running == NULL) /* the peer's offer came first, ... */
		return rc;
	if (rc > 0)
		rig_answer(from, answer, (size_t)rc);
	else
		rig_fail(from);
	return rc;
}

void
rig_bring_up(void)
{
	east.tunnel->wanted = false;
	rig_pass(100);
	assert_true(rig_deliver(&west) > 0);
	assert_int_equal(west.tunnel->generation, 1);
	assert_int_equal(east.tunnel->generation, 1);
}

static const struct sadb_sa_cold *
receiver_of(const struct gateway *from)
{
	const struct sadb_sa_cold *out = ctl_tunnel_out_sa(from->tunnel);

	return out != NULL ? ctl_tunnel_in_sa(rig_peer(from)->tunnel, out->config.spi_be) : NULL;
}

bool
rig_arrives(const struct gateway *from)
{
	const struct sadb_sa_cold *in = receiver_of(from), *out = ctl_tunnel_out_sa(from->tunnel);

	return in != NULL && memcmp(in->hot->key_area, out->hot->key_area, SADB_KEY_MAX) == 0 &&
	       memcmp(in->hot->salt, out->hot->salt, SADB_SALT_BYTES) == 0 && in->config.flags == out->config.flags;
}

void
rig_send(struct gateway *from)
{
	assert_true(rig_arrives(from));
	ctl_tunnel_out_sa(from->tunnel)->hot->mut->packets++;
	receiver_of(from)->hot->mut->packets++;
}

unsigned
rig_sas(const struct gateway *gateway)
{
	return sadb_sa_count(gateway->db);
}
