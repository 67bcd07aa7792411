/* SPDX-License-Identifier: BSD-3-Clause
 * Decoding of SA messages: NEWSA, UPDSA, DELSA, GETSA, ALLOCSPI, EXPIRE, FLUSHSA, NEWSADINFO. Pure. */
#include "control/xfrm_impl.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>

#include <linux/udp.h>

static bool
all_zero(const uint8_t *bytes, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= bytes[i];
	return any == 0;
}

/* One of that kernel name, with these bytes of key if there is; NULL: the name is not known. */
static const struct sadb_algorithm *
find_algorithm(const char *kernel_name, uint64_t key_bytes)
{
	const struct sadb_algorithm *one, *found = NULL;

	for (unsigned i = 0; (one = sadb_algorithm_at(i)) != NULL; i++)
		if (strcmp(one->kernel_name, kernel_name) == 0 && (found == NULL || one->key_bytes == key_bytes))
			found = one;
	return found;
}

/* The name of an algorithm that is not known, as the operator may see it. */
static int
refuse_algorithm(const char *kernel_name, struct sadb_error *err)
{
	char name[32];
	size_t i = 0;

	for (; i < sizeof(name) - 1 && kernel_name[i] != 0; i++)
		name[i] = isprint((unsigned char)kernel_name[i]) ? kernel_name[i] : '?';
	name[i] = 0;
	return ctl_refuse(err, -ENOSYS, XFRMA_ALG_AEAD, "XFRMA_ALG_AEAD %s is not supported: %s are", name,
			  CTL_XFRM_AEAD_NAMES);
}

/* RFC 4106 8.1, 7634 2, 4543 5: the keying material is the key with the 4-byte salt after it. */
static int
get_aead(const struct ctl_xfrm_msg *msg, struct sadb_sa_config *config, struct sadb_error *err)
{
	const struct nlattr *attr = msg->at[XFRMA_ALG_AEAD];
	struct xfrm_algo_aead alg;
	const uint8_t *key = (const uint8_t *)mnl_attr_get_payload(attr) + sizeof(alg);

	ctl_attr_copy(&alg, attr, sizeof(alg));
	alg.alg_name[sizeof(alg.alg_name) - 1] = 0;
	uint64_t bytes = ((uint64_t)alg.alg_key_len + 7) / 8;
	if (bytes > mnl_attr_get_payload_len(attr) - sizeof(alg))
		return ctl_refuse(err, -EINVAL, XFRMA_ALG_AEAD,
				  "XFRMA_ALG_AEAD says its key has %u bits, but only %zu bytes follow", alg.alg_key_len,
				  mnl_attr_get_payload_len(attr) - sizeof(alg));
	const struct sadb_algorithm *algorithm = find_algorithm(alg.alg_name, bytes - SADB_SALT_BYTES);
	if (algorithm == NULL)
		return refuse_algorithm(alg.alg_name, err);
	if (alg.alg_icv_len != CTL_XFRM_ICV_BITS)
		return ctl_refuse(err, -ENOSYS, XFRMA_ALG_AEAD, "XFRMA_ALG_AEAD with an ICV of %u bits: %u is accepted",
				  alg.alg_icv_len, CTL_XFRM_ICV_BITS);
	if (alg.alg_key_len != (algorithm->key_bytes + SADB_SALT_BYTES) * 8)
		return ctl_refuse(
		    err, -EINVAL, XFRMA_ALG_AEAD,
		    "XFRMA_ALG_AEAD with a key of %u bits: %s accepted, the last 32 are the salt", alg.alg_key_len,
		    algorithm->aead == SADB_AEAD_CHACHA20_POLY1305 ? "288 are" : "288 (AES-256) and 160 (AES-128) are");
	config->key_bytes = (uint32_t)bytes - SADB_SALT_BYTES;
	/* Redaction in the kernel leaves zeros: an answer may show them, a request must not use them. */
	if (msg->request && all_zero(key, config->key_bytes))
		return ctl_refuse(err, -EINVAL, XFRMA_ALG_AEAD, "XFRMA_ALG_AEAD has a key of zero bytes only");
	config->aead = (uint8_t)algorithm->aead;
	memcpy(config->key, key, config->key_bytes);
	memcpy(config->salt, key + config->key_bytes, SADB_SALT_BYTES);
	return 0;
}

