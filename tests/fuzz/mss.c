/* SPDX-License-Identifier: BSD-3-Clause
 * A TCP header as anyone may send it: at most sizes and the checksum change, sizes only go down, and the sum of all stays
 * as right or wrong as it was. The input is the wanted size and a header. */
#include "dataplane/mss.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* RFC 1071, over the whole; 0 and 0xffff are one number. */
static uint32_t
sum(const uint8_t *bytes, size_t n)
{
	uint32_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
	while (total > 0xffff)
		total = (total & 0xffff) + (total >> 16);
	return total % 0xffff;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 2000)
		return 0;
	const uint16_t most = (uint16_t)(data[0] << 8 | data[1]);
	const size_t n = size - 2;
	uint8_t *tcp = malloc(n + 1); /* never of no bytes */
	const uint8_t *before = data + 2;

	memcpy(tcp, before, n);
	const bool changed = dp_mss_lower(tcp, (uint32_t)n, most);
	fuzz_expect(changed || memcmp(tcp, before, n) == 0);
	if (changed) {
		fuzz_expect(n >= 24 && (before[13] & 2) != 0 && sum(tcp, n) == sum(before, n));
		fuzz_expect(memcmp(tcp, before, 16) == 0 && memcmp(tcp + 18, before + 18, 2) == 0);
		const size_t head = (before[12] >> 4) * 4u;
		fuzz_expect(head <= n && memcmp(tcp + head, before + head, n - head) == 0);
		fuzz_expect(!dp_mss_lower(tcp, (uint32_t)n, most)); /* and there is nothing left to do */
	}
	free(tcp);
	return 0;
}
