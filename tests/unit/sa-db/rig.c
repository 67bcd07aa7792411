/* SPDX-License-Identifier: BSD-3-Clause
 * What the tests of the database share: see rig.h. */
#include "tests/unit/sa-db/rig.h"

unsigned rig_areas;
int rig_keyer_rc;
struct sadb_error rig_err;

static int
keyer_init(void *area, enum sadb_aead aead, const uint8_t *key, uint32_t key_bytes)
{
	struct rig_area *rig = area;
	if (rig_keyer_rc != 0)
		return rig_keyer_rc;
	assert_non_null(sadb_algorithm_find(aead, key_bytes));
	memcpy(rig->key, key, key_bytes);
	rig->key_bytes = key_bytes;
	rig->alive = RIG_ALIVE;
	for (uint32_t i = 0; i < key_bytes; i++)
		rig->check ^= key[i];
	rig_areas++;
	return 0;
}

static void
keyer_fini(void *area)
{
	assert_int_equal(((struct rig_area *)area)->alive, RIG_ALIVE);
	rig_areas--;
}

/* Not a hash, but as free of collisions for the tests' keys. */
static int
key_id(const uint8_t *key, uint32_t key_bytes, const uint8_t salt[SADB_SALT_BYTES], uint8_t id[SADB_KEY_ID_BYTES])
{
	memset(id, 0, SADB_KEY_ID_BYTES);
	memcpy(id, key, key_bytes);
	id[31] ^= (uint8_t)key_bytes;
	for (unsigned i = 0; i < SADB_SALT_BYTES; i++)
		id[20 + i] ^= salt[i];
	return 0;
}

struct sadb_config
rig_config(const char *store_path)
{
	return (struct sadb_config){
	    .max_sas = 64,
	    .max_policies = 64,
	    .max_workers = 8,
	    .keyer = {.area_bytes = RIG_AREA, .init = keyer_init, .fini = keyer_fini},
	    .key_id = key_id,
	    .store_path = store_path,
	};
}

struct sadb *
rig_create(const char *store_path)
{
	struct sadb_config config = rig_config(store_path);
	rig_keyer_rc = 0;
	struct sadb *db = sadb_create(&config, &rig_err);
	if (db == NULL)
		fail_msg("%s", rig_err.text);
	assert_int_equal(sadb_vnet_add(db, 1, "blue", &rig_err), 0);
	return db;
}

struct sadb_sa_config
rig_sa(uint32_t n)
{
	struct sadb_sa_config config = {
	    .spi_be = rte_cpu_to_be_32(0x1000 + n),
	    .proto = IPPROTO_ESP,
	    .aead = SADB_AEAD_AES_GCM_16,
	    .mode = XFRM_MODE_TUNNEL,
	    .reqid = 7,
	    .vnet_id = 1,
	    .window_packets = 64,
	    .key_bytes = 32,
	    .salt = {1, 2, 3, 4},
	    .life = {SADB_INF, SADB_INF, SADB_INF, SADB_INF, 0, 0, 0, 0},
	};
	assert_int_equal(sadb_addr_parse("192.0.2.1", &config.src), 0);
	assert_int_equal(sadb_addr_parse("192.0.2.2", &config.dst), 0);
	for (unsigned i = 0; i < sizeof(config.key); i++)
		config.key[i] = (uint8_t)(i + 1);
	memcpy(config.key, &n, sizeof(n));
	return config;
}

struct sadb_sa_key
rig_key(uint32_t n)
{
	struct sadb_sa_config config = rig_sa(n);
	return sadb_sa_key_make(&config.dst, config.spi_be, config.proto);
}

struct sadb_sa *
rig_lookup(struct sadb *db, uint32_t n)
{
	struct sadb_sa_key key = rig_key(n);
	const struct sadb_sa_key *keys[1] = {&key};
	struct sadb_sa *out[1];
	sadb_sa_lookup(db, keys, 1, out);
	return out[0];
}

void
rig_add(struct sadb *db, uint32_t n)
{
	struct sadb_sa_config config = rig_sa(n);
	if (sadb_sa_add(db, &config, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
}

void
rig_commit(struct sadb *db)
{
	if (sadb_commit(db, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
}

void
rig_own_address(struct sadb *db, const char *addr)
{
	struct sadb_route routes[2] = {{.dst = rig_prefix("0.0.0.0/0"), .kind = SADB_ROUTE_UNICAST},
				       {.dst = {.len = 32}, .kind = SADB_ROUTE_LOCAL}};
	if (addr != NULL)
		assert_int_equal(sadb_addr_parse(addr, &routes[1].dst.addr), 0);
	struct sadb_fib *fib = sadb_fib_create(routes, addr != NULL ? 2 : 1);
	assert_non_null(fib);
	sadb_vnet_fib_set(db, sadb_underlay(db), fib);
}

void
rig_reclaim_all(struct sadb *db)
{
	assert_int_equal(sadb_reclaim(db), 0);
}

struct sadb_prefix
rig_prefix(const char *text)
{
	struct sadb_prefix prefix = {.len = 0};
	assert_int_equal(sadb_prefix_parse(text, &prefix), 0);
	return prefix;
}

struct sadb_policy_config
rig_policy(const char *dst, uint32_t priority, uint32_t reqid)
{
	struct sadb_policy_config config = {
	    .sel = {.src = rig_prefix(strchr(dst, ':') != NULL ? "::/0" : "0.0.0.0/0"), .dst = rig_prefix(dst)},
	    .tmpl = {.reqid = reqid, .proto = IPPROTO_ESP, .mode = XFRM_MODE_TUNNEL},
	    .priority = priority,
	    .vnet_id = 1,
	    .dir = SADB_POLICY_OUT,
	    .action = SADB_PROTECT,
	};
	assert_int_equal(sadb_addr_parse("192.0.2.1", &config.tmpl.src), 0);
	assert_int_equal(sadb_addr_parse("192.0.2.2", &config.tmpl.dst), 0);
	return config;
}

struct sadb_flow_v4
rig_flow(const char *src, const char *dst, uint8_t proto, uint16_t sport, uint16_t dport)
{
	struct sadb_addr from, to;
	assert_int_equal(sadb_addr_parse(src, &from), 0);
	assert_int_equal(sadb_addr_parse(dst, &to), 0);
	return (struct sadb_flow_v4){
	    .proto = proto,
	    .src_be = sadb_addr_to_v4(&from),
	    .dst_be = sadb_addr_to_v4(&to),
	    .sport_be = rte_cpu_to_be_16(sport),
	    .dport_be = rte_cpu_to_be_16(dport),
	};
}

struct sadb_policy *
rig_find(struct sadb *db, const struct sadb_flow_v4 *flow)
{
	const struct sadb_flow_v4 *flows[1] = {flow};
	struct sadb_policy *out[1];
	sadb_spd_lookup(sadb_vnet_spd(sadb_vnet_find(db, 1), SADB_POLICY_OUT), flows, 1, out);
	return out[0];
}

uint64_t
rig_take(struct sadb_sa *sa, unsigned n)
{
	uint64_t first = 0;
	assert_int_equal(sadb_sa_seq_take(sa->mut, n, &first), n);
	return first;
}
