/* SPDX-License-Identifier: BSD-3-Clause
 * A fuzz target without a fuzzer: TARGET SEEDS RUNS feeds it every seed, then RUNS mutations of seeds. The numbers that
 * mutations are made of begin the same each time, so a run that fails fails again. One thread. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define SEEDS_MAX 256
#define INPUT_MAX 8192 /* no input grows past this */

struct seed {
	uint8_t *bytes;
	size_t size;
};

static struct seed seeds[SEEDS_MAX];
static unsigned n_seeds;
static uint64_t state = 1;

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t
next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static size_t
below(size_t n)
{
	return n == 0 ? 0 : (size_t)(next() % n);
}

static void
feed(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1); /* exactly: a sanitizer sees one byte read too far */

	fuzz_expect(copy != NULL);
	memcpy(copy, bytes, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* One change of the bytes; returns their new number. */
static size_t
mutate(uint8_t *bytes, size_t size)
{
	static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe, 4, 16};
	const size_t at = below(size), run = 1 + below(size - at < 16 ? size - at : 16);
	const struct seed *other = &seeds[below(n_seeds)];

	switch (size == 0 ? 5 : below(6)) {
	case 0:
		bytes[at] ^= (uint8_t)(1u << below(8));
		return size;
	case 1:
		bytes[at] = odd[below(sizeof(odd))];
		return size;
	case 2:
		bytes[at] = (uint8_t)next();
		return size;
	case 3: /* out */
		memmove(bytes + at, bytes + at + run, size - at - run);
		return size - run;
	case 4: /* twice */
		if (size + run > INPUT_MAX)
			return at;
		memmove(bytes + at + run, bytes + at, size - at);
		return size + run;
	default: /* the rest is another's */
		if (other->size <= at)
			return size;
		memcpy(bytes + at, other->bytes + at, other->size - at);
		return other->size;
	}
}

static void
load(const char *folder, const char *name)
{
	struct seed *seed = &seeds[n_seeds];
	char path[1024];

	fuzz_expect(n_seeds < SEEDS_MAX);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	fuzz_expect(file != NULL && (seed->bytes = malloc(INPUT_MAX)) != NULL);
	seed->size = fread(seed->bytes, 1, INPUT_MAX, file);
	fuzz_expect(feof(file));
	fclose(file);
	n_seeds++;
}

/* In the order of their names, whatever the file system's. */
static void
load_all(const char *folder)
{
	struct dirent **names;
	const int n = scandir(folder, &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.')
			load(folder, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

int
main(int argc, char **argv)
{
	static uint8_t bytes[INPUT_MAX];

	if (argc != 3) {
		fprintf(stderr, "usage: %s SEEDS RUNS\n", argv[0]);
		return 2;
	}
	load_all(argv[1]);
	if (n_seeds == 0) {
		fprintf(stderr, "%s: no seeds\n", argv[1]);
		return 1;
	}
	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	for (unsigned i = 0; i < n_seeds; i++)
		feed(seeds[i].bytes, seeds[i].size);
	for (unsigned long run = strtoul(argv[2], NULL, 10); run > 0; run--) {
		const struct seed *seed = &seeds[below(n_seeds)];
		size_t size = seed->size;

		memcpy(bytes, seed->bytes, size);
		for (size_t changes = 1 + below(4); changes > 0; changes--)
			size = mutate(bytes, size);
		feed(bytes, size);
	}
	for (unsigned i = 0; i < n_seeds; i++)
		free(seeds[i].bytes);
	return 0;
}
