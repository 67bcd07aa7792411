/* SPDX-License-Identifier: BSD-3-Clause
 * Decoding of messages that move an SA to other addresses: MIGRATE and MAPPING. Pure. */
#include "control/xfrm_impl.h"

#include <errno.h>

static int
get_one(const struct xfrm_user_migrate *in, struct sadb_migration *out, struct sadb_error *err)
{
	int rc = ctl_xfrm_get_proto(in->proto, err);

	if (rc == 0)
		rc = ctl_xfrm_get_mode(in->mode, err);
	if (rc == 0)
		rc = ctl_xfrm_get_addr(&in->old_saddr, in->old_family, &out->old_src, err);
	if (rc == 0)
		rc = ctl_xfrm_get_addr(&in->old_daddr, in->old_family, &out->old_dst, err);
	if (rc == 0)
		rc = ctl_xfrm_get_addr(&in->new_saddr, in->new_family, &out->new_src, err);
	if (rc == 0)
		rc = ctl_xfrm_get_addr(&in->new_daddr, in->new_family, &out->new_dst, err);
	out->reqid = in->reqid;
	out->proto = in->proto;
	out->mode = in->mode;
	return rc;
}

static int
get_list(const struct nlattr *attr, struct ctl_migrate *out, struct sadb_error *err)
{
	const uint8_t *at = mnl_attr_get_payload(attr);
	size_t n = mnl_attr_get_payload_len(attr) / sizeof(struct xfrm_user_migrate);
	struct xfrm_user_migrate one;

	for (size_t i = 0; i < n; i++) {
		if (out->n == CTL_MIGRATIONS)
			return ctl_refuse(err, -EINVAL, XFRMA_MIGRATE, "XFRMA_MIGRATE has more than %u changes",
					  CTL_MIGRATIONS);
		memcpy(&one, at + i * sizeof(one), sizeof(one));
		int rc = get_one(&one, &out->one[out->n++], err);
		if (rc) {
			err->attr = XFRMA_MIGRATE;
			return rc;
		}
	}
	return 0;
}

static int
get_km(const struct nlattr *attr, struct ctl_migrate *out, struct sadb_error *err)
{
	struct xfrm_user_kmaddress km;

	ctl_attr_copy(&km, attr, sizeof(km));
	int rc = ctl_xfrm_get_addr(&km.local, km.family, &out->km_local, err);
	if (rc == 0)
		rc = ctl_xfrm_get_addr(&km.remote, km.family, &out->km_remote, err);
	if (rc)
		err->attr = XFRMA_KMADDRESS;
	out->has_km = true;
	return rc;
}

/* A request has one attribute with all changes, the kernel's event one attribute for each. */
int
ctl_xfrm_get_migrate(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	size_t body = MNL_ALIGN(sizeof(struct xfrm_userpolicy_id));
	const uint8_t *end = (const uint8_t *)msg->nlh + msg->nlh->nlmsg_len;
	struct ctl_migrate *migrate = &out->migrate;
	struct xfrm_userpolicy_id id;

	memcpy(&id, msg->body, sizeof(id));
	if (!msg->at[XFRMA_MIGRATE])
		return ctl_refuse(err, -EINVAL, XFRMA_MIGRATE, "XFRMA_MIGRATE is missing");
	if (msg->request && msg->at[XFRMA_ENCAP])
		return ctl_refuse(err, -EOPNOTSUPP, XFRMA_ENCAP,
				  "XFRMA_ENCAP: XFRM_MSG_MIGRATE cannot change the encapsulation");
	int rc = ctl_xfrm_get_policy_type(msg, err);
	if (rc == 0)
		rc = ctl_xfrm_get_dir(id.dir, 0, err);
	if (rc == 0)
		rc = ctl_xfrm_get_selector(&id.sel, id.sel.family ? id.sel.family : AF_INET, &migrate->sel, err);
	if (rc == 0 && msg->at[XFRMA_KMADDRESS])
		rc = get_km(msg->at[XFRMA_KMADDRESS], migrate, err);
	for (const uint8_t *at = msg->body + body; rc == 0;) {
		const struct nlattr *attr = ctl_attr_find(at, at < end ? (size_t)(end - at) : 0, XFRMA_MIGRATE);

		if (!attr)
			break;
		rc = get_list(attr, migrate, err);
		at = (const uint8_t *)mnl_attr_next(attr);
	}
	migrate->dir = id.dir;
	migrate->vnet_id = ctl_xfrm_get_u32(msg, XFRMA_IF_ID);
	return rc;
}

int
ctl_xfrm_get_mapping(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct ctl_mapping *mapping = &out->mapping;
	struct xfrm_user_mapping wire;

	memcpy(&wire, msg->body, sizeof(wire));
	int rc = ctl_xfrm_get_key(&wire.id, &mapping->sa_id, err);
	if (rc == 0)
		rc = ctl_xfrm_get_addr(&wire.old_saddr, wire.id.family, &mapping->old_src, err);
	if (rc == 0)
		rc = ctl_xfrm_get_addr(&wire.new_saddr, wire.id.family, &mapping->new_src, err);
	mapping->reqid = wire.reqid;
	mapping->old_sport_be = wire.old_sport;
	mapping->new_sport_be = wire.new_sport;
	return rc;
}
