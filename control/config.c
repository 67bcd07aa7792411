/* SPDX-License-Identifier: BSD-3-Clause
 * The configuration file: its keys, and from file to value. Control thread. */
#include "control/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config_check.h"
#include "control/config_tunnel.h"
#include "control/config_yaml.h"

#define SOCKET_DEFAULT "/run/culvert/culvert.sock"
#define STATE_DEFAULT  "/var/lib/culvert"
#define MSS_MIN        88
#define MSS_MAX        8960
#define NAME_ACCEPTED  "letters, digits, '.', '_' and '-', not '.' or '-' first"

const char *const ctl_config_logs[] = {"error", "warning", "notice", "info", "debug", NULL};
const char *const ctl_config_engines[] = {"auto", "vaes", "ipsec-mb", "openssl", NULL};
static const char *const audits[] = {"off", "error", "warning", "notice", "info", "debug", NULL};
static const char *const polls[] = {"adaptive", "busy", NULL};
static const char *const sources[] = {"socket", "kernel", NULL};
static const char *const huges[] = {"auto", "off", NULL};

/* A name that the kernel takes for an interface, and that needs no quotes anywhere. */
static bool
name_valid(const char *text)
{
	if (text[0] == '.' || text[0] == '-')
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && strchr("._-", *text) == NULL)
			return false;
	return true;
}

static bool
path_valid(const char *text)
{
	return text[0] == '/' && text[1] != '\0';
}

static bool
device_valid(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if (!isgraph((unsigned char)*c))
			return false;
	return strncmp(text, "net_", 4) == 0 || ctl_config_is_pci(text);
}

bool
ctl_config_is_pci(const char *device)
{
	unsigned domain, bus, slot, function;
	int end = 0;

	if (sscanf(device, "%4x:%2x:%2x.%1u%n", &domain, &bus, &slot, &function, &end) != 4 || end == 0) {
		end = 0;
		if (sscanf(device, "%2x:%2x.%1u%n", &bus, &slot, &function, &end) != 3 || end == 0)
			return false;
	}
	return function < 8 && (device[end] == '\0' || device[end] == ',');
}

static void
addr_read(struct ctl_yaml *y, const yaml_node_t *node, void *item)
{
	const char *accepted = "an address and its network's length, such as 192.0.2.1/24 or 2001:db8:1::1/64";
	const char *text = ctl_yaml_scalar(y, node, accepted);
	struct ctl_config_addr *addr = item;

	if (text == NULL)
		return;
	if (strchr(text, '/') == NULL || sadb_prefix_parse(text, &addr->prefix) < 0 || addr->prefix.len == 0 ||
	    !ctl_config_is_host(&addr->prefix)) {
		ctl_yaml_mistake(y, node, "not an address of a host:", text, accepted);
		return;
	}
	addr->line = ctl_yaml_line(node);
}

static void
to_read(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	struct ctl_config_route *route = object;
	const char *text = ctl_yaml_scalar(y, node, key->accepted);

	if (text == NULL)
		return;
	if (strchr(text, '/') == NULL || sadb_prefix_parse(text, &route->to) < 0)
		ctl_yaml_mistake(y, node, "not a prefix:", text, key->accepted);
	else if (!ctl_config_is_network(&route->to))
		ctl_yaml_mistake(y, node, "has bits beyond its length:", text, key->accepted);
}

static void
via_read(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	struct ctl_config_route *route = object;
	const char *text = ctl_yaml_scalar(y, node, key->accepted);

	if (text == NULL)
		return;
	if (sadb_addr_parse(text, &route->via) < 0)
		ctl_yaml_mistake(y, node, "not an address:", text, key->accepted);
	route->via_line = ctl_yaml_line(node);
}

static void
mss_read(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	struct ctl_config_port *port = object;
	const char *text = ctl_yaml_scalar(y, node, key->accepted);
	char *end;

	if (text == NULL)
		return;
	const unsigned long value = strtoul(text, &end, 10);
	port->mss_line = ctl_yaml_line(node);
	if (strcmp(text, "auto") == 0)
		port->mss = DP_MSS_AUTO;
	else if (isdigit((unsigned char)text[0]) && *end == '\0' && value >= MSS_MIN && value <= MSS_MAX)
		port->mss = (uint16_t)value;
	else if (strcmp(text, "off") != 0)
		ctl_yaml_mistake(y, node, "not a segment size:", text, key->accepted);
}

#define MEMBER(type, member) .offset = offsetof(struct type, member), .room = sizeof(((struct type *)NULL)->member)
#define LINE(type, member)   .line_offset = offsetof(struct type, member)

static const char *const defaults[] = {"drop", "bypass", NULL}; /* index is ctl_config_vnet.bypass */

