/* SPDX-License-Identifier: BSD-3-Clause
 * A whole gateway in this process: the real database, engine and stages, with ports made of rings and no thread. Main
 * thread. */
#include "pktgen/bench.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "pktgen/interrupt.h"

#define INNER_VNET  1
#define COMMIT_EACH 10000 /* policies and SAs to a commit */
#define PER_WORKER  2048  /* packet buffers */

const uint8_t pg_bench_key[PG_BENCH_DIRS][32] = {{0x11, 1}, {0x22, 2}};
const uint8_t pg_bench_neighbour[6] = {0x02, 0, 0, 0, 0, 0x99};

static const char *const port_name[PG_BENCH_PORTS] = {"bench-lan", "bench-wan"};

/* The keys differ in their salts alone, so those name them. */
static int
key_id(const uint8_t *key, uint32_t key_bytes, const uint8_t salt[SADB_SALT_BYTES], uint8_t id[SADB_KEY_ID_BYTES])
{
	memset(id, 0, SADB_KEY_ID_BYTES);
	memcpy(id, salt, SADB_SALT_BYTES);
	memcpy(id + SADB_SALT_BYTES, key, key_bytes < 28 ? key_bytes : 28);
	return 0;
}

static struct sadb_addr
v4(uint32_t addr)
{
	return sadb_addr_v4(rte_cpu_to_be_32(addr));
}

