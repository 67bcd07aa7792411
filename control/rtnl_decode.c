/* SPDX-License-Identifier: BSD-3-Clause
 * rtnetlink messages into plain structs. Pure. */
#include "control/rtnl_decode.h"

#include <errno.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

/* Where the message ends. Not libmnl's tail, which rounds up to a multiple of four: beyond an odd message's end. */
static const void *
message_end(const struct nlmsghdr *nlh)
{
	return (const char *)nlh + nlh->nlmsg_len;
}

/* Attributes of one message by number; those above the last that Culvert knows are skipped. */
struct attrs {
	const struct nlattr *at[RTA_MAX + 1];
};

/* Collects attributes from bytes to end. False when one does not fit. */
static bool
attrs_read(struct attrs *attrs, const void *bytes, const void *end)
{
	const struct nlattr *attr = bytes;

	memset(attrs, 0, sizeof(*attrs));
	while (mnl_attr_ok(attr, (int)((const char *)end - (const char *)attr))) {
		const uint16_t type = mnl_attr_get_type(attr);

		if (type <= RTA_MAX)
			attrs->at[type] = attr;
		attr = mnl_attr_next(attr);
	}
	/* The last attribute may lack its padding, so that next lies beyond the end. */
	return (const char *)attr >= (const char *)end;
}

static bool
attr_u32(const struct nlattr *attr, uint32_t *out)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(*out))
		return false;
	memcpy(out, mnl_attr_get_payload(attr), sizeof(*out));
	return true;
}

static bool
attr_addr(const struct nlattr *attr, uint8_t family, struct sadb_addr *out)
{
	if (mnl_attr_get_payload_len(attr) != sadb_addr_bits(family) / 8)
		return false;
	*out = (struct sadb_addr){.family = family};
	memcpy(out->bytes, mnl_attr_get_payload(attr), sadb_addr_bits(family) / 8);
	return true;
}

static int
link_decode(const struct nlmsghdr *nlh, struct ctl_rtnl_msg *out)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	struct ctl_rtnl_link *link = &out->link;
	const struct nlattr *name;
	struct attrs attrs;
	size_t length;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return -EINVAL;
	if (info->ifi_family != AF_UNSPEC) /* a bridge's port */
		return -ENOMSG;
	if (!attrs_read(&attrs, mnl_nlmsg_get_payload_offset(nlh, sizeof(*info)), message_end(nlh)))
		return -EINVAL;
	name = attrs.at[IFLA_IFNAME];
	if (name == NULL || info->ifi_index <= 0)
		return -EINVAL;
	length = strnlen(mnl_attr_get_payload(name), mnl_attr_get_payload_len(name));
	if (length == 0 || length >= sizeof(link->name))
		return -EINVAL;
	memcpy(link->name, mnl_attr_get_payload(name), length);
	link->ifindex = info->ifi_index;
	link->up = (info->ifi_flags & IFF_UP) != 0;
	out->kind = CTL_RTNL_LINK;
	return 0;
}

static int
addr_decode(const struct nlmsghdr *nlh, struct ctl_rtnl_msg *out)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *addr;
	struct attrs attrs;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return -EINVAL;
	if (sadb_addr_bits(info->ifa_family) == 0)
		return -ENOMSG;
	if (!attrs_read(&attrs, mnl_nlmsg_get_payload_offset(nlh, sizeof(*info)), message_end(nlh)))
		return -EINVAL;
	/* IFA_LOCAL is the address itself; IFA_ADDRESS is the far end's on a point-to-point link. */
	addr = attrs.at[IFA_LOCAL] != NULL ? attrs.at[IFA_LOCAL] : attrs.at[IFA_ADDRESS];
	if (addr == NULL || !attr_addr(addr, info->ifa_family, &out->addr.addr) ||
	    info->ifa_prefixlen > sadb_addr_bits(info->ifa_family))
		return -EINVAL;
	out->addr.ifindex = (int)info->ifa_index;
	out->addr.len = info->ifa_prefixlen;
	out->kind = CTL_RTNL_ADDR;
	return 0;
}

/* The first next hop of RTA_MULTIPATH that is alive. */
static int
multipath_decode(const struct nlattr *attr, struct ctl_rtnl_route *route, bool *alive)
{
	const char *at = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);

	*alive = false;
	while (left > 0) {
		struct rtnexthop hop;
		struct attrs attrs;

		if (left < sizeof(hop))
			return -EINVAL;
		memcpy(&hop, at, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left ||
		    !attrs_read(&attrs, at + sizeof(hop), at + hop.rtnh_len))
			return -EINVAL;
		if (!*alive && (hop.rtnh_flags & RTNH_F_DEAD) == 0) {
			*alive = true;
			route->oif = hop.rtnh_ifindex;
			if (attrs.at[RTA_GATEWAY] != NULL &&
			    !attr_addr(attrs.at[RTA_GATEWAY], route->dst.addr.family, &route->gateway))
				return -EINVAL;
			if (attrs.at[RTA_VIA] != NULL || attrs.at[RTA_ENCAP] != NULL)
				route->kind = SADB_ROUTE_BLACKHOLE;
		}
		if ((size_t)RTNH_ALIGN(hop.rtnh_len) >= left)
			break;
		at += RTNH_ALIGN(hop.rtnh_len);
		left -= RTNH_ALIGN(hop.rtnh_len);
	}
	return 0;
}

