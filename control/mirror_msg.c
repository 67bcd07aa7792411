/* SPDX-License-Identifier: BSD-3-Clause
 * The kernel's messages for the mirror: see mirror_msg.h. Pure. */
#include "control/mirror_msg.h"

#include <errno.h>
#include <netinet/in.h>

#include "control/xfrm_impl.h"

/* The fixed part copied out (payloads are 4-aligned only) and the attributes sorted. */
static int
parse(const struct nlmsghdr *nlh, void *body, size_t body_bytes, struct ctl_xfrm_msg *msg)
{
	size_t bytes = nlh->nlmsg_len - MNL_NLMSG_HDRLEN;
	struct sadb_error err;

	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN || bytes < body_bytes)
		return -EINVAL;
	*msg = (struct ctl_xfrm_msg){.nlh = nlh, .body = (const uint8_t *)nlh + MNL_NLMSG_HDRLEN};
	memcpy(body, msg->body, body_bytes);
	size_t skip = MNL_ALIGN(body_bytes) < bytes ? MNL_ALIGN(body_bytes) : bytes;
	return ctl_attr_parse(msg->body + skip, bytes - skip, &ctl_xfrm_rules, msg->at, &err) != 0 ? -EINVAL : 0;
}

static struct sadb_sa_key
key_of(const xfrm_address_t *dst, uint16_t family, rte_be32_t spi_be, uint8_t proto)
{
	struct sadb_addr addr = {.family = (uint8_t)family};

	memcpy(addr.bytes, dst, family == AF_INET6 ? 16 : 4);
	return sadb_sa_key_make(&addr, spi_be, proto);
}

static void
get_mark(const struct ctl_xfrm_msg *msg, struct ctl_mirror_sa_id *id)
{
	struct xfrm_mark mark = {0};

	if (msg->at[XFRMA_MARK])
		ctl_attr_copy(&mark, msg->at[XFRMA_MARK], sizeof(mark));
	id->mark_value = mark.v;
	id->mark_mask = mark.m;
}

uint64_t
ctl_mirror_spent_seq(const struct ctl_mirror_copy *copy)
{
	return copy->esn ? UINT64_MAX : UINT32_MAX;
}

static int
get_replay(const struct ctl_xfrm_msg *msg, struct ctl_mirror_copy *copy)
{
	struct xfrm_replay_state_esn wide = {0};
	struct xfrm_replay_state narrow = {0};

	if (msg->at[XFRMA_REPLAY_ESN_VAL]) {
		ctl_attr_copy(&wide, msg->at[XFRMA_REPLAY_ESN_VAL], sizeof(wide));
		if (wide.bmp_len > CTL_XFRM_MAX_BMP || wide.replay_window > wide.bmp_len * 32)
			return -EINVAL;
		copy->wide = true;
		copy->window_packets = wide.replay_window;
		copy->bitmap_words = wide.bmp_len;
	} else if (msg->at[XFRMA_REPLAY_VAL]) {
		ctl_attr_copy(&narrow, msg->at[XFRMA_REPLAY_VAL], sizeof(narrow));
		wide.oseq = narrow.oseq;
		wide.seq = narrow.seq;
	}
	copy->out_seq = (copy->esn ? (uint64_t)wide.oseq_hi << 32 : 0) | wide.oseq;
	copy->in_seq = (copy->esn ? (uint64_t)wide.seq_hi << 32 : 0) | wide.seq;
	copy->spent = copy->out_seq == ctl_mirror_spent_seq(copy);
	return 0;
}

static void
get_use(const struct xfrm_lifetime_cur *use, struct ctl_mirror_copy *copy)
{
	copy->bytes = use->bytes;
	copy->packets = use->packets;
	copy->add_time_s = use->add_time;
	copy->use_time_s = use->use_time;
}

