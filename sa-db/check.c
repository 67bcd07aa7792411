/* SPDX-License-Identifier: BSD-3-Clause
 * What is accepted as an SA and as a policy, and what the operator hears when it is not. Control thread; pure. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/xfrm.h>

#define ALL_FLAGS                                                                                          \
	(SADB_SA_ESN | SADB_SA_NOECN | SADB_SA_DECAP_DSCP | SADB_SA_NOPMTUDISC | SADB_SA_DONT_ENCAP_DSCP | \
	 SADB_SA_OUTER_DSCP | SADB_SA_OUTER_DF | SADB_SA_FRAGMENT_AFTER)
#define DSCP_MAX 63

bool
sadb_addr_is_any(const struct sadb_addr *addr)
{
	static const uint8_t zero[sizeof(addr->bytes)];
	return addr->family == AF_UNSPEC || memcmp(addr->bytes, zero, sizeof(zero)) == 0;
}

/* Both of one family, lengths within it. AF_UNSPEC with length 0 goes with either. */
static bool
selector_sane(const struct sadb_selector *sel)
{
	uint8_t src = sel->src.addr.family, dst = sel->dst.addr.family;
	bool known = (src == AF_UNSPEC || sadb_addr_bits(src) > 0) && (dst == AF_UNSPEC || sadb_addr_bits(dst) > 0);
	bool mixed = src != AF_UNSPEC && dst != AF_UNSPEC && src != dst;
	return known && !mixed && sel->src.len <= sadb_addr_bits(src) && sel->dst.len <= sadb_addr_bits(dst);
}

static bool
algorithm_known(enum sadb_aead aead)
{
	unsigned i = 0;
	while (sadb_algorithm_at(i) != NULL && sadb_algorithm_at(i)->aead != aead)
		i++;
	return sadb_algorithm_at(i) != NULL;
}

static int
check_key(const struct sadb_sa_config *config, struct sadb_error *err)
{
	static const uint8_t zero[SADB_KEY_MAX];
	if (!algorithm_known((enum sadb_aead)config->aead))
		return sadb_fail(err, -EINVAL, XFRMA_ALG_AEAD,
				 "algorithm %u: AES-GCM, ChaCha20-Poly1305 and AES-GMAC are accepted", config->aead);
	if (sadb_algorithm_find((enum sadb_aead)config->aead, config->key_bytes) == NULL)
		return sadb_fail(err, -EINVAL, XFRMA_ALG_AEAD,
				 "key of %u bytes: %s accepted, besides the 4 of the salt", config->key_bytes,
				 config->aead == SADB_AEAD_CHACHA20_POLY1305 ? "32 are" : "16 or 32 are");
	/* The kernel in lockdown shows keys as zeros: such a copy must not be used. */
	if (memcmp(config->key, zero, config->key_bytes) == 0)
		return sadb_fail(err, -EINVAL, XFRMA_ALG_AEAD, "key is all zero: redacted by its source?");
	return 0;
}

static int
check_sequence(const struct sadb_sa_config *config, struct sadb_error *err)
{
	bool esn = (config->flags & SADB_SA_ESN) != 0;
	if (config->window_packets > SADB_REPLAY_MAX)
		return sadb_fail(err, -EINVAL, XFRMA_REPLAY_ESN_VAL, "replay window of %u packets: at most %u",
				 config->window_packets, SADB_REPLAY_MAX);
	if (esn && config->window_packets == 0 && config->dir != SADB_DIR_OUT)
		return sadb_fail(err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
				 "ESN without a replay window: give one of 64 to %u packets", SADB_REPLAY_MAX);
	if (config->out_seq > sadb_out_max(config) || config->in_seq > sadb_out_max(config))
		return sadb_fail(err, -EINVAL, esn ? XFRMA_REPLAY_ESN_VAL : XFRMA_REPLAY_VAL,
				 "sequence number past the last one this SA can have");
	return 0;
}

/* Multicast, of one link only, or an IPv4 address in disguise: no IPv6 packet with such a header reaches esp_in. */
static bool
no_outer_v6(const struct sadb_addr *addr)
{
	static const uint8_t zero[10];
	const uint8_t *a = addr->bytes;
	return addr->family == AF_INET6 && (a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
					    (memcmp(a, zero, sizeof(zero)) == 0 && !sadb_addr_is_any(addr)));
}

int
sadb_outer_check(const struct sadb_addr *src, const struct sadb_addr *dst, struct sadb_error *err)
{
	char text[SADB_ADDR_STRLEN];
	if (sadb_addr_bits(dst->family) == 0 || src->family != dst->family)
		return sadb_fail(err, -EAFNOSUPPORT, 0, "outer addresses must both be IPv4 or both be IPv6");
	if (sadb_addr_is_any(dst))
		return sadb_fail(err, -EINVAL, 0, "destination %s: an SA needs the address it leads to",
				 sadb_addr_format(dst, text, sizeof(text)));
	if (no_outer_v6(src) || no_outer_v6(dst))
		return sadb_fail(err, -EINVAL, 0, "outer address %s: a unicast address beyond the link is needed",
				 sadb_addr_format(no_outer_v6(src) ? src : dst, text, sizeof(text)));
	return 0;
}