static const struct ctl_yaml_key vnet_keys[] = {
    {"name", ctl_yaml_text, MEMBER(ctl_config_vnet, name), .required = true, .valid = name_valid,
     .accepted = NAME_ACCEPTED},
    {"id", ctl_yaml_uint, MEMBER(ctl_config_vnet, id), LINE(ctl_config_vnet, id_line), .required = true,
     .max = UINT32_MAX, .accepted = "the XFRM if_id of its SAs and policies, 0 to 4294967295"},
    {"netns", ctl_yaml_text, MEMBER(ctl_config_vnet, netns), LINE(ctl_config_vnet, netns_line), .valid = name_valid,
     .accepted = "the name of a network namespace, as 'ip netns' lists them"},
    {"default", ctl_yaml_choice, MEMBER(ctl_config_vnet, bypass), .choices = defaults},
    {0},
};

static const struct ctl_yaml_list addr_list = {sizeof(struct ctl_config_addr),
					       offsetof(struct ctl_config_port, n_addrs), CTL_CONFIG_ADDRS, addr_read};

static const struct ctl_yaml_key port_keys[] = {
    {"name", ctl_yaml_text, MEMBER(ctl_config_port, name), LINE(ctl_config_port, name_line), .required = true,
     .valid = name_valid, .accepted = NAME_ACCEPTED},
    {"device", ctl_yaml_text, MEMBER(ctl_config_port, device), LINE(ctl_config_port, device_line),
     .valid = device_valid,
     .accepted = "a DPDK device such as net_af_xdp0,iface=eth1 or net_af_packet0,iface=eth1, or a PCI address such as "
		 "0000:3b:00.0"},
    {"on", ctl_yaml_text, MEMBER(ctl_config_port, on), LINE(ctl_config_port, on_line), .valid = name_valid,
     .accepted = "the name of a port with a device, on which this one is a VLAN"},
    {"vlan", ctl_yaml_uint, MEMBER(ctl_config_port, vlan), .min = 1, .max = 4094},
    {"underlay", ctl_yaml_bool, MEMBER(ctl_config_port, underlay)},
    {"vnet", ctl_yaml_text, MEMBER(ctl_config_port, vnet), LINE(ctl_config_port, vnet_line), .valid = name_valid,
     .accepted = "the name of a virtual network under vnets"},
    {"mtu", ctl_yaml_uint, MEMBER(ctl_config_port, mtu), LINE(ctl_config_port, mtu_line), .min = 576, .max = 9000},
    {"mss", mss_read, .accepted = "off, auto or 88 to 8960"},
    {"addresses", ctl_yaml_items, MEMBER(ctl_config_port, addrs), .list = &addr_list,
     .accepted = "a list, such as [192.0.2.1/24, 2001:db8:1::1/64]"},
    {0},
};

static const struct ctl_yaml_key route_keys[] = {
    {"to", to_read, .required = true, .accepted = "a prefix, such as 0.0.0.0/0, 198.51.100.0/24 or 2001:db8:2::/48"},
    {"via", via_read, .accepted = "a gateway's address, such as 192.0.2.254 or fe80::1; none for a network on link"},
    {"port", ctl_yaml_text, MEMBER(ctl_config_route, port), LINE(ctl_config_route, port_line), .required = true,
     .valid = name_valid, .accepted = "the name of a port under ports"},
    {"metric", ctl_yaml_uint, MEMBER(ctl_config_route, metric), .max = UINT32_MAX},
    {0},
};

static void
vnet_read(struct ctl_yaml *y, const yaml_node_t *node, void *item)
{
	((struct ctl_config_vnet *)item)->line = ctl_yaml_line(node);
	ctl_yaml_map(y, node, vnet_keys, item);
}

static void
port_read(struct ctl_yaml *y, const yaml_node_t *node, void *item)
{
	struct ctl_config_port *port = item;

	port->line = ctl_yaml_line(node);
	ctl_yaml_map(y, node, port_keys, port);
}

static void
route_read(struct ctl_yaml *y, const yaml_node_t *node, void *item)
{
	((struct ctl_config_route *)item)->line = ctl_yaml_line(node);
	ctl_yaml_map(y, node, route_keys, item);
}

static const struct ctl_yaml_list vnet_list = {sizeof(struct ctl_config_vnet), offsetof(struct ctl_config, n_vnets),
					       CTL_CONFIG_VNETS, vnet_read};
static const struct ctl_yaml_list port_list = {sizeof(struct ctl_config_port), offsetof(struct ctl_config, n_ports),
					       DP_MAX_PORTS, port_read};
static const struct ctl_yaml_list route_list = {sizeof(struct ctl_config_route), offsetof(struct ctl_config, n_routes),
						CTL_CONFIG_ROUTES, route_read};

