/* SPDX-License-Identifier: BSD-3-Clause
 * What every fuzz target shares. A target is libFuzzer's two functions: with it they are a fuzzer; with replay.c they are
 * a test, which feeds them the seeds and mutations of these. One thread. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

/* Once, before the first input. A target may do without. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
/* One input: bytes of their own, of exactly that size. Returns 0. What must never be true ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

_Noreturn void fuzz_fail(const char *file, int line, const char *text);
/* A macro for the sake of the line in the report. */
#define fuzz_expect(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

/* The input as a netlink message whose length is its own, in memory of that size; free() it. NULL: shorter than a
 * header. */
struct nlmsghdr *fuzz_message(const uint8_t *data, size_t size);

/* Takes numbers and bytes from the front of an input; past its end numbers are 0 and there are no bytes. */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};
uint8_t fuzz_u8(struct fuzz_input *in);
uint16_t fuzz_u16(struct fuzz_input *in);
/* Up to most bytes; how many are there is in *size. */
const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t most, size_t *size);

#endif
