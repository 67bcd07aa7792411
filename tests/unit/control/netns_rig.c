/* SPDX-License-Identifier: BSD-3-Clause
 * A network namespace with twins: see netns_rig.h. */
#include "tests/unit/control/netns_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <net/if.h>

#include <cmocka.h>

struct rig_port rig_ports[RIG_PORTS] = {[RIG_WAN] = {.name = "wan"}, [RIG_LAN] = {.name = "lan"}};

static bool
tap_create(struct rig_port *port)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	strcpy(request.ifr_name, port->name);
	port->tap_fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (port->tap_fd < 0 || ioctl(port->tap_fd, TUNSETIFF, &request) < 0)
		return false;
	port->ifindex = (int)if_nametoindex(port->name);
	return port->ifindex > 0;
}

bool
rig_namespace_enter(void)
{
	if (unshare(CLONE_NEWNET) == 0 && tap_create(&rig_ports[RIG_WAN]) && tap_create(&rig_ports[RIG_LAN]))
		return true;
	fprintf(stderr, "skipped: no network namespace or TAP: %s\n", strerror(errno));
	return false;
}

bool
rig_arp_asked(const struct rig_port *port, const char *address)
{
	struct pollfd poll_fd = {.fd = port->tap_fd, .events = POLLIN};
	struct sadb_addr target;
	uint8_t frame[2048];

	assert_int_equal(sadb_addr_parse(address, &target), 0);
	while (poll(&poll_fd, 1, 2000) == 1) {
		ssize_t n = read(port->tap_fd, frame, sizeof(frame));

		assert_true(n >= 14);
		/* An ARP request: operation 1 at 20, target address at 38 (RFC 826). */
		if (n >= 42 && frame[12] == 0x08 && frame[13] == 0x06 && frame[21] == 1 &&
		    memcmp(frame + 38, target.bytes, 4) == 0)
			return true;
	}
	return false;
}

void
rig_ip(const char *arguments)
{
	char command[256];

	snprintf(command, sizeof(command), "ip %s", arguments);
	assert_int_equal(system(command), 0);
}

/* ---- the dataplane ---- */

int
dp_port_get(const struct dp *dp, uint16_t port, struct dp_port_info *out)
{
	(void)dp;
	if (port >= RIG_PORTS)
		return -ENOENT;
	memset(out, 0, sizeof(*out));
	strcpy(out->name, rig_ports[port].name);
	out->port = port;
	out->twin_ifindex = rig_ports[port].ifindex;
	return 0;
}

const struct dp_netns *
dp_port_netns(const struct dp *dp, uint16_t port)
{
	(void)dp;
	(void)port;
	return NULL;
}

int
dp_port_addrs_set(struct dp *dp, uint16_t port, const struct sadb_addr *addrs, unsigned n)
{
	(void)dp;
	assert_in_range(port, 0, RIG_PORTS - 1);
	assert_in_range(n, 0, 64);
	rig_ports[port].n_addrs = n;
	memcpy(rig_ports[port].addrs, addrs, n * sizeof(*addrs));
	return 0;
}