static int
get_algorithms(const struct ctl_xfrm_msg *msg, struct sadb_sa_config *config, struct sadb_error *err)
{
	static const uint16_t others[] = {XFRMA_ALG_CRYPT, XFRMA_ALG_AUTH, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_COMP};

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (msg->at[others[i]])
			return ctl_refuse(err, -ENOSYS, others[i],
					  "%s is not supported: XFRMA_ALG_AEAD with " CTL_XFRM_AEAD_NAMES " is",
					  ctl_xfrm_rules.rule[others[i]].name);
	if (msg->at[XFRMA_ALG_AEAD])
		return get_aead(msg, config, err);
	/* A larval SA is shown without an algorithm. */
	if (msg->request)
		return ctl_refuse(err, -EINVAL, XFRMA_ALG_AEAD, "XFRMA_ALG_AEAD is missing");
	return 0;
}

/* RFC 3948. The original address (encap_oa) is for transport mode, whose checksums it mends: nothing asks for it here. */
static int
get_encap(const struct ctl_xfrm_msg *msg, struct sadb_sa_config *config, struct sadb_error *err)
{
	struct xfrm_encap_tmpl encap;

	if (!msg->at[XFRMA_ENCAP] && msg->at[XFRMA_MTIMER_THRESH])
		return ctl_refuse(err, -EINVAL, XFRMA_MTIMER_THRESH, "XFRMA_MTIMER_THRESH needs XFRMA_ENCAP beside it");
	if (!msg->at[XFRMA_ENCAP])
		return 0;
	ctl_attr_copy(&encap, msg->at[XFRMA_ENCAP], sizeof(encap));
	if (encap.encap_type != UDP_ENCAP_ESPINUDP)
		return ctl_refuse(err, -EOPNOTSUPP, XFRMA_ENCAP,
				  "XFRMA_ENCAP type %u%s is not supported: espinudp (%u) is", encap.encap_type,
				  encap.encap_type == UDP_ENCAP_ESPINUDP_NON_IKE ? " (espinudp-nonike)"
				  : encap.encap_type == TCP_ENCAP_ESPINTCP       ? " (espintcp)"
										 : "",
				  UDP_ENCAP_ESPINUDP);
	if (encap.encap_sport == 0 || encap.encap_dport == 0)
		return ctl_refuse(err, -EINVAL, XFRMA_ENCAP,
				  "XFRMA_ENCAP with ports %u and %u: 1 to 65535 are accepted", ntohs(encap.encap_sport),
				  ntohs(encap.encap_dport));
	config->encap_sport_be = encap.encap_sport;
	config->encap_dport_be = encap.encap_dport;
	config->mapping_s = ctl_xfrm_get_u32(msg, XFRMA_MTIMER_THRESH);
	return 0;
}

/* What of outbound packets is not as usual. */
static int
get_outer(const struct ctl_xfrm_msg *msg, struct sadb_sa_config *config, struct sadb_error *err)
{
	const uint32_t pad = ctl_xfrm_get_u32(msg, XFRMA_TFCPAD), outer = ctl_xfrm_get_u32(msg, CTL_XFRMA_OUTER);

	if (pad > UINT16_MAX)
		return ctl_refuse(err, -EINVAL, XFRMA_TFCPAD, "XFRMA_TFCPAD %u: no packet is longer than %u bytes", pad,
				  UINT16_MAX);
	if (outer & ~(uint32_t)(CTL_XFRM_OUTER_ALL))
		return ctl_refuse(err, -EOPNOTSUPP, CTL_XFRMA_OUTER,
				  "attribute %u of culvert: 0x%x asks for more than TTL, "
				  "DSCP, DF and fragmentation after ESP: is the client newer than this daemon?",
				  CTL_XFRMA_OUTER, outer);
	config->tfc_pad_bytes = (uint16_t)pad;
	config->outer_ttl = (uint8_t)outer;
	config->outer_dscp = (uint8_t)(outer >> 8);
	config->flags |= (outer & CTL_XFRM_OUTER_DSCP ? SADB_SA_OUTER_DSCP : 0u) |
			 (outer & CTL_XFRM_OUTER_DF ? SADB_SA_OUTER_DF : 0u) |
			 (outer & CTL_XFRM_FRAGMENT_AFTER ? SADB_SA_FRAGMENT_AFTER : 0u);
	return 0;
}

