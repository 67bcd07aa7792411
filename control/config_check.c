/* SPDX-License-Identifier: BSD-3-Clause
 * What must hold between the keys of a configuration. Control thread. */
#include "control/config_check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/words.h"
#include "control/config_tunnel.h"

#define IKE_PORT 500

bool
ctl_config_is_network(const struct sadb_prefix *prefix)
{
	struct sadb_prefix trimmed = *prefix;

	sadb_prefix_trim(&trimmed);
	return sadb_addr_equal(&trimmed.addr, &prefix->addr);
}

static bool
is_broadcast(const struct sadb_prefix *prefix)
{
	const uint32_t rest = prefix->len == 0 ? UINT32_MAX : UINT32_MAX >> (prefix->len & 31);

	return (ntohl(sadb_addr_to_v4(&prefix->addr)) & rest) == rest;
}

/* RFC 4291 2.4, 2.5.2, 2.5.3, 2.5.5: unspecified, loopback and mapped IPv4, multicast. */
static bool
is_special_v6(const struct sadb_addr *addr)
{
	static const uint8_t zero[10];

	return addr->bytes[0] == 0xff || memcmp(addr->bytes, zero, sizeof(zero)) == 0;
}

bool
ctl_config_is_host(const struct sadb_prefix *prefix)
{
	const uint8_t top = prefix->addr.bytes[0];

	/* The network's own address is, in IPv6, that of any router on the link (RFC 4291 2.6.1). RFC 3021 and 6164: a
	 * link of two hosts has neither that nor a broadcast address. */
	if (prefix->len < sadb_addr_bits(prefix->addr.family) - 1 && ctl_config_is_network(prefix))
		return false;
	if (prefix->addr.family == AF_INET6)
		return !is_special_v6(&prefix->addr);
	return top != 0 && top != 127 && top < 224 && (prefix->len >= 31 || !is_broadcast(prefix));
}

/* "ITEM[i].KEY: TEXT" */
static void
mistake(struct ctl_yaml *y, unsigned line, const char *item, unsigned i, const struct cli_text *text)
{
	const char *dot = strchr(item, '.');

	ctl_yaml_report(y, line, "%.*s[%u]%s: %s", (int)(dot - item), item, i, dot, text->text);
}

static void
check_vnets(const struct ctl_config *config, struct ctl_yaml *y)
{
	for (unsigned i = 0; i < config->n_vnets; i++) {
		const struct ctl_config_vnet *vnet = &config->vnets[i];
		struct cli_text text;

		if (strcmp(vnet->name, "underlay") == 0) {
			cli_text_set(&text, "'underlay' is the outside itself; accepted: another name");
			mistake(y, vnet->line, "vnets.name", i, &text);
		}
		for (unsigned j = 0; j < i; j++) {
			const struct ctl_config_vnet *other = &config->vnets[j];

			if (strcmp(vnet->name, other->name) == 0) {
				cli_text_set(&text, "'%s' is taken by line %u; accepted: a name of its own", vnet->name,
					     other->line);
				mistake(y, vnet->line, "vnets.name", i, &text);
			}
			if (vnet->id == other->id) {
				cli_text_set(&text, "%u is taken by vnet '%s' on line %u; accepted: an id of its own",
					     vnet->id, other->name, other->id_line);
				mistake(y, vnet->id_line, "vnets.id", i, &text);
			}
		}
	}
}

/* Does the device's name, up to the comma, name the same device? */
static bool
same_device(const char *a, const char *b)
{
	const size_t n = strcspn(a, ",");

	return n == strcspn(b, ",") && strncmp(a, b, n) == 0;
}

