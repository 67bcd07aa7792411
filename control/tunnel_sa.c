/* SPDX-License-Identifier: BSD-3-Clause
 * The SAs of a tunnel: made with fresh keys, switched, retired. Control thread. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/xfrm.h>
#include <openssl/rand.h>

#include "control/attr.h"
#include "control/log.h"
#include "control/tunnel_impl.h"

#define SPI_MIN   0x100 /* RFC 4303 2.1 */
#define SPI_TRIES 16

bool
ctl_tunnel_random(void *out, size_t bytes)
{
	return RAND_priv_bytes(out, (int)bytes) == 1;
}

struct sadb_sa_key
ctl_tunnel_in_key(const struct ctl_tunnel *tunnel, rte_be32_t spi_be)
{
	return sadb_sa_key_make(&tunnel->config.local, spi_be, IPPROTO_ESP);
}

struct sadb_sa_key
ctl_tunnel_out_key(const struct ctl_tunnel *tunnel, rte_be32_t spi_be)
{
	return sadb_sa_key_make(&tunnel->config.remote, spi_be, IPPROTO_ESP);
}

/* Someone may have deleted it and someone else taken its SPI: only one of this tunnel counts. */
static const struct sadb_sa_cold *
own_sa(const struct ctl_tunnel *tunnel, const struct sadb_sa_key *key)
{
	const struct sadb_sa_cold *sa = key->spi_be != 0 ? sadb_sa_find(tunnel->set->db, key) : NULL;

	return sa != NULL && sa->hot != NULL && sa->config.reqid == tunnel->reqid ? sa : NULL;
}

const struct sadb_sa_cold *
ctl_tunnel_in_sa(const struct ctl_tunnel *tunnel, rte_be32_t spi_be)
{
	const struct sadb_sa_key key = ctl_tunnel_in_key(tunnel, spi_be);

	return own_sa(tunnel, &key);
}

const struct sadb_sa_cold *
ctl_tunnel_out_sa(const struct ctl_tunnel *tunnel)
{
	const struct sadb_sa_key key = ctl_tunnel_out_key(tunnel, tunnel->out_spi_be);

	return own_sa(tunnel, &key);
}

uint64_t
ctl_tunnel_packets(const struct sadb_sa_cold *sa)
{
	/* Relaxed: workers only add. */
	return sa != NULL ? __atomic_load_n(&sa->hot->mut->packets, __ATOMIC_RELAXED) : 0;
}

/* What both directions have in common. Its selector is open: the policies of both ends check the inner packet. */
static struct sadb_sa_config
config_of(const struct ctl_tunnel *tunnel, const struct ctl_offer *offer, uint8_t dir)
{
	const bool out = dir == SADB_DIR_OUT;
	struct sadb_sa_config config;

	memset(&config, 0, sizeof(config));
	config.src = out ? tunnel->config.local : tunnel->config.remote;
	config.dst = out ? tunnel->config.remote : tunnel->config.local;
	config.spi_be = rte_cpu_to_be_32(offer->spi);
	config.proto = IPPROTO_ESP;
	config.mode = XFRM_MODE_TUNNEL;
	config.aead = (uint8_t)offer->algorithm->aead;
	config.dir = dir;
	config.reqid = tunnel->reqid;
	config.vnet_id = tunnel->config.vnet_id;
	config.flags = offer->esn ? SADB_SA_ESN : 0;
	config.key_bytes = offer->key_bytes;
	memcpy(config.key, offer->key, offer->key_bytes);
	memcpy(config.salt, offer->salt, sizeof(offer->salt));
	return config;
}

static int
choose_spi(const struct ctl_tunnel *tunnel, uint32_t *spi)
{
	for (unsigned i = 0; i < SPI_TRIES; i++) {
		if (!ctl_tunnel_random(spi, sizeof(*spi)))
			return -EIO;
		const struct sadb_sa_key key = ctl_tunnel_in_key(tunnel, rte_cpu_to_be_32(*spi));
		if (*spi >= SPI_MIN && sadb_sa_find(tunnel->set->db, &key) == NULL)
			return 0;
	}
	return -ENOSPC;
}

