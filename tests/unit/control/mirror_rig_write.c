/* SPDX-License-Identifier: BSD-3-Clause
 * The played kernel's messages: see mirror_rig_write.h. */
#include "tests/unit/control/mirror_rig_write.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* ---- messages by hand ---- */

void
played_write(struct played_writer *w, const void *data, size_t bytes)
{
	if (bytes > 0)
		memcpy(w->bytes + w->n, data, bytes);
	w->n = NLMSG_ALIGN(w->n + (uint32_t)bytes);
}

static void
put_attr(struct played_writer *w, uint16_t type, const void *data, size_t bytes)
{
	const struct nlattr attr = {.nla_len = (uint16_t)(sizeof(attr) + bytes), .nla_type = type};

	memcpy(w->bytes + w->n, &attr, sizeof(attr));
	memcpy(w->bytes + w->n + sizeof(attr), data, bytes);
	w->n = NLMSG_ALIGN(w->n + attr.nla_len);
}

void
played_write_start(struct played_writer *w, uint16_t type, uint16_t flags, uint32_t seq, uint32_t pid)
{
	const struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq, .nlmsg_pid = pid};

	memset(w, 0, sizeof(*w));
	played_write(w, &header, sizeof(header));
}

void
played_write_send(int fd, struct played_writer *w)
{
	((struct nlmsghdr *)w->bytes)->nlmsg_len = w->n;
	assert_int_equal(send(fd, w->bytes, w->n, MSG_NOSIGNAL), w->n);
}

void
played_set_addr(xfrm_address_t *out, const char *text)
{
	memset(out, 0, sizeof(*out));
	if (text != NULL)
		assert_int_equal(inet_pton(AF_INET, text, out), 1);
}

static uint64_t
limit(uint64_t value)
{
	return value != 0 ? value : XFRM_INF;
}

static struct xfrm_usersa_info
info_of(const struct played_sa *sa)
{
	struct xfrm_usersa_info info = {.family = AF_INET,
					.mode = sa->transport ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL};

	played_set_addr(&info.saddr, sa->src);
	played_set_addr(&info.id.daddr, sa->dst);
	info.id.spi = htonl(sa->spi);
	info.id.proto = IPPROTO_ESP;
	info.sel.family = AF_INET;
	info.reqid = sa->reqid;
	info.flags = sa->esn ? XFRM_STATE_ESN : 0;
	info.replay_window = !sa->esn && sa->window <= 32 ? (uint8_t)sa->window : 0;
	info.lft.soft_byte_limit = limit(sa->soft_bytes);
	info.lft.hard_byte_limit = limit(sa->hard_bytes);
	info.lft.soft_packet_limit = limit(sa->soft_packets);
	info.lft.hard_packet_limit = limit(sa->hard_packets);
	info.lft.soft_add_expires_seconds = sa->soft_add;
	info.lft.hard_add_expires_seconds = sa->hard_add;
	info.curlft.bytes = sa->bytes;
	info.curlft.packets = sa->packets;
	info.curlft.add_time = sa->add_time;
	info.curlft.use_time = sa->use_time;
	return info;
}

bool
played_is_wide(const struct played_sa *sa)
{
	return sa->esn || sa->window > 32;
}

uint32_t
played_words(const struct played_sa *sa)
{
	return sa->words != 0 ? sa->words : (sa->window + 31) / 32;
}

static void
put_replay(struct played_writer *w, const struct played_sa *sa)
{
	const struct xfrm_replay_state narrow = {.oseq = (uint32_t)sa->oseq, .seq = (uint32_t)sa->seq};
	const struct xfrm_replay_state_esn head = {.bmp_len = played_words(sa),
						   .oseq = (uint32_t)sa->oseq,
						   .seq = (uint32_t)sa->seq,
						   .oseq_hi = sa->esn ? (uint32_t)(sa->oseq >> 32) : 0,
						   .seq_hi = (uint32_t)(sa->seq >> 32),
						   .replay_window = sa->window};
	uint8_t wide[sizeof(head) + SADB_REPLAY_MAX / 8] = {0};

	memcpy(wide, &head, sizeof(head));
	if (played_is_wide(sa))
		put_attr(w, XFRMA_REPLAY_ESN_VAL, wide, sizeof(head) + played_words(sa) * sizeof(uint32_t));
	else
		put_attr(w, XFRMA_REPLAY_VAL, &narrow, sizeof(narrow));
}

/* What copy_to_user_state_extra() adds. */
static void
put_extra(struct played_writer *w, const struct played_sa *sa)
{
	const struct xfrm_algo_aead alg = {.alg_name = "rfc4106(gcm(aes))", .alg_key_len = 36 * 8, .alg_icv_len = 128};
	uint8_t aead[sizeof(alg) + 36];
	const struct xfrm_mark mark = {.v = sa->mark, .m = 0xffffffff};
	const struct xfrm_encap_tmpl encap = {.encap_type = sa->encap,
					      .encap_sport = htons(sa->encap_sport ? sa->encap_sport : 4500),
					      .encap_dport = htons(sa->encap_dport ? sa->encap_dport : 4500)};

	memset(aead, sa->key, sizeof(aead));
	memcpy(aead, &alg, sizeof(alg));
	if (sa->larval)
		return;
	put_attr(w, XFRMA_ALG_AEAD, aead, sizeof(aead));
	if (sa->encap != 0)
		put_attr(w, XFRMA_ENCAP, &encap, sizeof(encap));
	if (sa->mark != 0)
		put_attr(w, XFRMA_MARK, &mark, sizeof(mark));
	put_replay(w, sa);
	put_attr(w, XFRMA_IF_ID, &sa->if_id, sizeof(sa->if_id));
}