static int
make_rings(struct pg_bench_gateway *g, enum pg_bench_port which, struct pg_error *err)
{
	char name[RTE_RING_NAMESIZE];
	for (unsigned i = 0; i < 2 * g->workers; i++) {
		snprintf(name, sizeof(name), "%s-%u", port_name[which], i);
		struct rte_ring *ring =
		    rte_ring_create(name, 2 * PG_BENCH_BATCH_MAX, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (ring == NULL)
			return pg_error_set(err, -rte_errno, "cannot make ring %s: %s", name, rte_strerror(rte_errno));
		*(i % 2 ? &g->tx[which][i / 2] : &g->rx[which][i / 2]) = ring;
	}
	return 0;
}

/* The port of rings itself, as a device of DPDK's. */
static int
make_device(struct pg_bench_gateway *g, enum pg_bench_port which, char device[64], struct pg_error *err)
{
	const int rc = make_rings(g, which, err);
	if (rc < 0)
		return rc;
	snprintf(device, 64, "net_ring_%s", port_name[which]);
	const int ethdev =
	    rte_eth_from_rings(port_name[which], g->rx[which], g->workers, g->tx[which], g->workers, SOCKET_ID_ANY);
	if (ethdev < 0)
		return pg_error_set(err, -EIO, "DPDK cannot make device %s of rings", device);
	g->ethdev[which] = (uint16_t)ethdev;
	return 0;
}

static int
add_port(struct pg_bench_gateway *g, enum pg_bench_port which, unsigned max_ip_bytes, struct pg_error *err)
{
	const bool wan = which == PG_BENCH_WAN;
	const struct sadb_addr own = v4(wan ? PG_BENCH_OUTER_OWN : (PG_BENCH_HOST & 0xffffff00u) | 1);
	struct dp_port_config config = {.underlay = wan,
					.vnet = wan ? sadb_underlay(g->db) : sadb_vnet_find(g->db, INNER_VNET),
					.twinless = true,
					.mtu = (uint16_t)max_ip_bytes};
	struct dp_port_info info;
	struct dp_error dp_err;
	char device[64];
	uint16_t number, left;

	int rc = make_device(g, which, device, err);
	if (rc < 0)
		return rc;
	snprintf(config.name, sizeof(config.name), "%s", port_name[which]);
	config.device = device;
	rc = dp_port_add(g->dp, &config, &number, &dp_err);
	if (rc < 0) {
		if (rte_eth_dev_get_port_by_name(device, &left) == 0) /* refused before it was taken over */
			rte_eal_hotplug_remove("vdev", device);
		return pg_error_set(err, rc, "%s", dp_err.text);
	}
	if ((rc = dp_port_addrs_set(g->dp, number, &own, 1)) < 0 || (rc = dp_port_get(g->dp, number, &info)) < 0)
		return pg_error_set(err, rc, "no memory for the addresses of %s", config.name);
	memcpy(g->mac[which], info.mac, sizeof(g->mac[which]));
	return 0;
}

static int
add_routes(struct pg_bench_gateway *g, struct pg_error *err)
{
	const struct sadb_route under[] = {
	    {.dst = {v4(PG_BENCH_OUTER_OWN), 32}, .port = PG_BENCH_WAN, .kind = SADB_ROUTE_LOCAL},
	    {.dst = {v4(PG_BENCH_OUTER_OWN & 0xffffff00u), 24}, .port = PG_BENCH_WAN, .kind = SADB_ROUTE_UNICAST},
	};
	const struct sadb_route inside[] = {
	    {.dst = {v4(PG_BENCH_HOST & 0xffffff00u), 24}, .port = PG_BENCH_LAN, .kind = SADB_ROUTE_UNICAST},
	};
	struct sadb_neigh neighbours[] = {
	    {.addr_v4_be = rte_cpu_to_be_32(PG_BENCH_OUTER_PEER), .port = PG_BENCH_WAN},
	    {.addr_v4_be = rte_cpu_to_be_32(PG_BENCH_HOST), .port = PG_BENCH_LAN},
	};
	for (unsigned i = 0; i < 2; i++)
		memcpy(neighbours[i].mac, pg_bench_neighbour, sizeof(pg_bench_neighbour));
	struct sadb_fib *outer = sadb_fib_create(under, 2), *inner = sadb_fib_create(inside, 1);
	struct sadb_neigh_table *table = sadb_neigh_table_create(neighbours, 2);
	/* Owned by the database from here on, whatever is missing. */
	sadb_vnet_fib_set(g->db, sadb_underlay(g->db), outer);
	sadb_vnet_fib_set(g->db, sadb_vnet_find(g->db, INNER_VNET), inner);
	sadb_neighs_set(g->db, table);
	if (outer == NULL || inner == NULL || table == NULL)
		return pg_error_set(err, -ENOMEM, "no memory for routes");
	return 0;
}

static int
add_sa(struct pg_bench_gateway *g, unsigned i, enum pg_bench_dir dir, unsigned window, struct sadb_error *err)
{
	const bool out = dir == PG_BENCH_ENCRYPT;
	const rte_be32_t salt = rte_cpu_to_be_32(out ? i : PG_BENCH_SALT_IN + i);
	struct sadb_sa_config config = {
	    .src = v4(out ? PG_BENCH_OUTER_OWN : PG_BENCH_OUTER_PEER),
	    .dst = v4(out ? PG_BENCH_OUTER_PEER : PG_BENCH_OUTER_OWN),
	    .spi_be = rte_cpu_to_be_32((out ? PG_BENCH_SPI_OUT : PG_BENCH_SPI_IN) + i),
	    .proto = IPPROTO_ESP,
	    .aead = (uint8_t)g->algorithm->aead,
	    .dir = out ? SADB_DIR_OUT : SADB_DIR_IN,
	    .mode = XFRM_MODE_TUNNEL,
	    .reqid = i + 1,
	    .vnet_id = INNER_VNET,
	    .window_packets = window,
	    .flags = g->esn ? SADB_SA_ESN : 0,
	    .key_bytes = g->algorithm->key_bytes,
	    .life = {SADB_INF, SADB_INF, SADB_INF, SADB_INF, 0, 0, 0, 0},
	};
	memcpy(config.key, pg_bench_key[dir], config.key_bytes);
	memcpy(config.salt, &salt, sizeof(config.salt));
	return sadb_sa_add(g->db, &config, err);
}

/* Policy i of a direction. Those beyond the SAs have a better place in the order and match nothing that is sent. */
static int
add_policy(struct pg_bench_gateway *g, unsigned i, enum sadb_policy_dir dir, struct sadb_error *err)
{
	const bool out = dir == SADB_POLICY_OUT, used = i < g->sas;
	const struct sadb_prefix far = {.addr = v4(PG_BENCH_FAR + i), .len = 32},
				 near = {.addr = v4(PG_BENCH_HOST & 0xffffff00u), .len = 24};
	struct sadb_policy_config config = {
	    .sel = {.src = out ? near : far, .dst = out ? far : near},
	    .tmpl = {.src = v4(out ? PG_BENCH_OUTER_OWN : PG_BENCH_OUTER_PEER),
		     .dst = v4(out ? PG_BENCH_OUTER_PEER : PG_BENCH_OUTER_OWN),
		     .reqid = i + 1,
		     .proto = IPPROTO_ESP,
		     .mode = XFRM_MODE_TUNNEL},
	    .priority = used ? 100 : 10,
	    .vnet_id = INNER_VNET,
	    .dir = (uint8_t)dir,
	    .action = SADB_PROTECT,
	};
	return sadb_policy_add(g->db, &config, false, err);
}

static int
fill(struct pg_bench_gateway *g, unsigned policies, unsigned window, struct pg_error *err)
{
	struct sadb_error why = {.text = ""};
	int rc = 0;
	const unsigned most = policies > g->sas ? policies : g->sas;
	for (unsigned i = 0; i < most && rc == 0; i++) {
		for (unsigned dir = 0; dir < PG_BENCH_DIRS && i < g->sas && rc == 0; dir++)
			rc = add_sa(g, i, dir, window, &why);
		if (i < policies && rc == 0)
			rc = add_policy(g, i, SADB_POLICY_OUT, &why);
		if (i < policies && rc == 0)
			rc = add_policy(g, i, SADB_POLICY_FWD, &why);
		if ((i % COMMIT_EACH == COMMIT_EACH - 1 || i + 1 == most) && rc == 0) {
			rc = sadb_commit(g->db, &why);
			sadb_reclaim(g->db);
			if (rc == 0 && pg_interrupted())
				return pg_error_set(err, -EINTR, "interrupted");
		}
		if (rc < 0)
			return pg_error_set(err, rc, "pair %u of %u: %s", i + 1, most, why.text);
	}
	return 0;
}

static int
build(struct pg_bench_gateway *g, const struct pg_bench_options *options, const struct pg_bench_case *what,
      struct pg_error *err)
{
	/* With all that ESP adds; buffers of a gateway whose ports have an ordinary MTU, unless the frames ask for more. */
	const unsigned max_ip_bytes = what->frame->max <= 1422 ? 1500 : what->frame->max + 128u;
	const struct dp_config config = {.engine = what->engine,
					 .workers = what->workers,
					 .packets = PER_WORKER * (what->workers + 1),
					 .max_frame_bytes = max_ip_bytes + 14,
					 .poll_busy = true};
	struct sadb_config sadb = {.max_sas = 2 * what->sas,
				   .max_policies = 2 * what->policies,
				   .max_workers = what->workers,
				   .key_id = key_id};
	struct dp_error dp_err;
	struct sadb_error sadb_err;

	g->dp = dp_create(&config, &sadb.keyer, &dp_err);
	if (g->dp == NULL)
		return pg_error_set(err, -EINVAL, "%s", dp_err.text);
	g->pool = dp_packet_pool(g->dp);
	g->db = sadb_create(&sadb, &sadb_err);
	if (g->db == NULL)
		return pg_error_set(err, -ENOMEM, "%s", sadb_err.text);
	int rc = sadb_vnet_add(g->db, INNER_VNET, "bench", &sadb_err);
	if (rc < 0)
		return pg_error_set(err, rc, "%s", sadb_err.text);
	dp_attach(g->dp, g->db);
	for (unsigned port = 0; port < PG_BENCH_PORTS && rc == 0; port++)
		rc = add_port(g, port, max_ip_bytes, err);
	if (rc == 0)
		rc = add_routes(g, err);
	if (rc == 0)
		rc = fill(g, what->policies, options->window, err);
	if (rc == 0 && (rc = dp_set_up(g->dp, &dp_err)) < 0)
		pg_error_set(err, rc, "%s", dp_err.text);
	return rc;
}

int
pg_bench_gateway_create(const struct pg_bench_options *options, const struct pg_bench_case *what,
			struct pg_bench_gateway **out, struct pg_error *err)
{
	struct pg_bench_gateway *g = calloc(1, sizeof(*g));
	if (g == NULL)
		return pg_error_set(err, -ENOMEM, "no memory for a gateway");
	g->workers = what->workers;
	g->sas = what->sas;
	g->algorithm = what->algorithm;
	g->esn = what->esn;
	g->in_seq = calloc(what->sas, sizeof(*g->in_seq));
	const int rc = g->in_seq == NULL ? pg_error_set(err, -ENOMEM, "no memory for %u SAs", what->sas)
					 : build(g, options, what, err);
	if (rc < 0) {
		pg_bench_gateway_destroy(g);
		return rc;
	}
	*out = g;
	return 0;
}

void
pg_bench_gateway_destroy(struct pg_bench_gateway *g)
{
	dp_destroy(g->dp);
	if (g->db != NULL)
		sadb_destroy(g->db);
	for (unsigned port = 0; port < PG_BENCH_PORTS; port++) {
		for (unsigned i = 0; i < g->workers; i++) {
			rte_ring_free(g->rx[port][i]);
			rte_ring_free(g->tx[port][i]);
		}
	}
	free(g->in_seq);
	free(g);
}

static void
ignore_expiry(void *arg, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	(void)arg, (void)sa, (void)kind;
}

void
pg_bench_gateway_tick(struct pg_bench_gateway *g)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	sadb_tick(g->db, (uint64_t)now.tv_sec, ignore_expiry, NULL);
	dp_port_poll_link(g->dp);
}
