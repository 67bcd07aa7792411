/* SPDX-License-Identifier: BSD-3-Clause
 * SPIs for SAs to come (XFRM_MSG_ALLOCSPI): random, so that an outsider cannot guess what is in use. Control thread. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/random.h>

#include <linux/xfrm.h>

#define SPI_MIN 256 /* RFC 4303 2.1: 1 to 255 are reserved, 0 is never sent */

int
sadb_random(void *p, size_t bytes)
{
	ssize_t got;
	do
		got = getrandom(p, bytes, 0);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)bytes ? 0 : -EIO;
}

/* A random start, then upwards, round the end of the range. Of more values than there are SAs one must be free. */
static int
choose(const struct sadb *db, struct sadb_sa_key *key, uint32_t min, uint32_t max)
{
	uint64_t range = (uint64_t)max - min + 1, start;
	int rc = sadb_random(&start, sizeof(start));
	if (rc != 0)
		return rc;
	for (uint64_t i = 0; i < range && i <= db->sa_count; i++) {
		key->spi_be = rte_cpu_to_be_32((uint32_t)(min + (start % range + i) % range));
		if (sadb_sad_find(db, key) == NULL)
			return 0;
	}
	return -ENOENT;
}

static int
check_request(struct sadb *db, const struct sadb_sa_config *config, struct sadb_error *err)
{
	if (config->proto != IPPROTO_ESP)
		return sadb_fail(err, -EPROTONOSUPPORT, 0, "protocol %u: only ESP (50)", config->proto);
	int rc = sadb_mode_check(config->mode, err);
	if (rc == 0)
		rc = sadb_outer_check(&config->src, &config->dst, err);
	if (rc != 0)
		return rc;
	/* charon names no interface here, only with the SA that completes this one: there 0 is refused. */
	if (config->vnet_id != 0 && sadb_vnet_find(db, config->vnet_id) == NULL)
		return sadb_fail(err, -ENODEV, XFRMA_IF_ID,
				 "no virtual network has the id %u: 'culvert vnet show' lists them", config->vnet_id);
	return 0;
}

int
sadb_spi_alloc(struct sadb *db, const struct sadb_sa_config *config, uint32_t min, uint32_t max, rte_be32_t *spi_be,
	       struct sadb_error *err)
{
	int rc = check_request(db, config, err);
	if (rc != 0)
		return rc;
	if (min < SPI_MIN || min > max)
		return sadb_fail(err, -EINVAL, 0, "SPI range %#x-%#x: from %#x up, lower end first", min, max, SPI_MIN);
	struct sadb_sa_key key = sadb_sa_key_make(&config->dst, 0, config->proto);
	rc = choose(db, &key, min, max);
	if (rc == -ENOENT)
		return sadb_fail(err, rc, 0, "no SPI free in %#x-%#x", min, max);
	if (rc != 0)
		return sadb_fail(err, rc, 0, "no random number from the kernel");

	struct sadb_sa_cold *cold = sadb_cold_create(db, config);
	if (cold == NULL)
		return sadb_fail(err, -ENOMEM, 0, "out of memory for the SA");
	cold->config.spi_be = key.spi_be;
	cold->larval = 1;
	sadb_own(cold)->age = ++db->age;
	rc = sadb_sad_insert(db, cold, err);
	if (rc != 0) {
		sadb_sa_free(cold);
		return rc;
	}
	sadb_sad_show(db, cold);
	sadb_heap_update(db, cold, sadb_now_s());
	*spi_be = key.spi_be;
	return 0;
}
