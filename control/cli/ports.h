/* SPDX-License-Identifier: BSD-3-Clause
 * Ranges of ports and the value and mask that XFRM's selectors have in their stead. Pure. The command's only thread. */
#ifndef CLI_PORTS_H
#define CLI_PORTS_H

#include <stdbool.h>
#include <stdint.h>

/* The ports that agree with port in the bits of mask; both in host order. mask 0: any. */
struct cli_ports {
	uint16_t port, mask;
};

#define CLI_PORTS_MAX 30 /* blocks of the worst range, 1 to 65534 */

/* The fewest blocks that together are first to last, in order; from 0 to max (65535, or 255 of an ICMP type) it is one with
 * mask 0. first <= last <= max. How many. */
unsigned cli_ports_split(uint16_t first, uint16_t last, uint16_t max, struct cli_ports out[CLI_PORTS_MAX]);

/* Are they a range, and which? A mask with gaps is none. */
bool cli_ports_range(struct cli_ports ports, uint16_t *first, uint16_t *last);

/* "5000-5007", "80" or "any"; of what is no range "0x0050/0x00ff". Into buf, which it returns. */
#define CLI_PORTS_STRLEN 16
const char *cli_ports_format(struct cli_ports ports, char buf[CLI_PORTS_STRLEN]);

#endif
