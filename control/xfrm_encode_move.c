/* SPDX-License-Identifier: BSD-3-Clause
 * Encoding of messages that move an SA to other addresses: MIGRATE and MAPPING. Pure. */
#include "control/xfrm_impl.h"

static struct xfrm_user_migrate
put_one(const struct sadb_migration *in)
{
	struct xfrm_user_migrate out;

	memset(&out, 0, sizeof(out));
	ctl_xfrm_put_addr(&out.old_saddr, &in->old_src);
	ctl_xfrm_put_addr(&out.old_daddr, &in->old_dst);
	ctl_xfrm_put_addr(&out.new_saddr, &in->new_src);
	ctl_xfrm_put_addr(&out.new_daddr, &in->new_dst);
	out.proto = in->proto;
	out.mode = in->mode;
	out.reqid = in->reqid;
	out.old_family = in->old_dst.family;
	out.new_family = in->new_dst.family;
	return out;
}

static void
put_km(struct ctl_put *put, const struct ctl_migrate *migrate)
{
	struct xfrm_user_kmaddress km;

	memset(&km, 0, sizeof(km));
	ctl_xfrm_put_addr(&km.local, &migrate->km_local);
	ctl_xfrm_put_addr(&km.remote, &migrate->km_remote);
	km.family = migrate->km_local.family;
	ctl_put_attr(put, XFRMA_KMADDRESS, &km, sizeof(km));
}

/* All changes stand in one attribute of a request; in an event, as the kernel's, in one each. */
size_t
ctl_xfrm_encode_migrate(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_migrate *migrate)
{
	struct xfrm_user_migrate list[CTL_MIGRATIONS];
	bool event = (header->nlmsg_flags & NLM_F_REQUEST) == 0;
	struct xfrm_userpolicy_id id;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(id));

	if (!body || migrate->n > CTL_MIGRATIONS)
		return 0;
	memset(&id, 0, sizeof(id));
	ctl_xfrm_put_selector(&id.sel, &migrate->sel);
	id.dir = migrate->dir;
	memcpy(body, &id, sizeof(id));
	if (migrate->has_km)
		put_km(&put, migrate);
	for (unsigned i = 0; i < migrate->n; i++) {
		list[i] = put_one(&migrate->one[i]);
		if (event)
			ctl_put_attr(&put, XFRMA_MIGRATE, &list[i], sizeof(list[i]));
	}
	if (!event)
		ctl_put_attr(&put, XFRMA_MIGRATE, list, migrate->n * sizeof(list[0]));
	ctl_xfrm_put_if_id(&put, migrate->vnet_id);
	return ctl_put_end(&put);
}

size_t
ctl_xfrm_encode_mapping(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_mapping *mapping)
{
	struct xfrm_user_mapping wire;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(wire));

	if (!body)
		return 0;
	memset(&wire, 0, sizeof(wire));
	wire.id = ctl_xfrm_put_key(&mapping->sa_id);
	wire.reqid = mapping->reqid;
	ctl_xfrm_put_addr(&wire.old_saddr, &mapping->old_src);
	ctl_xfrm_put_addr(&wire.new_saddr, &mapping->new_src);
	wire.old_sport = mapping->old_sport_be;
	wire.new_sport = mapping->new_sport_be;
	memcpy(body, &wire, sizeof(wire));
	return ctl_put_end(&put);
}
