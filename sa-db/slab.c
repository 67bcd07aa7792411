/* SPDX-License-Identifier: BSD-3-Clause
 * The slab allocator: see slab.h. Control thread. */
#include "sa-db/slab.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>
#include <sys/mman.h>

#include "sa-db/sadb.h"

/* Who uses an object after it was given back is found by AddressSanitizer, as with free(). */
#if defined(__SANITIZE_ADDRESS__)
#define SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_ASAN 1
#endif
#endif
#ifdef SLAB_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, bytes)   ((void)(p), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(p, bytes) ((void)(p), (void)(bytes))
#endif

/* At the start of its 2 MiB, where any object of it finds it. */
struct sadb_slab_chunk {
	alignas(64) struct sadb_slab *slab;
	struct sadb_slab_chunk *next, *prev; /* of all */
	struct sadb_slab_chunk *next_roomy, *prev_roomy;
	void *free;     /* given back: each holds the next in its first bytes */
	uint32_t used;  /* objects taken */
	uint32_t fresh; /* from this one on, none was ever taken */
};
static_assert(sizeof(struct sadb_slab_chunk) == 64, "objects begin on the next line");

void
sadb_slab_init(struct sadb_slab *slab, size_t object_bytes)
{
	assert(object_bytes >= sizeof(void *) && object_bytes <= SADB_SLAB_CHUNK_BYTES / 16);
	*slab = (struct sadb_slab){
	    .object_bytes = (uint32_t)object_bytes,
	    .per_chunk = (uint32_t)((SADB_SLAB_CHUNK_BYTES - sizeof(struct sadb_slab_chunk)) / object_bytes),
	};
}

/* Whole chunks, at a multiple of their size: cut from one more. */
static void *
map_aligned(size_t bytes, bool huge)
{
	size_t room = bytes + SADB_SLAB_CHUNK_BYTES;
	char *at = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	char *start = RTE_PTR_ALIGN_CEIL(at, SADB_SLAB_CHUNK_BYTES);
	size_t before = (size_t)(start - at);
	if (before > 0)
		munmap(at, before);
	munmap(start + bytes, room - bytes - before);
	madvise(start, bytes, MADV_DONTDUMP);
	/* Both are hints: a kernel without huge pages refuses them. */
	madvise(start, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return start;
}

static size_t
map_bytes(size_t bytes)
{
	return RTE_ALIGN_CEIL(bytes, SADB_SLAB_CHUNK_BYTES);
}

void *
sadb_pages_map(size_t bytes)
{
	return map_aligned(map_bytes(bytes), bytes >= SADB_SLAB_CHUNK_BYTES);
}

void
sadb_pages_unmap(void *pages, size_t bytes)
{
	if (pages != NULL)
		munmap(pages, map_bytes(bytes));
}

uint64_t
sadb_pages_bytes(uint64_t entries, size_t entry_bytes)
{
	uint64_t bytes = entries * entry_bytes;
	return bytes < SADB_SLAB_CHUNK_BYTES ? RTE_ALIGN_CEIL(bytes, (uint64_t)4096) : map_bytes(bytes);
}

static void
link_roomy(struct sadb_slab *slab, struct sadb_slab_chunk *chunk)
{
	chunk->prev_roomy = NULL;
	chunk->next_roomy = slab->roomy;
	if (slab->roomy != NULL)
		slab->roomy->prev_roomy = chunk;
	slab->roomy = chunk;
}

static void
unlink_roomy(struct sadb_slab *slab, struct sadb_slab_chunk *chunk)
{
	if (chunk->next_roomy != NULL)
		chunk->next_roomy->prev_roomy = chunk->prev_roomy;
	if (chunk->prev_roomy != NULL)
		chunk->prev_roomy->next_roomy = chunk->next_roomy;
	else
		slab->roomy = chunk->next_roomy;
}

static struct sadb_slab_chunk *
add_chunk(struct sadb_slab *slab)
{
	struct sadb_slab_chunk *chunk = map_aligned(SADB_SLAB_CHUNK_BYTES, slab->chunks > 0);
	if (chunk == NULL)
		return NULL;
	chunk->slab = slab;
	chunk->next = slab->all;
	if (slab->all != NULL)
		slab->all->prev = chunk;
	slab->all = chunk;
	link_roomy(slab, chunk);
	slab->chunks++;
	ASAN_POISON_MEMORY_REGION(chunk + 1, SADB_SLAB_CHUNK_BYTES - sizeof(*chunk));
	return chunk;
}

static void
drop_chunk(struct sadb_slab_chunk *chunk)
{
	struct sadb_slab *slab = chunk->slab;
	if (chunk->next != NULL)
		chunk->next->prev = chunk->prev;
	if (chunk->prev != NULL)
		chunk->prev->next = chunk->next;
	else
		slab->all = chunk->next;
	slab->chunks--;
	ASAN_UNPOISON_MEMORY_REGION(chunk, SADB_SLAB_CHUNK_BYTES);
	munmap(chunk, SADB_SLAB_CHUNK_BYTES);
}

void *
sadb_slab_alloc(struct sadb_slab *slab)
{
	struct sadb_slab_chunk *chunk = slab->roomy != NULL ? slab->roomy : add_chunk(slab);
	if (chunk == NULL)
		return NULL;
	char *object = chunk->free;
	if (object != NULL) {
		ASAN_UNPOISON_MEMORY_REGION(object, slab->object_bytes);
		memcpy(&chunk->free, object, sizeof(chunk->free));
		memset(object, 0, sizeof(chunk->free));
	} else {
		object = (char *)(chunk + 1) + (size_t)chunk->fresh++ * slab->object_bytes;
		ASAN_UNPOISON_MEMORY_REGION(object, slab->object_bytes);
	}
	if (++chunk->used == slab->per_chunk)
		unlink_roomy(slab, chunk);
	slab->objects++;
	return object;
}

void
sadb_slab_free(void *object)
{
	if (object == NULL)
		return;
	struct sadb_slab_chunk *chunk = (void *)RTE_PTR_ALIGN_FLOOR(object, SADB_SLAB_CHUNK_BYTES);
	struct sadb_slab *slab = chunk->slab;

	sadb_wipe(object, slab->object_bytes);
	memcpy(object, &chunk->free, sizeof(chunk->free));
	chunk->free = object;
	ASAN_POISON_MEMORY_REGION(object, slab->object_bytes);
	slab->objects--;
	if (chunk->used-- == slab->per_chunk)
		link_roomy(slab, chunk);
	/* The last one with room stays: an SA that comes and goes at a full chunk's edge must not map and unmap. */
	if (chunk->used == 0 && (slab->roomy != chunk || chunk->next_roomy != NULL)) {
		unlink_roomy(slab, chunk);
		drop_chunk(chunk);
	}
}

void
sadb_slab_fini(struct sadb_slab *slab)
{
	while (slab->all != NULL) {
		struct sadb_slab_chunk *chunk = slab->all;
		if (chunk->used > 0) {
			ASAN_UNPOISON_MEMORY_REGION(chunk, SADB_SLAB_CHUNK_BYTES);
			sadb_wipe(chunk + 1, (size_t)chunk->fresh * slab->object_bytes);
		}
		drop_chunk(chunk);
	}
	*slab = (struct sadb_slab){.object_bytes = slab->object_bytes, .per_chunk = slab->per_chunk};
}
