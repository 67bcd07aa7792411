/* SPDX-License-Identifier: BSD-3-Clause
 * SAs of the kernel's in the database: whatever the message, an upsert. Control thread. */
#include "control/mirror_impl.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "control/attr.h"
#include "control/key_custody.h"
#include "control/log.h"

static int
compare(const void *left, const void *right)
{
	const struct ctl_mirror_sa *a = left, *b = right;
	int rc = memcmp(&a->id.key, &b->id.key, sizeof(a->id.key));

	if (rc == 0)
		rc = (a->id.mark_value > b->id.mark_value) - (a->id.mark_value < b->id.mark_value);
	return rc != 0 ? rc : (a->id.mark_mask > b->id.mark_mask) - (a->id.mark_mask < b->id.mark_mask);
}

struct ctl_mirror_sa *
ctl_mirror_sa_find(const struct ctl_mirror *mirror, const struct ctl_mirror_sa_id *id)
{
	const struct ctl_mirror_sa like = {.id = *id};
	void **node = tfind(&like, &mirror->sas, compare);

	return node ? *node : NULL;
}

void
ctl_mirror_sa_free(void *arg)
{
	struct ctl_mirror_sa *entry = arg;

	free(entry->reason);
	free(entry);
}

static struct ctl_mirror_sa *
find_or_create(struct ctl_mirror *mirror, const struct ctl_mirror_sa_id *id)
{
	struct ctl_mirror_sa *entry = ctl_mirror_sa_find(mirror, id);

	if (entry)
		return entry;
	entry = mirror->n_sas < mirror->config.max_sas + CTL_MIRROR_SPARE ? calloc(1, sizeof(*entry)) : NULL;
	if (entry) {
		entry->id = *id;
		if (tsearch(entry, &mirror->sas, compare)) {
			mirror->n_sas++;
			return entry;
		}
		free(entry);
	}
	if (mirror->n_unlisted++ == 0)
		ctl_log(CTL_LOG_WARNING, "mirror: the kernel has more SAs than are remembered (%u): raise max_sas",
			mirror->n_sas);
	return NULL;
}

static void
forget(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry)
{
	tdelete(entry, &mirror->sas, compare);
	mirror->n_sas--;
	ctl_mirror_sa_free(entry);
}

/* Out of the database; its numbers stay known there. */
static void
withdraw(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry)
{
	struct sadb_error err;

	if (entry->mirrored && sadb_sa_del(mirror->config.db, &entry->id.key, &err) == 0)
		mirror->changed = true;
	entry->mirrored = false;
}

void
ctl_mirror_sa_gone(struct ctl_mirror *mirror, const struct ctl_mirror_sa_id *id)
{
	struct ctl_mirror_sa *entry = ctl_mirror_sa_find(mirror, id);

	if (!entry)
		return;
	withdraw(mirror, entry);
	forget(mirror, entry);
}

static void
refuse(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry, const struct sadb_error *err)
{
	char what[CTL_MIRROR_WHAT];

	withdraw(mirror, entry);
	ctl_mirror_reason(mirror, &entry->reason, ctl_mirror_sa_text(&entry->id, what), err->text);
}

/* ---- what is to be in the database ---- */

static uint64_t
rest_of(uint64_t limit, uint64_t used)
{
	return limit == SADB_INF ? SADB_INF : limit > used ? limit - used : 1;
}

/* Limits count what the kernel, or Culvert before a restart, has passed already; seconds are the kernel's to watch. */
struct sadb_sa_config
ctl_mirror_sa_wanted(const struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *msg)
{
	struct sadb_sa_config config = msg->config;
	struct sadb_lifetime *life = &config.life;

	life->soft_bytes = rest_of(life->soft_bytes, entry->copy.bytes);
	life->hard_bytes = rest_of(life->hard_bytes, entry->copy.bytes);
	life->soft_packets = rest_of(life->soft_packets, entry->copy.packets);
	life->hard_packets = rest_of(life->hard_packets, entry->copy.packets);
	life->soft_add_s = life->hard_add_s = life->soft_use_s = life->hard_use_s = 0;
	return config;
}

/* Compared as bytes, so padding is copied too. */
static void
copy_without_key(struct sadb_sa_config *out, const struct sadb_sa_config *config)
{
	memcpy(out, config, sizeof(*out));
	sadb_wipe(out->key, sizeof(out->key));
	sadb_wipe(out->salt, sizeof(out->salt));
}

/* ---- one that is in the database ---- */

static bool
is_outbound(const struct ctl_mirror *mirror, const struct ctl_mirror_sa *entry)
{
	const struct sadb_sa_cold *cold = sadb_sa_find(mirror->config.db, &entry->id.key);

	return cold && cold->config.dir != SADB_DIR_IN;
}

