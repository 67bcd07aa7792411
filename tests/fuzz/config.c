/* SPDX-License-Identifier: BSD-3-Clause
 * The daemon's configuration: a text is read, or every mistake in it is one line for the operator. The input is the
 * file. */
#include <string.h>

#include "control/config.h"
#include "tests/fuzz/fuzz.h"

static void
report(void *arg, const char *line)
{
	fuzz_expect(strncmp(line, "fuzz.yaml:", 10) == 0 && strchr(line, '\n') == NULL);
	++*(unsigned *)arg;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned mistakes = 0;
	struct ctl_config *config = ctl_config_parse("fuzz.yaml", data, size, report, &mistakes);

	fuzz_expect((config == NULL) == (mistakes > 0));
	if (config == NULL)
		return 0;
	for (unsigned i = 0; i < config->n_ports; i++) {
		const struct ctl_config_port *port = &config->ports[i];
		fuzz_expect(ctl_config_port_find(config, port->name) == port);
		fuzz_expect(port->underlay || port->trunk || ctl_config_vnet_find(config, port->vnet) != NULL);
		fuzz_expect((port->vlan == 0) == (port->device[0] != 0) && port->mtu >= 576 &&
			    !(port->trunk && port->vlan));
	}
	for (unsigned i = 0; i < config->n_routes; i++)
		fuzz_expect(ctl_config_port_find(config, config->routes[i].port) != NULL);
	ctl_config_free(config);
	return 0;
}
