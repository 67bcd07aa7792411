/* SPDX-License-Identifier: BSD-3-Clause
 * Random batches through every engine, against OpenSSL one packet at a time: mixed keys, key sizes, directions, lengths,
 * alignments, and tags that are wrong. gcm_random_test [PACKETS [SEED]]; the numbers begin the same each time. */
#include "dataplane/engine.h"

#include <errno.h>
#include <stdio.h>

#include "tests/unit/dataplane/gcm_rig.h"

#define BATCH    DP_ENGINE_BATCH
#define KEYS     6
#define TEXT_MAX 9216
#define EDGE     64

static const struct dp_engine *engine; /* the one under test; main() walks through all */
static unsigned long packets = 100000, seed = 1;
static uint64_t state_of_random;

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t
next(void)
{
	uint64_t z = state_of_random += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint32_t
below(uint32_t n)
{
	return (uint32_t)(next() % n);
}

struct packet {
	uint8_t plain[TEXT_MAX], sealed[TEXT_MAX], tag[DP_TAG_BYTES];
	uint8_t room[TEXT_MAX + 2 * EDGE], given[DP_TAG_BYTES + EDGE];
	unsigned key;
	bool spoilt;
};

struct rig {
	struct gcm_witness witness[KEYS];
	void *area[KEYS];
	struct dp_engine_queue *queue;
	struct dp_aead_op op[BATCH];
	struct packet packet[BATCH];
};

/* Mostly short, as packets are. */
static uint32_t
some_length(void)
{
	switch (below(8)) {
	case 0:
		return below(17);
	case 1:
	case 2:
	case 3:
		return below(300);
	case 4:
	case 5:
		return below(800);
	case 6:
		return below(1600);
	default:
		return below(64) == 0 ? below(TEXT_MAX + 1) : 256 * below(7) + below(3);
	}
}

static void
fill(uint8_t *at, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i += 8) {
		const uint64_t some = next();
		memcpy(at + i, &some, bytes - i < 8 ? bytes - i : 8);
	}
}

static void
packet_make(struct rig *rig, unsigned i, unsigned keys, unsigned directions)
{
	struct packet *p = &rig->packet[i];
	struct dp_aead_op *op = &rig->op[i];
	p->key = below(keys);
	*op = (struct dp_aead_op){.key_area = rig->area[p->key],
				  .text = p->room + EDGE + below(EDGE),
				  .tag = p->given + below(EDGE),
				  .text_bytes = some_length(),
				  .aad_bytes = below(2) ? 8 : 12,
				  .dir = directions == 2 ? (uint8_t)below(2) : (uint8_t)directions};
	fill(op->iv, sizeof(op->iv));
	fill(op->aad, sizeof(op->aad));
	fill(p->plain, op->text_bytes);
	gcm_witness_seal(&rig->witness[p->key], op, p->plain, p->sealed, p->tag);
	op->text[-1] = op->text[op->text_bytes] = 0x7e;
	p->spoilt = op->dir == DP_OPEN && below(16) == 0;
	memcpy(op->text, op->dir == DP_SEAL ? p->plain : p->sealed, op->text_bytes);
	memcpy(op->tag, p->tag, DP_TAG_BYTES);
	if (op->dir == DP_SEAL)
		memset(op->tag, 0, DP_TAG_BYTES);
	else if (p->spoilt && op->text_bytes > 0 && below(2))
		op->text[below(op->text_bytes)] ^= (uint8_t)(1u << below(8));
	else if (p->spoilt)
		op->tag[below(DP_TAG_BYTES)] ^= (uint8_t)(1u << below(8));
}

static bool
packet_right(const struct rig *rig, unsigned i)
{
	const struct packet *p = &rig->packet[i];
	const struct dp_aead_op *op = &rig->op[i];
	if (op->text[-1] != 0x7e || op->text[op->text_bytes] != 0x7e)
		return false;
	if (p->spoilt)
		return op->status == -EBADMSG && rig_all_zero(op->text, op->text_bytes);
	return op->status == 0 && memcmp(op->tag, p->tag, DP_TAG_BYTES) == 0 &&
	       memcmp(op->text, op->dir == DP_SEAL ? p->sealed : p->plain, op->text_bytes) == 0;
}

static void
random_batches_are_what_openssl_makes(void **state)
{
	(void)state;
	struct rig *rig = calloc(1, sizeof(*rig));
	assert_non_null(rig);
	state_of_random = seed;
	rig->queue = engine->queue_create(0);
	for (unsigned i = 0; i < KEYS; i++) {
		uint8_t key[32];
		fill(key, sizeof(key));
		rig->area[i] = rig_key(engine, 1, key, i % 3 == 1 ? 16 : 32);
		rig->witness[i] = gcm_witness_create(key, i % 3 == 1 ? 16 : 32);
	}
	for (unsigned long done = 0; done < packets;) {
		const unsigned n = below(4) ? 1 + below(BATCH) : BATCH, keys = below(2) ? 1 : KEYS, dirs = below(3);
		for (unsigned i = 0; i < n; i++)
			packet_make(rig, i, keys, dirs);
		rig_stale = below(4) ? 0 : (uint8_t)below(256);
		rig_run(engine, rig->queue, rig->op, n);
		for (unsigned i = 0; i < n; i++)
			if (!packet_right(rig, i))
				fail_msg("engine %s, seed %lu, packet %lu: %u of %u, %u bytes, AAD %u, direction %u, "
					 "status %d%s",
					 engine->name, seed, done + i, i, n, rig->op[i].text_bytes,
					 rig->op[i].aad_bytes, rig->op[i].dir, rig->op[i].status,
					 rig->packet[i].spoilt ? ", spoilt" : "");
		done += n;
	}
	for (unsigned i = 0; i < KEYS; i++) {
		rig_key_free(engine, rig->area[i]);
		gcm_witness_destroy(&rig->witness[i]);
	}
	engine->queue_destroy(rig->queue);
	free(rig);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest each[] = {cmocka_unit_test(random_batches_are_what_openssl_makes)};
	int failed = 0;
	packets = argc > 1 ? strtoul(argv[1], NULL, 10) : packets;
	seed = argc > 2 ? strtoul(argv[2], NULL, 10) : seed;
	for (const struct dp_engine *const *one = dp_engines; *one != NULL; one++) {
		engine = *one;
		if (engine->supported())
			failed += cmocka_run_group_tests_name(engine->name, each, NULL, NULL);
		else
			print_message("engine %s: this machine cannot run it, not tested\n", engine->name);
	}
	return failed != 0;
}