static bool
has_algorithm(const struct ctl_xfrm_msg *msg)
{
	return msg->at[XFRMA_ALG_AEAD] || msg->at[XFRMA_ALG_CRYPT] || msg->at[XFRMA_ALG_AUTH] ||
	       msg->at[XFRMA_ALG_AUTH_TRUNC] || msg->at[XFRMA_ALG_COMP];
}

static int
check_key(const struct sadb_sa_config *config, struct sadb_error *err)
{
	uint8_t any = 0;

	for (unsigned i = 0; i < config->key_bytes; i++)
		any |= config->key[i];
	if (any != 0)
		return 0;
	return ctl_refuse(
	    err, -EKEYREJECTED, XFRMA_ALG_AEAD,
	    "the kernel hides its key (all zero): it runs with lockdown=confidentiality, which must be off");
}

/* The kernel does it itself, of what it sends and gets; so does nobody else. */
static int
check_mode(uint32_t vnet_id, struct sadb_error *err)
{
	if (vnet_id != SADB_UNDERLAY_ID)
		return 0;
	return ctl_refuse(err, -EOPNOTSUPP, 0, "transport mode is not mirrored: the kernel does it itself");
}

int
ctl_mirror_get_sa(const struct nlmsghdr *nlh, struct ctl_mirror_sa_msg *out)
{
	struct xfrm_usersa_info info;
	struct ctl_xfrm_msg msg;
	struct ctl_xfrm decoded;
	int rc = parse(nlh, &info, sizeof(info), &msg);

	memset(out, 0, sizeof(*out));
	if (rc)
		return rc;
	out->id.key = key_of(&info.id.daddr, info.family, info.id.spi, info.id.proto);
	get_mark(&msg, &out->id);
	out->copy.esn = (info.flags & XFRM_STATE_ESN) != 0;
	out->copy.window_packets = info.replay_window;
	get_use(&info.curlft, &out->copy);
	rc = get_replay(&msg, &out->copy);
	if (rc)
		return rc;
	out->larval = !has_algorithm(&msg);
	if (out->larval)
		return 0;
	out->rc = ctl_xfrm_decode(nlh, &decoded, &out->err);
	if (out->rc == 0)
		out->rc = check_mode(decoded.sa.config.vnet_id, &out->err);
	if (out->rc == 0)
		out->rc = check_key(&decoded.sa.config, &out->err);
	if (out->rc == 0) {
		memcpy(&out->config, &decoded.sa.config, sizeof(out->config)); /* is compared as bytes */
		out->config.out_seq = out->config.in_seq = 0;
	}
	sadb_wipe(&decoded, sizeof(decoded));
	return 0;
}

int
ctl_mirror_get_sa_id(const struct nlmsghdr *nlh, struct ctl_mirror_sa_id *out)
{
	struct xfrm_usersa_id id; /* MAPPING begins with it as well */
	struct ctl_xfrm_msg msg;
	struct xfrm_user_mapping mapping;
	int rc;

	if (nlh->nlmsg_type == XFRM_MSG_MAPPING) {
		rc = parse(nlh, &mapping, sizeof(mapping), &msg);
		id = mapping.id;
	} else {
		rc = parse(nlh, &id, sizeof(id), &msg);
	}
	if (rc)
		return rc;
	out->key = key_of(&id.daddr, id.family, id.spi, id.proto);
	get_mark(&msg, out);
	return 0;
}

int
ctl_mirror_get_expire(const struct nlmsghdr *nlh, struct ctl_mirror_sa_id *id, bool *hard)
{
	struct xfrm_user_expire expire;
	struct ctl_xfrm_msg msg;
	int rc = parse(nlh, &expire, sizeof(expire), &msg);

	if (rc)
		return rc;
	id->key = key_of(&expire.state.id.daddr, expire.state.family, expire.state.id.spi, expire.state.id.proto);
	get_mark(&msg, id);
	*hard = expire.hard != 0;
	return 0;
}

