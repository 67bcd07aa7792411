/* SPDX-License-Identifier: BSD-3-Clause
 * The database as a whole: made, committed, taken down. Control thread. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_jhash.h>
#include <rte_random.h>

int
sadb_fail(struct sadb_error *err, int rc, uint16_t attr, const char *format, ...)
{
	if (err != NULL) {
		va_list args;
		va_start(args, format);
		vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
		err->attr = attr;
	}
	return rc;
}

uint32_t
sadb_hash(const struct sadb *db, const void *p, size_t bytes)
{
	return rte_jhash(p, (uint32_t)bytes, db->seed);
}

struct sadb *
sadb_create(const struct sadb_config *config, struct sadb_error *err)
{
	int rc = 0;
	if (config->max_workers == 0) {
		sadb_fail(err, -EINVAL, 0, "max_workers is 0: at least one worker is needed");
		return NULL;
	}
	struct sadb *db = calloc(1, sizeof(*db));
	if (db == NULL) {
		sadb_fail(err, -ENOMEM, 0, "out of memory");
		return NULL;
	}
	db->config = *config;
	sadb_keeps_init(db);
	db->seed = (uint32_t)rte_rand();
	sadb_sa_slabs_init(db);
	sadb_resolve_init(db);
	if (sadb_memory_check(db, err) != 0)
		goto no_store;
	if (config->store_path != NULL && sadb_store_open(config->store_path, &db->store, err) != 0)
		goto no_store;
	if ((rc = sadb_publish_init(&db->publish, config->max_workers)) != 0)
		goto no_memory;
	if ((rc = sadb_sad_init(db)) != 0 || (rc = sadb_map_init(&db->marks)) != 0 || (rc = sadb_vnets_init(db)) != 0 ||
	    (rc = sadb_policies_init(db)) != 0 || (rc = sadb_heap_init(db)) != 0)
		goto no_memory;
	return db;

no_memory:
	sadb_destroy(db);
	sadb_fail(err, rc, 0, "out of memory for %u SAs and %u policies: lower max_sas or max_policies",
		  config->max_sas, config->max_policies);
	return NULL;
no_store:
	free(db);
	return NULL;
}

void
sadb_destroy(struct sadb *db)
{
	if (db == NULL)
		return;
	sadb_sa_flush(db, 0);
	sadb_keeps_fini(db);
	sadb_policies_fini(db);
	sadb_publish_fini(&db->publish);
	sadb_policies_free(db);
	sadb_marks_flush(db, NULL); /* the exact last numbers; if it fails, the reserved ones stand */
	sadb_marks_fini(db);
	sadb_store_close(db->store);
	sadb_heap_fini(db);
	sadb_sad_fini(db);
	sadb_vnets_fini(db);
	sadb_resolve_fini(db);
	sadb_sa_slabs_fini(db);
	free(db);
}

int
sadb_commit(struct sadb *db, struct sadb_error *err)
{
	/* Marks first: a policy published below may name an SA whose numbers they open. */
	int marks = sadb_marks_flush(db, err);
	if (marks != 0)
		sadb_marks_give_up(db);
	int policies = sadb_policies_commit(db, marks == 0 ? err : NULL);
	return marks != 0 ? marks : policies;
}
