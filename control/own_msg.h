/* SPDX-License-Identifier: BSD-3-Clause
 * Culvert's own netlink messages, for what XFRM cannot say: ports, virtual networks, routes, neighbours, statistics,
 * event subscription. Same header, same attribute encoding, same ACKs and dumps as XFRM's on the same socket. Types
 * above every XFRM type (XFRM_MSG_MAX is below 0x40). Numbers here are an interface: only add. */
#ifndef CTL_OWN_MSG_H
#define CTL_OWN_MSG_H

#include <stdint.h>

#define CTL_MSG_VERSION 1

enum ctl_msg {
	CTL_MSG_BASE = 0x400,
	CTL_MSG_INFO_GET = CTL_MSG_BASE, /* answer: INFO */
	CTL_MSG_INFO,
	CTL_MSG_SUBSCRIBE, /* CTL_A_GROUPS: bits (1 << XFRMNLGRP_*); 0 ends it. ACK */
	CTL_MSG_PORT_GET,  /* dump: PORT... */
	CTL_MSG_PORT,
	CTL_MSG_VNET_GET, /* dump: VNET... */
	CTL_MSG_VNET,
	CTL_MSG_ROUTE_GET, /* dump: ROUTE... */
	CTL_MSG_ROUTE,
	CTL_MSG_NEIGH_GET, /* dump: NEIGH... */
	CTL_MSG_NEIGH,
	CTL_MSG_WORKER_GET, /* dump: WORKER... (one per worker, with drops and stages) */
	CTL_MSG_WORKER,
	CTL_MSG_MEMORY_GET, /* answer: MEMORY */
	CTL_MSG_MEMORY,
	CTL_MSG_CHAIN, /* CTL_A_CHAIN 1: from the first error on, the requests that follow are refused with ECANCELED, until
			* the next CHAIN: so many may be sent before the first is answered. ACK */
	CTL_MSG_HELLO, /* CTL_A_BOOT_ID. To every client that is there when a daemon begins: what it knew of them and all SAs
			* are gone, it should subscribe anew */
	CTL_MSG_MIRROR_GET, /* answer: MIRROR */
	CTL_MSG_MIRROR,
	CTL_MSG_TUNNEL_ADD,    /* CTL_A_TUNNEL: NAME to EXCHANGE. ACK */
	CTL_MSG_TUNNEL_DEL,    /* CTL_A_TUNNEL: NAME. ACK */
	CTL_MSG_TUNNEL_GET,    /* dump: TUNNEL... */
	CTL_MSG_TUNNEL,        /* CTL_A_TUNNEL: NAME to ERROR */
	CTL_MSG_TUNNEL_REKEY,  /* CTL_A_TUNNEL: NAME. ACK: an exchange is about to begin */
	CTL_MSG_TUNNEL_OFFER,  /* CTL_A_TUNNEL: NAME; answer: the same with OFFER. NLM_F_REPLACE: a new one. Secret */
	CTL_MSG_TUNNEL_ACCEPT, /* CTL_A_TUNNEL: NAME, OFFER; answer to an offer: TUNNEL_OFFER. Secret */
	CTL_MSG_TUNNEL_EVENT,  /* multicast to CTL_GROUP_TUNNEL; CTL_A_TUNNEL: NAME, GENERATION, KIND, TEXT */
	CTL_MSG_AUDIT,         /* multicast to CTL_GROUP_AUDIT; CTL_A_EVENT */
	CTL_MSG_DUMMY, /* CTL_A_DST, SPI, PACKETS (0: ends it), LENGTH, RATE: dummy packets by an outbound SA. Answer: the same with
			* WORKER, or for 0 packets UNSENT */
	CTL_MSG_MAX
};

/* Every own message: nlmsghdr, this, attributes. */
struct ctl_msg_head {
	uint8_t version; /* CTL_MSG_VERSION */
	uint8_t zero[3];
};

/* Attribute numbers, one space for all own messages. u16/u32/u64: host order. str: zero-terminated. addr: 4 or 16 bytes,
 * network order. bytes: as they are. */
