/* SPDX-License-Identifier: BSD-3-Clause
 * What every fuzz target shares. One thread. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
fuzz_fail(const char *file, int line, const char *text)
{
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, text);
	abort();
}

struct nlmsghdr *
fuzz_message(const uint8_t *data, size_t size)
{
	if (size < NLMSG_HDRLEN)
		return NULL;
	struct nlmsghdr *nlh = malloc(size);
	fuzz_expect(nlh != NULL);
	memcpy(nlh, data, size);
	nlh->nlmsg_len = (uint32_t)size;
	return nlh;
}

uint8_t
fuzz_u8(struct fuzz_input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

uint16_t
fuzz_u16(struct fuzz_input *in)
{
	const uint16_t low = fuzz_u8(in);

	return (uint16_t)(low | fuzz_u8(in) << 8);
}

const uint8_t *
fuzz_bytes(struct fuzz_input *in, size_t most, size_t *size)
{
	const uint8_t *bytes = in->data;

	*size = most < in->size ? most : in->size;
	in->data += *size;
	in->size -= *size;
	return bytes;
}
