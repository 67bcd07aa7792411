/* SPDX-License-Identifier: BSD-3-Clause
 * What the control plane may know of the dataplane: set-up, ports, workers, events, counters. All functions: control
 * thread, unless said otherwise. Errors: 0 or -errno, with a line for the operator in err. */
#ifndef DP_DATAPLANE_H
#define DP_DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/drop.h"
#include "sa-db/sadb.h"

#define DP_MAX_PORTS   64
#define DP_MAX_WORKERS 32
#define DP_PORT_NAME   16 /* also the twin's interface name */

struct dp;
struct rte_mempool;

struct dp_error {
	char text[256];
};

/* ---- life ---- */
struct dp_eal_config {
	const char *const *pci_devices; /* allow-list, n_pci entries; none: no PCI scan */
	unsigned n_pci;
	unsigned workers;
	const char *cpus;   /* "1,3": worker i is pinned to the i-th; NULL: all float */
	unsigned memory_mb; /* packet and table memory; 0: default */
	bool huge_pages;    /* wanted; falls back to ordinary pages with a line in the log when none are free */
	int log_level;      /* RTE_LOG_* for the libraries */
};

/* Starts DPDK. Once per process, before anything else of sa-db or dataplane. */
int dp_eal_start(const struct dp_eal_config *config, bool *huge, struct dp_error *err);
void dp_eal_stop(void);

struct dp_config {
	const char *engine; /* name or "auto" */
	unsigned workers;
	unsigned packets;         /* packet buffers; 0: default */
	unsigned max_frame_bytes; /* largest MTU of any port + 14 */
	bool poll_busy;           /* never sleep */
	unsigned idle_sleep_us;   /* longest sleep of an idle worker, 1..10000 */
	uint16_t nat_t_port;      /* where ESP in UDP comes in (RFC 3948), host order; 0: 4500 */
};

/* Chooses and tests the engine; fills keyer for sadb_create(). */
struct dp *dp_create(const struct dp_config *config, struct sadb_keyer *keyer, struct dp_error *err);
/* Before dp_start(). The database outlives the dataplane's workers. */
void dp_attach(struct dp *dp, struct sadb *db);
int dp_start(struct dp *dp, struct dp_error *err);
/* All of dp_start() but the threads: ports run, and the caller turns each worker with dp_poll(). */
int dp_set_up(struct dp *dp, struct dp_error *err);
/* After dp_set_up(): one round of one worker, from receiving to sending. The calling thread is that worker: one thread at
 * a time for each, and nothing may be retired from the database meanwhile. false: there was nothing to do. */
bool dp_poll(struct dp *dp, unsigned worker);
/* Stops workers and twins, drains; then ports are closed. Every packet is accounted for. */
void dp_stop(struct dp *dp);
void dp_destroy(struct dp *dp);
const char *dp_engine_name(const struct dp *dp);
/* Where packets that enter by a software port must come from: the stages keep notes in the buffers' private area. */
struct rte_mempool *dp_packet_pool(const struct dp *dp);

/* ---- a crypto engine by itself: AES-GCM with a 16-byte tag (RFC 4106), for benchmarks and witnesses. One thread ---- */
struct dp_aead;

struct dp_aead_job {
	uint8_t *text; /* in place */
	uint8_t *tag;  /* 16 bytes: written when sealing, compared when opening */
	const uint8_t *iv, *aad;
	uint32_t text_bytes; /* below 2^29 */
	uint8_t aad_bytes;   /* 8 or 12 */
};

/* engine: name or "auto". key: as long as the algorithm asks for. NULL on failure. destroy wipes. */
struct dp_aead *dp_aead_create(const char *engine, const struct sadb_algorithm *algorithm, const uint8_t *key,
			       struct dp_error *err);
void dp_aead_destroy(struct dp_aead *aead);
const char *dp_aead_engine_name(const struct dp_aead *aead);
/* One call of the engine's library for each job and nothing around it: the floor under the path's cost. Returns how many
 * failed; the text of a job that did not open is wiped. */