static int
get_features(const struct ctl_xfrm_msg *msg, struct sadb_sa_config *config, struct sadb_error *err)
{
	uint32_t extra = ctl_xfrm_get_u32(msg, XFRMA_SA_EXTRA_FLAGS);
	uint8_t dir = 0;

	int rc = get_encap(msg, config, err);
	if (rc)
		return rc;
	rc = get_outer(msg, config, err);
	if (rc)
		return rc;
	if (ctl_xfrm_get_u32(msg, CTL_XFRMA_KEEPALIVE) != 0)
		return ctl_refuse(err, -EOPNOTSUPP, CTL_XFRMA_KEEPALIVE,
				  "XFRMA_NAT_KEEPALIVE_INTERVAL: keepalives are the IKE daemon's (RFC 3948 4): 0 is "
				  "accepted");
	for (uint16_t attr = CTL_XFRMA_IPTFS_FIRST; attr <= CTL_XFRMA_IPTFS_LAST; attr++)
		if (msg->at[attr])
			return ctl_refuse(err, -EOPNOTSUPP, attr, "%s: IP-TFS is not supported: tunnel mode is",
					  ctl_xfrm_rules.rule[attr].name);
	if (extra & XFRM_SA_XFLAG_OSEQ_MAY_WRAP)
		return ctl_refuse(err, -EINVAL, XFRMA_SA_EXTRA_FLAGS,
				  "XFRMA_SA_EXTRA_FLAGS oseq-may-wrap: a sequence number is an AES-GCM nonce and never "
				  "comes twice");
	if (extra & ~(uint32_t)XFRM_SA_XFLAG_DONT_ENCAP_DSCP)
		return ctl_refuse(err, -EOPNOTSUPP, XFRMA_SA_EXTRA_FLAGS,
				  "XFRMA_SA_EXTRA_FLAGS 0x%x: dont-encap-dscp (0x1) is accepted", extra);
	if (extra & XFRM_SA_XFLAG_DONT_ENCAP_DSCP)
		config->flags |= SADB_SA_DONT_ENCAP_DSCP;
	if (msg->at[CTL_XFRMA_SA_DIR]) {
		ctl_attr_copy(&dir, msg->at[CTL_XFRMA_SA_DIR], sizeof(dir));
		if (dir != CTL_SA_DIR_IN && dir != CTL_SA_DIR_OUT)
			return ctl_refuse(err, -EINVAL, CTL_XFRMA_SA_DIR, "XFRMA_SA_DIR %u: in (1) and out (2) are",
					  dir);
	}
	config->dir = dir == 0 ? SADB_DIR_ANY : dir == CTL_SA_DIR_IN ? SADB_DIR_IN : SADB_DIR_OUT;
	rc = ctl_xfrm_get_domain(msg, config->mode, &config->vnet_id, err);
	return rc == 0 ? ctl_xfrm_refuse_foreign(msg, err) : rc;
}

struct sadb_lifetime
ctl_xfrm_get_lifetime(const struct xfrm_lifetime_cfg *in)
{
	return (struct sadb_lifetime){
	    .soft_bytes = in->soft_byte_limit,
	    .hard_bytes = in->hard_byte_limit,
	    .soft_packets = in->soft_packet_limit,
	    .hard_packets = in->hard_packet_limit,
	    .soft_add_s = in->soft_add_expires_seconds,
	    .hard_add_s = in->hard_add_expires_seconds,
	    .soft_use_s = in->soft_use_expires_seconds,
	    .hard_use_s = in->hard_use_expires_seconds,
	};
}

