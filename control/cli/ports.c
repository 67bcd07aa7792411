/* SPDX-License-Identifier: BSD-3-Clause
 * Ranges of ports as blocks of a power of two, and back. Pure. The command's only thread. */
#include "control/cli/ports.h"

#include <stdio.h>

unsigned
cli_ports_split(uint16_t first, uint16_t last, uint16_t max, struct cli_ports out[CLI_PORTS_MAX])
{
	unsigned n = 0;

	if (first == 0 && last == max) {
		out[0] = (struct cli_ports){0};
		return 1;
	}
	for (uint32_t at = first; at <= last;) {
		uint32_t size = 1;

		/* The widest block that begins here and does not reach beyond the end. */
		while ((at & size) == 0 && at + 2 * size - 1 <= last)
			size *= 2;
		out[n++] = (struct cli_ports){(uint16_t)at, (uint16_t) ~(size - 1)};
		at += size;
	}
	return n;
}

bool
cli_ports_range(struct cli_ports ports, uint16_t *first, uint16_t *last)
{
	const uint16_t open = (uint16_t)~ports.mask;

	if ((open & (open + 1)) != 0)
		return false;
	*first = ports.port & ports.mask;
	*last = *first | open;
	return true;
}

const char *
cli_ports_format(struct cli_ports ports, char buf[CLI_PORTS_STRLEN])
{
	uint16_t first, last;

	if (ports.mask == 0)
		snprintf(buf, CLI_PORTS_STRLEN, "any");
	else if (!cli_ports_range(ports, &first, &last))
		snprintf(buf, CLI_PORTS_STRLEN, "0x%04x/0x%04x", ports.port, ports.mask);
	else if (first == last)
		snprintf(buf, CLI_PORTS_STRLEN, "%u", first);
	else
		snprintf(buf, CLI_PORTS_STRLEN, "%u-%u", first, last);
	return buf;
}
