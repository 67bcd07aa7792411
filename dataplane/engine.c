/* SPDX-License-Identifier: BSD-3-Clause
 * Which crypto engine runs, and the proof that it works before a packet depends on it. Control thread, at start. */
#include "dataplane/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/engine_impl.h"
#include "sa-db/algorithm.h"

#define AREA_ALIGN     64
#define ANSWER_TIMEOUT 2 /* seconds until an engine that does not complete has failed */

const struct dp_engine *const dp_engines[] = {&dp_engine_vaes, &dp_engine_vaes_256, &dp_engine_ipsec_mb,
					      &dp_engine_openssl, NULL};

/* One operation under test. The text stands at an odd address, a guard byte follows it. */
struct probe {
	struct dp_aead_op op;
	struct dp_kat kat;
	void *area;
	uint8_t tag[DP_TAG_BYTES];
	uint8_t *text;
	uint8_t room[DP_KAT_TEXT_MAX + 16 + 1];
};

struct self_test {
	const struct dp_engine *engine;
	struct dp_engine_queue *queue;
	char *why;
	size_t size;
	struct probe probes[DP_ENGINE_BATCH];
};

#define GUARD 0x5a

/* Adds a line's part to why; what does not fit is cut off. */
static void __attribute__((format(printf, 3, 4))) say(char *why, size_t size, const char *format, ...)
{
	size_t used = strnlen(why, size);
	va_list args;
	va_start(args, format);
	vsnprintf(why + used, size - used, format, args);
	va_end(args);
}

static int
fail(struct self_test *test, const struct probe *probe, const char *what)
{
	say(test->why, test->size, "engine %s: self-test failed: ", test->engine->name);
	if (probe != NULL)
		say(test->why, test->size,
		    "%s, %u bytes, AAD %u: ", sadb_algorithm_find(probe->kat.aead, probe->kat.key_bytes)->name,
		    probe->kat.text_bytes, probe->kat.aad_bytes);
	say(test->why, test->size, "%s", what);
	return -EIO;
}

static void
probe_unload(struct self_test *test, struct probe *probe)
{
	if (probe->area != NULL)
		test->engine->key_fini(probe->area);
	free(probe->area);
	probe->area = NULL;
}

static int
probe_load(struct self_test *test, struct probe *probe, unsigned kat)
{
	/* aligned_alloc wants whole alignments. */
	size_t bytes = (test->engine->area_bytes(1) + AREA_ALIGN - 1) / AREA_ALIGN * AREA_ALIGN;
	void *area = aligned_alloc(AREA_ALIGN, bytes);
	if (area == NULL)
		return fail(test, NULL, "no memory");
	memset(area, 0, bytes);

	dp_kat_get(kat, &probe->kat);
	if (test->engine->key_init(area, probe->kat.aead, probe->kat.key, probe->kat.key_bytes) != 0) {
		free(area);
		return fail(test, probe, "the key was refused");
	}
	probe->area = area;
	probe->text = probe->room + kat % 16;
	return 0;
}

static void
probe_set(struct probe *probe, enum dp_aead_dir dir)
{
	probe->op = (struct dp_aead_op){
	    .key_area = probe->area,
	    .text = probe->text,
	    .tag = probe->tag,
	    .cookie = probe,
	    .text_bytes = probe->kat.text_bytes,
	    .aad_bytes = (uint8_t)probe->kat.aad_bytes,
	    .dir = (uint8_t)dir,
	    .status = 1, /* neither success nor an error: the engine must write it */
	};
	memcpy(probe->op.iv, probe->kat.iv, sizeof(probe->op.iv));
	memset(probe->op.aad, GUARD, sizeof(probe->op.aad)); /* what is behind the AAD counts for nothing */
	memcpy(probe->op.aad, probe->kat.aad, probe->kat.aad_bytes);
	probe->text[probe->kat.text_bytes] = GUARD;
}

static time_t
now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Submits the first n probes as one batch and waits for all of them. */
static int
run(struct self_test *test, unsigned n)
{
	struct dp_aead_op *ops[DP_ENGINE_BATCH], *done[DP_ENGINE_BATCH];
	for (unsigned i = 0; i < n; i++)
		ops[i] = &test->probes[i].op;
	unsigned got = 0;
	if (test->engine->submit(test->queue, ops, n, &got) != n)
		return fail(test, NULL, "an empty queue did not take a full batch");
	if (got > n)
		return fail(test, NULL, "more operations finished than were submitted");
	if (got < n && test->engine->complete == NULL)
		return fail(test, NULL, "operations did not complete");

	time_t deadline = now_s() + ANSWER_TIMEOUT;
	while (got < n) {
		unsigned more = test->engine->complete(test->queue, done, DP_ENGINE_BATCH);
		if (more > n - got)
			return fail(test, NULL, "more operations completed than were submitted");
		for (unsigned i = 0; i < more; i++, got++)
			if (done[i] != ops[got])
				return fail(test, NULL, "operations completed out of order");
		if (more == 0 && now_s() > deadline)
			return fail(test, NULL, "operations did not complete");
	}
	return 0;
}

