/* SPDX-License-Identifier: BSD-3-Clause
 * The kernel's interface under a port's device; see the header. */
#include "dataplane/iface.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/offload.h"

/* Takes a kernel interface for this process alone: the name of an abstract socket, which is per network namespace and goes
 * with the process. Without it a second daemon's failed attempt would take the AF_XDP program from the first. */
static int
lock_interface(struct dp_port *port, const char *name, struct dp_error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int len = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "culvert-port-%s", name);
	socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
	port->lock_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (port->lock_fd >= 0 && bind(port->lock_fd, (struct sockaddr *)&addr, bytes) == 0)
		return 0;
	int rc = -errno;
	snprintf(err->text, sizeof(err->text),
		 "port %s: device %s: interface %s is taken by another culvertd or port (%s)", port->config.name,
		 port->device, name, strerror(-rc));
	return rc;
}

void
dp_iface_release(struct dp_port *port)
{
	if (port->lock_fd >= 0)
		close(port->lock_fd);
	port->lock_fd = -1;
}

/* The kernel merges packets of a stream before its packet sockets see them, and what is longer than a frame of the ring
 * is cut: TCP would starve. XDP programs run before that. */
static int
merging_off(const struct dp_port *port, struct dp_error *err)
{
	const char *feature;
	int rc;

	if (strncmp(port->device, "net_af_packet", 13) != 0)
		return 0;
	rc = dp_offload_off(port->lock_fd, port->iface, DP_OFFLOAD_MERGING, &feature);
	if (rc < 0)
		snprintf(
		    err->text, sizeof(err->text),
		    "port %s: interface %s merges what it receives, and %s cannot be switched off (%s): use net_af_xdp",
		    port->config.name, port->iface, feature, strerror(-rc));
	return rc;
}

/* A tag that the interface takes out of the frame is lost to XDP: VLANs would mix with what is untagged. (Packet sockets are
 * told of it, and their driver puts it back.) */
static int
tags_stay(const struct dp_port *port, struct dp_error *err)
{
	const char *feature;
	int rc;

	if (strncmp(port->device, "net_af_xdp", 10) != 0)
		return 0;
	rc = dp_offload_off(port->lock_fd, port->iface, DP_OFFLOAD_TAGS, &feature);
	if (rc == 0 || !port->config.trunk)
		return 0;
	snprintf(err->text, sizeof(err->text),
		 "port %s: interface %s takes VLAN tags off what it receives, and %s cannot be switched off (%s): use "
		 "net_af_packet",
		 port->config.name, port->iface, feature, strerror(-rc));
	return rc;
}

/* The devices that sit on a kernel interface name it by "iface=": say plainly when it is not there, since the driver's
 * own error does not. */
int
dp_iface_take(struct dp_port *port, struct dp_error *err)
{
	char name[IFNAMSIZ] = "";
	const char *at = strstr(port->device, "iface=");
	if (at == NULL)
		return 0;
	at += strlen("iface=");
	size_t len = strcspn(at, ",");
	if (len == 0 || len >= sizeof(name)) {
		snprintf(err->text, sizeof(err->text),
			 "port %s: device %s: iface= wants an interface name of 1..%zu letters", port->config.name,
			 port->device, sizeof(name) - 1);
		return -EINVAL;
	}
	memcpy(name, at, len);
	name[len] = 0;
	if (if_nametoindex(name) == 0 && strncmp(port->device, "net_tap", 7) != 0) {
		snprintf(err->text, sizeof(err->text),
			 "port %s: device %s: no network interface named %s (see 'ip link')", port->config.name,
			 port->device, name);
		return -ENODEV;
	}
	memcpy(port->iface, name, sizeof(port->iface));
	return lock_interface(port, name, err);
}

int
dp_iface_prepare(const struct dp_port *port, struct dp_error *err)
{
	int rc = merging_off(port, err);
	return rc == 0 ? tags_stay(port, err) : rc;
}

int
dp_iface_find(const struct dp_port *port)
{
	struct if_nameindex *all = port->iface[0] != 0 ? if_nameindex() : NULL;
	int ifindex = 0;

	for (const struct if_nameindex *each = all; each != NULL && each->if_index != 0; each++)
		if (strcmp(each->if_name, port->iface) == 0)
			ifindex = (int)each->if_index;
	if (all != NULL)
		if_freenameindex(all);
	return ifindex;
}

unsigned
dp_iface_flags_of(const struct dp_port *port, int ifindex)
{
	struct ifreq ifr = {.ifr_ifindex = ifindex};
	return ioctl(port->lock_fd, SIOCGIFNAME, &ifr) == 0 && ioctl(port->lock_fd, SIOCGIFFLAGS, &ifr) == 0
		   ? (unsigned)(unsigned short)ifr.ifr_flags
		   : 0;
}

unsigned
dp_iface_flags(const struct dp_port *port)
{
	return dp_iface_flags_of(port, port->ifindex);
}