static void
check_port_domain(const struct ctl_config *config, struct ctl_yaml *y, unsigned i)
{
	const struct ctl_config_port *port = &config->ports[i];
	const char *names[CTL_CONFIG_VNETS];
	struct cli_text text;

	if (port->underlay && port->vnet[0] != '\0') {
		cli_text_set(&text,
			     "an underlay port is in no virtual network; accepted: one of underlay: true and vnet");
		mistake(y, port->vnet_line, "ports.vnet", i, &text);
	} else if (!ctl_config_port_has_twin(port) && !port->trunk) {
		cli_text_set(&text, "is missing; accepted: vnet: NAME, or underlay: true for the outside");
		mistake(y, port->line, "ports.vnet", i, &text);
	} else if (port->vnet[0] != '\0' && ctl_config_vnet_find(config, port->vnet) == NULL) {
		for (unsigned v = 0; v < config->n_vnets; v++)
			names[v] = config->vnets[v].name;
		cli_text_set(&text, "unknown virtual network '%s'", port->vnet);
		if (config->n_vnets > 0)
			cli_text_candidates(&text, port->vnet, names, config->n_vnets);
		else
			cli_text_add(&text, "; accepted: one that is listed under vnets");
		mistake(y, port->vnet_line, "ports.vnet", i, &text);
	}
	if (port->mss != 0 && port->vnet[0] == '\0') {
		cli_text_set(&text, "only an inside port has TCP that could be lowered; accepted: with vnet");
		mistake(y, port->mss_line, "ports.mss", i, &text);
	}
}

/* Is it one kernel that answers on both? */
static bool
same_netns(const struct ctl_config *config, const struct ctl_config_port *a, const struct ctl_config_port *b)
{
	return strcmp(ctl_config_port_netns(config, a), ctl_config_port_netns(config, b)) == 0;
}

static void
check_port_addrs(const struct ctl_config *config, struct ctl_yaml *y, unsigned i)
{
	char shown[SADB_ADDR_STRLEN];

	if (config->ports[i].n_addrs > 0 && !ctl_config_port_has_twin(&config->ports[i]))
		ctl_yaml_report(
		    y, config->ports[i].addrs[0].line,
		    "ports[%u].addresses: the port is in no domain, it only carries VLANs; accepted: vnet or "
		    "underlay beside them, or addresses on its VLANs",
		    i);
	for (unsigned a = 0; a < config->ports[i].n_addrs; a++) {
		const struct ctl_config_addr *addr = &config->ports[i].addrs[a];

		for (unsigned j = 0; j <= i; j++) {
			const struct ctl_config_port *other = &config->ports[j];
			const unsigned end = !same_netns(config, other, &config->ports[i]) ? 0
					     : j < i                                       ? other->n_addrs
											   : a;

			for (unsigned b = 0; b < end; b++)
				if (sadb_addr_equal(&addr->prefix.addr, &other->addrs[b].prefix.addr))
					ctl_yaml_report(
					    y, addr->line,
					    "ports[%u].addresses[%u]: %s is on port '%s' already (line %u); "
					    "accepted: each address once",
					    i, a, sadb_addr_format(&addr->prefix.addr, shown, sizeof(shown)),
					    other->name, other->addrs[b].line);
		}
	}
}

static void
check_port_device(const struct ctl_config *config, struct ctl_yaml *y, unsigned i)
{
	const struct ctl_config_port *port = &config->ports[i];
	struct cli_text text;

	if ((port->on[0] == '\0') != (port->vlan == 0)) {
		cli_text_set(&text,
			     "is missing; accepted: on: PORT and vlan: NUMBER together, for a VLAN on that port");
		mistake(y, port->line, port->vlan == 0 ? "ports.vlan" : "ports.on", i, &text);
	} else if ((port->on[0] == '\0') == (port->device[0] == '\0')) {
		cli_text_set(&text, "%s; accepted: a device of its own, or on: PORT and vlan: NUMBER",
			     port->on[0] == '\0' ? "is missing" : "is that of the port on which this one is a VLAN");
		mistake(y, port->on[0] == '\0' ? port->line : port->device_line, "ports.device", i, &text);
	}
	for (unsigned j = 0; j < i && port->device[0] != '\0'; j++) {
		const struct ctl_config_port *other = &config->ports[j];

		if (!same_device(port->device, other->device))
			continue;
		cli_text_set(&text,
			     "'%.*s' is the device of port '%s' (line %u); accepted: a device of its own, with another "
			     "name before the comma",
			     (int)strcspn(port->device, ","), port->device, other->name, other->device_line);
		mistake(y, port->device_line, "ports.device", i, &text);
	}
}