void
played_write_sa(struct played_writer *w, const struct nlmsghdr *h, const struct played_sa *sa)
{
	const struct xfrm_usersa_info info = info_of(sa);

	played_write_start(w, h->nlmsg_type, h->nlmsg_flags, h->nlmsg_seq, h->nlmsg_pid);
	played_write(w, &info, sizeof(info));
	put_extra(w, sa);
}

static struct xfrm_userpolicy_info
policy_info(const struct played_policy *p)
{
	struct xfrm_userpolicy_info info = {
	    .priority = p->priority, .index = p->index, .dir = p->dir, .action = p->action};

	info.sel.family = AF_INET;
	info.sel.prefixlen_s = info.sel.prefixlen_d = p->wide ? 8 : 24;
	info.sel.ifindex = p->ifindex;
	played_set_addr(&info.sel.saddr, p->src);
	played_set_addr(&info.sel.daddr, p->dst);
	info.lft.soft_byte_limit = info.lft.hard_byte_limit = XFRM_INF;
	info.lft.soft_packet_limit = info.lft.hard_packet_limit = XFRM_INF;
	info.lft.hard_add_expires_seconds = p->hard_add;
	return info;
}

static void
put_policy_extra(struct played_writer *w, const struct played_policy *p)
{
	struct xfrm_user_tmpl tmpl[2] = {{.family = AF_INET, .mode = XFRM_MODE_TUNNEL, .reqid = p->reqid}};
	const struct xfrm_userpolicy_type type = {.type = p->type};
	const struct xfrm_mark mark = {.v = p->mark, .m = 0xffffffff};
	unsigned n = p->tmpl_dst == NULL ? 0 : p->templates != 0 ? p->templates : 1;

	tmpl[0].id.proto = IPPROTO_ESP;
	tmpl[0].aalgos = tmpl[0].ealgos = tmpl[0].calgos = ~0u;
	played_set_addr(&tmpl[0].saddr, p->tmpl_src);
	played_set_addr(&tmpl[0].id.daddr, p->tmpl_dst);
	tmpl[1] = tmpl[0];
	if (n > 0)
		put_attr(w, XFRMA_TMPL, tmpl, n * sizeof(tmpl[0]));
	put_attr(w, XFRMA_POLICY_TYPE, &type, sizeof(type));
	if (p->mark != 0)
		put_attr(w, XFRMA_MARK, &mark, sizeof(mark));
	put_attr(w, XFRMA_IF_ID, &p->if_id, sizeof(p->if_id));
}

void
played_write_policy(struct played_writer *w, const struct nlmsghdr *h, const struct played_policy *p)
{
	const struct xfrm_userpolicy_info info = policy_info(p);

	played_write_start(w, h->nlmsg_type, h->nlmsg_flags, h->nlmsg_seq, h->nlmsg_pid);
	played_write(w, &info, sizeof(info));
	put_policy_extra(w, p);
}

/* ---- events ---- */

static void
write_expire(struct played_writer *w, const struct played_sa *sa, bool hard)
{
	struct xfrm_user_expire expire = {.state = info_of(sa), .hard = hard};

	played_write(w, &expire, sizeof(expire));
}

static void
write_deleted_sa(struct played_writer *w, const struct played_sa *sa)
{
	const struct xfrm_usersa_info info = info_of(sa);
	struct xfrm_usersa_id id = {
	    .daddr = info.id.daddr, .spi = info.id.spi, .family = AF_INET, .proto = IPPROTO_ESP};

	played_write(w, &id, sizeof(id));
	put_attr(w, XFRMA_SA, &info, sizeof(info));
	put_extra(w, sa);
}

static void
write_ae(struct played_writer *w, const struct played_sa *sa)
{
	const struct xfrm_usersa_info info = info_of(sa);
	struct xfrm_aevent_id ae = {.flags = XFRM_AE_CU, .reqid = sa->reqid, .saddr = info.saddr};

	ae.sa_id = (struct xfrm_usersa_id){
	    .daddr = info.id.daddr, .spi = info.id.spi, .family = AF_INET, .proto = IPPROTO_ESP};
	played_write(w, &ae, sizeof(ae));
	put_replay(w, sa);
	put_attr(w, XFRMA_LTIME_VAL, &info.curlft, sizeof(info.curlft));
}

static void
write_deleted_policy(struct played_writer *w, const struct played_policy *p)
{
	const struct xfrm_userpolicy_info info = policy_info(p);
	struct xfrm_userpolicy_id id = {.sel = info.sel, .dir = p->dir}; /* named by selector: no index here */

	played_write(w, &id, sizeof(id));
	put_attr(w, XFRMA_POLICY, &info, sizeof(info));
	put_policy_extra(w, p);
}

void
played_write_event(struct played_writer *w, uint16_t type, const void *object, uint32_t pid)
{
	const struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_seq = 99, .nlmsg_pid = pid};
	struct xfrm_user_polexpire polexpire = {.hard = 1};

	played_write_start(w, type, 0, 99, pid);
	switch (type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		played_write_sa(w, &header, object);
		break;
	case XFRM_MSG_DELSA:
		write_deleted_sa(w, object);
		break;
	case XFRM_MSG_EXPIRE:
		write_expire(w, object, true);
		break;
	case XFRM_MSG_NEWAE:
		write_ae(w, object);
		break;
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		played_write_policy(w, &header, object);
		break;
	case XFRM_MSG_DELPOLICY:
		write_deleted_policy(w, object);
		break;
	case XFRM_MSG_POLEXPIRE:
		polexpire.pol = policy_info(object);
		played_write(w, &polexpire, sizeof(polexpire));
		put_policy_extra(w, object);
		break;
	default:
		fail_msg("no event of type %u", type);
	}
}