enum ctl_attr {
	CTL_A_UNSPEC,
	CTL_A_GROUPS,     /* u32 */
	CTL_A_VERSION,    /* str */
	CTL_A_ENGINE,     /* str */
	CTL_A_UPTIME_S,   /* u64 */
	CTL_A_TSC_HZ,     /* u64 */
	CTL_A_HUGE,       /* u32 0/1 */
	CTL_A_NAME,       /* str */
	CTL_A_PORT,       /* u16 */
	CTL_A_DEVICE,     /* str */
	CTL_A_DRIVER,     /* str */
	CTL_A_MAC,        /* 6 bytes */
	CTL_A_MTU,        /* u16 */
	CTL_A_UP,         /* u32 0/1 */
	CTL_A_UNDERLAY,   /* u32 0/1 */
	CTL_A_VNET_ID,    /* u32 */
	CTL_A_SPEED_MBPS, /* u32 */
	CTL_A_IFINDEX,    /* u32 */
	CTL_A_RX_QUEUES,  /* u16 */
	CTL_A_TX_QUEUES,  /* u16 */
	CTL_A_RX_PACKETS, /* u64, and so on to INJECT_DROPPED */
	CTL_A_RX_BYTES,
	CTL_A_TX_PACKETS,
	CTL_A_TX_BYTES,
	CTL_A_RX_MISSED,
	CTL_A_RX_ERRORS,
	CTL_A_RX_NOMBUF,
	CTL_A_TX_ERRORS,
	CTL_A_PUNTED,
	CTL_A_PUNT_DROPPED,
	CTL_A_INJECTED,
	CTL_A_INJECT_DROPPED,
	CTL_A_SA_COUNT,     /* u32 */
	CTL_A_POLICY_COUNT, /* u32 */
	CTL_A_DST,          /* addr */
	CTL_A_DST_LEN,      /* u32 */
	CTL_A_GATEWAY,      /* addr */
	CTL_A_METRIC,       /* u32 */
	CTL_A_KIND,         /* u32: enum sadb_route_kind */
	CTL_A_WORKER,       /* u32 */
	CTL_A_CPU,          /* u32; 0xffffffff: floating */
	CTL_A_FROM_PORTS,   /* u64, and so on to SLEEPS */
	CTL_A_FROM_TWINS,
	CTL_A_MADE,
	CTL_A_TX,
	CTL_A_DROPPED,
	CTL_A_HELD,
	CTL_A_ESP_IN,
	CTL_A_ESP_OUT,
	CTL_A_POLLS,
	CTL_A_IDLE_POLLS,
	CTL_A_SLEEPS,
	CTL_A_DROP,    /* nested, repeated: NAME, HELP, PACKETS; only reasons with a count, or all with NLM_F_MATCH */
	CTL_A_STAGE,   /* nested, repeated: NAME, PACKETS, BATCHES, CYCLES */
	CTL_A_HELP,    /* str */
	CTL_A_PACKETS, /* u64 */
	CTL_A_BATCHES, /* u64 */
	CTL_A_CYCLES,  /* u64 */
	CTL_A_WORKERS, /* u32 */
	CTL_A_USE,     /* nested, repeated: NAME, HELP, BYTES, OBJECTS */
	CTL_A_BYTES,   /* u64 */
	CTL_A_OBJECTS, /* u64 */
	CTL_A_RSS,     /* u64, bytes */
	CTL_A_CHAIN,   /* u32 0/1 */
	CTL_A_BOOT_ID, /* u64: another each time the daemon begins */
	CTL_A_COUNT,   /* nested, repeated: NAME, PACKETS (whatever is counted) */
	CTL_A_MISSING, /* nested, repeated: NAME, HELP, GUARDED */
	CTL_A_GUARDED, /* u32 0/1 */
	CTL_A_TUNNEL,  /* nested: enum ctl_tunnel_attr */
	CTL_A_JOINED,  /* u64 */
	CTL_A_TRUNK,   /* u32 0/1: no domain, tagged frames only */
	CTL_A_ON,      /* str: the port on which this one is a VLAN */
	CTL_A_VLAN,    /* u16 */
	CTL_A_NETNS,   /* str: where the twin is */
	CTL_A_AUDIT,   /* nested, repeated: NAME, HELP, PACKETS (told), SUPPRESSED; of kinds with a count, or all with
			* NLM_F_MATCH */
	CTL_A_SUPPRESSED, /* u64 */
	CTL_A_EVENT,      /* nested: enum ctl_audit_attr */
	CTL_A_BYPASS,     /* u32 0/1: what no policy of the vnet names passes in the clear */
	CTL_A_SPI,        /* u32, network order */
	CTL_A_LENGTH,     /* u32, bytes; 0: random */
	CTL_A_RATE,       /* u32, a second */
	CTL_A_DUMMIES,    /* u64, dummy packets that were made */
	CTL_A_UNSENT,     /* u64, and those that were asked for and will not be */
	CTL_A_MAX = CTL_A_UNSENT
};

