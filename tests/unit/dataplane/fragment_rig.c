/* SPDX-License-Identifier: BSD-3-Clause
 * A host's end of fragmentation for the tests; see the header. */
#include "tests/unit/dataplane/fragment_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/esp_witness.h"
#include "tests/unit/dataplane/header_rig.h"

#define MORE 0x2000u

static unsigned
offset_of(const uint8_t *ip)
{
	return (header_get16(ip + 6) & 0x1fffu) * 8;
}

void
fragment_rig_start(struct fragment_rig *rig)
{
	rig->n = 0;
	rig->at = 0;
	rig->more = 0;
}

void
fragment_rig_add(struct fragment_rig *rig, const uint8_t *ip, size_t bytes)
{
	assert_true(bytes > 20 && header_get16(ip + 2) == bytes && header_sums_up(ip));
	if (rig->n == 0) {
		memcpy(rig->head, ip, 20);
		rig->start = offset_of(ip);
	} else {
		assert_true(rig->more);
		assert_int_equal(offset_of(ip), rig->start + rig->at);
		assert_memory_equal(ip + 8, rig->head + 8, 2);   /* TTL, protocol */
		assert_memory_equal(ip + 12, rig->head + 12, 8); /* addresses */
		assert_memory_equal(ip + 4, rig->head + 4, 2);   /* identification */
		assert_memory_equal(ip, rig->head, 2);           /* version, TOS */
	}
	rig->n++;
	rig->more = (header_get16(ip + 6) & MORE) != 0;
	assert_true(!rig->more || (bytes - 20) % 8 == 0);
	assert_true(rig->at + bytes - 20 <= FRAGMENT_RIG_MAX);
	memcpy(rig->payload + rig->at, ip + 20, bytes - 20);
	rig->at += bytes - 20;
}

void
fragment_rig_check(const struct fragment_rig *rig, const uint8_t *ip, size_t bytes)
{
	uint8_t head[20];
	assert_true(rig->n > 0);
	memcpy(head, rig->head, 20);
	header_put16(head + 2, (unsigned)(rig->at + 20));
	header_put16(head + 6, (header_get16(head + 6) & ~MORE) | (rig->more ? MORE : 0));
	witness_checksum(head, 20);
	assert_int_equal(rig->at + 20, bytes);
	assert_memory_equal(head, ip, 20);
	assert_memory_equal(rig->payload, ip + 20, rig->at);
}

size_t
fragment_rig_cut(const uint8_t *ip, size_t bytes, size_t at, size_t piece, uint8_t *out)
{
	memcpy(out, ip, 20);
	memcpy(out + 20, ip + 20 + at, piece);
	header_put16(out + 2, (unsigned)(20 + piece));
	header_put16(out + 6, (unsigned)((header_get16(ip + 6) + at / 8) | (20 + at + piece < bytes ? MORE : 0)));
	witness_checksum(out, 20);
	return 20 + piece;
}