/* The limits that stop this SA even if the peer did not keep them. In seconds with the time that an offer may take to be
 * answered: the peer counts from there. */
static struct sadb_lifetime
in_life(const struct ctl_tunnel *tunnel)
{
	const struct sadb_lifetime *life = &tunnel->config.life;
	uint64_t hard_s = life->hard_add_s;

	return (struct sadb_lifetime){
	    .soft_bytes = SADB_INF,
	    .hard_bytes = life->hard_bytes,
	    .soft_packets = SADB_INF,
	    .hard_packets = life->hard_packets,
	    .hard_add_s = hard_s != 0 ? hard_s + CTL_TUNNEL_OFFER_S + tunnel->config.overlap_s : 0,
	};
}

/* How much an inbound SA would be missed: not once the peer has left it; little if it never came. */
static unsigned
worth(const struct ctl_tunnel *tunnel, const struct ctl_tunnel_in *in)
{
	if (in->retire_ns != 0)
		return 0;
	if (tunnel->pending.open && in->spi_be == tunnel->pending.spi_be)
		return 3;
	return in->known || ctl_tunnel_packets(ctl_tunnel_in_sa(tunnel, in->spi_be)) > 0 ? 2 : 1;
}

/* Of an over-long list the one goes that is missed least, of equal ones the oldest. */
static void
make_room(struct ctl_tunnel *tunnel)
{
	unsigned victim = 0;

	if (tunnel->n_in < CTL_TUNNEL_INS)
		return;
	for (unsigned i = 1; i < tunnel->n_in; i++)
		if (worth(tunnel, &tunnel->in[i]) < worth(tunnel, &tunnel->in[victim]))
			victim = i;
	ctl_tunnel_in_drop(tunnel, tunnel->in[victim].spi_be);
}