/* Whether the numbers have 64 bits the message does not say: the caller sets copy->esn before. */
int
ctl_mirror_get_ae(const struct nlmsghdr *nlh, struct ctl_mirror_sa_id *id, struct ctl_mirror_copy *copy)
{
	struct xfrm_lifetime_cur use;
	struct xfrm_aevent_id ae;
	struct ctl_xfrm_msg msg;
	int rc = parse(nlh, &ae, sizeof(ae), &msg);

	if (rc)
		return rc;
	id->key = key_of(&ae.sa_id.daddr, ae.sa_id.family, ae.sa_id.spi, ae.sa_id.proto);
	get_mark(&msg, id);
	if (msg.at[XFRMA_LTIME_VAL]) {
		ctl_attr_copy(&use, msg.at[XFRMA_LTIME_VAL], sizeof(use));
		get_use(&use, copy);
	}
	return get_replay(&msg, copy);
}

/* What it would have let pass in the clear is not missed. Drops more than was meant where its selector or mark cannot be
 * had, never less. */
static void
make_guard(const struct ctl_xfrm_msg *msg, const struct xfrm_userpolicy_info *info, struct ctl_mirror_policy_msg *out)
{
	bool templates = msg->at[XFRMA_TMPL] && mnl_attr_get_payload_len(msg->at[XFRMA_TMPL]) > 0;
	struct xfrm_selector sel = info->sel;
	struct sadb_error err;

	memset(&out->config, 0, sizeof(out->config));
	sel.ifindex = 0;
	out->guard = (info->action != XFRM_POLICY_ALLOW || templates) &&
		     ctl_xfrm_get_selector(&sel, sel.family, &out->config.sel, &err) == 0;
	/* A sub policy comes before all main ones. */
	out->config.priority = out->type == XFRM_POLICY_TYPE_MAIN ? info->priority : 0;
	out->config.index = info->index;
	out->config.dir = info->dir;
	out->config.vnet_id = ctl_xfrm_get_u32(msg, XFRMA_IF_ID);
	out->config.action = SADB_DROP;
}

int
ctl_mirror_get_policy(const struct nlmsghdr *nlh, struct ctl_mirror_policy_msg *out)
{
	struct xfrm_userpolicy_info info;
	struct ctl_xfrm_msg msg;
	struct ctl_xfrm decoded;
	int rc = parse(nlh, &info, sizeof(info), &msg);

	memset(out, 0, sizeof(*out));
	if (rc)
		return rc;
	out->index = info.index;
	out->of_socket = info.dir > XFRM_POLICY_FWD;
	rc = ctl_mirror_get_policy_type(nlh, &out->type);
	if (rc || out->of_socket)
		return rc;
	out->rc = ctl_xfrm_decode(nlh, &decoded, &out->err);
	if (out->rc == 0)
		out->rc = check_mode(decoded.policy.config.vnet_id, &out->err);
	if (out->rc == 0) {
		memcpy(&out->config, &decoded.policy.config, sizeof(out->config)); /* is compared as bytes */
		/* Its limits are the kernel's timer's, which tells of the end by POLEXPIRE. */
		memset(&out->config.life, 0, sizeof(out->config.life));
	} else {
		make_guard(&msg, &info, out);
	}
	return 0;
}

int
ctl_mirror_get_policy_index(const struct nlmsghdr *nlh, uint32_t *index, bool *hard)
{
	struct xfrm_user_polexpire expire;
	struct xfrm_userpolicy_info info;
	struct xfrm_userpolicy_id id;
	struct ctl_xfrm_msg msg;
	int rc;

	*hard = true;
	if (nlh->nlmsg_type == XFRM_MSG_POLEXPIRE) {
		rc = parse(nlh, &expire, sizeof(expire), &msg);
		*index = expire.pol.index;
		*hard = expire.hard != 0;
		return rc;
	}
	rc = parse(nlh, &id, sizeof(id), &msg);
	if (rc)
		return rc;
	/* The header names it as it was asked for; the policy itself always has its index. */
	if (msg.at[XFRMA_POLICY]) {
		ctl_attr_copy(&info, msg.at[XFRMA_POLICY], sizeof(info));
		*index = info.index;
	} else {
		*index = id.index;
	}
	return *index != 0 ? 0 : -EINVAL;
}