int
sadb_addresses_check(const struct sadb_sa_config *config, struct sadb_error *err)
{
	int rc = sadb_outer_check(&config->src, &config->dst, err);
	if (rc != 0)
		return rc;
	if (sadb_addr_is_any(&config->src) && config->dir != SADB_DIR_IN)
		return sadb_fail(err, -EINVAL, XFRMA_SRCADDR, "source %s: only an inbound SA may have it",
				 config->src.family == AF_INET ? "0.0.0.0" : "::");
	if (!selector_sane(&config->sel))
		return sadb_fail(err, -EINVAL, 0, "selector: prefix length or family out of range");
	return 0;
}

/* A port 0 is none (RFC 768), and one port alone makes no UDP header. */
static int
check_encap(const struct sadb_sa_config *config, struct sadb_error *err)
{
	if ((config->encap_sport_be == 0) != (config->encap_dport_be == 0))
		return sadb_fail(err, -EINVAL, XFRMA_ENCAP, "UDP encapsulation with a port 0: both must be 1 to 65535");
	if (config->mapping_s != 0 && config->encap_sport_be == 0)
		return sadb_fail(err, -EINVAL, XFRMA_MTIMER_THRESH,
				 "a mapping timer without UDP encapsulation: there is no mapping");
	if (config->mapping_s != 0 && config->dir == SADB_DIR_OUT)
		return sadb_fail(err, -EINVAL, XFRMA_MTIMER_THRESH,
				 "a mapping timer on an outbound SA: it belongs on the inbound one");
	return 0;
}

int
sadb_mode_check(uint8_t mode, struct sadb_error *err)
{
	if (mode == XFRM_MODE_TUNNEL || mode == XFRM_MODE_TRANSPORT)
		return 0;
	return sadb_fail(err, -EINVAL, 0, "mode %u: only tunnel (1) and transport (0)", mode);
}

/* Transport mode is for the gateway's own packets, which leave and come by the underlay; what comes from a virtual network
 * needs a tunnel (RFC 4301 4.1). */
static int
check_domain(uint8_t mode, uint32_t vnet_id, struct sadb_error *err)
{
	if (mode == XFRM_MODE_TRANSPORT && vnet_id != SADB_UNDERLAY_ID)
		return sadb_fail(err, -EINVAL, XFRMA_IF_ID,
				 "transport mode is for the gateway's own packets: without a vnet");
	if (mode != XFRM_MODE_TRANSPORT && vnet_id == SADB_UNDERLAY_ID)
		return sadb_fail(err, -ENODEV, XFRMA_IF_ID,
				 "tunnel mode without a vnet: 'culvert vnet show' lists them");
	return 0;
}

/* In transport mode the packet's own header is the outer one, and what says where the packet ends is ESP's padding. */
static int
check_header(const struct sadb_sa_config *config, struct sadb_error *err)
{
	if (config->tfc_pad_bytes != 0)
		return sadb_fail(err, -EINVAL, XFRMA_TFCPAD, "padding against traffic analysis needs tunnel mode");
	if (config->outer_ttl != 0 || (config->flags & (SADB_SA_OUTER_DSCP | SADB_SA_OUTER_DF)) != 0)
		return sadb_fail(err, -EINVAL, 0, "an outer TTL, DSCP or DF of the SA's own needs tunnel mode");
	if (config->flags & SADB_SA_FRAGMENT_AFTER)
		return sadb_fail(
		    err, -EINVAL, 0,
		    "fragmentation before or after ESP is a choice of tunnel mode: transport mode cuts after it");
	return 0;
}

int
sadb_config_check(const struct sadb_sa_config *config, struct sadb_error *err)
{
	if (config->proto != IPPROTO_ESP)
		return sadb_fail(err, -EPROTONOSUPPORT, 0, "protocol %u: only ESP (50)", config->proto);
	if (rte_be_to_cpu_32(config->spi_be) < 256) /* RFC 4303 2.1 */
		return sadb_fail(err, -EINVAL, 0, "SPI %#x: 0 to 255 are reserved", rte_be_to_cpu_32(config->spi_be));
	if (config->flags & ~(uint32_t)ALL_FLAGS)
		return sadb_fail(err, -EINVAL, 0, "flags %#x: only %#x are known", config->flags, ALL_FLAGS);
	if (config->outer_dscp > DSCP_MAX)
		return sadb_fail(err, -EINVAL, 0, "outer DSCP %u: 0 to %u are accepted", config->outer_dscp, DSCP_MAX);
	if ((config->flags & SADB_SA_OUTER_DF) && (config->flags & SADB_SA_NOPMTUDISC))
		return sadb_fail(err, -EINVAL, 0, "the outer DF bit cannot be both set and clear");
	if (config->dir > SADB_DIR_OUT)
		return sadb_fail(err, -EINVAL, 0, "direction %u: 0 (any), 1 (in) or 2 (out)", config->dir);
	int rc = sadb_mode_check(config->mode, err);
	if (rc == 0)
		rc = check_domain(config->mode, config->vnet_id, err);
	if (rc == 0 && config->mode == XFRM_MODE_TRANSPORT)
		rc = check_header(config, err);
	if (rc == 0)
		rc = sadb_addresses_check(config, err);
	if (rc == 0)
		rc = check_key(config, err);
	if (rc == 0)
		rc = check_encap(config, err);
	if (rc == 0)
		rc = check_sequence(config, err);
	return rc;
}