static int
check_sealed(struct self_test *test, const struct probe *probe)
{
	if (probe->op.status != 0)
		return fail(test, probe, "sealing failed");
	if (memcmp(probe->tag, probe->kat.tag, DP_TAG_BYTES) != 0)
		return fail(test, probe, "wrong tag");
	if (!dp_kat_sealed_matches(&probe->kat, probe->text))
		return fail(test, probe, "wrong ciphertext");
	if (probe->text[probe->kat.text_bytes] != GUARD)
		return fail(test, probe, "sealing wrote past the text");
	return 0;
}

static int
check_opened(struct self_test *test, const struct probe *probe)
{
	if (probe->op.status != 0)
		return fail(test, probe, "a good tag was refused");
	if (memcmp(probe->text, probe->kat.plain, probe->kat.text_bytes) != 0)
		return fail(test, probe, "wrong plaintext");
	if (probe->text[probe->kat.text_bytes] != GUARD)
		return fail(test, probe, "opening wrote past the text");
	return 0;
}

static int
check_refused(struct self_test *test, const struct probe *probe)
{
	if (probe->op.status != -EBADMSG)
		return fail(test, probe, "a bad tag was accepted");
	for (unsigned i = 0; i < probe->kat.text_bytes; i++)
		if (probe->text[i] != 0)
			return fail(test, probe, "text with a bad tag was not wiped");
	return 0;
}

/* Seals the first n probes, opens them, and opens them again with the tag of one spoiled: only that one may fail. */
static int
check_batch(struct self_test *test, unsigned n, unsigned bad)
{
	int err;
	for (unsigned i = 0; i < n; i++) {
		struct probe *probe = &test->probes[i];
		memcpy(probe->text, probe->kat.plain, probe->kat.text_bytes);
		memset(probe->tag, 0, sizeof(probe->tag));
		probe_set(probe, DP_SEAL);
	}
	if ((err = run(test, n)) != 0)
		return err;
	for (unsigned i = 0; i < n; i++) {
		struct probe *probe = &test->probes[i];
		if ((err = check_sealed(test, probe)) != 0)
			return err;
		probe_set(probe, DP_OPEN);
	}
	if ((err = run(test, n)) != 0)
		return err;
	for (unsigned i = 0; i < n; i++) {
		struct probe *probe = &test->probes[i];
		if ((err = check_opened(test, probe)) != 0)
			return err;
		probe_set(probe, DP_SEAL);
	}
	if ((err = run(test, n)) != 0)
		return err;
	for (unsigned i = 0; i < n; i++)
		probe_set(&test->probes[i], DP_OPEN);
	test->probes[bad].tag[bad % DP_TAG_BYTES] ^= 0x80;
	if ((err = run(test, n)) != 0)
		return err;
	for (unsigned i = 0; i < n && err == 0; i++)
		err = i == bad ? check_refused(test, &test->probes[i]) : check_opened(test, &test->probes[i]);
	return err;
}

/* Half of a batch seals and half opens, of these one with a spoiled tag. */
static int
check_directions(struct self_test *test, unsigned bad)
{
	int err;
	for (unsigned i = 0; i < DP_ENGINE_BATCH; i++) {
		struct probe *probe = &test->probes[i];
		memcpy(probe->text, probe->kat.plain, probe->kat.text_bytes);
		probe_set(probe, DP_SEAL);
	}
	if ((err = run(test, DP_ENGINE_BATCH)) != 0)
		return err;
	for (unsigned i = 0; i < DP_ENGINE_BATCH; i++) {
		struct probe *probe = &test->probes[i];
		if (i % 2 == bad % 2) {
			probe_set(probe, DP_OPEN);
			continue;
		}
		memcpy(probe->text, probe->kat.plain, probe->kat.text_bytes);
		memset(probe->tag, 0, sizeof(probe->tag));
		probe_set(probe, DP_SEAL);
	}
	test->probes[bad].tag[bad % DP_TAG_BYTES] ^= 1;
	err = run(test, DP_ENGINE_BATCH);
	for (unsigned i = 0; i < DP_ENGINE_BATCH && err == 0; i++) {
		const struct probe *probe = &test->probes[i];
		err = i == bad           ? check_refused(test, probe)
		      : i % 2 == bad % 2 ? check_opened(test, probe)
					 : check_sealed(test, probe);
	}
	return err;
}

/* A full batch of the key of the first probe: answers in turn, or only one of them. */
static int
check_one_key(struct self_test *test, const unsigned kats[], unsigned n, unsigned bad)
{
	for (unsigned i = 0; i < DP_ENGINE_BATCH; i++) {
		struct probe *probe = &test->probes[i];
		dp_kat_get(kats[i % n], &probe->kat);
		probe->area = test->probes[0].area;
		probe->text = probe->room + i % 16;
	}
	int err = check_batch(test, DP_ENGINE_BATCH, bad);
	if (err == 0)
		err = check_directions(test, bad);
	for (unsigned i = 1; i < DP_ENGINE_BATCH; i++)
		test->probes[i].area = NULL;
	return err;
}

