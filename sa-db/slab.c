/* SPDX-License-Identifier: BSD-3-Clause
 * Objects of one size in large pages: see slab.h. Control thread. */
#include "sa-db/slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, bytes)   ((void)(p), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(p, bytes) ((void)(p), (void)(bytes))
#endif

/* A huge page of x86-64, and the alignment by which an object finds its chunk. */
#define CHUNK_BYTES ((size_t)2 << 20)
#define HEAD_BYTES  64

struct sadb_slab_chunk {
	struct sadb_slab *slab;
	struct sadb_slab_chunk *next;
};

struct sadb_slab_free {
	struct sadb_slab_free *next;
};

void
sadb_slab_init(struct sadb_slab *slab, size_t object_bytes)
{
	*slab = (struct sadb_slab){.object_bytes = object_bytes};
}

void
sadb_slab_fini(struct sadb_slab *slab)
{
	struct sadb_slab_chunk *next;
	for (struct sadb_slab_chunk *chunk = slab->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		ASAN_UNPOISON_MEMORY_REGION(chunk, CHUNK_BYTES);
		free(chunk);
	}
	sadb_slab_init(slab, slab->object_bytes);
}

static int
grow(struct sadb_slab *slab)
{
	struct sadb_slab_chunk *chunk = aligned_alloc(CHUNK_BYTES, CHUNK_BYTES);
	if (chunk == NULL)
		return -1;
	/* Not the first: a small gateway does not need 2 MiB of it. Where the kernel has no such pages nothing is lost. */
	if (slab->chunks != NULL)
		(void)madvise(chunk, CHUNK_BYTES, MADV_HUGEPAGE);
	*chunk = (struct sadb_slab_chunk){.slab = slab, .next = slab->chunks};
	slab->chunks = chunk;
	slab->fresh = (char *)chunk + HEAD_BYTES;
	slab->end = (char *)chunk + CHUNK_BYTES;
	ASAN_POISON_MEMORY_REGION(slab->fresh, CHUNK_BYTES - HEAD_BYTES);
	return 0;
}

void *
sadb_slab_alloc(struct sadb_slab *slab)
{
	void *p = slab->free;
	if (p != NULL) {
		ASAN_UNPOISON_MEMORY_REGION(p, slab->object_bytes);
		slab->free = slab->free->next;
	} else {
		if ((size_t)(slab->end - slab->fresh) < slab->object_bytes && grow(slab) != 0)
			return NULL;
		p = slab->fresh;
		slab->fresh += slab->object_bytes;
		ASAN_UNPOISON_MEMORY_REGION(p, slab->object_bytes);
	}
	return memset(p, 0, slab->object_bytes);
}

void
sadb_slab_free(void *p)
{
	struct sadb_slab_chunk *chunk = (void *)((uintptr_t)p & ~(CHUNK_BYTES - 1));
	struct sadb_slab_free *object = p;
	object->next = chunk->slab->free;
	chunk->slab->free = object;
	ASAN_POISON_MEMORY_REGION(p, chunk->slab->object_bytes);
}