static int
check_template(const struct sadb_template *tmpl, struct sadb_error *err)
{
	if (tmpl->proto != IPPROTO_ESP)
		return sadb_fail(err, -EINVAL, XFRMA_TMPL, "template protocol %u: only ESP (50)", tmpl->proto);
	if (tmpl->mode != XFRM_MODE_TUNNEL && tmpl->mode != XFRM_MODE_TRANSPORT)
		return sadb_fail(err, -EINVAL, XFRMA_TMPL, "template mode %u: only tunnel (1) and transport (0)",
				 tmpl->mode);
	if (!sadb_addr_is_any(&tmpl->src) && !sadb_addr_is_any(&tmpl->dst) && tmpl->src.family != tmpl->dst.family)
		return sadb_fail(err, -EAFNOSUPPORT, XFRMA_TMPL,
				 "template: outer addresses must both be IPv4 or both be IPv6");
	return 0;
}

static bool
is_host(const struct sadb_prefix *sel, const struct sadb_addr *addr)
{
	return sel->len > 0 && sel->len == sadb_addr_bits(sel->addr.family) && sadb_addr_equal(&sel->addr, addr);
}

/* A policy of transport mode is between two hosts: so nobody's SA vouches for another's address. */
static int
check_transport(const struct sadb_policy_config *config, struct sadb_error *err)
{
	if (config->dir == SADB_POLICY_FWD)
		return sadb_fail(err, -EINVAL, 0, "transport mode: nothing is forwarded, so only in and out");
	if (!is_host(&config->sel.src, &config->tmpl.src) || !is_host(&config->sel.dst, &config->tmpl.dst))
		return sadb_fail(err, -EINVAL, XFRMA_TMPL,
				 "transport mode is host to host: one whole address at each end, the template's");
	/* What never goes beyond its link is under no policy: to take one would promise what is not kept. */
	return sadb_outer_check(&config->tmpl.src, &config->tmpl.dst, err);
}

static void
complete(struct sadb_addr *addr, const struct sadb_prefix *sel)
{
	if (sadb_addr_is_any(addr) && sel->len > 0 && sel->len == sadb_addr_bits(sel->addr.family))
		*addr = sel->addr;
}

/* XFRM's tools leave a template of transport mode without addresses: they are those of the packets. */
void
sadb_policy_complete(struct sadb_policy_config *config)
{
	if (config->action != SADB_PROTECT || config->tmpl.mode != XFRM_MODE_TRANSPORT)
		return;
	complete(&config->tmpl.src, &config->sel.src);
	complete(&config->tmpl.dst, &config->sel.dst);
}

int
sadb_policy_check(const struct sadb_policy_config *config, struct sadb_error *err)
{
	if (config->dir >= SADB_POLICY_DIRS)
		return sadb_fail(err, -EINVAL, 0, "direction %u: 0 (in), 1 (out) or 2 (fwd)", config->dir);
	if (config->index != 0 && (config->index & 7) != config->dir)
		return sadb_fail(err, -EINVAL, 0, "index %u: its low 3 bits must be the direction %u", config->index,
				 config->dir);
	if (config->action > SADB_PROTECT)
		return sadb_fail(err, -EINVAL, 0, "action %u: 0 (drop), 1 (bypass) or 2 (protect)", config->action);
	if (!selector_sane(&config->sel))
		return sadb_fail(err, -EINVAL, 0, "selector: prefix length or family out of range");
	if (config->action != SADB_PROTECT)
		return 0;
	/* Else an inbound SA of unknown direction could fit, and we would seal with the peer's key. */
	if (config->dir == SADB_POLICY_OUT && sadb_addr_is_any(&config->tmpl.dst))
		return sadb_fail(err, -EINVAL, XFRMA_TMPL,
				 "template: an outbound policy must name its tunnel's destination");
	int rc = check_template(&config->tmpl, err);
	if (rc == 0)
		rc = check_domain(config->tmpl.mode, config->vnet_id, err);
	return rc == 0 && config->tmpl.mode == XFRM_MODE_TRANSPORT ? check_transport(config, err) : rc;
}
