/* SPDX-License-Identifier: BSD-3-Clause
 * What the daemon has: show of vnet, port, route, neigh, info, mirror. The command's only thread. */
#include "control/cli/run.h"

#include "control/cli/describe.h"
#include "control/cli/names.h"
#include "control/cli/session.h"

/* Shows the answers to one kind of question in one section without a title. */
static int
show_all(struct cli *cli, enum ctl_msg type, enum show_layout layout, cli_own_fn fn)
{
	struct cli_description into;
	int code = cli_describe_begin(&into, cli);

	if (code != CLI_DONE)
		return code;
	show_section(into.show, NULL, layout, 4);
	return cli_describe_end(&into, cli_ask_own(into.session, type, fn, &into));
}

static int
on_vnet(void *arg, const struct ctl_own *own)
{
	struct show *show = ((struct cli_description *)arg)->show;

	show_row(show);
	show_text(show, "name", own->vnet.name);
	show_number(show, "vnet_id", own->vnet.id);
	show_number(show, "sa_count", own->vnet.sa_count);
	show_number(show, "policy_count", own->vnet.policy_count);
	show_text(show, "default", own->vnet.bypass ? "bypass" : "drop");
	return 0;
}

int
cli_vnet_show(struct cli *cli)
{
	return show_all(cli, CTL_MSG_VNET_GET, SHOW_TABLE, on_vnet);
}

static void
port_counters(struct show *show, const struct dp_port_info *port)
{
	show_number(show, "rx_packets", port->rx_packets);
	show_number(show, "rx_bytes", port->rx_bytes);
	show_number(show, "tx_packets", port->tx_packets);
	show_number(show, "tx_bytes", port->tx_bytes);
	show_number(show, "rx_missed", port->rx_missed);
	show_number(show, "rx_errors", port->rx_errors);
	show_number(show, "rx_nombuf", port->rx_nombuf);
	show_number(show, "tx_errors", port->tx_errors);
	show_number(show, "punted", port->punted);
	show_number(show, "punt_dropped", port->punt_dropped);
	show_number(show, "injected", port->injected);
	show_number(show, "inject_dropped", port->inject_dropped);
}

static int
on_port(void *arg, const struct ctl_own *own)
{
	struct cli_description *into = arg;
	const struct dp_port_info *port = &own->port;
	struct show *show = into->show;
	char mac[CLI_MAC_STRLEN];

	show_row(show);
	show_text(show, "name", port->name);
	show_bool(show, "up", port->up);
	show_bool(show, "underlay", port->underlay);
	show_text(show, "vnet", port->underlay || port->trunk ? NULL : cli_vnet_name(into->session, port->vnet_id));
	show_number(show, "port", port->port);
	if (port->underlay || port->trunk)
		show_absent(show, "vnet_id");
	else
		show_number(show, "vnet_id", port->vnet_id);
	show_text(show, "device", port->device);
	show_text(show, "driver", port->driver);
	show_text(show, "on", port->vlan != 0 ? port->on : NULL);
	if (port->vlan != 0)
		show_number(show, "vlan", port->vlan);
	else
		show_absent(show, "vlan");
	show_text(show, "mac", cli_mac(port->mac, mac));
	show_number(show, "mtu_bytes", port->mtu);
	if (port->speed_mbps != 0)
		show_number(show, "speed_mbps", port->speed_mbps);
	else
		show_absent(show, "speed_mbps");
	show_text(show, "netns", port->netns[0] != '\0' ? port->netns : NULL);
	if (port->twin_ifindex != 0)
		show_number(show, "ifindex", (uint64_t)port->twin_ifindex);
	else
		show_absent(show, "ifindex");
	show_number(show, "rx_queues", port->rx_queues);
	show_number(show, "tx_queues", port->tx_queues);
	port_counters(show, port);
	return 0;
}

int
cli_port_show(struct cli *cli)
{
	return show_all(cli, CTL_MSG_PORT_GET, SHOW_BLOCKS, on_port);
}

static int
on_info(void *arg, const struct ctl_own *own)
{
	struct show *show = ((struct cli_description *)arg)->show;

	if (own->type != CTL_MSG_INFO)
		return 0;
	show_row(show);
	show_text(show, "version", own->info.version);
	show_text(show, "engine", own->info.engine);
	show_number(show, "workers", own->info.workers);
	show_number(show, "uptime_s", own->info.uptime_s);
	show_number(show, "sa_count", own->info.sa_count);
	show_number(show, "policy_count", own->info.policy_count);
	show_bool(show, "huge_pages", own->info.huge);
	show_number(show, "tsc_hz", own->info.tsc_hz);
	return 0;
}