static int
get_lifetime(const struct ctl_xfrm_msg *msg, const struct xfrm_lifetime_cfg *in, struct sadb_lifetime *out,
	     struct sadb_error *err)
{
	if (msg->request && (in->soft_byte_limit == 0 || in->hard_byte_limit == 0 || in->soft_packet_limit == 0 ||
			     in->hard_packet_limit == 0))
		return ctl_refuse(err, -EINVAL, 0,
				  "a limit of 0 bytes or packets would end the SA at once: XFRM_INF means no limit");
	*out = ctl_xfrm_get_lifetime(in);
	return 0;
}

/* Who the SA is between, and which inner packets it is for. */
static int
get_identity(const struct xfrm_usersa_info *info, struct sadb_sa_config *config, struct sadb_error *err)
{
	uint16_t inner = info->sel.family;
	int rc = ctl_xfrm_get_proto(info->id.proto, err);

	if (rc == 0)
		rc = ctl_xfrm_get_mode(info->mode, err);
	if (rc == 0)
		rc = ctl_xfrm_get_addr(&info->saddr, info->family, &config->src, err);
	if (rc == 0)
		rc = ctl_xfrm_get_addr(&info->id.daddr, info->family, &config->dst, err);
	if (rc)
		return rc;
	/* The kernel's rule: no family means that of the SA, unless a flag says that it means any. */
	if (inner == AF_UNSPEC && !(info->flags & XFRM_STATE_AF_UNSPEC))
		inner = info->family;
	config->spi_be = info->id.spi;
	config->proto = info->id.proto;
	config->mode = info->mode;
	config->reqid = info->reqid;
	config->acquire_seq = info->seq;
	return ctl_xfrm_get_selector(&info->sel, inner, &config->sel, err);
}

static uint32_t
get_flags(uint8_t flags)
{
	return (flags & XFRM_STATE_ESN ? SADB_SA_ESN : 0) | (flags & XFRM_STATE_NOECN ? SADB_SA_NOECN : 0) |
	       (flags & XFRM_STATE_DECAP_DSCP ? SADB_SA_DECAP_DSCP : 0) |
	       (flags & XFRM_STATE_NOPMTUDISC ? SADB_SA_NOPMTUDISC : 0);
}

static int
get_info(const struct ctl_xfrm_msg *msg, const struct xfrm_usersa_info *info, struct ctl_xfrm *out,
	 struct sadb_error *err)
{
	struct sadb_sa_config *config = &out->sa.config;
	int rc = get_identity(info, config, err);

	config->flags = get_flags(info->flags);
	if (rc == 0)
		rc = get_lifetime(msg, &info->lft, &config->life, err);
	if (rc == 0)
		rc = get_features(msg, config, err);
	out->sa.cur.bytes = info->curlft.bytes;
	out->sa.cur.packets = info->curlft.packets;
	out->sa.cur.add_time_s = info->curlft.add_time;
	out->sa.cur.use_time_s = info->curlft.use_time;
	out->sa.cur.replay_drops = info->stats.replay;
	out->sa.cur.window_drops = info->stats.replay_window;
	out->sa.cur.icv_drops = info->stats.integrity_failed;
	if (msg->at[XFRMA_LASTUSED])
		ctl_attr_copy(&out->sa.cur.last_use_s, msg->at[XFRMA_LASTUSED], sizeof(uint64_t));
	out->sa.cur.path_mtu = ctl_xfrm_get_u32(msg, CTL_XFRMA_PATH_MTU);
	return rc;
}

int
ctl_xfrm_get_sa(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct xfrm_usersa_info info;

	memcpy(&info, msg->body, sizeof(info));
	int rc = get_info(msg, &info, out, err);
	if (rc == 0)
		rc = ctl_xfrm_get_replay(msg, info.replay_window, &out->sa.config, err);
	if (rc == 0)
		rc = get_algorithms(msg, &out->sa.config, err);
	if (rc == 0)
		rc = ctl_xfrm_get_progress(msg, &out->sa.past, err);
	return rc == 0 && msg->request ? ctl_xfrm_refuse_thresholds(&out->sa.past, err) : rc;
}

