/* SPDX-License-Identifier: BSD-3-Clause
 * What a tunnel's messages say of it, and whether the peer's say the same. Control thread. */
#include <errno.h>
#include <string.h>

#include "control/attr.h"
#include "control/tunnel_impl.h"

void
ctl_tunnel_message_begin(const struct ctl_tunnel *tunnel, struct ctl_offer *message)
{
	const struct ctl_tunnel_config *config = &tunnel->config;

	memset(message, 0, sizeof(*message));
	memcpy(message->tunnel, config->name, sizeof(message->tunnel));
	memcpy(message->instance, tunnel->instance, sizeof(message->instance));
	message->local = config->local;
	message->remote = config->remote;
	memcpy(message->local_prefix, config->local_prefix, sizeof(message->local_prefix));
	memcpy(message->remote_prefix, config->remote_prefix, sizeof(message->remote_prefix));
	message->n_local = config->n_local;
	message->n_remote = config->n_remote;
}

static bool
same_prefixes(const struct sadb_prefix *a, uint32_t n_a, const struct sadb_prefix *b, uint32_t n_b)
{
	for (uint32_t i = 0; i < n_a; i++) {
		uint32_t j = 0;

		while (j < n_b && !(a[i].len == b[j].len && sadb_addr_equal(&a[i].addr, &b[j].addr)))
			j++;
		if (j == n_b)
			return false;
	}
	return n_a == n_b;
}

int
ctl_tunnel_fits(const struct ctl_tunnel *tunnel, const struct ctl_offer *message, struct sadb_error *err)
{
	const struct ctl_tunnel_config *config = &tunnel->config;
	const char *what = NULL;

	if (strcmp(message->tunnel, config->name) != 0)
		return ctl_refuse(err, -EINVAL, 0, "it is for tunnel '%s', not '%s': both gateways use one name",
				  message->tunnel, config->name);
	if (!sadb_addr_equal(&message->local, &config->remote) || !sadb_addr_equal(&message->remote, &config->local))
		what = "local and remote";
	else if (!same_prefixes(message->local_prefix, message->n_local, config->remote_prefix, config->n_remote))
		what = "its local-prefix";
	else if (!same_prefixes(message->remote_prefix, message->n_remote, config->local_prefix, config->n_local))
		what = "its remote-prefix";
	if (what != NULL)
		return ctl_refuse(
		    err, -EINVAL, 0,
		    "the peer's description of tunnel %s is another one: %s: must mirror what 'culvert tunnel "
		    "show %s' says here",
		    config->name, what, config->name);
	if (message->algorithm != config->algorithm)
		return ctl_refuse(err, -EINVAL, 0,
				  "the peer's tunnel %s has algorithm %s, ours %s: both ends must agree", config->name,
				  message->algorithm->name, config->algorithm->name);
	if (message->esn != config->esn)
		return ctl_refuse(err, -EINVAL, 0, "the peer's tunnel %s has esn %s, ours %s: both ends must agree",
				  config->name, message->esn ? "on" : "off", config->esn ? "on" : "off");
	return 0;
}