/* A message whose numbers are not all ones: it is older than the handover, or the kernel's copy was let loose. */
static int
hold_kernel(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *msg,
	    struct sadb_error *err)
{
	struct ctl_mirror_sa_msg now;
	int rc = ctl_mirror_read_sa(mirror, &msg->id, &now);

	if (rc)
		return ctl_refuse(err, rc, 0, "the kernel's copy cannot be read: %s", strerror(-rc));
	if (now.rc) {
		*err = now.err;
		rc = now.rc;
	} else if (!now.copy.spent) {
		rc = ctl_mirror_take_back(mirror, entry, &now, err);
	}
	sadb_wipe(&now, sizeof(now));
	return rc;
}

static int
update(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *msg,
       struct sadb_error *err)
{
	struct sadb_sa_config plain;
	int rc = 0;

	copy_without_key(&plain, &msg->config);
	if (memcmp(&plain, &entry->config, sizeof(plain)) != 0) {
		struct sadb_sa_config config = ctl_mirror_sa_wanted(entry, msg);

		rc = sadb_sa_update(mirror->config.db, &config, err);
		sadb_wipe(&config, sizeof(config));
		if (rc)
			return rc;
		memcpy(&entry->config, &plain, sizeof(plain));
		mirror->changed = true;
	}
	if (is_outbound(mirror, entry) && !msg->copy.spent)
		rc = hold_kernel(mirror, entry, msg, err);
	return rc;
}

/* ---- one that is not ---- */

/* All ones in the kernel and no mark of the key here: nobody knows the numbers that were used. */
static int
check_known(struct ctl_mirror *mirror, const struct ctl_mirror_sa_msg *msg, struct sadb_error *err)
{
	int rc;

	if (!msg->copy.spent)
		return 0;
	rc = sadb_key_known(mirror->config.db, &msg->config, err);
	if (rc != -ENOENT)
		return rc;
	return ctl_refuse(err, -EKEYREVOKED, 0,
			  "its sequence numbers are spent, and the store knows nothing of its key: have it rekeyed");
}

static int
add(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *msg, struct sadb_error *err)
{
	struct sadb *db = mirror->config.db;
	int rc = check_known(mirror, msg, err);

	if (rc)
		return rc;
	entry->copy = msg->copy;
	copy_without_key(&entry->config, &msg->config);
	entry->told_packets = entry->told_in_seq = 0;
	struct sadb_sa_config config = ctl_mirror_sa_wanted(entry, msg);
	config.in_seq = msg->copy.in_seq;
	/* An outbound SA's last number is set by the handover, when it is sure. */
	rc = sadb_sa_add(db, &config, err);
	sadb_wipe(&config, sizeof(config));
	if (rc)
		return rc;
	entry->mirrored = true;
	mirror->changed = true;
	if (!is_outbound(mirror, entry))
		return 0;
	rc = ctl_mirror_check_stop(mirror, &msg->copy, err);
	return rc == 0 && !msg->copy.spent ? ctl_mirror_take_over(mirror, entry, msg, err) : rc;
}

static int
check(const struct ctl_mirror *mirror, const struct ctl_mirror_sa_msg *msg, struct sadb_error *err)
{
	if (msg->rc) {
		*err = msg->err;
		return msg->rc;
	}
	if (!sadb_vnet_find(mirror->config.db, msg->config.vnet_id))
		return ctl_refuse(err, -ENODEV, XFRMA_IF_ID, "no vnet with id %u: it waits for one",
				  msg->config.vnet_id);
	return 0;
}

/* Is what is in the database this very key's? A delete may have been missed. */
static bool
holds(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry, const uint8_t key_id[SADB_KEY_ID_BYTES])
{
	if (entry->mirrored && !sadb_sa_find(mirror->config.db, &entry->id.key))
		entry->mirrored = false; /* a commit failed and took it back */
	if (entry->mirrored && memcmp(entry->key_id, key_id, SADB_KEY_ID_BYTES) != 0)
		withdraw(mirror, entry);
	return entry->mirrored;
}

static int
put(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *msg, struct sadb_error *err)
{
	uint8_t key_id[SADB_KEY_ID_BYTES];
	int rc = check(mirror, msg, err);

	if (rc == 0)
		rc = ctl_key_id(msg->config.key, msg->config.key_bytes, msg->config.salt, key_id);
	if (rc)
		return rc;
	bool there = holds(mirror, entry, key_id);
	if (there) {
		rc = update(mirror, entry, msg, err);
		/* What an update cannot change: source, window, ESN, virtual network. */
		if (rc == -EINVAL)
			withdraw(mirror, entry);
		else
			return rc;
	}
	memcpy(entry->key_id, key_id, sizeof(key_id));
	return add(mirror, entry, msg, err);
}