int
ctl_tunnel_in_make(struct ctl_tunnel *tunnel, struct ctl_offer *offer, struct sadb_error *err)
{
	struct sadb_sa_config config;
	int rc = choose_spi(tunnel, &offer->spi);

	offer->algorithm = tunnel->config.algorithm;
	offer->key_bytes = offer->algorithm->key_bytes;
	if (rc != 0 || !ctl_tunnel_random(offer->key, offer->key_bytes) ||
	    !ctl_tunnel_random(offer->salt, sizeof(offer->salt)))
		return ctl_refuse(err, rc != 0 ? rc : -EIO, 0, "no random SPI and key can be had");
	offer->esn = tunnel->config.esn;
	offer->hard_bytes = tunnel->config.life.hard_bytes;
	offer->hard_packets = tunnel->config.life.hard_packets;
	offer->hard_s = tunnel->config.life.hard_add_s;
	config = config_of(tunnel, offer, SADB_DIR_IN);
	config.window_packets = tunnel->config.window_packets;
	config.life = in_life(tunnel);
	rc = sadb_sa_add(tunnel->set->db, &config, err);
	sadb_wipe(&config, sizeof(config));
	if (rc != 0)
		return rc;
	make_room(tunnel);
	tunnel->in[tunnel->n_in++] = (struct ctl_tunnel_in){.spi_be = rte_cpu_to_be_32(offer->spi)};
	return 0;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A soft limit somewhat early, differently each time: else both gateways would begin an exchange in the same moment. And
 * with time left before a hard limit that the peer asked for. */
static uint64_t
soft_limit(uint64_t soft, uint64_t hard, uint64_t none)
{
	uint16_t random = 0;

	if (hard != none && (soft == none || soft >= hard))
		soft = hard - hard / 10;
	if (soft == none)
		return none;
	ctl_tunnel_random(&random, sizeof(random)); /* without it: no jitter, which the tie rule bears */
	uint64_t early = soft / 10 / UINT16_MAX * random + soft / 10 % UINT16_MAX * random / UINT16_MAX;
	return soft - early > 0 ? soft - early : 1;
}

static struct sadb_lifetime
out_life(const struct ctl_tunnel *tunnel, const struct ctl_offer *offer)
{
	const struct sadb_lifetime *own = &tunnel->config.life;
	struct sadb_lifetime life = {
	    .hard_bytes = least(own->hard_bytes, offer->hard_bytes),
	    .hard_packets = least(own->hard_packets, offer->hard_packets),
	    .hard_add_s = own->hard_add_s != 0 && (offer->hard_s == 0 || own->hard_add_s < offer->hard_s)
			      ? own->hard_add_s
			      : offer->hard_s,
	};

	life.soft_bytes = soft_limit(own->soft_bytes, life.hard_bytes, SADB_INF);
	life.soft_packets = soft_limit(own->soft_packets, life.hard_packets, SADB_INF);
	life.soft_add_s = soft_limit(own->soft_add_s, life.hard_add_s, 0);
	return life;
}

int
ctl_tunnel_out_make(struct ctl_tunnel *tunnel, const struct ctl_offer *offer, struct sadb_error *err)
{
	struct sadb_sa_config config = config_of(tunnel, offer, SADB_DIR_OUT);
	int rc = sadb_key_used(tunnel->set->db, &config, err);

	if (rc == 1)
		rc = ctl_refuse(
		    err, -ESTALE, 0,
		    "the key in it was in use here before: no key is taken twice; ask the peer for a new offer");
	if (rc == 0) {
		ctl_tunnel_wishes_to(&tunnel->config, &config);
		config.life = out_life(tunnel, offer);
		rc = sadb_sa_add(tunnel->set->db, &config, err);
	}
	sadb_wipe(&config, sizeof(config));
	return rc;
}

void
ctl_tunnel_out_switch(struct ctl_tunnel *tunnel, rte_be32_t spi_be)
{
	const struct sadb_sa_key old = ctl_tunnel_out_key(tunnel, tunnel->out_spi_be);
	struct sadb_error err = {.text = ""};
	bool had = ctl_tunnel_out_sa(tunnel) != NULL;

	tunnel->out_spi_be = spi_be;
	tunnel->out_since_ns = tunnel->set->now_ns();
	if (!had)
		return;
	sadb_sa_del(tunnel->set->db, &old, NULL);
	if (sadb_commit(tunnel->set->db, &err) != 0)
		ctl_log(CTL_LOG_WARNING, "tunnel %s: %s", tunnel->config.name, err.text);
}

void
ctl_tunnel_in_known(struct ctl_tunnel *tunnel, rte_be32_t spi_be)
{
	const uint64_t when_ns = tunnel->set->now_ns() + tunnel->config.overlap_s * CTL_NS_PER_S;
	unsigned at = 0;

	while (at < tunnel->n_in && tunnel->in[at].spi_be != spi_be)
		at++;
	if (at == tunnel->n_in || tunnel->in[at].known)
		return;
	tunnel->in[at].known = true;
	for (unsigned i = 0; i < at; i++)
		if (tunnel->in[i].retire_ns == 0)
			tunnel->in[i].retire_ns = when_ns;
}

void
ctl_tunnel_in_forget(struct ctl_tunnel *tunnel, rte_be32_t spi_be)
{
	for (unsigned i = 0; i < tunnel->n_in; i++) {
		if (tunnel->in[i].spi_be != spi_be)
			continue;
		tunnel->n_in--;
		memmove(&tunnel->in[i], &tunnel->in[i + 1], (tunnel->n_in - i) * sizeof(tunnel->in[0]));
		return;
	}
}

void
ctl_tunnel_in_drop(struct ctl_tunnel *tunnel, rte_be32_t spi_be)
{
	const struct sadb_sa_key key = ctl_tunnel_in_key(tunnel, spi_be);

	if (ctl_tunnel_in_sa(tunnel, spi_be) != NULL)
		sadb_sa_del(tunnel->set->db, &key, NULL);
	ctl_tunnel_in_forget(tunnel, spi_be);
}

void
ctl_tunnel_sas_drop(struct ctl_tunnel *tunnel)
{
	const struct sadb_sa_key out = ctl_tunnel_out_key(tunnel, tunnel->out_spi_be);

	if (ctl_tunnel_out_sa(tunnel) != NULL)
		sadb_sa_del(tunnel->set->db, &out, NULL);
	tunnel->out_spi_be = 0;
	while (tunnel->n_in > 0)
		ctl_tunnel_in_drop(tunnel, tunnel->in[0].spi_be);
}