unsigned dp_aead_seal(struct dp_aead *aead, const struct dp_aead_job *jobs, unsigned n);
unsigned dp_aead_open(struct dp_aead *aead, const struct dp_aead_job *jobs, unsigned n);

/* ---- network namespaces: of the calling thread, until root is given up ---- */
#define DP_NETNS_NAME 64
struct dp_netns {
	char name[DP_NETNS_NAME];
	int fd;
};
/* Goes there. Returns a descriptor of the namespace before, for dp_netns_leave(), or -errno. */
int dp_netns_enter(const struct dp_netns *netns);
int dp_netns_leave(int before);

/* ---- ports ---- */
struct dp_port_config {
	char name[DP_PORT_NAME]; /* the twin's interface name */
	const char *device;      /* DPDK devargs: "net_af_xdp0,iface=eth1", "0000:3b:00.0" */
	struct sadb_vnet *vnet;  /* the underlay's or a virtual network's */
	bool underlay;
	bool twinless; /* no twin in the kernel: what is punted here is dropped */
	/* Where the twin is; outlives the port. NULL: in the daemon's own namespace. */
	const struct dp_netns *netns;
	uint16_t mtu; /* IP bytes */
	/* VLANs will be added on it. Only then vnet may be NULL: no untagged frame passes, and there is no twin. */
	bool trunk;
	/* 1..4094: a VLAN on port number on, whose device it shares; device is NULL. 0: a device of its own. */
	uint16_t vlan, on;
};

/* Before dp_start(). Creates the device, its queues and its twin (TAP, down, with the port's MAC). On 0 *port is the
 * number that routes and neighbours use. The error names the device, e.g. "device net_af_xdp0,iface=eth9: no such
 * interface". */
int dp_port_add(struct dp *dp, const struct dp_port_config *config, uint16_t *port, struct dp_error *err);

struct dp_port_info {
	char name[DP_PORT_NAME];
	char device[128];
	char driver[32];
	char iface[DP_PORT_NAME]; /* the kernel's interface that the device sits on; "" */
	uint8_t mac[6];
	bool underlay, up;
	bool gone;      /* the kernel interface of its device was deleted: see dp_port_unplug() */
	bool back;      /* and there is one again: see dp_port_plug() */
	bool twin_lost; /* its twin was: see dp_twin_restore() */
	uint16_t port, mtu, rx_queues, tx_queues;
	bool trunk;                /* only tagged frames pass: in no domain itself, without a twin */
	char on[DP_PORT_NAME];     /* a VLAN: the port whose device it shares; "" */
	char netns[DP_NETNS_NAME]; /* of the twin; "": the daemon's own */
	uint16_t vlan;             /* 0: none */
	uint32_t vnet_id;
	uint32_t speed_mbps; /* 0: unknown */
	int twin_ifindex;
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; /* what workers received and sent; of a VLAN on it alone */
	uint64_t rx_missed, rx_errors, rx_nombuf, tx_errors; /* the device's own; not of a VLAN */
	uint64_t punted, punt_dropped, injected, inject_dropped;
};
/* -ENOENT past the last port. */
int dp_port_get(const struct dp *dp, uint16_t port, struct dp_port_info *out);
/* Where its twin is; NULL: in the daemon's own namespace. */
const struct dp_netns *dp_port_netns(const struct dp *dp, uint16_t port);
/* Makes a twin that somebody deleted again, with the same name, number and MAC, and as bare as at the start. Its descriptor
 * knows its namespace. */
int dp_twin_restore(struct dp *dp, uint16_t port, struct dp_error *err);
/* Lets go of the device of a port that is gone, so that it can be plugged in again; meanwhile what leaves by the port, or by its
 * VLANs, is dropped (port-down). Twice does nothing. Returns how many packet buffers the device has kept for good. */
unsigned dp_port_unplug(struct dp *dp, uint16_t port);
/* Opens the device of a port that is back, as dp_port_add() did, with the MAC and the queues that it has now. On a thread that has
 * the rights to open devices, while the control thread waits: CAP_NET_ADMIN, CAP_NET_RAW, for AF_XDP CAP_BPF. -errno, and it may
 * be tried again; but when info says that it is not gone any more, only the twin has not got its MAC. */