void
ctl_mirror_sa_put(struct ctl_mirror *mirror, const struct ctl_mirror_sa_msg *msg)
{
	struct ctl_mirror_sa *entry = msg->larval ? NULL : find_or_create(mirror, &msg->id);
	struct sadb_error err = {.text = "its key cannot be hashed"};
	char what[CTL_MIRROR_WHAT];
	int rc;

	if (!entry)
		return;
	entry->round = mirror->round;
	rc = put(mirror, entry, msg, &err);
	if (rc == 0) {
		ctl_mirror_reason(mirror, &entry->reason, ctl_mirror_sa_text(&entry->id, what), NULL);
		return;
	}
	if (rc == -ESRCH) { /* while it was taken over */
		ctl_mirror_sa_gone(mirror, &msg->id);
		return;
	}
	mirror->conflicts |= rc == -EEXIST;
	mirror->again |= rc == -ETIMEDOUT || rc == -ENOBUFS || rc == -ENOMEM;
	refuse(mirror, entry, &err);
	/* Nobody may send under it any more: IKE makes a new one. */
	if (rc == -EKEYREVOKED || rc == -EOVERFLOW) {
		ctl_mirror_end_sa(mirror, &msg->config);
		ctl_mirror_sa_gone(mirror, &msg->id);
	}
}

void
ctl_mirror_sa_refresh(struct ctl_mirror *mirror, const struct ctl_mirror_sa_id *id)
{
	struct ctl_mirror_sa_msg now;
	int rc = ctl_mirror_read_sa(mirror, id, &now);

	if (rc == 0)
		ctl_mirror_sa_put(mirror, &now);
	else if (rc == -ESRCH)
		ctl_mirror_sa_gone(mirror, id);
	else
		mirror->again = true;
	sadb_wipe(&now, sizeof(now));
}

void
ctl_mirror_sa_ae(struct ctl_mirror *mirror, const struct nlmsghdr *nlh)
{
	struct ctl_mirror_sa_id id = {0};
	struct ctl_mirror_copy copy = {0};
	struct ctl_mirror_sa *entry;
	int rc = ctl_mirror_get_ae(nlh, &id, &copy);

	entry = rc == 0 ? ctl_mirror_sa_find(mirror, &id) : NULL;
	if (rc)
		mirror->again = true;
	/* Of an inbound SA, Culvert's own window is the truth, and the next report says so. */
	if (entry && entry->mirrored && is_outbound(mirror, entry))
		ctl_mirror_sa_refresh(mirror, &id);
}

/* ---- many at once ---- */

struct visit {
	struct ctl_mirror *mirror;
	bool (*goes)(const struct ctl_mirror *mirror, const struct ctl_mirror_sa *entry, uint8_t proto);
	uint8_t proto;
	struct ctl_mirror_sa **found;
	unsigned n;
};

static void
on_entry(const void *node, VISIT order, void *arg)
{
	struct ctl_mirror_sa *entry = *(struct ctl_mirror_sa *const *)node;
	struct visit *visit = arg;

	if ((order == postorder || order == leaf) && visit->goes(visit->mirror, entry, visit->proto))
		visit->found[visit->n++] = entry;
}

static void
remove_all(struct visit *visit)
{
	struct ctl_mirror *mirror = visit->mirror;

	visit->found = calloc(mirror->n_sas + 1, sizeof(struct ctl_mirror_sa *));
	if (!visit->found) {
		mirror->again = true;
		return;
	}
	twalk_r(mirror->sas, on_entry, visit);
	for (unsigned i = 0; i < visit->n; i++) {
		withdraw(mirror, visit->found[i]);
		forget(mirror, visit->found[i]);
	}
	free(visit->found);
}

/* 0: all; 255: all that IPsec has, as in the kernel. */
static bool
is_flushed(const struct ctl_mirror *mirror, const struct ctl_mirror_sa *entry, uint8_t proto)
{
	(void)mirror;
	return proto == 0 || proto == 255 || entry->id.key.proto == proto;
}

void
ctl_mirror_sa_flush(struct ctl_mirror *mirror, uint8_t proto)
{
	struct visit visit = {.mirror = mirror, .goes = is_flushed, .proto = proto};

	remove_all(&visit);
}

static bool
is_stale(const struct ctl_mirror *mirror, const struct ctl_mirror_sa *entry, uint8_t proto)
{
	(void)proto;
	return entry->round != mirror->round;
}

void
ctl_mirror_sa_sweep(struct ctl_mirror *mirror)
{
	struct visit visit = {.mirror = mirror, .goes = is_stale};

	remove_all(&visit);
}
