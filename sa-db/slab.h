/* SPDX-License-Identifier: BSD-3-Clause
 * Objects of one size, close together in large pages: a million policies and their table stay within what a core's
 * address translation remembers. What is freed serves again; chunks go back with the slab. Control thread. */
#ifndef SADB_SLAB_H
#define SADB_SLAB_H

#include <stddef.h>

struct sadb_slab_chunk;
struct sadb_slab_free;

struct sadb_slab {
	size_t object_bytes;
	struct sadb_slab_chunk *chunks;
	struct sadb_slab_free *free;
	char *fresh, *end; /* of the newest chunk: never given out yet */
};

/* A multiple of 64 bytes is aligned to it; else to 8. */
void sadb_slab_init(struct sadb_slab *slab, size_t object_bytes);
void sadb_slab_fini(struct sadb_slab *slab);   /* frees everything in it, too */
void *sadb_slab_alloc(struct sadb_slab *slab); /* all zero; NULL: out of memory */
void sadb_slab_free(void *p);                  /* knows its slab */

#endif