/* Inside CTL_A_EVENT. What an event does not have is not there. */
enum ctl_audit_attr {
	CTL_E_UNSPEC,
	CTL_E_KIND,        /* str */
	CTL_E_REASON,      /* str: why the packet was dropped */
	CTL_E_TIME_NS,     /* u64, CLOCK_REALTIME */
	CTL_E_WORKER,      /* u32 */
	CTL_E_SUPPRESSED,  /* u64; more than 0: no event, but so many of that kind that were not told */
	CTL_E_SPI,         /* 4 bytes, network order */
	CTL_E_SEQ,         /* u64 */
	CTL_E_SRC,         /* addr: of the packet as it came, or of the SA that it was to go in */
	CTL_E_DST,         /* addr */
	CTL_E_PROTO,       /* u8 */
	CTL_E_VNET_ID,     /* u32 */
	CTL_E_INNER_SRC,   /* addr: of the packet that came out of the SA, or was to go in */
	CTL_E_INNER_DST,   /* addr */
	CTL_E_INNER_PROTO, /* u8 */
	CTL_E_SPORT, /* 2 bytes, network order: of the inner packet, or of the packet itself where there is no INNER_SRC */
	CTL_E_DPORT,
	CTL_E_MAX = CTL_E_DPORT
};

/* Inside CTL_A_TUNNEL. prefix: a byte of length, then 4 or 16 of address. */
enum ctl_tunnel_attr {
	CTL_T_UNSPEC,
	CTL_T_NAME,          /* str */
	CTL_T_VNET_ID,       /* u32 */
	CTL_T_PRIORITY,      /* u32 */
	CTL_T_LOCAL,         /* addr */
	CTL_T_REMOTE,        /* addr */
	CTL_T_LOCAL_PREFIX,  /* prefix, repeated */
	CTL_T_REMOTE_PREFIX, /* prefix, repeated */
	CTL_T_ESN,           /* u32 0/1 */
	CTL_T_WINDOW,        /* u32; 0: off */
	CTL_T_OVERLAP_S,     /* u32 */
	CTL_T_SOFT_BYTES,    /* u64, and so on to HARD_SECONDS; absent: no limit */
	CTL_T_HARD_BYTES,
	CTL_T_SOFT_PACKETS,
	CTL_T_HARD_PACKETS,
	CTL_T_SOFT_SECONDS,
	CTL_T_HARD_SECONDS,
	CTL_T_EXCHANGE, /* str; only root may give one, as the daemon runs it */
	CTL_T_REQID,    /* u32, and so on to IN_COUNT */
	CTL_T_OUT_SPI,  /* network order, as the next; 0: none */
	CTL_T_IN_SPI,
	CTL_T_IN_COUNT,
	CTL_T_GENERATION, /* u64, and so on to FAILURES */
	CTL_T_OUT_AGE_S,
	CTL_T_OUT_PACKETS,
	CTL_T_OUT_BYTES,
	CTL_T_IN_PACKETS,
	CTL_T_IN_BYTES,
	CTL_T_NEXT_REKEY_S, /* all ones: none */
	CTL_T_EXCHANGES,
	CTL_T_FAILURES,
	CTL_T_STATE,     /* str */
	CTL_T_KEYING,    /* str */
	CTL_T_ERROR,     /* str */
	CTL_T_OFFER,     /* bytes: an offer or answer in text. Secret */
	CTL_T_KIND,      /* str */
	CTL_T_TEXT,      /* str */
	CTL_T_ALGORITHM, /* str: a name of sa-db/algorithm.h; not there: the first */
	CTL_T_SA_FLAGS, /* u32: enum ctl_tunnel_sa_flag; of the outbound SAs, as the next three; an SA's defaults: not there */
	CTL_T_TFC_PAD,    /* u16, bytes */
	CTL_T_OUTER_TTL,  /* u8 */
	CTL_T_OUTER_DSCP, /* u8 */
	CTL_T_MAX = CTL_T_OUTER_DSCP
};

/* In CTL_T_SA_FLAGS. */
enum ctl_tunnel_sa_flag {
	CTL_T_FLAG_OUTER_DSCP = 1 << 0, /* else it is copied */
	CTL_T_FLAG_DF_SET = 1 << 1,     /* likewise */
	CTL_T_FLAG_DF_CLEAR = 1 << 2,
	CTL_T_FLAG_FRAGMENT_AFTER = 1 << 3, /* else before ESP */
};

/* Multicast groups of our own, beside XFRMNLGRP_* in the bits of CTL_A_GROUPS. */
#define CTL_GROUP_TUNNEL 24
#define CTL_GROUP_AUDIT  25

#endif
