/* SPDX-License-Identifier: BSD-3-Clause
 * What the files of the XFRM codec share: the parsed message, names of attributes, pieces of structs. Pure. */
#ifndef CTL_XFRM_IMPL_H
#define CTL_XFRM_IMPL_H

#include "control/attr.h"
#include "control/xfrm_codec.h"

/* Newer than some headers: Linux 6.10 and on. */
#define CTL_XFRMA_SA_DIR      33
#define CTL_XFRMA_KEEPALIVE   34 /* XFRMA_NAT_KEEPALIVE_INTERVAL */
#define CTL_XFRMA_SA_PCPU     35
#define CTL_XFRMA_IPTFS_FIRST 36
#define CTL_XFRMA_IPTFS_LAST  41
#define CTL_XFRMA_PATH_MTU    128 /* u32, in answers: Culvert's own, far from the kernel's, which others skip */
#define CTL_XFRMA_OUTER       129 /* u32, likewise, in requests too: see below */
#define CTL_XFRMA_MAX         CTL_XFRMA_OUTER

/* In CTL_XFRMA_OUTER: the lowest byte is the TTL or hop limit (0: the default), the next the DSCP. */
enum ctl_xfrm_outer {
	CTL_XFRM_OUTER_DSCP = 1 << 16,
	CTL_XFRM_OUTER_DF = 1 << 17,
	CTL_XFRM_FRAGMENT_AFTER = 1 << 18,
	CTL_XFRM_OUTER_ALL = 0x7ffff
};
#define CTL_SA_DIR_IN       1
#define CTL_SA_DIR_OUT      2
#define CTL_XFRM_AEAD_NAMES "rfc4106(gcm(aes)), rfc7539esp(chacha20,poly1305), rfc4543(gcm(aes))"
#define CTL_XFRM_ICV_BITS   128
#define CTL_XFRM_MAX_BMP    2048 /* words: SADB_REPLAY_MAX bits; the kernel stops at 128 */

/* A message whose fixed part and attribute lengths have been checked. */
struct ctl_xfrm_msg {
	const struct nlmsghdr *nlh;
	const uint8_t *body;                        /* the fixed part */
	const struct nlattr *at[CTL_XFRMA_MAX + 1]; /* by number */
	bool request;                               /* from someone who wants a change: the strict rules hold */
};

extern const struct ctl_attr_rules ctl_xfrm_rules;

/* A type of message: its fixed part, what decodes it. */
struct ctl_xfrm_kind {
	const char *name;
	uint16_t body_bytes;
	int (*decode)(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
};

const struct ctl_xfrm_kind *ctl_xfrm_kind(uint16_t type); /* NULL: no XFRM type */
bool ctl_xfrm_is_dump(const struct nlmsghdr *nlh);

/* decode; each as struct ctl_xfrm_kind wants it */
int ctl_xfrm_get_sa(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_sa_id(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_alloc_spi(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_expire(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_mapping(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_flush_sa(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_policy(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_policy_id(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_flush_policy(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_acquire(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_sad_info(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_spd_info(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_ae(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_policy_expire(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_migrate(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_mapping(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_report(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);
int ctl_xfrm_get_default(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err);

/* pieces */
int ctl_xfrm_get_replay(const struct ctl_xfrm_msg *msg, uint8_t window, struct sadb_sa_config *config,
			struct sadb_error *err);
/* What XFRMA_LTIME_VAL, the replay states and the thresholds say. Nothing is judged but lengths. */
int ctl_xfrm_get_progress(const struct ctl_xfrm_msg *msg, struct ctl_progress *out, struct sadb_error *err);
/* No event is sent by a threshold, so to ask for one is refused. */
int ctl_xfrm_refuse_thresholds(const struct ctl_progress *past, struct sadb_error *err);
/* The part of struct xfrm_usersa_id that names an SA. */
int ctl_xfrm_get_key(const struct xfrm_usersa_id *id, struct sadb_sa_key *out, struct sadb_error *err);
int ctl_xfrm_get_policy_type(const struct ctl_xfrm_msg *msg, struct sadb_error *err);
int ctl_xfrm_get_dir(uint8_t dir, uint32_t index, struct sadb_error *err);
/* An address of zeros is none: AF_UNSPEC. */
int ctl_xfrm_get_addr_or_none(const xfrm_address_t *in, uint16_t family, struct sadb_addr *out, struct sadb_error *err);
int ctl_xfrm_get_addr(const xfrm_address_t *in, uint16_t family, struct sadb_addr *out, struct sadb_error *err);
/* A selector; family is the one to read it in, AF_UNSPEC for one that matches all addresses. */
int ctl_xfrm_get_selector(const struct xfrm_selector *in, uint16_t family, struct sadb_selector *out,
			  struct sadb_error *err);
int ctl_xfrm_get_proto(uint8_t proto, struct sadb_error *err);
int ctl_xfrm_get_mode(uint8_t mode, struct sadb_error *err);
/* Whose SA or policy it is, by its if_id and mode. */
int ctl_xfrm_get_domain(const struct ctl_xfrm_msg *msg, uint8_t mode, uint32_t *vnet_id, struct sadb_error *err);
void ctl_xfrm_put_if_id(struct ctl_put *put, uint32_t vnet_id);
uint32_t ctl_xfrm_get_u32(const struct ctl_xfrm_msg *msg, uint16_t attr); /* 0 when absent */
struct xfrm_usersa_id ctl_xfrm_put_key(const struct sadb_sa_key *key);
struct xfrm_usersa_id ctl_xfrm_put_id(const struct sadb_sa_config *config);
struct sadb_lifetime ctl_xfrm_get_lifetime(const struct xfrm_lifetime_cfg *in);
struct xfrm_lifetime_cfg ctl_xfrm_put_lifetime(const struct sadb_lifetime *life);
struct xfrm_lifetime_cur ctl_xfrm_put_use(const struct ctl_sa_state *state);
void ctl_xfrm_put_replay(struct ctl_put *put, const struct sadb_sa_config *config, const struct ctl_sa_state *state);
void ctl_xfrm_put_addr(xfrm_address_t *out, const struct sadb_addr *in);
void ctl_xfrm_put_selector(struct xfrm_selector *out, const struct sadb_selector *in);

/* Refuses a mark other than 0 (XFRMA_MARK, XFRMA_SET_MARK) and a security context: Culvert cannot heed them, and to
 * skip them would protect other packets than were asked for. */
int ctl_xfrm_refuse_foreign(const struct ctl_xfrm_msg *msg, struct sadb_error *err);

#endif