int dp_port_plug(struct dp *dp, uint16_t port, struct dp_error *err);
/* Asks the devices, or the kernel for those on its interfaces, for their links: about ten times a second. */
void dp_port_poll_link(struct dp *dp);

/* Addresses of the gateway itself on a port's twin: packets the twin sends must bear one of them. Published. */
int dp_port_addrs_set(struct dp *dp, uint16_t port, const struct sadb_addr *addrs, unsigned n);

/* What segment size TCP through a tunnel may announce at most, in and out of an inside port: so many bytes, or what fits; 0: it is
 * left alone. -ENOENT. Any time. */
#define DP_MSS_AUTO UINT16_MAX
int dp_port_mss_set(struct dp *dp, uint16_t port, uint16_t mss);

/* ---- events from workers ---- */
enum dp_event_kind { DP_EVENT_ACQUIRE, DP_EVENT_SOFT, DP_EVENT_HARD, DP_EVENT_NEIGH, DP_EVENT_MAPPING };

struct dp_event {
	uint8_t kind;          /* enum dp_event_kind */
	uint16_t port;         /* NEIGH: resolve addr on this port's twin */
	rte_be16_t sport_be;   /* MAPPING: the UDP port where the SA's peer is now */
	struct sadb_addr addr; /* NEIGH; MAPPING: and its address */
	uint32_t policy_index; /* ACQUIRE */
	struct sadb_flow flow; /* ACQUIRE */
	struct sadb_sa_key sa; /* SOFT, HARD, MAPPING */
};

/* Takes up to max events; poll about every 10 ms. */
unsigned dp_events(struct dp *dp, struct dp_event *out, unsigned max);

/* ---- dummy packets (RFC 4303 2.6) ---- */
#define DP_DUMMY_RUNS     8u /* SAs of one worker that send some at the same time */
#define DP_DUMMY_PACKETS  1000000
#define DP_DUMMY_RATE_MAX 100000
#define DP_DUMMY_SHORTEST 20

struct dp_dummy_request {
	struct sadb_sa_key sa; /* outbound */
	uint32_t packets;      /* 1 to DP_DUMMY_PACKETS */
	uint32_t per_s;        /* 1 to DP_DUMMY_RATE_MAX */
	uint16_t
	    bytes; /* as an inner packet of so many, or as many as the way takes; from DP_DUMMY_SHORTEST on; 0: each of
				* random length */
};
/* A worker sends them from now on: *worker. It ends early, and counts, when the SA is gone, even if another has its
 * name then. -EBUSY: so many SAs do, or this one does; -EIO; -ENETDOWN: no worker runs. */
int dp_dummy_start(struct dp *dp, const struct dp_dummy_request *request, unsigned *worker, struct dp_error *err);
/* Ends it soon. -ENOENT: that SA sends none. *left: how many are not sent, or up to a batch less. */
int dp_dummy_stop(struct dp *dp, const struct sadb_sa_key *sa, uint32_t *left);

/* ---- audit events (RFC 4301 4.4.1, 5.1, 5.2; RFC 4303 2.2, 3.3.3, 3.4.2 to 3.4.4) ---- */
enum dp_audit_kind {
	DP_AUDIT_UNDECIDED, /* of a reason that nobody has thought of: none */
	DP_AUDIT_NONE,
	DP_AUDIT_NO_SA,
	DP_AUDIT_REPLAY,
	DP_AUDIT_ICV,
	DP_AUDIT_SELECTOR,
	DP_AUDIT_CLEAR,
	DP_AUDIT_POLICY,
	DP_AUDIT_SEQUENCE,
	DP_AUDIT_SEQUENCE_NEAR, /* no packet is dropped yet */
	DP_AUDIT_FRAGMENT,
	DP_AUDIT_MALFORMED,
	DP_AUDIT_ENGINE,
	DP_AUDIT_KINDS
};
/* "replay": stable, as the drop reasons' names are. NULL for none. */
const char *dp_audit_name(enum dp_audit_kind kind);
const char *dp_audit_help(enum dp_audit_kind kind);
/* The kind of event that dropping a packet for this reason is; any thread. */
enum dp_audit_kind dp_audit_kind_of(enum dp_drop reason);

