/* SPDX-License-Identifier: BSD-3-Clause
 * Encoding of SA messages. An answer or event (with state) never carries key bytes: their length only. Pure. */
#include "control/xfrm_impl.h"

#include <netinet/in.h>

#include <linux/udp.h>

/* The window that usersa.replay_window and XFRMA_REPLAY_VAL can say; wider ones and ESN go in XFRMA_REPLAY_ESN_VAL. */
#define LEGACY_WINDOW 32

static bool
wants_esn_val(const struct sadb_sa_config *config)
{
	return (config->flags & SADB_SA_ESN) != 0 || config->window_packets > LEGACY_WINDOW;
}

static uint8_t
state_flags(const struct sadb_sa_config *config)
{
	uint32_t flags = config->flags;

	return (uint8_t)((flags & SADB_SA_ESN ? XFRM_STATE_ESN : 0) | (flags & SADB_SA_NOECN ? XFRM_STATE_NOECN : 0) |
			 (flags & SADB_SA_DECAP_DSCP ? XFRM_STATE_DECAP_DSCP : 0) |
			 (flags & SADB_SA_NOPMTUDISC ? XFRM_STATE_NOPMTUDISC : 0) |
			 (config->sel.src.addr.family == AF_UNSPEC && config->sel.dst.addr.family == AF_UNSPEC
			      ? XFRM_STATE_AF_UNSPEC
			      : 0));
}

struct xfrm_lifetime_cur
ctl_xfrm_put_use(const struct ctl_sa_state *state)
{
	return (struct xfrm_lifetime_cur){.bytes = state->bytes,
					  .packets = state->packets,
					  .add_time = state->add_time_s,
					  .use_time = state->use_time_s};
}

/* 0 bytes or packets is how a plain struct says that there is no limit. */
static uint64_t
limit(uint64_t value)
{
	return value != 0 ? value : XFRM_INF;
}

struct xfrm_lifetime_cfg
ctl_xfrm_put_lifetime(const struct sadb_lifetime *life)
{
	return (struct xfrm_lifetime_cfg){
	    .soft_byte_limit = limit(life->soft_bytes),
	    .hard_byte_limit = limit(life->hard_bytes),
	    .soft_packet_limit = limit(life->soft_packets),
	    .hard_packet_limit = limit(life->hard_packets),
	    .soft_add_expires_seconds = life->soft_add_s,
	    .hard_add_expires_seconds = life->hard_add_s,
	    .soft_use_expires_seconds = life->soft_use_s,
	    .hard_use_expires_seconds = life->hard_use_s,
	};
}

static void
fill_state(struct xfrm_usersa_info *info, const struct ctl_sa_state *state)
{
	info->curlft = ctl_xfrm_put_use(state);
	info->stats.replay = state->replay_drops;
	info->stats.replay_window = state->window_drops;
	info->stats.integrity_failed = state->icv_drops;
}

static void
fill_info(struct xfrm_usersa_info *info, const struct sadb_sa_config *config, const struct ctl_sa_state *state)
{
	memset(info, 0, sizeof(*info));
	ctl_xfrm_put_selector(&info->sel, &config->sel);
	ctl_xfrm_put_addr(&info->id.daddr, &config->dst);
	info->id.spi = config->spi_be;
	info->id.proto = config->proto;
	ctl_xfrm_put_addr(&info->saddr, &config->src);
	info->lft = ctl_xfrm_put_lifetime(&config->life);
	info->seq = config->acquire_seq;
	info->reqid = config->reqid;
	info->family = config->dst.family;
	info->mode = config->mode;
	info->replay_window = wants_esn_val(config) ? 0 : (uint8_t)config->window_packets;
	info->flags = state_flags(config);
	if (state)
		fill_state(info, state);
}

static void
put_aead(struct ctl_put *put, const struct sadb_sa_config *config, const struct ctl_sa_state *state)
{
	const struct sadb_algorithm *algorithm = sadb_algorithm_find((enum sadb_aead)config->aead, config->key_bytes);
	if (algorithm == NULL) /* larval */
		return;
	uint32_t bytes = config->key_bytes + SADB_SALT_BYTES;
	struct xfrm_algo_aead alg = {.alg_key_len = bytes * 8, .alg_icv_len = CTL_XFRM_ICV_BITS};
	snprintf(alg.alg_name, sizeof(alg.alg_name), "%s", algorithm->kernel_name);
	uint8_t *room = ctl_put_room(put, XFRMA_ALG_AEAD, sizeof(alg) + bytes);
	if (!room)
		return;
	memcpy(room, &alg, sizeof(alg));
	if (!state) {
		memcpy(room + sizeof(alg), config->key, config->key_bytes);
		memcpy(room + sizeof(alg) + config->key_bytes, config->salt, SADB_SALT_BYTES);
	} else if (state->stand_in) {
		memcpy(room + sizeof(alg), state->stand_in, config->key_bytes);
	}
}

