/* SPDX-License-Identifier: BSD-3-Clause
 * rtnetlink messages (linux/rtnetlink.h) into plain structs. Pure: bytes and a length in; no I/O, no allocation. */
#ifndef CTL_RTNL_DECODE_H
#define CTL_RTNL_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <net/if.h>

#include "sa-db/fib.h"

enum ctl_rtnl_kind { CTL_RTNL_LINK, CTL_RTNL_ADDR, CTL_RTNL_ROUTE, CTL_RTNL_NEIGH };

struct ctl_rtnl_link {
	int ifindex;
	bool up; /* administratively: the kernel has routes over it */
	char name[IFNAMSIZ];
};

struct ctl_rtnl_addr {
	int ifindex;
	uint8_t len;
	struct sadb_addr addr;
};

struct ctl_rtnl_route {
	struct sadb_prefix dst;
	struct sadb_addr gateway; /* AF_UNSPEC: on link */
	uint32_t table;           /* RT_TABLE_MAIN or RT_TABLE_LOCAL */
	uint32_t metric;
	int oif;      /* 0: none, as blackholes have */
	uint8_t kind; /* enum sadb_route_kind */
};

struct ctl_rtnl_neigh {
	int ifindex;
	struct sadb_addr addr;
	bool usable; /* has a link-layer address that may be sent to */
	uint8_t mac[6];
};

struct ctl_rtnl_msg {
	uint8_t kind; /* enum ctl_rtnl_kind */
	bool gone;    /* deleted, not new */
	bool replace; /* a route that takes the place of another with its prefix and metric */
	union {
		struct ctl_rtnl_link link;
		struct ctl_rtnl_addr addr;
		struct ctl_rtnl_route route;
		struct ctl_rtnl_neigh neigh;
	};
};

/* Decodes one message. 0; -EINVAL: malformed (a length, a missing attribute); -ENOMSG: sound but no concern of the
 * dataplane's: another family, table, type of service, a broadcast or multicast route, another type of message.
 *
 * A route that the dataplane cannot follow (blackhole, unreachable, prohibit, throw, an encapsulation, a gateway of
 * another family) becomes SADB_ROUTE_BLACKHOLE: were it left out, a wider route would carry its packets. Of several
 * next hops the first that is alive counts. */
int ctl_rtnl_decode(const void *bytes, size_t n, struct ctl_rtnl_msg *out);

#endif
