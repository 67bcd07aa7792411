/* SPDX-License-Identifier: BSD-3-Clause
 * The mirror's life, and what is shown of it: see mirror.h. Control thread. */
#include "control/mirror.h"

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/attr.h"
#include "control/clock.h"
#include "control/mirror_impl.h"

#define GROUP(group) (1u << (XFRMNLGRP_##group - 1))
#define NS_S         1000000000ull

struct ctl_mirror *
ctl_mirror_create(const struct ctl_mirror_config *config, struct sadb_error *err)
{
	const uint32_t groups =
	    GROUP(SA) | GROUP(POLICY) | GROUP(EXPIRE) | GROUP(AEVENTS) | GROUP(MIGRATE) | GROUP(MAPPING);
	struct ctl_mirror *mirror = calloc(1, sizeof(*mirror));

	if (!mirror) {
		ctl_refuse(err, -ENOMEM, 0, "source: kernel: out of memory");
		return NULL;
	}
	mirror->config = *config;
	mirror->offload_path = config->requests_fd < 0 ? "/sys/module/esp4_offload" : NULL;
	mirror->events.fd = mirror->requests.fd = -1;
	if (ctl_mirror_socket_open(&mirror->events, config->events_fd, groups, err) == 0 &&
	    ctl_mirror_socket_open(&mirror->requests, config->requests_fd, 0, err) == 0)
		return mirror;
	ctl_mirror_socket_close(&mirror->events);
	free(mirror);
	return NULL;
}

static void
free_slot(void *slot)
{
	free(slot);
}

void
ctl_mirror_destroy(struct ctl_mirror *mirror)
{
	if (!mirror)
		return;
	ctl_mirror_report_all(mirror);
	tdestroy(mirror->sas, ctl_mirror_sa_free);
	tdestroy(mirror->policies, ctl_mirror_policy_free);
	tdestroy(mirror->slots, free_slot);
	ctl_mirror_socket_close(&mirror->requests);
	ctl_mirror_socket_close(&mirror->events);
	free(mirror);
}

int
ctl_mirror_sync(struct ctl_mirror *mirror, struct sadb_error *err)
{
	int rc = ctl_mirror_dump_and_compare(mirror);

	return rc ? ctl_refuse(err, rc, 0, "source: kernel: the kernel's SAs and policies cannot be read: %s",
			       strerror(-rc))
		  : 0;
}

int
ctl_mirror_fd(const struct ctl_mirror *mirror)
{
	return mirror->events.fd;
}

bool
ctl_mirror_take_changed(struct ctl_mirror *mirror)
{
	bool changed = mirror->changed;

	mirror->changed = false;
	return changed;
}

void
ctl_mirror_again(struct ctl_mirror *mirror)
{
	mirror->again = true;
}

/* ---- display ---- */

const char *
ctl_mirror_sa_text(const struct ctl_mirror_sa_id *id, char text[CTL_MIRROR_WHAT])
{
	struct sadb_addr dst = {.family = id->key.family};
	char shown[SADB_ADDR_STRLEN];
	int n;

	memcpy(dst.bytes, id->key.dst, sizeof(dst.bytes));
	n = snprintf(text, CTL_MIRROR_WHAT, "SA to %s spi 0x%08" PRIx32, sadb_addr_format(&dst, shown, sizeof(shown)),
		     rte_be_to_cpu_32(id->key.spi_be));
	if (id->mark_value != 0 || id->mark_mask != 0)
		snprintf(text + n, CTL_MIRROR_WHAT - (size_t)n, " mark 0x%" PRIx32 "/0x%" PRIx32, id->mark_value,
			 id->mark_mask);
	return text;
}

