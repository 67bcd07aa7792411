/* SPDX-License-Identifier: BSD-3-Clause
 * Project Wycheproof's vectors of AES-GCM and ChaCha20-Poly1305 against every engine: those with a 96-bit IV, a 128-bit tag,
 * a key of 128 or 256 bits, and an AAD that fits an operation. The folder comes in the environment as CULVERT_VECTORS. */
#include "dataplane/engine.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/unit/dataplane/engine_rig.h"

static const struct file {
	const char *name;
	enum sadb_aead aead;
	unsigned least; /* cases that fit: the files of 2024 have 104 and 246 */
} files[] = {
    {"aes_gcm_test.json", SADB_AEAD_AES_GCM_16, 90},
    {"chacha20_poly1305_test.json", SADB_AEAD_CHACHA20_POLY1305, 200},
};

struct vector {
	uint8_t key[32], iv[12], aad[12], tag[16];
	uint8_t *plain, *sealed;
	size_t key_bytes, aad_bytes, text_bytes;
	enum sadb_aead aead;
	bool valid;
	int id;
};

static size_t
hex_bytes(json_t *test, const char *name)
{
	const char *hex = json_string_value(json_object_get(test, name));
	assert_non_null(hex);
	return strlen(hex) / 2;
}

static size_t
hex_read(json_t *test, const char *name, uint8_t *out, size_t max)
{
	const char *hex = json_string_value(json_object_get(test, name));
	size_t n = hex_bytes(test, name);
	assert_true(n <= max);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &out[i]), 1);
	return n;
}

static void
vector_read(json_t *test, struct vector *v)
{
	const char *result = json_string_value(json_object_get(test, "result"));
	memset(v, 0, sizeof(*v));
	v->id = (int)json_integer_value(json_object_get(test, "tcId"));
	v->key_bytes = hex_read(test, "key", v->key, sizeof(v->key));
	v->aad_bytes = hex_read(test, "aad", v->aad, sizeof(v->aad));
	v->text_bytes = hex_bytes(test, "msg");
	v->plain = malloc(v->text_bytes + 1);
	v->sealed = malloc(v->text_bytes + 1);
	assert_non_null(v->plain);
	assert_non_null(v->sealed);
	hex_read(test, "msg", v->plain, v->text_bytes);
	assert_int_equal(hex_read(test, "ct", v->sealed, v->text_bytes), v->text_bytes);
	assert_int_equal(hex_read(test, "iv", v->iv, sizeof(v->iv)), sizeof(v->iv));
	assert_int_equal(hex_read(test, "tag", v->tag, sizeof(v->tag)), sizeof(v->tag));
	assert_non_null(result);
	v->valid = strcmp(result, "valid") == 0;
	assert_true(v->valid || strcmp(result, "invalid") == 0);
}

static void
vector_free(struct vector *v)
{
	free(v->plain);
	free(v->sealed);
}

static void
vector_run(const struct dp_engine *engine, const struct vector *v)
{
	uint8_t *text = malloc(v->text_bytes + 1), tag[DP_TAG_BYTES];
	struct dp_engine_queue *queue = engine->queue_create(0);
	void *area = rig_key_for(engine, 1, sadb_algorithm_find(v->aead, (uint32_t)v->key_bytes), v->key);
	assert_non_null(text);
	assert_non_null(queue);
	struct dp_aead_op op = {.key_area = area,
				.text = text,
				.tag = tag,
				.text_bytes = (uint32_t)v->text_bytes,
				.aad_bytes = (uint8_t)v->aad_bytes,
				.dir = DP_SEAL};
	memcpy(op.iv, v->iv, sizeof(op.iv));
	memcpy(op.aad, v->aad, sizeof(op.aad));

	memcpy(text, v->plain, v->text_bytes);
	rig_run(engine, queue, &op, 1);
	bool same = memcmp(text, v->sealed, v->text_bytes) == 0 && memcmp(tag, v->tag, sizeof(tag)) == 0;
	if (op.status != 0 || same != v->valid)
		fail_msg("engine %s, tcId %d: seal: status %d, %s", engine->name, v->id, op.status,
			 same ? "equal" : "different");

	memcpy(text, v->sealed, v->text_bytes);
	memcpy(tag, v->tag, sizeof(tag));
	op.dir = DP_OPEN;
	rig_run(engine, queue, &op, 1);
	if (op.status != (v->valid ? 0 : -EBADMSG))
		fail_msg("engine %s, tcId %d: open: status %d", engine->name, v->id, op.status);
	if (v->valid)
		assert_memory_equal(text, v->plain, v->text_bytes);
	else
		assert_true(rig_all_zero(text, v->text_bytes));
	free(text);
	rig_key_free(engine, area);
	engine->queue_destroy(queue);
}

static bool
group_fits(json_t *group)
{
	json_int_t key_bits = json_integer_value(json_object_get(group, "keySize"));
	return json_integer_value(json_object_get(group, "ivSize")) == 96 &&
	       json_integer_value(json_object_get(group, "tagSize")) == 128 && (key_bits == 128 || key_bits == 256);
}

static unsigned
group_run(const struct dp_engine *engine, enum sadb_aead aead, json_t *group)
{
	size_t i;
	json_t *test;
	unsigned ran = 0;
	json_array_foreach (json_object_get(group, "tests"), i, test) {
		struct vector v;
		if (hex_bytes(test, "aad") > sizeof(v.aad))
			continue;
		vector_read(test, &v);
		v.aead = aead;
		vector_run(engine, &v);
		vector_free(&v);
		ran++;
	}
	return ran;
}

static unsigned
file_run(const struct dp_engine *engine, const struct file *file, json_t *root)
{
	size_t i;
	json_t *group;
	unsigned ran = 0;
	json_array_foreach (json_object_get(root, "testGroups"), i, group)
		if (group_fits(group))
			ran += group_run(engine, file->aead, group);
	return ran;
}

static void
every_engine_gives_the_answers_of(const struct file *file)
{
	char path[4096];
	const char *folder = getenv("CULVERT_VECTORS");
	snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : ".", file->name);
	if (access(path, R_OK) != 0) {
		print_message("no %s: set CULVERT_VECTORS to the folder of Wycheproof's vectors\n", path);
		skip();
	}
	json_error_t err;
	json_t *root = json_load_file(path, 0, &err);
	if (root == NULL)
		fail_msg("%s:%d: %s", path, err.line, err.text);
	for (const struct dp_engine *const *engine = dp_engines; *engine != NULL; engine++) {
		if (!(*engine)->supported()) {
			print_message("engine %s: this machine cannot run it, not tested\n", (*engine)->name);
			continue;
		}
		const unsigned ran = file_run(*engine, file, root);
		print_message("engine %s: %u cases of %s\n", (*engine)->name, ran, file->name);
		assert_true(ran >= file->least);
	}
	json_decref(root);
}

static void
every_engine_gives_wycheproofs_answers_of_aes_gcm(void **state)
{
	(void)state;
	every_engine_gives_the_answers_of(&files[0]);
}

static void
every_engine_gives_wycheproofs_answers_of_chacha20_poly1305(void **state)
{
	(void)state;
	every_engine_gives_the_answers_of(&files[1]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_engine_gives_wycheproofs_answers_of_aes_gcm),
	    cmocka_unit_test(every_engine_gives_wycheproofs_answers_of_chacha20_poly1305),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
