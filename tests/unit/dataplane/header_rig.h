/* SPDX-License-Identifier: BSD-3-Clause
 * IPv4 headers that are nearly right, by chance, and the rules for them written once more: for tests of the stages' short
 * ways against the rules in full. */
#ifndef TEST_HEADER_RIG_H
#define TEST_HEADER_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

unsigned header_any(unsigned n); /* 0 to n - 1 */
uint16_t header_get16(const uint8_t *p);
void header_put16(uint8_t *p, unsigned v);
/* Bends one thing of a header; bytes is what there is of the packet. */
void header_bend(uint8_t *ip, size_t bytes);
/* Its checksum is right, wrong by a bit, or the other representation of zero. */
void header_bend_checksum(uint8_t *ip);
bool header_sums_up(const uint8_t *ip);
/* RFC 1812 5.2.2 and 5.3.7: the reason to drop it, or DP_DROP_COUNT. */
unsigned header_check(const uint8_t *ip, size_t bytes);

#endif