int
ctl_mirror_get_policy_type(const struct nlmsghdr *nlh, uint8_t *type)
{
	size_t body_bytes = nlh->nlmsg_type == XFRM_MSG_FLUSHPOLICY ? 0 : sizeof(struct xfrm_userpolicy_info);
	struct xfrm_userpolicy_info info;
	struct xfrm_userpolicy_type wire = {0};
	struct ctl_xfrm_msg msg;
	int rc = parse(nlh, &info, body_bytes, &msg);

	if (rc == 0 && msg.at[XFRMA_POLICY_TYPE])
		ctl_attr_copy(&wire, msg.at[XFRMA_POLICY_TYPE], sizeof(wire));
	*type = wire.type;
	return rc;
}

int
ctl_mirror_get_defaults(const struct nlmsghdr *nlh, uint8_t action[SADB_POLICY_DIRS])
{
	struct xfrm_userpolicy_default wire;
	struct ctl_xfrm_msg msg;
	int rc = parse(nlh, &wire, sizeof(wire), &msg);

	if (rc)
		return rc;
	action[SADB_POLICY_IN] = wire.in;
	action[SADB_POLICY_OUT] = wire.out;
	action[SADB_POLICY_FWD] = wire.fwd;
	return 0;
}

static void
put_replay(struct ctl_put *put, const struct ctl_mirror_ae *ae)
{
	const struct ctl_mirror_copy *copy = ae->copy;
	struct xfrm_replay_state narrow = {.oseq = (uint32_t)copy->out_seq, .seq = (uint32_t)copy->in_seq};
	struct xfrm_replay_state_esn wide = {.bmp_len = copy->bitmap_words,
					     .oseq = (uint32_t)copy->out_seq,
					     .oseq_hi = (uint32_t)(copy->out_seq >> 32),
					     .seq = (uint32_t)copy->in_seq,
					     .seq_hi = (uint32_t)(copy->in_seq >> 32),
					     .replay_window = copy->window_packets};
	size_t bitmap_bytes = copy->bitmap_words * sizeof(uint32_t);
	uint8_t *room;

	if (!copy->wide) {
		narrow.bitmap = ae->bitmap ? ae->bitmap[0] : 0;
		ctl_put_attr(put, XFRMA_REPLAY_VAL, &narrow, sizeof(narrow));
		return;
	}
	room = ctl_put_room(put, XFRMA_REPLAY_ESN_VAL, sizeof(wide) + bitmap_bytes);
	if (!room)
		return;
	memcpy(room, &wide, sizeof(wide));
	if (ae->bitmap)
		memcpy(room + sizeof(wide), ae->bitmap, bitmap_bytes);
}

size_t
ctl_mirror_encode_ae(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_mirror_ae *ae)
{
	const struct sadb_sa_config *config = ae->config;
	const struct xfrm_lifetime_cur use = {.bytes = ae->copy->bytes,
					      .packets = ae->copy->packets,
					      .add_time = ae->copy->add_time_s,
					      .use_time = ae->copy->use_time_s};
	struct xfrm_aevent_id wire;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(wire));

	if (!body)
		return 0;
	memset(&wire, 0, sizeof(wire));
	wire.sa_id = ctl_xfrm_put_id(config);
	ctl_xfrm_put_addr(&wire.saddr, &config->src);
	wire.flags = XFRM_AE_RVAL | (ae->with_use ? XFRM_AE_LVAL : 0);
	wire.reqid = config->reqid;
	memcpy(body, &wire, sizeof(wire));
	put_replay(&put, ae);
	if (ae->with_use)
		ctl_put_attr(&put, XFRMA_LTIME_VAL, &use, sizeof(use));
	return ctl_put_end(&put);
}
