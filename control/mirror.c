/* SPDX-License-Identifier: BSD-3-Clause
 * The mirror's life, and what is shown of it: see mirror.h. Control thread. */
#include "control/mirror.h"

#include <errno.h>
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
	struct ctl_mirror_info *out = arg;
	char what[CTL_MIRROR_WHAT];

	if (order != postorder && order != leaf)
		return;
	out->sas += entry->mirrored;
	out->sas_missing += !entry->mirrored;
	if (!entry->mirrored)
		list(out, ctl_mirror_sa_text(&entry->id, what), entry->reason ? entry->reason : "it is tried again",
		     false);
}

static void
on_policy(const void *node, VISIT order, void *arg)
{
	const struct ctl_mirror_policy *entry = *(struct ctl_mirror_policy *const *)node;
	struct ctl_mirror_info *out = arg;
	char what[CTL_MIRROR_WHAT];

	if (order != postorder && order != leaf)
		return;
	out->policies += entry->reason == NULL;
	out->policies_missing += entry->reason != NULL;
	out->guards += entry->slot != NULL && entry->guard;
	if (entry->reason)
		list(out, ctl_mirror_policy_text(entry, what), entry->reason, entry->slot != NULL && entry->guard);
}

void
ctl_mirror_get(const struct ctl_mirror *mirror, struct ctl_mirror_info *out)
{
	memset(out, 0, sizeof(*out));
	twalk_r(mirror->sas, on_sa, out);
	twalk_r(mirror->policies, on_policy, out);
	out->unlisted = mirror->n_unlisted;
	out->closed = mirror->closed;
	out->behind = mirror->again;
	out->events = mirror->n_events;
	out->echoes = mirror->n_echoes;
	out->losses = mirror->n_lost;
	out->syncs = mirror->n_syncs;
	out->synced_s = (ctl_now_ns() - mirror->synced_ns) / NS_S;
	out->reports = mirror->n_reports;
	out->expires = mirror->n_expires;
	out->acquires = mirror->n_acquires;
	out->refused = mirror->n_refused;
	memcpy(out->defaults, mirror->defaults, sizeof(out->defaults));
}