int
ctl_xfrm_get_expire(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct xfrm_user_expire expire;

	memcpy(&expire, msg->body, sizeof(expire));
	out->sa.hard = expire.hard != 0;
	if (msg->request) {
		const struct xfrm_usersa_id id = {.daddr = expire.state.id.daddr,
						  .spi = expire.state.id.spi,
						  .family = expire.state.family,
						  .proto = expire.state.id.proto};
		return ctl_xfrm_get_key(&id, &out->sa.expired, err);
	}
	int rc = get_info(msg, &expire.state, out, err);
	out->sa.config.window_packets = expire.state.replay_window;
	return rc;
}

/* The SA has no key, lifetime or window yet: what the asker left empty stays empty. */
int
ctl_xfrm_get_alloc_spi(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct xfrm_userspi_info ask;
	struct sadb_sa_config *config = &out->sa.config;

	memcpy(&ask, msg->body, sizeof(ask));
	int rc = get_identity(&ask.info, config, err);
	if (rc == 0)
		rc = get_features(msg, config, err);
	if (rc)
		return rc;
	if (ask.min > ask.max)
		return ctl_refuse(err, -EINVAL, 0, "SPI range from 0x%x to 0x%x is empty", ask.min, ask.max);
	config->life = (struct sadb_lifetime){SADB_INF, SADB_INF, SADB_INF, SADB_INF, 0, 0, 0, 0};
	out->sa.spi_min = ask.min;
	out->sa.spi_max = ask.max;
	return 0;
}

/* The kernel's answers: an SA of AH or IPComp could be there and is not; other protocols have none. */
int
ctl_xfrm_get_key(const struct xfrm_usersa_id *id, struct sadb_sa_key *out, struct sadb_error *err)
{
	struct sadb_addr dst;

	if (id->proto == IPPROTO_AH || id->proto == IPPROTO_COMP)
		return ctl_refuse(err, -ESRCH, 0, "there is no SA of protocol %u: esp (%u) is all there is", id->proto,
				  IPPROTO_ESP);
	if (id->proto != IPPROTO_ESP)
		return ctl_refuse(err, -EINVAL, 0, "protocol %u has no SAs: esp (%u) is accepted", id->proto,
				  IPPROTO_ESP);
	int rc = ctl_xfrm_get_addr(&id->daddr, id->family, &dst, err);
	if (rc == 0)
		*out = sadb_sa_key_make(&dst, id->spi, id->proto);
	return rc;
}

int
ctl_xfrm_get_sa_id(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct xfrm_usersa_id id;

	memcpy(&id, msg->body, sizeof(id));
	return ctl_xfrm_get_key(&id, &out->sa_id, err);
}

int
ctl_xfrm_get_flush_sa(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	(void)err;
	out->proto = msg->body[0];
	return 0;
}

int
ctl_xfrm_get_sad_info(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	static const struct ctl_attr_rule rules[] = {
	    [XFRMA_SAD_CNT] = {"XFRMA_SAD_CNT", sizeof(uint32_t)},
	    [XFRMA_SAD_HINFO] = {"XFRMA_SAD_HINFO", sizeof(struct xfrmu_sadhinfo)},
	};
	static const struct ctl_attr_rules all = {rules, XFRMA_SAD_MAX};
	const struct nlattr *at[XFRMA_SAD_MAX + 1];
	struct xfrmu_sadhinfo hash = {0};
	int rc = ctl_attr_parse(msg->body + sizeof(uint32_t), msg->nlh->nlmsg_len - MNL_NLMSG_HDRLEN - sizeof(uint32_t),
				&all, at, err);

	if (rc)
		return rc;
	if (at[XFRMA_SAD_CNT])
		ctl_attr_copy(&out->sad.count, at[XFRMA_SAD_CNT], sizeof(out->sad.count));
	if (at[XFRMA_SAD_HINFO])
		ctl_attr_copy(&hash, at[XFRMA_SAD_HINFO], sizeof(hash));
	out->sad.hash_now = hash.sadhcnt;
	out->sad.hash_max = hash.sadhmcnt;
	return 0;
}