const char *
ctl_mirror_policy_text(const struct ctl_mirror_policy *entry, char text[CTL_MIRROR_WHAT])
{
	static const char *const dirs[] = {"in", "out", "fwd"};
	char src[SADB_ADDR_STRLEN], dst[SADB_ADDR_STRLEN];
	const struct sadb_selector *sel = &entry->config.sel;

	if (sel->src.addr.family == AF_UNSPEC && sel->dst.addr.family == AF_UNSPEC)
		snprintf(text, CTL_MIRROR_WHAT, "policy %" PRIu32, entry->index);
	else
		snprintf(text, CTL_MIRROR_WHAT, "policy %" PRIu32 " %s %s to %s", entry->index,
			 dirs[entry->config.dir % 3], sadb_prefix_format(&sel->src, src, sizeof(src)),
			 sadb_prefix_format(&sel->dst, dst, sizeof(dst)));
	return text;
}

struct census {
	struct ctl_mirror_info *out;
	unsigned mirrored, missing, guards;
};

static void
list(struct ctl_mirror_info *out, const char *what, const char *reason, bool guarded)
{
	struct ctl_mirror_missing *missing;

	if (out->n_missing == CTL_MAX_MISSING)
		return;
	missing = &out->missing[out->n_missing++];
	snprintf(missing->what, sizeof(missing->what), "%s", what);
	snprintf(missing->reason, sizeof(missing->reason), "%s", reason);
	missing->guarded = guarded;
}

static void
on_sa(const void *node, VISIT order, void *arg)
{
	const struct ctl_mirror_sa *entry = *(struct ctl_mirror_sa *const *)node;
	struct census *census = arg;
	char what[CTL_MIRROR_WHAT];

	if (order != postorder && order != leaf)
		return;
	census->mirrored += entry->mirrored;
	census->missing += !entry->mirrored;
	if (!entry->mirrored)
		list(census->out, ctl_mirror_sa_text(&entry->id, what),
		     entry->reason ? entry->reason : "it is tried again", false);
}

static void
on_policy(const void *node, VISIT order, void *arg)
{
	const struct ctl_mirror_policy *entry = *(struct ctl_mirror_policy *const *)node;
	bool guarded = entry->slot != NULL && entry->guard;
	struct census *census = arg;
	char what[CTL_MIRROR_WHAT];

	if (order != postorder && order != leaf)
		return;
	census->mirrored += entry->reason == NULL;
	census->missing += entry->reason != NULL;
	census->guards += guarded;
	if (entry->reason)
		list(census->out, ctl_mirror_policy_text(entry, what), entry->reason, guarded);
}

static void
count(struct ctl_mirror_info *out, const char *name, uint64_t value)
{
	struct ctl_mirror_count *one = &out->counts[out->n_counts++];

	snprintf(one->name, sizeof(one->name), "%s", name);
	one->value = value;
}

void
ctl_mirror_get(const struct ctl_mirror *mirror, struct ctl_mirror_info *out)
{
	static const char *const defaults[] = {"kernel_default_in", "kernel_default_out", "kernel_default_fwd"};
	struct census sas = {.out = out}, policies = {.out = out};

	memset(out, 0, sizeof(*out));
	twalk_r(mirror->sas, on_sa, &sas);
	twalk_r(mirror->policies, on_policy, &policies);
	count(out, "sas", sas.mirrored);
	count(out, "sas_missing", sas.missing);
	count(out, "policies", policies.mirrored);
	count(out, "policies_missing", policies.missing);
	count(out, "guards", policies.guards);
	count(out, "unlisted", mirror->n_unlisted);
	count(out, "closed", mirror->closed);
	count(out, "behind", mirror->again);
	count(out, "synced_s_ago", (ctl_now_ns() - mirror->synced_ns) / NS_S);
	count(out, "syncs", mirror->n_syncs);
	count(out, "losses", mirror->n_lost);
	count(out, "events", mirror->n_events);
	count(out, "echoes", mirror->n_echoes);
	count(out, "reports", mirror->n_reports);
	count(out, "reports_refused", mirror->n_refused);
	count(out, "expires", mirror->n_expires);
	count(out, "acquires", mirror->n_acquires);
	for (unsigned i = 0; i < SADB_POLICY_DIRS; i++)
		count(out, defaults[i], mirror->defaults[i]);
}
