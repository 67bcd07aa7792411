/* SPDX-License-Identifier: BSD-3-Clause
 * The crypto engine interface: batches of AEAD operations, submitted and later completed, so that a library call and a
 * device with queues look the same. One queue per worker; a queue is used by that worker only. */
#ifndef DP_ENGINE_H
#define DP_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sa-db/sa.h"

#define DP_TAG_BYTES    16
#define DP_IV_BYTES     12
#define DP_ENGINE_BATCH 64 /* most operations in one submit */

#define DP_AEAD_TEXT_MAX ((1u << 29) - 1) /* bytes, whose bits a number of 32 counts */

enum dp_aead_dir { DP_SEAL, DP_OPEN };

/* One packet's work, in place. Lives in the packet's private area, so it stays valid while a device works. The algorithm is
 * that of the key area. AES-GMAC (RFC 4543 3.3) authenticates aad, then the explicit IV, which ends iv, then the text, and
 * leaves the text as it is; all others encrypt the text. */
struct dp_aead_op {
	const void *key_area; /* as set up by key_init of the same engine */
	uint8_t *text;        /* plaintext to seal, ciphertext to open */
	uint8_t *tag;         /* seal writes 16 bytes; open compares with them in constant time */
	void *cookie;         /* the submitter's: the packet */
	uint32_t text_bytes;  /* up to DP_AEAD_TEXT_MAX */
	uint8_t aad_bytes;    /* 8 or 12 */
	uint8_t dir;          /* enum dp_aead_dir */
	int16_t status;       /* 0; -EBADMSG: tag wrong, text wiped; -EIO: the engine failed, text is not to be used */
	uint8_t iv[DP_IV_BYTES]; /* salt and explicit IV (RFC 4106 4, 7634 2, 4543 3.2) */
	uint8_t aad[12];         /* SPI, [ESN high,] sequence (RFC 4106 5) */
};

struct dp_engine_queue; /* the engine's own */
struct dp_aead_job;

struct dp_engine {
	const char *name;
	const char *help;    /* one line for the operator */
	const char *form_of; /* the engine under whose name this one is found too, when that one cannot run; or NULL */
	/* Can this machine run it? No side effects that last. */
	bool (*supported)(void);
	/* Bytes of key material per SA for that many workers. */
	size_t (*area_bytes)(unsigned max_workers);
	/* Control thread. area is 64-byte aligned, zeroed. Every algorithm of sa-db/algorithm.h. 0, -EINVAL, -ENOMEM. fini
	 * wipes. */
	int (*key_init)(void *area, enum sadb_aead aead, const uint8_t *key, uint32_t key_bytes);
	void (*key_fini)(void *area);
	struct dp_engine_queue *(*queue_create)(unsigned worker); /* NULL: no memory */
	void (*queue_destroy)(struct dp_engine_queue *queue);
	/* Takes up to n operations (n <= DP_ENGINE_BATCH), returns how many; the rest the caller drops. *finished of them,
	 * from the first on, are done on return: all, where the work is a call; fewer, where a device does it. */
	unsigned (*submit)(struct dp_engine_queue *queue, struct dp_aead_op *const ops[], unsigned n,
			   unsigned *finished);
	/* Returns up to max operations that were taken but not finished then, in the order of submission. NULL: the
	 * engine finishes all at once. */
	unsigned (*complete)(struct dp_engine_queue *queue, struct dp_aead_op *ops[], unsigned max);
	/* Behind dp_aead_seal() and dp_aead_open(): the bare calls, one a job. Returns how many failed. */
	unsigned (*raw)(struct dp_engine_queue *queue, const void *key_area, enum dp_aead_dir dir,
			const struct dp_aead_job *jobs, unsigned n);
};

/* NULL-terminated, best first. */
extern const struct dp_engine *const dp_engines[];

/* name "auto": the first that is supported and passes its self-test. NULL on failure; why (size bytes) says which engine
 * failed how, with the accepted names; after a successful "auto" it names what was skipped, or is empty. */
const struct dp_engine *dp_engine_choose(const char *name, char *why, size_t size);

/* Known answers, sealed and opened, good and bad tags, one operation and full batches. 0 or -EIO with why filled. */
int dp_engine_self_test(const struct dp_engine *engine, char *why, size_t size);

#endif
