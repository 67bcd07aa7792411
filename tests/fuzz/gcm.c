/* SPDX-License-Identifier: BSD-3-Clause
 * Batches of packets through the engines of Culvert's own, at both widths: each is what OpenSSL makes of it, each that the
 * input spoils is refused and wiped, and nothing beside a packet changes. A packet is a byte of flags, a length, and
 * bytes that are its IV, its AAD and the beginning of its text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "dataplane/engine_impl.h"
#include "tests/fuzz/fuzz.h"

#define KEYS     4
#define TEXT_MAX 9216
#define EDGE     64

enum { OPENS = 1, ESN = 2, SPOILT = 4, KEY = 0x18, KEY_SHIFT = 3, ODD = 0xe0, ODD_SHIFT = 5 };

static const struct dp_engine *const engines[] = {&dp_engine_vaes, &dp_engine_vaes_256};

struct packet {
	uint8_t flags;
	uint32_t bytes;
	uint8_t plain[TEXT_MAX], sealed[TEXT_MAX], tag[DP_TAG_BYTES];
	uint8_t room[EDGE + TEXT_MAX + EDGE], given[DP_TAG_BYTES];
};

static EVP_CIPHER_CTX *witness[KEYS];
static void *area[KEYS];
static struct packet packets[DP_ENGINE_BATCH];
static struct dp_aead_op ops[DP_ENGINE_BATCH];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < KEYS; i++) {
		uint8_t key[32];
		const uint32_t key_bytes = i % 2 ? 16 : 32;
		for (unsigned k = 0; k < sizeof(key); k++)
			key[k] = (uint8_t)(31 * k + 7 * i);
		area[i] = aligned_alloc(64, 1024);
		witness[i] = EVP_CIPHER_CTX_new();
		fuzz_expect(area[i] != NULL && witness[i] != NULL);
		memset(area[i], 0, 1024);
		if (engines[1]->supported())
			fuzz_expect(engines[1]->key_init(area[i], SADB_AEAD_AES_GCM_16, key, key_bytes) == 0);
		fuzz_expect(EVP_EncryptInit_ex(witness[i], key_bytes == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm(),
					       NULL, key, NULL) == 1);
	}
	return 0;
}

static void
seal(const struct dp_aead_op *op, struct packet *p)
{
	EVP_CIPHER_CTX *context = witness[(p->flags & KEY) >> KEY_SHIFT];
	int n;
	fuzz_expect(EVP_EncryptInit_ex(context, NULL, NULL, NULL, op->iv) == 1);
	fuzz_expect(EVP_EncryptUpdate(context, NULL, &n, op->aad, op->aad_bytes) == 1);
	if (p->bytes > 0)
		fuzz_expect(EVP_EncryptUpdate(context, p->sealed, &n, p->plain, (int)p->bytes) == 1);
	fuzz_expect(EVP_EncryptFinal_ex(context, p->sealed, &n) == 1);
	fuzz_expect(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, DP_TAG_BYTES, p->tag) == 1);
}

/* The operation as the input has it; what it comes to is in the packet. */
static void
packet_read(struct fuzz_input *in, struct packet *p, struct dp_aead_op *op)
{
	size_t size;
	const uint8_t *bytes;
	p->flags = fuzz_u8(in);
	p->bytes = fuzz_u16(in) % (TEXT_MAX + 1);
	*op = (struct dp_aead_op){.key_area = area[(p->flags & KEY) >> KEY_SHIFT],
				  .tag = p->given,
				  .text = p->room + EDGE + ((p->flags & ODD) >> ODD_SHIFT),
				  .text_bytes = p->bytes,
				  .aad_bytes = p->flags & ESN ? 12 : 8,
				  .dir = p->flags & OPENS ? DP_OPEN : DP_SEAL};
	bytes = fuzz_bytes(in, sizeof(op->iv) + sizeof(op->aad), &size);
	memcpy(op->iv, bytes, size < sizeof(op->iv) ? size : sizeof(op->iv));
	if (size > sizeof(op->iv))
		memcpy(op->aad, bytes + sizeof(op->iv), size - sizeof(op->iv));
	bytes = fuzz_bytes(in, p->bytes < 32 ? p->bytes : 32, &size);
	for (uint32_t i = 0; i < p->bytes; i++)
		p->plain[i] = (uint8_t)(i < size ? bytes[i] : 131 * i + (i >> 8) + p->flags);
	seal(op, p);
}

static void
packet_begin(struct packet *p, struct dp_aead_op *op)
{
	memset(p->room, 0x5a, sizeof(p->room));
	memcpy(op->text, op->dir == DP_SEAL ? p->plain : p->sealed, p->bytes);
	memcpy(p->given, p->tag, DP_TAG_BYTES);
	if (op->dir == DP_SEAL)
		memset(p->given, 0, DP_TAG_BYTES);
	else if (p->flags & SPOILT && p->bytes > 0)
		op->text[p->plain[0] % p->bytes] ^= (uint8_t)(1u << (p->tag[0] & 7));
	else if (p->flags & SPOILT)
		p->given[p->tag[1] & 15] ^= (uint8_t)(1u << (p->tag[0] & 7));
	op->status = 1;
}

static void
packet_check(const struct packet *p, const struct dp_aead_op *op)
{
	const bool refused = op->dir == DP_OPEN && p->flags & SPOILT;
	for (const uint8_t *at = p->room; at < p->room + sizeof(p->room); at++)
		fuzz_expect((at >= op->text && at < op->text + p->bytes) || *at == 0x5a);
	fuzz_expect(op->status == (refused ? -EBADMSG : 0));
	for (uint32_t i = 0; refused && i < p->bytes; i++)
		fuzz_expect(op->text[i] == 0);
	if (refused)
		return;
	fuzz_expect(memcmp(op->text, op->dir == DP_SEAL ? p->sealed : p->plain, p->bytes) == 0);
	fuzz_expect(memcmp(p->given, p->tag, DP_TAG_BYTES) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct dp_aead_op *list[DP_ENGINE_BATCH];
	unsigned n = 0, finished;
	for (; n < DP_ENGINE_BATCH && (n == 0 || in.size > 0); n++) {
		packet_read(&in, &packets[n], &ops[n]);
		list[n] = &ops[n];
	}
	for (unsigned e = 0; e < sizeof(engines) / sizeof(engines[0]); e++) {
		if (!engines[e]->supported())
			continue;
		struct dp_engine_queue *queue = engines[e]->queue_create(0);
		fuzz_expect(queue != NULL);
		for (unsigned i = 0; i < n; i++)
			packet_begin(&packets[i], &ops[i]);
		fuzz_expect(engines[e]->submit(queue, list, n, &finished) == n && finished == n);
		for (unsigned i = 0; i < n; i++)
			packet_check(&packets[i], &ops[i]);
		engines[e]->queue_destroy(queue);
	}
	return 0;
}
