/* SPDX-License-Identifier: BSD-3-Clause
 * Every engine against every other: the same bytes at all lengths and alignments. The known answers say which bytes are
 * right; this says that there is no length between them at which an engine goes its own way. */
#include "dataplane/engine.h"

#include "tests/unit/dataplane/engine_rig.h"

#define TEXT_MAX 2048
#define GUARD    0xc3
#define SHIFTS   64

#define ALGORITHMS 5 /* of sa-db/algorithm.h */

static uint8_t key[32];

struct peer {
	const struct dp_engine *engine;
	struct dp_engine_queue *queue;
	void *area[ALGORITHMS];
};

static unsigned
peers_open(struct peer *peers, unsigned max)
{
	unsigned n = 0;
	for (const struct dp_engine *const *each = dp_engines; *each != NULL && n < max; each++) {
		if (!(*each)->supported())
			continue;
		peers[n].engine = *each;
		peers[n].queue = (*each)->queue_create(0);
		assert_non_null(peers[n].queue);
		for (unsigned i = 0; i < ALGORITHMS; i++)
			peers[n].area[i] = rig_key_for(*each, 1, sadb_algorithm_at(i), key);
		n++;
	}
	return n;
}

static void
peers_close(struct peer *peers, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < ALGORITHMS; k++)
			rig_key_free(peers[i].engine, peers[i].area[k]);
		peers[i].engine->queue_destroy(peers[i].queue);
	}
}

static void
peer_run(const struct peer *peer, struct dp_aead_op *op, unsigned algorithm, enum dp_aead_dir dir)
{
	op->key_area = peer->area[algorithm];
	op->dir = (uint8_t)dir;
	rig_run(peer->engine, peer->queue, op, 1);
	assert_int_equal(op->status, 0);
}

/* One text by all: each seals to the same bytes, and the next one opens what it sealed. way is the algorithm
 * and, from ALGORITHMS on, the shorter AAD. What is only authenticated goes through as it is. */
static void
peers_agree(const struct peer *peers, unsigned n, uint32_t bytes, unsigned way)
{
	static uint8_t plain[TEXT_MAX], first[TEXT_MAX], room[TEXT_MAX + SHIFTS + 1];
	uint8_t tag[DP_TAG_BYTES + 1], first_tag[DP_TAG_BYTES];
	unsigned shift = (bytes * 7 + way * 17) % SHIFTS, algorithm = way % ALGORITHMS;
	uint8_t *text = room + shift;
	struct dp_aead_op op = {.text_bytes = bytes};
	op.text = text;
	op.tag = tag + shift % 2;
	rig_fill(op.iv, sizeof(op.iv), bytes + 1);
	rig_fill(op.aad, sizeof(op.aad), bytes + 2);
	op.aad_bytes = way / ALGORITHMS ? 8 : 12;
	rig_fill(plain, bytes, bytes);
	for (unsigned i = 0; i < n; i++) {
		memcpy(text, plain, bytes);
		text[bytes] = GUARD;
		peer_run(&peers[i], &op, algorithm, DP_SEAL);
		if (i == 0) {
			memcpy(first, text, bytes);
			memcpy(first_tag, op.tag, DP_TAG_BYTES);
		}
		assert_memory_equal(text, first, bytes);
		if (!sadb_algorithm_at(algorithm)->encrypts)
			assert_memory_equal(text, plain, bytes);
		assert_memory_equal(op.tag, first_tag, DP_TAG_BYTES);
		peer_run(&peers[(i + 1) % n], &op, algorithm, DP_OPEN);
		assert_memory_equal(text, plain, bytes);
		assert_int_equal(text[bytes], GUARD);
	}
}

static void
every_engine_agrees_with_every_other_at_all_lengths_and_alignments(void **state)
{
	(void)state;
	struct peer peers[8];
	assert_null(sadb_algorithm_at(ALGORITHMS));
	unsigned n = peers_open(peers, 8);
	if (n < 2) {
		print_message("fewer than two engines run here: nothing to compare\n");
		peers_close(peers, n);
		skip();
	}
	for (uint32_t bytes = 0; bytes <= TEXT_MAX; bytes++)
		for (unsigned way = 0; way < 2 * ALGORITHMS; way++)
			peers_agree(peers, n, bytes, way);
	peers_close(peers, n);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_engine_agrees_with_every_other_at_all_lengths_and_alignments),
	};
	rig_fill(key, sizeof(key), 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