static const struct ctl_yaml_key file_keys[] = {
    {"log", ctl_yaml_choice, MEMBER(ctl_config, log), .choices = ctl_config_logs},
    {"audit", ctl_yaml_choice, MEMBER(ctl_config, audit), .choices = audits},
    {"audit_per_s", ctl_yaml_uint, MEMBER(ctl_config, audit_per_s), .min = 1, .max = 100000},
    {"audit_policy", ctl_yaml_bool, MEMBER(ctl_config, audit_policy)},
    {"engine", ctl_yaml_choice, MEMBER(ctl_config, engine), .choices = ctl_config_engines},
    {"workers", ctl_yaml_uint, MEMBER(ctl_config, workers), .min = 1, .max = DP_MAX_WORKERS},
    {"cpus", ctl_yaml_text, MEMBER(ctl_config, cpus), LINE(ctl_config, cpus_line),
     .accepted = CTL_CONFIG_CPUS_ACCEPTED},
    {"poll", ctl_yaml_choice, MEMBER(ctl_config, poll), .choices = polls},
    {"idle_sleep_us", ctl_yaml_uint, MEMBER(ctl_config, idle_sleep_us), .min = 1, .max = 10000},
    {"memory_mb", ctl_yaml_uint, MEMBER(ctl_config, memory_mb), .min = 128, .max = 1 << 20},
    {"packets", ctl_yaml_uint, MEMBER(ctl_config, packets), .min = 1024, .max = 1 << 22},
    {"nat_t_port", ctl_yaml_uint, MEMBER(ctl_config, nat_t_port), LINE(ctl_config, nat_t_port_line), .min = 1,
     .max = UINT16_MAX},
    {"huge_pages", ctl_yaml_choice, MEMBER(ctl_config, huge_pages), .choices = huges},
    {"max_sas", ctl_yaml_uint, MEMBER(ctl_config, max_sas), .min = 1, .max = 1 << 22},
    {"max_policies", ctl_yaml_uint, MEMBER(ctl_config, max_policies), .min = 1, .max = 1 << 20},
    {"socket", ctl_yaml_text, MEMBER(ctl_config, socket), .valid = path_valid,
     .accepted = "an absolute path of at most 103 characters"},
    {"group", ctl_yaml_text, MEMBER(ctl_config, group), .valid = name_valid,
     .accepted = "the name of a group of users"},
    {"user", ctl_yaml_text, MEMBER(ctl_config, user), LINE(ctl_config, user_line), .valid = name_valid,
     .accepted = "the name of a user of this system, or root"},
    {"reopen", ctl_yaml_bool, MEMBER(ctl_config, reopen)},
    {"state", ctl_yaml_text, MEMBER(ctl_config, state), LINE(ctl_config, state_line), .valid = path_valid,
     .accepted = "a directory's absolute path of at most 199 characters"},
    {"source", ctl_yaml_choice, MEMBER(ctl_config, source), LINE(ctl_config, source_line), .choices = sources},
    {"mirror_report_s", ctl_yaml_uint, MEMBER(ctl_config, mirror_report_s), .min = 1, .max = 3600},
    {"mirror_audit_s", ctl_yaml_uint, MEMBER(ctl_config, mirror_audit_s), .max = 86400},
    {"vnets", ctl_yaml_items, MEMBER(ctl_config, vnets), .list = &vnet_list,
     .accepted = "a list of virtual networks, each with name and id"},
    {"ports", ctl_yaml_items, MEMBER(ctl_config, ports), .list = &port_list, .required = true,
     .accepted = "a list of ports, each with name, device (or on and vlan), and underlay: true or vnet"},
    {"routes", ctl_yaml_items, MEMBER(ctl_config, routes), .list = &route_list,
     .accepted = "a list of routes, each with to, via and port"},
    {"tunnels", ctl_yaml_items, MEMBER(ctl_config, tunnels), .list = &ctl_config_tunnel_list,
     .accepted = "a list of tunnels, each with name, vnet, local, remote, local_prefixes and remote_prefixes"},
    {0},
};

static void
file_read(struct ctl_yaml *y, const yaml_node_t *root, void *object)
{
	ctl_yaml_map(y, root, file_keys, object);
}

static void
defaults_set(struct ctl_config *config)
{
	config->log = 3;   /* info */
	config->audit = 3; /* notice */
	config->audit_per_s = 10;
	config->workers = 1;
	config->idle_sleep_us = 250;
	config->memory_mb = 256;
	config->packets = 16384;
	config->nat_t_port = 4500;
	config->max_sas = 4096;
	config->max_policies = 4096;
	config->mirror_report_s = 5;
	config->mirror_audit_s = 60;
	config->reopen = true;
	strcpy(config->socket, SOCKET_DEFAULT);
	strcpy(config->group, "culvert");
	strcpy(config->user, "culvert");
	strcpy(config->state, STATE_DEFAULT);
}