static void
check_port_vlan(const struct ctl_config *config, struct ctl_yaml *y, unsigned i)
{
	const struct ctl_config_port *port = &config->ports[i], *on = ctl_config_port_find(config, port->on);
	struct cli_text text;

	if (port->on[0] == '\0')
		return;
	if (on == NULL || on->device[0] == '\0') {
		cli_text_set(&text, "'%s' is no port with a device; accepted: the name of one under ports", port->on);
		mistake(y, port->on_line, "ports.on", i, &text);
	} else if (port->mtu > on->mtu) {
		cli_text_set(&text, "%u is more than port '%s' has (%u); accepted: 576 to %u", port->mtu, on->name,
			     on->mtu, on->mtu);
		mistake(y, port->mtu_line, "ports.mtu", i, &text);
	}
	for (unsigned j = 0; j < i; j++) {
		const struct ctl_config_port *other = &config->ports[j];

		if (port->vlan == 0 || port->vlan != other->vlan || strcmp(port->on, other->on) != 0)
			continue;
		cli_text_set(&text, "VLAN %u on '%s' is port '%s' (line %u); accepted: each VLAN of a port once",
			     port->vlan, port->on, other->name, other->line);
		mistake(y, port->on_line, "ports.vlan", i, &text);
	}
}

static void
check_ports(const struct ctl_config *config, struct ctl_yaml *y)
{
	bool underlay = false;
	struct cli_text text;

	for (unsigned i = 0; i < config->n_ports; i++) {
		const struct ctl_config_port *port = &config->ports[i];

		underlay |= port->underlay;
		check_port_domain(config, y, i);
		check_port_device(config, y, i);
		check_port_vlan(config, y, i);
		check_port_addrs(config, y, i);
		for (unsigned j = 0; j < i; j++) {
			const struct ctl_config_port *other = &config->ports[j];

			if (strcmp(port->name, other->name) == 0) {
				cli_text_set(&text, "'%s' is taken by the port on line %u; accepted: a name of its own",
					     port->name, other->name_line);
				mistake(y, port->name_line, "ports.name", i, &text);
			}
		}
	}
	if (!underlay)
		ctl_yaml_report(
		    y, config->n_ports > 0 ? config->ports[0].line : 1,
		    "ports: none is the way to the outside; accepted: at least one port with underlay: true");
}