void
ctl_xfrm_put_replay(struct ctl_put *put, const struct sadb_sa_config *config, const struct ctl_sa_state *state)
{
	uint64_t out_seq = state ? state->out_seq : config->out_seq;
	uint64_t in_seq = state ? state->in_seq : config->in_seq;

	if (!wants_esn_val(config)) {
		struct xfrm_replay_state replay = {.oseq = (uint32_t)out_seq, .seq = (uint32_t)in_seq};
		if (state && state->bitmap_words > 0)
			replay.bitmap = state->bitmap[0];
		if (state || out_seq != 0 || in_seq != 0)
			ctl_put_attr(put, XFRMA_REPLAY_VAL, &replay, sizeof(replay));
		return;
	}
	uint32_t words = (config->window_packets + 31) / 32;
	struct xfrm_replay_state_esn replay = {
	    .bmp_len = words,
	    .oseq = (uint32_t)out_seq,
	    .oseq_hi = (uint32_t)(out_seq >> 32),
	    .seq = (uint32_t)in_seq,
	    .seq_hi = (uint32_t)(in_seq >> 32),
	    .replay_window = config->window_packets,
	};
	uint8_t *room = ctl_put_room(put, XFRMA_REPLAY_ESN_VAL, sizeof(replay) + words * sizeof(uint32_t));
	if (!room)
		return;
	memcpy(room, &replay, sizeof(replay));
	if (state && state->bitmap_words > 0)
		memcpy(room + sizeof(replay), state->bitmap,
		       (state->bitmap_words < words ? state->bitmap_words : words) * sizeof(uint32_t));
}

static void
put_dir(struct ctl_put *put, uint8_t dir)
{
	uint8_t wire = dir == SADB_DIR_IN ? CTL_SA_DIR_IN : CTL_SA_DIR_OUT;

	if (dir != SADB_DIR_ANY)
		ctl_put_attr(put, CTL_XFRMA_SA_DIR, &wire, sizeof(wire));
}

static void
put_encap(struct ctl_put *put, const struct sadb_sa_config *config)
{
	const struct xfrm_encap_tmpl encap = {.encap_type = UDP_ENCAP_ESPINUDP,
					      .encap_sport = config->encap_sport_be,
					      .encap_dport = config->encap_dport_be};

	if (config->encap_sport_be == 0)
		return;
	ctl_put_attr(put, XFRMA_ENCAP, &encap, sizeof(encap));
	if (config->mapping_s != 0)
		ctl_put_u32(put, XFRMA_MTIMER_THRESH, config->mapping_s);
}

static void
put_outer(struct ctl_put *put, const struct sadb_sa_config *config)
{
	const uint32_t outer = config->outer_ttl | (uint32_t)config->outer_dscp << 8 |
			       (config->flags & SADB_SA_OUTER_DSCP ? CTL_XFRM_OUTER_DSCP : 0u) |
			       (config->flags & SADB_SA_OUTER_DF ? CTL_XFRM_OUTER_DF : 0u) |
			       (config->flags & SADB_SA_FRAGMENT_AFTER ? CTL_XFRM_FRAGMENT_AFTER : 0u);

	if (outer != 0)
		ctl_put_u32(put, CTL_XFRMA_OUTER, outer);
}

/* What follows struct xfrm_usersa_info, in the kernel's order. */
static void
put_sa_attrs(struct ctl_put *put, const struct sadb_sa_config *config, const struct ctl_sa_state *state)
{
	if (config->flags & SADB_SA_DONT_ENCAP_DSCP)
		ctl_put_u32(put, XFRMA_SA_EXTRA_FLAGS, XFRM_SA_XFLAG_DONT_ENCAP_DSCP);
	if (state && state->last_use_s != 0)
		ctl_put_u64(put, XFRMA_LASTUSED, state->last_use_s);
	put_aead(put, config, state);
	put_encap(put, config);
	if (config->tfc_pad_bytes != 0)
		ctl_put_u32(put, XFRMA_TFCPAD, config->tfc_pad_bytes);
	ctl_xfrm_put_replay(put, config, state);
	ctl_xfrm_put_if_id(put, config->vnet_id);
	put_dir(put, config->dir);
	put_outer(put, config);
	if (state && state->path_mtu != 0)
		ctl_put_u32(put, CTL_XFRMA_PATH_MTU, state->path_mtu);
}

