/* SPDX-License-Identifier: BSD-3-Clause
 * Culvert's own messages (own_msg.h) to and from plain structs. Pure, as xfrm_codec.h: bytes and a length in, a struct or
 * an error out. The server encodes answers and decodes requests; the CLI does the reverse. */
#ifndef CTL_OWN_CODEC_H
#define CTL_OWN_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "control/own_msg.h"
#include "control/tunnel.h"
#include "dataplane/dataplane.h"
#include "sa-db/sadb.h"

struct ctl_info {
	char version[32];
	char engine[32];
	uint64_t uptime_s;
	uint64_t tsc_hz;
	uint32_t workers;
	uint32_t sa_count, policy_count;
	bool huge;
};

struct ctl_vnet {
	char name[SADB_VNET_NAME];
	uint32_t id;
	uint32_t sa_count, policy_count;
	bool bypass; /* what no policy names passes in the clear */
};

struct ctl_route {
	struct sadb_route route;
	uint32_t vnet_id;
	bool underlay; /* of the underlay's domain; vnet_id is 0 then */
};

struct ctl_neigh {
	struct sadb_addr addr;
	uint16_t port;
	uint8_t mac[6];
};

/* A worker's counters as they come over the wire: reasons and stages by name, so that a CLI and a daemon of different
 * versions understand each other. */
#define CTL_MAX_DROPS  128
#define CTL_MAX_STAGES 32
#define CTL_NAME_BYTES 32
#define CTL_HELP_BYTES 160
#define CTL_MAX_AUDITS 32
struct ctl_worker {
	uint32_t worker;
	int32_t cpu; /* -1: floating */
	uint64_t from_ports, from_twins, made;
	uint64_t tx, punted, dropped, held;
	uint64_t esp_in, esp_out;
	uint64_t polls, idle_polls, sleeps, joined, dummies, unsent;
	unsigned n_drops, n_stages, n_audits;
	struct ctl_worker_drop {
		char name[CTL_NAME_BYTES], help[CTL_HELP_BYTES];
		uint64_t packets;
	} drops[CTL_MAX_DROPS];
	struct ctl_worker_stage {
		char name[CTL_NAME_BYTES];
		uint64_t packets, batches, cycles;
	} stages[CTL_MAX_STAGES];
	struct ctl_worker_audit {
		char name[CTL_NAME_BYTES], help[CTL_HELP_BYTES];
		uint64_t told, suppressed;
	} audits[CTL_MAX_AUDITS];
};

/* An audit event as it comes over the wire: its kind and reason by name. Not every event has all of it. */
struct ctl_audit {
	char kind[CTL_NAME_BYTES], reason[CTL_NAME_BYTES];
	uint64_t time_ns, seq;
	uint64_t suppressed; /* not 0: no event, but so many of that kind which were not told */
	uint32_t worker, vnet_id;
	rte_be32_t spi_be;
	struct sadb_addr src, dst;
	struct sadb_flow inner;
	uint8_t proto;
	uint8_t has; /* enum dp_audit_has */
};

/* Dummy packets by an outbound SA (RFC 4303 2.6). */
struct ctl_dummy {
	struct sadb_addr dst;
	rte_be32_t spi_be;
	uint64_t packets;          /* 0: none any more */
	uint32_t length, rate_pps; /* length 0: random */
	uint32_t worker;           /* in an answer */
	uint64_t unsent;           /* in an answer to 0 packets */
};

/* What memory goes to. */
#define CTL_MAX_USES 32
struct ctl_memory {
	uint64_t rss_bytes; /* of the daemon, as the kernel counts */
	uint32_t sa_count;
	unsigned n_uses;
	struct ctl_memory_use {
		char name[CTL_NAME_BYTES], help[CTL_HELP_BYTES];
		uint64_t bytes, objects;
	} uses[CTL_MAX_USES];
};

/* The kernel's mirror (source: kernel): counts by name, and the first of what it does not have. */
#define CTL_MAX_COUNTS  32
#define CTL_MAX_MISSING 32
struct ctl_mirror_info {
	unsigned n_counts, n_missing;
	struct ctl_mirror_count {
		char name[CTL_NAME_BYTES];
		uint64_t value;
	} counts[CTL_MAX_COUNTS];
	struct ctl_mirror_missing {
		char what[CTL_HELP_BYTES], reason[CTL_HELP_BYTES];
		bool guarded; /* a policy that drops stands in its place */
	} missing[CTL_MAX_MISSING];
};

