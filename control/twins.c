/* SPDX-License-Identifier: BSD-3-Clause
 * The twins as the configuration wants them. Control thread. */
#include "control/twins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/log.h"

/* Of a twin's interface. Its kernel answers for the gateway; it must not route past the policies, nor answer on one
 * network for an address of another. IPv6 has no switch of one interface's for routing: "forwarding" makes it a router to
 * its neighbours, which says so and believes no other's advertisements, and no more. Nor has it IPv6 before the
 * configuration gives it an address. When its MAC changes, with its device, its neighbours are told. */
static const struct {
	const char *family, *name, *value;
} sysctls[] = {
    {"ipv4", "forwarding", "0"},          {"ipv4", "arp_ignore", "1"},   {"ipv4", "arp_announce", "2"},
    {"ipv4", "promote_secondaries", "1"}, {"ipv6", "disable_ipv6", "1"}, {"ipv6", "forwarding", "1"},
    {"ipv6", "accept_ra", "0"},           {"ipv6", "autoconf", "0"},     {"ipv6", "accept_redirects", "0"},
    {"ipv6", "keep_addr_on_down", "1"},   {"ipv4", "arp_notify", "1"},   {"ipv6", "ndisc_notify", "1"},
};

static void
sysctl_set(const char *interface, const char *family, const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, interface, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) /* a kernel without IPv6 */
		return;
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		ctl_log(CTL_LOG_WARNING, "port %s: cannot write %s to %s: %s", interface, value, path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* ---- in the namespace where the twin is ---- */
/* What to write there. */
struct settings {
	const char *interface;
	const char *ipv6_off; /* NULL: all but this */
};

/* Here, or as a job of the helper that is there. */
static int
settings_write(void *arg)
{
	const struct settings *settings = arg;

	if (settings->ipv6_off != NULL) {
		sysctl_set(settings->interface, "ipv6", "disable_ipv6", settings->ipv6_off);
		return 0;
	}
	for (unsigned s = 0; s < sizeof(sysctls) / sizeof(sysctls[0]); s++)
		sysctl_set(settings->interface, sysctls[s].family, sysctls[s].name, sysctls[s].value);
	return 0;
}

/* A helper's first job: it stays. */
static int
go_there(void *netns)
{
	int home = dp_netns_enter(netns);

	if (home >= 0)
		close(home);
	return home < 0 ? home : 0;
}

static struct ctl_helper *
helper_find(const struct ctl_twins *twins, const struct dp_netns *netns)
{
	for (unsigned i = 0; i < twins->n_there; i++)
		if (twins->there[i].netns == netns)
			return twins->there[i].helper;
	return NULL;
}

/* Of the first twin in a namespace. */
static int
helper_send(struct ctl_twins *twins, const struct dp_netns *netns)
{
	struct ctl_helper *helper;
	int rc;

	if (netns == NULL || helper_find(twins, netns) != NULL)
		return 0;
	helper = ctl_helper_create("culvert-netns");
	if (helper == NULL)
		return -ENOMEM;
	rc = ctl_helper_run(helper, go_there, (void *)(uintptr_t)netns);
	if (rc < 0)
		ctl_helper_destroy(helper);
	else
		twins->there[twins->n_there++] = (struct ctl_twins_there){netns, helper};
	return rc;
}

static void
settings_set(const struct ctl_twins *twins, uint16_t port, const char *interface, const char *ipv6_off)
{
	const struct dp_netns *netns = dp_port_netns(twins->dp, port);
	struct settings settings = {interface, ipv6_off};

	if (netns == NULL)
		settings_write(&settings);
	else
		ctl_helper_run(helper_find(twins, netns), settings_write, &settings);
}

int
ctl_twin_up(struct ctl_twins *twins, const struct ctl_config *config, unsigned i, uint16_t port)
{
	const struct ctl_config_port *wanted = &config->ports[i];
	const struct dp_netns *netns;
	struct ctl_rtnl_error err;
	struct dp_port_info info;
	int rc = dp_port_get(twins->dp, port, &info);

	if (rc < 0)
		return rc;
	netns = dp_port_netns(twins->dp, port);
	rc = helper_send(twins, netns);
	if (rc < 0) {
		ctl_log(CTL_LOG_ERROR, "%s:%u: ports[%u]: cannot go to network namespace %s: %s", config->file,
			wanted->line, i, netns->name, strerror(-rc));
		return rc;
	}
	settings_set(twins, port, wanted->name, NULL);
	rc = ctl_rtnl_link_set(ctl_rtnl_requests(twins->rtnl, port), info.twin_ifindex, wanted->mtu, &err);
	if (rc < 0)
		ctl_log(CTL_LOG_ERROR, "%s:%u: ports[%u].mtu: cannot bring twin '%s' up with MTU %u: %s", config->file,
			wanted->line, i, wanted->name, wanted->mtu, err.text);
	return rc;
}

void
ctl_twins_close(struct ctl_twins *twins)
{
	while (twins->n_there > 0)
		ctl_helper_destroy(twins->there[--twins->n_there].helper);
}

/* The running port of that name that has a twin. */
static bool
twin_find(const struct ctl_twins *twins, const char *name, struct dp_port_info *info)
{
	for (uint16_t port = 0; dp_port_get(twins->dp, port, info) == 0; port++)
		if (strcmp(info->name, name) == 0)
			return info->twin_ifindex != 0;
	return false;
}

static bool
addr_in(const struct ctl_config *config, const char *port_name, const struct sadb_prefix *addr)
{
	const struct ctl_config_port *port = config != NULL ? ctl_config_port_find(config, port_name) : NULL;

	for (unsigned i = 0; port != NULL && i < port->n_addrs; i++)
		if (sadb_addr_equal(&port->addrs[i].prefix.addr, &addr->addr) && port->addrs[i].prefix.len == addr->len)
			return true;
	return false;
}

static bool
route_in(const struct ctl_config *config, const struct ctl_config_route *route)
{
	for (unsigned i = 0; config != NULL && i < config->n_routes; i++) {
		const struct ctl_config_route *other = &config->routes[i];

		if (sadb_addr_equal(&route->to.addr, &other->to.addr) && route->to.len == other->to.len &&
		    sadb_addr_equal(&route->via, &other->via) && route->metric == other->metric &&
		    strcmp(route->port, other->port) == 0)
			return true;
	}
	return false;
}

static int
route_change(const struct ctl_twins *twins, bool add, const struct ctl_config_route *route, struct ctl_rtnl_error *err)
{
	struct ctl_rtnl_route_request request = {.to = route->to, .via = route->via, .metric = route->metric};
	struct dp_port_info info;

	if (!twin_find(twins, route->port, &info))
		return 0;
	request.ifindex = info.twin_ifindex;
	return ctl_rtnl_route_change(ctl_rtnl_requests(twins->rtnl, info.port), add, &request, err);
}

static int
addr_change(const struct ctl_twins *twins, bool add, const char *port, const struct sadb_prefix *addr,
	    struct ctl_rtnl_error *err)
{
	struct dp_port_info info;

	if (!twin_find(twins, port, &info))
		return 0;
	return ctl_rtnl_addr_change(ctl_rtnl_requests(twins->rtnl, info.port), add, info.twin_ifindex, addr, err);
}

/* Without IPv6 a twin has no link-local address either, and asks its neighbours for nothing. */
static void
switch_ipv6(const struct ctl_twins *twins, const struct ctl_config *config)
{
	for (unsigned i = 0; i < config->n_ports; i++) {
		const struct ctl_config_port *port = &config->ports[i];
		const char *off = ctl_config_port_v6(port) ? "0" : "1";
		struct dp_port_info info;

		if (twin_find(twins, port->name, &info))
			settings_set(twins, info.port, port->name, off);
	}
}

/* Removes what is in from and not in to. What the kernel dropped already is as wanted. */
static void
withdraw(const struct ctl_twins *twins, const struct ctl_config *from, const struct ctl_config *to)
{
	struct ctl_rtnl_error err;

	for (unsigned i = 0; i < from->n_routes; i++)
		if (!route_in(to, &from->routes[i]))
			route_change(twins, false, &from->routes[i], &err);
	for (unsigned i = 0; i < from->n_ports; i++) {
		const struct ctl_config_port *port = &from->ports[i];

		for (unsigned a = 0; a < port->n_addrs; a++)
			if (!addr_in(to, port->name, &port->addrs[a].prefix))
				addr_change(twins, false, port->name, &port->addrs[a].prefix, &err);
	}
}

/* How far an addition came: what lies before was added or was there. */
struct progress {
	unsigned port, addr, route;
};

static int
add_addrs(const struct ctl_twins *twins, const struct ctl_config *from, const struct ctl_config *to,
	  struct progress *done)
{
	char shown[SADB_ADDR_STRLEN];
	struct ctl_rtnl_error err;

	for (; done->port < to->n_ports; done->port++) {
		const struct ctl_config_port *port = &to->ports[done->port];

		for (done->addr = 0; done->addr < port->n_addrs; done->addr++) {
			const struct ctl_config_addr *addr = &port->addrs[done->addr];
			int rc = addr_change(twins, true, port->name, &addr->prefix, &err);

			if (rc == 0 || (rc == -EEXIST && addr_in(from, port->name, &addr->prefix)))
				continue;
			ctl_log(CTL_LOG_ERROR, "%s:%u: ports[%u].addresses[%u]: cannot put %s on twin '%s': %s",
				to->file, addr->line, done->port, done->addr,
				sadb_prefix_format(&addr->prefix, shown, sizeof(shown)), port->name, err.text);
			return rc;
		}
	}
	return 0;
}

static int
add_routes(const struct ctl_twins *twins, const struct ctl_config *from, const struct ctl_config *to,
	   struct progress *done)
{
	char shown[SADB_ADDR_STRLEN];
	struct ctl_rtnl_error err;

	for (; done->route < to->n_routes; done->route++) {
		const struct ctl_config_route *route = &to->routes[done->route];
		int rc = route_change(twins, true, route, &err);

		if (rc == 0 || (rc == -EEXIST && route_in(from, route)))
			continue;
		ctl_log(CTL_LOG_ERROR, "%s:%u: routes[%u].to: cannot add the route to %s over '%s': %s%s", to->file,
			route->line, done->route, sadb_prefix_format(&route->to, shown, sizeof(shown)), route->port,
			err.text, rc == -EEXIST ? ": there is one with this metric; accepted: another metric" : "");
		return rc;
	}
	return 0;
}

/* Removes what was added on the way, and nothing that somebody else had put there. */
static void
take_back(const struct ctl_twins *twins, const struct ctl_config *from, const struct ctl_config *to,
	  const struct progress *done)
{
	struct ctl_rtnl_error err;

	for (unsigned i = 0; i < done->route; i++)
		if (!route_in(from, &to->routes[i]))
			route_change(twins, false, &to->routes[i], &err);
	for (unsigned i = 0; i <= done->port && i < to->n_ports; i++) {
		const struct ctl_config_port *port = &to->ports[i];
		const unsigned end = i < done->port ? port->n_addrs : done->addr;

		for (unsigned a = 0; a < end; a++)
			if (!addr_in(from, port->name, &port->addrs[a].prefix))
				addr_change(twins, false, port->name, &port->addrs[a].prefix, &err);
	}
}

int
ctl_twins_change(const struct ctl_twins *twins, const struct ctl_config *from, const struct ctl_config *to)
{
	struct progress done = {0}, restored = {0};
	int rc;

	if (from != NULL)
		withdraw(twins, from, to);
	switch_ipv6(twins, to);
	rc = add_addrs(twins, from, to, &done);
	if (rc == 0)
		rc = add_routes(twins, from, to, &done);
	if (rc < 0) {
		take_back(twins, from, to, &done);
		if (from != NULL)
			switch_ipv6(twins, from);
		if (from != NULL && add_addrs(twins, from, from, &restored) == 0)
			add_routes(twins, from, from, &restored);
	}
	return rc;
}