size_t
ctl_xfrm_encode_sa(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_sa_config *config,
		   const struct ctl_sa_state *state)
{
	struct xfrm_usersa_info info;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(info));

	if (!body)
		return 0;
	fill_info(&info, config, state);
	memcpy(body, &info, sizeof(info));
	put_sa_attrs(&put, config, state);
	return ctl_put_end(&put);
}

struct xfrm_usersa_id
ctl_xfrm_put_key(const struct sadb_sa_key *key)
{
	struct xfrm_usersa_id id;

	memset(&id, 0, sizeof(id));
	memcpy(&id.daddr, key->dst, sizeof(key->dst));
	id.spi = key->spi_be;
	id.family = key->family;
	id.proto = key->proto;
	return id;
}

struct xfrm_usersa_id
ctl_xfrm_put_id(const struct sadb_sa_config *config)
{
	const struct sadb_sa_key key = sadb_sa_key_make(&config->dst, config->spi_be, config->proto);

	return ctl_xfrm_put_key(&key);
}

size_t
ctl_xfrm_encode_sa_id(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_sa_config *id)
{
	struct xfrm_usersa_id wire = ctl_xfrm_put_id(id);
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(wire));

	if (!body)
		return 0;
	memcpy(body, &wire, sizeof(wire));
	return ctl_put_end(&put);
}

size_t
ctl_xfrm_encode_sa_deleted(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_sa_config *config,
			   const struct ctl_sa_state *state)
{
	struct xfrm_usersa_id id = ctl_xfrm_put_id(config);
	struct xfrm_usersa_info info;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(id));

	if (!body)
		return 0;
	memcpy(body, &id, sizeof(id));
	fill_info(&info, config, state);
	ctl_put_attr(&put, XFRMA_SA, &info, sizeof(info));
	put_sa_attrs(&put, config, state);
	return ctl_put_end(&put);
}

size_t
ctl_xfrm_encode_alloc_spi(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_sa_config *config,
			  uint32_t min, uint32_t max)
{
	struct xfrm_userspi_info ask;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(ask));

	if (!body)
		return 0;
	memset(&ask, 0, sizeof(ask));
	fill_info(&ask.info, config, NULL);
	ask.min = min;
	ask.max = max;
	memcpy(body, &ask, sizeof(ask));
	put_encap(&put, config);
	ctl_xfrm_put_if_id(&put, config->vnet_id);
	put_dir(&put, config->dir);
	return ctl_put_end(&put);
}

size_t
ctl_xfrm_encode_expire(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_sa_config *config,
		       const struct ctl_sa_state *state, int hard)
{
	struct xfrm_user_expire expire;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(expire));

	if (!body)
		return 0;
	memset(&expire, 0, sizeof(expire));
	fill_info(&expire.state, config, state);
	expire.hard = hard != 0;
	memcpy(body, &expire, sizeof(expire));
	ctl_xfrm_put_if_id(&put, config->vnet_id);
	put_dir(&put, config->dir);
	return ctl_put_end(&put);
}

size_t
ctl_xfrm_encode_flush_sa(void *buf, size_t size, const struct nlmsghdr *header, uint8_t proto)
{
	struct ctl_put put;
	struct xfrm_usersa_flush *body = ctl_put_start(&put, buf, size, header, sizeof(*body));

	if (!body)
		return 0;
	body->proto = proto;
	return ctl_put_end(&put);
}

/* The kernel answers with a word of flags, ours are zero. */
size_t
ctl_xfrm_encode_sad_info(void *buf, size_t size, const struct nlmsghdr *header, uint32_t count, uint32_t max)
{
	struct xfrmu_sadhinfo hash = {.sadhcnt = count, .sadhmcnt = max};
	struct ctl_put put;

	if (!ctl_put_start(&put, buf, size, header, sizeof(uint32_t)))
		return 0;
	ctl_put_u32(&put, XFRMA_SAD_CNT, count);
	ctl_put_attr(&put, XFRMA_SAD_HINFO, &hash, sizeof(hash));
	return ctl_put_end(&put);
}