enum dp_audit_has {
	DP_AUDIT_HAS_SPI = 1 << 0,
	DP_AUDIT_HAS_SEQ = 1 << 1,
	DP_AUDIT_HAS_VNET = 1 << 2,
	DP_AUDIT_HAS_INNER = 1 << 3,
	DP_AUDIT_HAS_PORTS = 1 << 4, /* of inner the ports alone: they are the packet's own */
};

struct dp_audit_event {
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint64_t seq;     /* with ESN all of it */
	struct sadb_addr src,
	    dst;        /* of the packet as it came, or of the SA that it was to go in; AF_UNSPEC: not known */
	uint8_t proto;  /* after that header */
	uint8_t has;    /* enum dp_audit_has */
	uint8_t kind;   /* enum dp_audit_kind */
	uint8_t reason; /* enum dp_drop; DP_DROP_COUNT: nothing was dropped */
	uint32_t worker, vnet_id;
	rte_be32_t spi_be;
	struct sadb_flow inner; /* what came out of an SA, or was to go into one */
};

/* How many events of each kind a worker may tell in a second: 0: none, and none is counted. Any time; workers heed it soon. */
void dp_audit_set(struct dp *dp, const uint32_t per_s[DP_AUDIT_KINDS]);
/* Takes up to max events. What a worker could not tell it has counted. */
unsigned dp_audit_take(struct dp *dp, struct dp_audit_event *out, unsigned max);

/* ---- counters; any thread, values of single counters exact, sums consistent when workers are quiet ---- */
enum dp_stage {
	DP_STAGE_RX,
	DP_STAGE_PARSE,
	DP_STAGE_ESP_IN,
	DP_STAGE_INNER,
	DP_STAGE_CLASSIFY,
	DP_STAGE_ESP_OUT,
	DP_STAGE_FORWARD,
	DP_STAGE_TX,
	DP_STAGE_PUNT,
	DP_STAGE_COUNT
};
const char *dp_stage_name(enum dp_stage stage);

struct dp_stage_stats {
	uint64_t packets, batches, cycles; /* TSC */
};

/* rx = tx + punted + dropped + held + joined, where rx = from_ports + from_twins + made. Joined are fragments that became
 * part of a packet; made are ICMP errors, such packets, fragments beyond the first that a packet was cut into, and dummy packets. */
struct dp_worker_stats {
	uint64_t from_ports, from_twins, made;
	uint64_t tx, punted, dropped, held;
	uint64_t esp_in, esp_out; /* packets that passed ESP processing */
	uint64_t polls, idle_polls, sleeps;
	uint64_t joined;
	uint64_t dummies;        /* of made, the dummy packets */
	uint64_t dummies_unsent; /* asked for, and never made: their SA was gone */
	uint64_t drops[DP_DROP_COUNT];
	uint64_t audit_told[DP_AUDIT_KINDS],
	    audit_suppressed[DP_AUDIT_KINDS]; /* their sum: all events of a kind that is on */
	struct dp_stage_stats stages[DP_STAGE_COUNT];
	int cpu; /* -1: floating */
};
unsigned dp_workers(const struct dp *dp);
int dp_worker_stats_get(const struct dp *dp, unsigned worker, struct dp_worker_stats *out); /* -ENOENT */
uint64_t dp_tsc_hz(void);

/* What DPDK's memory went to. */
struct dp_memory {
	uint64_t packet_bytes, packets; /* packet buffers, with all that their pool adds */
	uint64_t heap_bytes;            /* all that DPDK's heap has given out, packet buffers among it */
};
void dp_memory_get(const struct dp *dp, struct dp_memory *out);

#endif
