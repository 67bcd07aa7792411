/* SPDX-License-Identifier: BSD-3-Clause
 * Objects of one size, many of them: what an SA is made of. Control thread takes and gives back; what lies in an object
 * is its owner's affair.
 *
 * Objects come from chunks of 2 MiB that stand on huge pages where the kernel has them to give, because a worker that
 * meets a million SAs misses the TLB more often than the cache. The first chunk of a slab is on ordinary pages, taken as
 * they are used: a gateway of a few tunnels stays small. Chunks are left out of core dumps; that they are not swapped is
 * the daemon's care for all its memory (control/hardening.c). */
#ifndef SADB_SLAB_H
#define SADB_SLAB_H

#include <stddef.h>
#include <stdint.h>

#define SADB_SLAB_CHUNK_BYTES ((size_t)2 << 20)

struct sadb_slab_chunk;

struct sadb_slab {
	struct sadb_slab_chunk *all;
	struct sadb_slab_chunk *roomy; /* those that have a free object */
	uint32_t object_bytes;
	uint32_t per_chunk;
	uint32_t chunks;
	uint64_t objects; /* taken */
};

/* object_bytes: up to a 16th of a chunk; of a multiple of 64, every object begins a cache line. */
void sadb_slab_init(struct sadb_slab *slab, size_t object_bytes);
/* Frees what is in it, too, wiped. */
void sadb_slab_fini(struct sadb_slab *slab);

/* All zero. NULL: the kernel gives no more memory. */
void *sadb_slab_alloc(struct sadb_slab *slab);
/* Wipes the object. A chunk that is empty goes back to the kernel, but for one. NULL is allowed. */
void sadb_slab_free(void *object);

/* Zeroed pages of their own, huge ones when it is long enough, left out of core dumps. NULL: no memory. */
void *sadb_pages_map(size_t bytes);
void sadb_pages_unmap(void *pages, size_t bytes);
/* What the first entries of an array in such pages cost, once they are used. */
uint64_t sadb_pages_bytes(uint64_t entries, size_t entry_bytes);

/* What it costs in all: the chunks. */
static inline uint64_t
sadb_slab_bytes(const struct sadb_slab *slab)
{
	return slab->chunks * (uint64_t)SADB_SLAB_CHUNK_BYTES;
}

#endif
