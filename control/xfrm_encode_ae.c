/* SPDX-License-Identifier: BSD-3-Clause
 * Encoding of NEWAE and GETAE. Pure. */
#include "control/xfrm_impl.h"

size_t
ctl_xfrm_encode_get_ae(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_sa_config *id,
		       uint32_t flags)
{
	struct xfrm_aevent_id ae;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(ae));

	if (!body)
		return 0;
	memset(&ae, 0, sizeof(ae));
	ae.sa_id = ctl_xfrm_put_id(id);
	ae.flags = flags;
	memcpy(body, &ae, sizeof(ae));
	return ctl_put_end(&put);
}

size_t
ctl_xfrm_encode_ae(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_sa_config *config,
		   const struct ctl_sa_state *state, uint32_t flags)
{
	const struct xfrm_lifetime_cur use = ctl_xfrm_put_use(state);
	struct xfrm_aevent_id ae;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(ae));

	if (!body)
		return 0;
	memset(&ae, 0, sizeof(ae));
	ae.sa_id = ctl_xfrm_put_id(config);
	ctl_xfrm_put_addr(&ae.saddr, &config->src);
	ae.reqid = config->reqid;
	ae.flags = flags;
	memcpy(body, &ae, sizeof(ae));
	ctl_xfrm_put_replay(&put, config, state);
	ctl_put_attr(&put, XFRMA_LTIME_VAL, &use, sizeof(use));
	ctl_xfrm_put_if_id(&put, config->vnet_id);
	return ctl_put_end(&put);
}