/* Batches of one key are what a busy worker has, and what an engine may have a way of its own for: lengths mixed, all of
 * the shortest, and all of the longest. All computed answers of an algorithm have one key. */
static int
check_algorithm(struct self_test *test, const struct sadb_algorithm *algorithm)
{
	unsigned kats[DP_ENGINE_BATCH], n = 0, longest = 0;
	for (unsigned i = 0; i < dp_kat_n_computed && n < DP_ENGINE_BATCH; i++) {
		const struct dp_kat_computed *kat = &dp_kat_computed[i];
		if (kat->aead != algorithm->aead || kat->key_bytes != algorithm->key_bytes)
			continue;
		if (n == 0 || kat->text_bytes > dp_kat_computed[longest].text_bytes)
			longest = i;
		kats[n++] = dp_kat_n_published + i;
	}
	if (n == 0)
		return fail(test, NULL, "an algorithm without known answers");
	int err = probe_load(test, &test->probes[0], kats[0]);
	const unsigned last = dp_kat_n_published + longest;
	if (err == 0)
		err = check_one_key(test, kats, n, 22);
	if (err == 0)
		err = check_one_key(test, &kats[1 % n], 1, 0);
	if (err == 0)
		err = check_one_key(test, &last, 1, DP_ENGINE_BATCH - 1);
	probe_unload(test, &test->probes[0]);
	return err;
}

/* Each known answer alone, then full batches of different answers (so of different keys, lengths and alignments). */
static int
check_all(struct self_test *test)
{
	int err = 0;
	unsigned kats = dp_kat_count();
	for (unsigned i = 0; i < kats && err == 0; i++) {
		err = probe_load(test, &test->probes[0], i);
		if (err == 0)
			err = check_batch(test, 1, 0);
		probe_unload(test, &test->probes[0]);
	}
	/* The stride has no factor in common with the batch, so that a batch mixes short and long. */
	for (unsigned i = 0; i < DP_ENGINE_BATCH && err == 0; i++)
		err = probe_load(test, &test->probes[i], i * 13 % kats);
	static const unsigned bad[] = {0, 37, DP_ENGINE_BATCH - 1};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]) && err == 0; i++)
		err = check_batch(test, DP_ENGINE_BATCH, bad[i]);
	for (unsigned i = 0; i < DP_ENGINE_BATCH; i++)
		probe_unload(test, &test->probes[i]);
	const struct sadb_algorithm *algorithm;
	for (unsigned i = 0; (algorithm = sadb_algorithm_at(i)) != NULL && err == 0; i++)
		err = check_algorithm(test, algorithm);
	return err;
}

int
dp_engine_self_test(const struct dp_engine *engine, char *why, size_t size)
{
	why[0] = '\0';
	struct self_test *test = calloc(1, sizeof(*test));
	if (test == NULL) {
		say(why, size, "engine %s: self-test failed: no memory", engine->name);
		return -EIO;
	}
	test->engine = engine;
	test->why = why;
	test->size = size;
	test->queue = engine->queue_create(0);
	int err = test->queue == NULL ? fail(test, NULL, "no memory for a queue") : check_all(test);
	if (test->queue != NULL)
		engine->queue_destroy(test->queue);
	free(test);
	return err;
}

static bool
is_called(const struct dp_engine *engine, const char *name)
{
	return strcmp(name, engine->name) == 0 || (engine->form_of != NULL && strcmp(name, engine->form_of) == 0);
}

const struct dp_engine *
dp_engine_choose_from(const struct dp_engine *const list[], const char *name, char *why, size_t size)
{
	char verdict[256];
	bool any = strcmp(name, "auto") == 0, known = any;
	why[0] = '\0';
	for (const struct dp_engine *const *engine = list; *engine != NULL; engine++) {
		if (!any && !is_called(*engine, name))
			continue;
		known = true;
		if (!(*engine)->supported())
			snprintf(verdict, sizeof(verdict), "engine %s: this machine cannot run it (%s)",
				 (*engine)->name, (*engine)->help);
		else if (dp_engine_self_test(*engine, verdict, sizeof(verdict)) == 0)
			return *engine;
		say(why, size, "%s%s", why[0] == '\0' ? "" : "; ", verdict);
	}
	if (!known)
		say(why, size, "no engine is called '%s'", name);
	say(why, size, "; accepted: auto");
	for (const struct dp_engine *const *engine = list; *engine != NULL; engine++)
		if ((*engine)->form_of == NULL)
			say(why, size, ", %s", (*engine)->name);
	return NULL;
}

const struct dp_engine *
dp_engine_choose(const char *name, char *why, size_t size)
{
	return dp_engine_choose_from(dp_engines, name, why, size);
}