static bool
link_local(const struct sadb_addr *addr)
{
	return addr->family == AF_INET6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

/* A neighbour's link-local address is on every link that speaks IPv6. */
static bool
route_on_link(const struct ctl_config_port *port, const struct sadb_addr *via)
{
	if (link_local(via))
		return ctl_config_port_v6(port);
	for (unsigned a = 0; a < port->n_addrs; a++)
		if (sadb_prefix_contains(&port->addrs[a].prefix, via) &&
		    !sadb_addr_equal(&port->addrs[a].prefix.addr, via))
			return true;
	return false;
}

static void
check_route(const struct ctl_config *config, struct ctl_yaml *y, unsigned i)
{
	const struct ctl_config_route *route = &config->routes[i];
	const struct ctl_config_port *port = ctl_config_port_find(config, route->port);
	const char *names[DP_MAX_PORTS];
	char shown[SADB_ADDR_STRLEN];
	struct cli_text text;

	if (port == NULL) {
		for (unsigned p = 0; p < config->n_ports; p++)
			names[p] = config->ports[p].name;
		cli_text_set(&text, "unknown port '%s'", route->port);
		cli_text_candidates(&text, route->port, names, config->n_ports);
		mistake(y, route->port_line, "routes.port", i, &text);
	} else if (!ctl_config_port_has_twin(port)) {
		cli_text_set(&text, "port '%s' is in no domain, it only carries VLANs; accepted: one of those",
			     port->name);
		mistake(y, route->port_line, "routes.port", i, &text);
	} else if (route->to.addr.family == AF_INET6 && !ctl_config_port_v6(port)) {
		cli_text_set(&text, "port '%s' has no IPv6 address; accepted: one that has, for an IPv6 prefix",
			     route->port);
		mistake(y, route->port_line, "routes.port", i, &text);
	} else if (route->via.family != AF_UNSPEC && route->via.family != route->to.addr.family) {
		cli_text_set(&text, "%s and the prefix are of two families; accepted: a gateway of the prefix's",
			     sadb_addr_format(&route->via, shown, sizeof(shown)));
		mistake(y, route->via_line, "routes.via", i, &text);
	} else if (route->via.family != AF_UNSPEC && !route_on_link(port, &route->via)) {
		cli_text_set(&text, "%s is no neighbour on port '%s'; accepted: an address in a network of that port",
			     sadb_addr_format(&route->via, shown, sizeof(shown)), route->port);
		mistake(y, route->via_line, "routes.via", i, &text);
	}
	for (unsigned j = 0; j < i; j++) {
		const struct ctl_config_route *other = &config->routes[j];
		const struct ctl_config_port *others = ctl_config_port_find(config, other->port);

		if (port != NULL && others != NULL && !same_netns(config, port, others))
			continue;
		if (sadb_addr_equal(&route->to.addr, &other->to.addr) && route->to.len == other->to.len &&
		    route->metric == other->metric) {
			cli_text_set(&text, "%s with metric %u is on line %u already; accepted: another metric",
				     sadb_prefix_format(&route->to, shown, sizeof(shown)), route->metric, other->line);
			mistake(y, route->line, "routes.to", i, &text);
		}
	}
}

/* "2,3": as many as there are workers, all different. NULL, or what is wrong. */
static const char *
cpus_problem(const char *text, unsigned workers)
{
	bool taken[1024] = {false};
	unsigned n = 0;

	for (;;) {
		const char *const start = text;
		unsigned cpu = 0;

		while (*text >= '0' && *text <= '9' && cpu < 1024)
			cpu = cpu * 10 + (unsigned)(*text++ - '0');
		if (text == start || cpu >= 1024 || (*text != ',' && *text != '\0'))
			return "not a list of CPU numbers below 1024";
		if (taken[cpu])
			return "names a CPU twice";
		taken[cpu] = true;
		n++;
		if (*text++ == '\0')
			break;
	}
	if (n < workers)
		return "names fewer CPUs than there are workers";
	return n > workers ? "names more CPUs than there are workers" : NULL;
}

void
ctl_config_check(const struct ctl_config *config, struct ctl_yaml *y)
{
	if (config->cpus[0] != '\0') {
		const char *problem = cpus_problem(config->cpus, config->workers);

		if (problem != NULL)
			ctl_yaml_report(y, config->cpus_line, "cpus: '%s' %s%s (workers: %u); accepted: %s",
					config->cpus, strncmp(problem, "not", 3) == 0 ? "is " : "", problem,
					config->workers, CTL_CONFIG_CPUS_ACCEPTED);
	}
	if (config->nat_t_port == IKE_PORT)
		ctl_yaml_report(y, config->nat_t_port_line,
				"nat_t_port: %u is for IKE without ESP (RFC 3947 4); accepted: any other port",
				IKE_PORT);
	check_vnets(config, y);
	check_ports(config, y);
	for (unsigned i = 0; i < config->n_routes; i++)
		check_route(config, y, i);
	ctl_config_check_tunnels(config, y);
}