/* What ports say of each other. */
static void
ports_settle(struct ctl_config *config)
{
	for (unsigned i = 0; i < config->n_ports; i++)
		if (config->ports[i].on[0] == '\0' && config->ports[i].mtu == 0)
			config->ports[i].mtu = 1500;
	for (unsigned i = 0; i < config->n_ports; i++) {
		struct ctl_config_port *port = &config->ports[i];
		struct ctl_config_port *on = (struct ctl_config_port *)ctl_config_port_find(config, port->on);

		if (on != NULL)
			on->trunk = true;
		if (port->mtu == 0)
			port->mtu = on != NULL && on->mtu != 0 ? on->mtu : 1500;
	}
}

struct ctl_config *
ctl_config_parse(const char *file, const void *text, size_t bytes, ctl_config_report_fn report, void *arg)
{
	struct ctl_yaml y = {.file = file, .report = report, .report_arg = arg};
	struct ctl_config *config = calloc(1, sizeof(*config));

	if (config == NULL)
		goto no_memory;
	config->file = strdup(file);
	if (config->file == NULL)
		goto no_memory;
	defaults_set(config);
	ctl_yaml_parse(&y, text, bytes, file_read, config);
	if (y.no_memory)
		goto no_memory;
	/* What does not parse would only be the cause of further complaints. */
	if (y.mistakes == 0) {
		ports_settle(config);
		ctl_config_check(config, &y);
	}
	if (y.mistakes == 0)
		return config;
	ctl_config_free(config);
	errno = EINVAL;
	return NULL;
no_memory:
	ctl_config_free(config);
	report(arg, "out of memory while reading the configuration");
	errno = ENOMEM;
	return NULL;
}

/* Reads the file whole. On failure bytes is a negative errno. */
static char *
file_load(const char *file, ssize_t *bytes)
{
	const size_t room = CTL_CONFIG_MAX_BYTES + 1;
	char *text = NULL;
	size_t n = 0;
	ssize_t got;
	int fd;

	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		goto fail;
	text = malloc(room);
	if (text == NULL)
		goto fail;
	while (n < room && (got = read(fd, text + n, room - n)) != 0) {
		if (got > 0)
			n += (size_t)got;
		else if (errno != EINTR)
			goto fail;
	}
	close(fd);
	*bytes = (ssize_t)n;
	return text;
fail:
	*bytes = -errno;
	if (fd >= 0)
		close(fd);
	free(text);
	return NULL;
}

struct ctl_config *
ctl_config_load(const char *file, ctl_config_report_fn report, void *arg)
{
	struct ctl_config *config = NULL;
	char line[400];
	ssize_t bytes;
	char *text;

	text = file_load(file, &bytes);
	if (text == NULL) {
		snprintf(line, sizeof(line), "%.200s: cannot read the configuration: %s", file, strerror((int)-bytes));
		report(arg, line);
		errno = EINVAL;
	} else if (bytes > CTL_CONFIG_MAX_BYTES) {
		snprintf(line, sizeof(line), "%.200s: longer than %d bytes: not a configuration", file,
			 CTL_CONFIG_MAX_BYTES);
		report(arg, line);
		errno = EINVAL;
	} else {
		config = ctl_config_parse(file, text, (size_t)bytes, report, arg);
	}
	free(text);
	return config;
}

void
ctl_config_free(struct ctl_config *config)
{
	if (config == NULL)
		return;
	for (unsigned i = 0; i < config->n_ports; i++)
		free(config->ports[i].addrs);
	free(config->vnets);
	free(config->ports);
	free(config->routes);
	free(config->tunnels);
	free(config->file);
	free(config);
}

const struct ctl_config_port *
ctl_config_port_find(const struct ctl_config *config, const char *name)
{
	for (unsigned i = 0; i < config->n_ports; i++)
		if (strcmp(config->ports[i].name, name) == 0)
			return &config->ports[i];
	return NULL;
}

bool
ctl_config_port_has_twin(const struct ctl_config_port *port)
{
	return port->underlay || port->vnet[0] != '\0';
}

const char *
ctl_config_port_netns(const struct ctl_config *config, const struct ctl_config_port *port)
{
	const struct ctl_config_vnet *vnet = port->underlay ? NULL : ctl_config_vnet_find(config, port->vnet);

	return vnet != NULL ? vnet->netns : "";
}

bool
ctl_config_port_v6(const struct ctl_config_port *port)
{
	for (unsigned i = 0; i < port->n_addrs; i++)
		if (port->addrs[i].prefix.addr.family == AF_INET6)
			return true;
	return false;
}

const struct ctl_config_vnet *
ctl_config_vnet_find(const struct ctl_config *config, const char *name)
{
	for (unsigned i = 0; i < config->n_vnets; i++)
		if (strcmp(config->vnets[i].name, name) == 0)
			return &config->vnets[i];
	return NULL;
}
