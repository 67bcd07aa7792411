/* SPDX-License-Identifier: BSD-3-Clause
 * Nearly right IPv4 headers; see the header. */
#include "tests/unit/dataplane/header_rig.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/drop.h"
#include "tests/unit/dataplane/esp_witness.h"

unsigned
header_any(unsigned n)
{
	return (unsigned)rand() % n;
}

uint16_t
header_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

void
header_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
bend_address(uint8_t *address)
{
	static const uint8_t first[] = {0, 1, 10, 126, 127, 128, 191, 223, 224, 239, 240, 254, 255};
	if (header_any(2))
		address[0] = first[header_any(sizeof(first))];
	else
		address[header_any(4)] = (uint8_t)rand();
	if (address[0] == 224 && header_any(2))
		memset(address + 1, 0, 2); /* for this link only */
}

void
header_bend(uint8_t *ip, size_t bytes)
{
	static const int16_t off_by[] = {-1500, -21, -20, -4, -1, 1, 2, 20, 256, 30000};
	switch (header_any(10)) {
	case 0:
		ip[0] = (uint8_t)rand();
		break;
	case 1:
		ip[0] = (uint8_t)(0x40 | header_any(16));
		break;
	case 2:
		header_put16(ip + 2, (unsigned)((int)bytes + off_by[header_any(sizeof(off_by) / sizeof(off_by[0]))]));
		break;
	case 3:
		header_put16(ip + 2, header_any(60));
		break;
	case 4:
		header_put16(ip + 6, header_any(2) ? 1u << header_any(16) : (unsigned)rand());
		break;
	case 5:
		bend_address(ip + 12);
		break;
	case 6:
		bend_address(ip + 16);
		break;
	case 7:
		ip[9] = (uint8_t)(header_any(2) ? 50 : rand());
		break;
	case 8:
		ip[1] = (uint8_t)rand();
		break;
	default:
		ip[8] = (uint8_t)header_any(3);
	}
}

void
header_bend_checksum(uint8_t *ip)
{
	witness_checksum(ip, 20);
	if (header_any(8) == 0)
		ip[10 + header_any(2)] ^= (uint8_t)(1 << header_any(8));
	else if (header_any(16) == 0)
		header_put16(ip + 10, header_get16(ip + 10) == 0 ? 0xffff : (unsigned)rand());
}

bool
header_sums_up(const uint8_t *ip)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < 20; i += 2)
		sum += header_get16(ip + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

unsigned
header_check(const uint8_t *ip, size_t bytes)
{
	if (bytes < 20)
		return DP_DROP_IP_TRUNCATED;
	if (ip[0] >> 4 != 4)
		return DP_DROP_IP_VERSION;
	if ((ip[0] & 15) != 5)
		return (ip[0] & 15) < 5 ? DP_DROP_IP_LENGTH : DP_DROP_IP_OPTIONS;
	if (header_get16(ip + 2) < 20 || header_get16(ip + 2) > bytes)
		return DP_DROP_IP_LENGTH;
	if (!header_sums_up(ip))
		return DP_DROP_IP_CHECKSUM;
	if (ip[12] == 0 || ip[12] == 127 || ip[12] >= 224 || ip[16] == 0 || ip[16] == 127)
		return DP_DROP_IP_MARTIAN;
	return DP_DROP_COUNT;
}
