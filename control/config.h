/* SPDX-License-Identifier: BSD-3-Clause
 * The daemon's configuration as a plain value, read from YAML and checked as a whole. Control thread. */
#ifndef CTL_CONFIG_H
#define CTL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/tunnel.h"
#include "dataplane/dataplane.h"

#define CTL_CONFIG_PATH      "/etc/culvert/culvert.yaml"
#define CTL_CONFIG_ADDRS     64 /* most addresses of one port */
#define CTL_CONFIG_VNETS     1024
#define CTL_CONFIG_ROUTES    4096
#define CTL_CONFIG_MAX_BYTES (1 << 20) /* a longer file is refused */

struct ctl_config_vnet {
	char name[SADB_VNET_NAME];
	uint32_t id;
	uint8_t bypass;            /* 1: packets in the clear that no policy names pass */
	char netns[DP_NETNS_NAME]; /* where the twins of its ports are; empty: in the daemon's own */
	unsigned line, id_line, netns_line;
};

struct ctl_config_addr {
	struct sadb_prefix prefix; /* an address with its network's length */
	unsigned line;
};

struct ctl_config_port {
	char name[DP_PORT_NAME];
	char device[128];          /* empty on a VLAN */
	char on[DP_PORT_NAME];     /* a VLAN: the port whose device it shares; empty */
	uint16_t vlan;             /* 0: none */
	bool trunk;                /* VLANs are on it */
	char vnet[SADB_VNET_NAME]; /* empty on an underlay port, and where a trunk carries tagged frames only */
	bool underlay;
	uint16_t mtu;
	uint16_t mss; /* 0: off, DP_MSS_AUTO, or bytes */
	unsigned n_addrs;
	struct ctl_config_addr *addrs;
	unsigned line, name_line, device_line, vnet_line, on_line, mtu_line, mss_line;
};

struct ctl_config_route {
	struct sadb_prefix to;
	struct sadb_addr via; /* AF_UNSPEC: on link */
	uint32_t metric;
	char port[DP_PORT_NAME];
	unsigned line, via_line, port_line;
};

struct ctl_config_tunnel {
	struct ctl_tunnel_config config; /* without its vnet_id */
	char vnet[SADB_VNET_NAME];
	unsigned line, vnet_line;
};

enum ctl_config_poll { CTL_CONFIG_POLL_ADAPTIVE, CTL_CONFIG_POLL_BUSY };
enum ctl_config_huge { CTL_CONFIG_HUGE_AUTO, CTL_CONFIG_HUGE_OFF };
/* Who says which SAs and policies there are: clients of the daemon's socket, or the kernel. */
enum ctl_config_source { CTL_CONFIG_SOURCE_SOCKET, CTL_CONFIG_SOURCE_KERNEL };

struct ctl_config {
	char *file;
	uint8_t log;   /* index into ctl_config_logs */
	uint8_t audit; /* 0: off; else one more than the index of its level in ctl_config_logs */
	bool audit_policy;
	uint32_t audit_per_s;
	uint8_t engine; /* index into ctl_config_engines */
	uint8_t poll;   /* enum ctl_config_poll */
	uint8_t huge_pages;
	uint32_t workers;
	uint32_t idle_sleep_us;
	uint32_t memory_mb;
	uint32_t packets;
	uint16_t nat_t_port;
	unsigned nat_t_port_line;
	uint32_t max_sas, max_policies;
	char cpus[128]; /* empty: workers float */
	unsigned cpus_line;
	char socket[104]; /* sun_path holds 108, and the CLI's own sockets lie beside it */
	char group[33];
	char user[33]; /* who the daemon is once it runs */
	unsigned user_line;
	bool reopen; /* a thread keeps the rights to open devices again that were unplugged */
	char state[200];
	unsigned state_line;
	uint8_t source; /* enum ctl_config_source */
	uint32_t mirror_report_s, mirror_audit_s;
	unsigned source_line;
	unsigned n_vnets, n_ports, n_routes, n_tunnels;
	struct ctl_config_vnet *vnets;
	struct ctl_config_port *ports;
	struct ctl_config_route *routes;
	struct ctl_config_tunnel *tunnels;
};

/* NULL-terminated; as written in the file. */
extern const char *const ctl_config_logs[];
extern const char *const ctl_config_engines[];

/* Receives one line for each mistake: "FILE:LINE: key: what; accepted: ...". */
typedef void (*ctl_config_report_fn)(void *arg, const char *line);

/* Reads and checks everything that can be checked without devices. NULL when anything is wrong, after a report of each
 * mistake; errno is EINVAL, or ENOMEM. Free with ctl_config_free(). file is only a name for reports. */
struct ctl_config *ctl_config_parse(const char *file, const void *text, size_t bytes, ctl_config_report_fn report,
				    void *arg);
struct ctl_config *ctl_config_load(const char *file, ctl_config_report_fn report, void *arg);
void ctl_config_free(struct ctl_config *config);

const struct ctl_config_port *ctl_config_port_find(const struct ctl_config *config, const char *name);
/* Is it in a domain? Else it is a trunk without one: no twin, no addresses, no routes. */
bool ctl_config_port_has_twin(const struct ctl_config_port *port);
/* The name of the namespace of its twin; "": the daemon's own. */
const char *ctl_config_port_netns(const struct ctl_config *config, const struct ctl_config_port *port);
/* Has it an IPv6 address? Only then its twin speaks IPv6. */
bool ctl_config_port_v6(const struct ctl_config_port *port);
const struct ctl_config_vnet *ctl_config_vnet_find(const struct ctl_config *config, const char *name);

/* A PCI address ("0000:3b:00.0", "3b:00.0"), maybe with device arguments after a comma? */
bool ctl_config_is_pci(const char *device);

#endif