int
cli_info_show(struct cli *cli)
{
	return show_all(cli, CTL_MSG_INFO_GET, SHOW_BLOCKS, on_info);
}

static int
on_mirror(void *arg, const struct ctl_own *own)
{
	struct show *show = ((struct cli_description *)arg)->show;
	const struct ctl_mirror_info *mirror = &own->mirror;

	if (own->type != CTL_MSG_MIRROR)
		return 0;
	show_section(show, "mirror", SHOW_LINES, 0);
	show_row(show);
	for (unsigned i = 0; i < mirror->n_counts; i++)
		show_number(show, mirror->counts[i].name, mirror->counts[i].value);
	show_section(show, "missing", SHOW_BLOCKS, 1);
	for (unsigned i = 0; i < mirror->n_missing; i++) {
		show_row(show);
		show_text(show, "what", mirror->missing[i].what);
		show_bool(show, "guarded", mirror->missing[i].guarded);
		show_text(show, "reason", mirror->missing[i].reason);
	}
	return 0;
}

int
cli_mirror_show(struct cli *cli)
{
	struct cli_description into;
	int code = cli_describe_begin(&into, cli);

	if (code != CLI_DONE)
		return code;
	return cli_describe_end(&into, cli_ask_own(into.session, CTL_MSG_MIRROR_GET, on_mirror, &into));
}

/* ---- routes and neighbours: their ports by name ---- */
struct with_ports {
	struct cli_description into;
	char names[DP_MAX_PORTS][DP_PORT_NAME];
};

static int
on_port_name(void *arg, const struct ctl_own *own)
{
	struct with_ports *with = arg;

	if (own->type == CTL_MSG_PORT && own->port.port < DP_MAX_PORTS)
		snprintf(with->names[own->port.port], DP_PORT_NAME, "%.*s", DP_PORT_NAME - 1, own->port.name);
	return 0;
}

static void
show_port_name(struct with_ports *with, uint16_t port)
{
	bool known = port < DP_MAX_PORTS && with->names[port][0] != 0;

	show_text(with->into.show, "port_name", known ? with->names[port] : NULL);
	show_number(with->into.show, "port", port);
}

static int
show_with_ports(struct cli *cli, enum ctl_msg type, cli_own_fn fn)
{
	struct with_ports with = {0};
	int code = cli_describe_begin(&with.into, cli);

	if (code != CLI_DONE)
		return code;
	show_section(with.into.show, NULL, SHOW_TABLE, 1);
	code = cli_ask_own(with.into.session, CTL_MSG_PORT_GET, on_port_name, &with);
	if (code == CLI_DONE)
		code = cli_ask_own(with.into.session, type, fn, &with);
	return cli_describe_end(&with.into, code);
}

static int
on_route(void *arg, const struct ctl_own *own)
{
	struct with_ports *with = arg;
	const struct ctl_route *route = &own->route;
	const struct cli_session *session = with->into.session;
	struct show *show = with->into.show;
	bool blackhole = route->route.kind == SADB_ROUTE_BLACKHOLE;

	show_row(show);
	show_prefix(show, "dst", &route->route.dst);
	show_bool(show, "underlay", route->underlay);
	show_text(show, "vnet", route->underlay ? NULL : cli_vnet_name(session, route->vnet_id));
	show_text(show, "kind", cli_name(cli_route_kinds, route->route.kind));
	show_addr(show, "gateway", &route->route.gateway);
	if (blackhole) {
		show_absent(show, "port_name");
		show_absent(show, "port");
	} else {
		show_port_name(with, route->route.port);
	}
	show_number(show, "metric", route->route.metric);
	return 0;
}

int
cli_route_show(struct cli *cli)
{
	return show_with_ports(cli, CTL_MSG_ROUTE_GET, on_route);
}

static int
on_neigh(void *arg, const struct ctl_own *own)
{
	struct with_ports *with = arg;
	char mac[CLI_MAC_STRLEN];

	show_row(with->into.show);
	show_addr(with->into.show, "addr", &own->neigh.addr);
	show_text(with->into.show, "mac", cli_mac(own->neigh.mac, mac));
	show_port_name(with, own->neigh.port);
	return 0;
}

int
cli_neigh_show(struct cli *cli)
{
	return show_with_ports(cli, CTL_MSG_NEIGH_GET, on_neigh);
}