/* What a tunnel message says beside a description. */
#define CTL_KIND_BYTES 32
struct ctl_tunnel_words {
	char name[CTL_TUNNEL_NAME];
	struct ctl_keying_text offer; /* OFFER, ACCEPT: in the message itself; NULL: none. Secret */
	uint64_t generation;          /* EVENT, as the next two */
	char kind[CTL_KIND_BYTES];
	char text[CTL_TUNNEL_ERROR];
};

/* One decoded message; type says which member is set. The GET requests have none. Large: keep it off small stacks. */
struct ctl_own {
	uint16_t type; /* enum ctl_msg */
	union {
		struct ctl_info info;
		uint32_t groups;  /* SUBSCRIBE */
		bool chain;       /* CHAIN */
		uint64_t boot_id; /* HELLO */
		struct dp_port_info port;
		struct ctl_vnet vnet;
		struct ctl_route route;
		struct ctl_neigh neigh;
		struct ctl_worker worker;
		struct ctl_memory memory;
		struct ctl_mirror_info mirror;
		struct ctl_tunnel_info tunnel; /* TUNNEL_ADD (the config alone), TUNNEL */
		struct ctl_tunnel_words words; /* the other TUNNEL messages */
		struct ctl_audit audit;
		struct ctl_dummy dummy;
	};
};

/* nlh->nlmsg_len bytes are readable. 0; -EINVAL (length, attribute, version: err says which); -EOPNOTSUPP for a type that
 * is none of enum ctl_msg. Attributes that are not there leave zero; unknown ones are skipped. */
int ctl_own_decode(const struct nlmsghdr *nlh, struct ctl_own *out, struct sadb_error *err);

/* Encoders as in xfrm_codec.h: a whole message into buf; its length, or 0 when size is too small. */
size_t ctl_own_encode_get(void *buf, size_t size, const struct nlmsghdr *header); /* any request without attributes */
size_t ctl_own_encode_subscribe(void *buf, size_t size, const struct nlmsghdr *header, uint32_t groups);
size_t ctl_own_encode_chain(void *buf, size_t size, const struct nlmsghdr *header, bool chain);
size_t ctl_own_encode_hello(void *buf, size_t size, const struct nlmsghdr *header, uint64_t boot_id);
size_t ctl_own_encode_info(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_info *info);
size_t ctl_own_encode_port(void *buf, size_t size, const struct nlmsghdr *header, const struct dp_port_info *port);
size_t ctl_own_encode_vnet(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_vnet *vnet);
size_t ctl_own_encode_route(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_route *route);
size_t ctl_own_encode_neigh(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_neigh *neigh);

/* TUNNEL_ADD: of info, the config alone. */
size_t ctl_own_encode_tunnel(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_tunnel_info *info);
/* The other TUNNEL messages: what is set in words. */
size_t ctl_own_encode_tunnel_words(void *buf, size_t size, const struct nlmsghdr *header,
				   const struct ctl_tunnel_words *words);

size_t ctl_own_encode_dummy(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_dummy *dummy);
size_t ctl_own_encode_memory(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_memory *memory);
size_t ctl_own_encode_mirror(void *buf, size_t size, const struct nlmsghdr *header,
			     const struct ctl_mirror_info *mirror);

/* own_tunnel.c, for ctl_own_decode(): the attribute CTL_A_TUNNEL, NULL when it is not there. */
struct nlattr;
int ctl_own_decode_tunnel(const struct nlattr *nest, struct ctl_own *out, struct sadb_error *err);

/* own_audit.c */
size_t ctl_own_encode_audit(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_audit *audit);
int ctl_own_decode_audit(const struct nlattr *nest, struct ctl_own *out, struct sadb_error *err);

struct ctl_worker_source {
	const struct dp_worker_stats *stats;
	uint32_t worker;
	bool all_drops; /* reasons without a count too */
};
size_t ctl_own_encode_worker(void *buf, size_t size, const struct nlmsghdr *header,
			     const struct ctl_worker_source *source);

#endif