static int
route_kind(uint8_t type)
{
	switch (type) {
	case RTN_UNICAST:
		return SADB_ROUTE_UNICAST;
	case RTN_LOCAL:
	case RTN_ANYCAST: /* IPv6's address of any router on the link (RFC 4291 2.6.1) */
		return SADB_ROUTE_LOCAL;
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
	case RTN_THROW:
		return SADB_ROUTE_BLACKHOLE;
	default:
		return -ENOMSG;
	}
}

static int
route_attrs_decode(const struct attrs *attrs, const struct rtmsg *info, struct ctl_rtnl_msg *out)
{
	struct ctl_rtnl_route *route = &out->route;
	bool alive = (info->rtm_flags & RTNH_F_DEAD) == 0;
	uint32_t oif = 0;
	int rc;

	route->dst = (struct sadb_prefix){.addr = {.family = info->rtm_family}, .len = info->rtm_dst_len};
	if (attrs->at[RTA_DST] != NULL && !attr_addr(attrs->at[RTA_DST], info->rtm_family, &route->dst.addr))
		return -EINVAL;
	if (info->rtm_dst_len > sadb_addr_bits(info->rtm_family) ||
	    (attrs->at[RTA_DST] == NULL && info->rtm_dst_len != 0))
		return -EINVAL;
	if (attrs->at[RTA_GATEWAY] != NULL && !attr_addr(attrs->at[RTA_GATEWAY], info->rtm_family, &route->gateway))
		return -EINVAL;
	if (attrs->at[RTA_PRIORITY] != NULL && !attr_u32(attrs->at[RTA_PRIORITY], &route->metric))
		return -EINVAL;
	if (attrs->at[RTA_OIF] != NULL && !attr_u32(attrs->at[RTA_OIF], &oif))
		return -EINVAL;
	/* The kernel's blackholes of IPv6 lead to the loopback device. */
	route->oif = route->kind == SADB_ROUTE_BLACKHOLE ? 0 : (int)oif;
	if (attrs->at[RTA_VIA] != NULL || attrs->at[RTA_ENCAP] != NULL)
		route->kind = SADB_ROUTE_BLACKHOLE;
	if (attrs->at[RTA_MULTIPATH] != NULL) {
		rc = multipath_decode(attrs->at[RTA_MULTIPATH], route, &alive);
		if (rc < 0)
			return rc;
	}
	if (!alive)
		out->gone = true;
	return 0;
}

static int
route_decode(const struct nlmsghdr *nlh, struct ctl_rtnl_msg *out)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(nlh);
	struct attrs attrs;
	int kind;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return -EINVAL;
	kind = route_kind(info->rtm_type);
	if (sadb_addr_bits(info->rtm_family) == 0 || kind < 0 || info->rtm_tos != 0 || info->rtm_src_len != 0 ||
	    (info->rtm_flags & RTM_F_CLONED) != 0)
		return -ENOMSG;
	if (!attrs_read(&attrs, mnl_nlmsg_get_payload_offset(nlh, sizeof(*info)), message_end(nlh)))
		return -EINVAL;
	out->route.table = info->rtm_table;
	if (attrs.at[RTA_TABLE] != NULL && !attr_u32(attrs.at[RTA_TABLE], &out->route.table))
		return -EINVAL;
	if (out->route.table != RT_TABLE_MAIN && out->route.table != RT_TABLE_LOCAL)
		return -ENOMSG;
	out->kind = CTL_RTNL_ROUTE;
	out->route.kind = (uint8_t)kind;
	out->replace = !out->gone && (nlh->nlmsg_flags & NLM_F_REPLACE) != 0;
	return route_attrs_decode(&attrs, info, out);
}

static int
neigh_decode(const struct nlmsghdr *nlh, struct ctl_rtnl_msg *out)
{
	static const uint16_t usable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;
	const struct ndmsg *info = mnl_nlmsg_get_payload(nlh);
	struct ctl_rtnl_neigh *neigh = &out->neigh;
	const struct nlattr *mac;
	struct attrs attrs;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return -EINVAL;
	if (sadb_addr_bits(info->ndm_family) == 0 || (info->ndm_flags & NTF_PROXY) != 0)
		return -ENOMSG;
	if (!attrs_read(&attrs, mnl_nlmsg_get_payload_offset(nlh, sizeof(*info)), message_end(nlh)))
		return -EINVAL;
	if (attrs.at[NDA_DST] == NULL || !attr_addr(attrs.at[NDA_DST], info->ndm_family, &neigh->addr))
		return -EINVAL;
	mac = attrs.at[NDA_LLADDR];
	if (mac != NULL && mnl_attr_get_payload_len(mac) == sizeof(neigh->mac)) {
		memcpy(neigh->mac, mnl_attr_get_payload(mac), sizeof(neigh->mac));
		/* Directed broadcasts are not forwarded (RFC 2644): an entry for them is none to use. */
		neigh->usable = (info->ndm_state & usable) != 0 && (neigh->mac[0] & 1) == 0;
	}
	neigh->ifindex = info->ndm_ifindex;
	out->kind = CTL_RTNL_NEIGH;
	return 0;
}

int
ctl_rtnl_decode(const void *bytes, size_t n, struct ctl_rtnl_msg *out)
{
	const struct nlmsghdr *nlh = bytes;

	memset(out, 0, sizeof(*out));
	if (n < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > n)
		return -EINVAL;
	switch (nlh->nlmsg_type) {
	case RTM_DELLINK:
	case RTM_DELADDR:
	case RTM_DELROUTE:
	case RTM_DELNEIGH:
		out->gone = true;
		break;
	default:
		break;
	}
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_decode(nlh, out);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return addr_decode(nlh, out);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return route_decode(nlh, out);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return neigh_decode(nlh, out);
	default:
		return -ENOMSG;
	}
}
