/* SPDX-License-Identifier: BSD-3-Clause
 * Audit events told (RFC 4301 4.4.1, RFC 4303 2.2): a line of the log each, and a message to who listens. Control thread. */
#include "control/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "control/daemon_impl.h"
#include "control/log.h"
#include "control/own_codec.h"

#define BATCH     64
#define SECOND_NS UINT64_C(1000000000)

/* ---- the line ---- */
struct text {
	char *at;
	size_t used;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct text *text, const char *format, ...)
{
	const size_t room = CTL_AUDIT_LINE_BYTES - text->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at + text->used, room, format, args);
	va_end(args);
	if (n > 0)
		text->used += (size_t)n < room ? (size_t)n : room - 1;
}

static void
add_addr(struct text *text, const char *name, const struct sadb_addr *addr)
{
	char buf[SADB_ADDR_STRLEN];

	if (addr->family != AF_UNSPEC)
		add(text, " %s=%s", name, sadb_addr_format(addr, buf, sizeof(buf)));
}

static void
add_ports(struct text *text, const char *prefix, const struct sadb_flow *flow)
{
	add(text, " %ssport=%u %sdport=%u", prefix, rte_be_to_cpu_16(flow->sport_be), prefix,
	    rte_be_to_cpu_16(flow->dport_be));
}

/* RFC 3339, UTC. */
static void
add_time(struct text *text, uint64_t time_ns)
{
	const time_t s = (time_t)(time_ns / SECOND_NS);
	struct tm tm;
	char buf[32];

	gmtime_r(&s, &tm);
	strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm);
	add(text, " time=%s.%06uZ", buf, (unsigned)(time_ns % SECOND_NS / 1000));
}

size_t
ctl_audit_format(char line[CTL_AUDIT_LINE_BYTES], const struct ctl_audit *audit, const char *vnet)
{
	struct text text = {.at = line};

	add(&text, "audit event=%s", audit->kind);
	if (audit->suppressed != 0) {
		add(&text, " suppressed=%llu", (unsigned long long)audit->suppressed);
		add_time(&text, audit->time_ns);
		return text.used;
	}
	if (audit->reason[0] != 0)
		add(&text, " reason=%s", audit->reason);
	if (audit->has & DP_AUDIT_HAS_SPI)
		add(&text, " spi=0x%08x", rte_be_to_cpu_32(audit->spi_be));
	add_addr(&text, "src", &audit->src);
	add_addr(&text, "dst", &audit->dst);
	if (audit->has & DP_AUDIT_HAS_SEQ)
		add(&text, " seq=%llu", (unsigned long long)audit->seq);
	if (audit->src.family != AF_UNSPEC)
		add(&text, " proto=%u", audit->proto);
	if ((audit->has & (DP_AUDIT_HAS_PORTS | DP_AUDIT_HAS_INNER)) == DP_AUDIT_HAS_PORTS)
		add_ports(&text, "", &audit->inner);
	if (vnet != NULL)
		add(&text, " vnet=%s", vnet);
	if (audit->has & DP_AUDIT_HAS_INNER) {
		add_addr(&text, "inner_src", &audit->inner.src);
		add_addr(&text, "inner_dst", &audit->inner.dst);
		add(&text, " inner_proto=%u", audit->inner.proto);
		add_ports(&text, "inner_", &audit->inner);
	}
	add_time(&text, audit->time_ns);
	add(&text, " worker=%u", audit->worker);
	return text.used;
}

/* ---- telling ---- */
static void
tell(struct ctl_daemon *daemon, const struct ctl_audit *audit)
{
	/* Off: what was on its way. */
	const unsigned audit_level = daemon->config->audit;
	const enum ctl_log_level level =
	    audit_level != 0 ? (enum ctl_log_level)(CTL_LOG_ERROR + audit_level - 1) : CTL_LOG_NOTICE;
	const struct sadb_vnet *vnet = NULL;
	char line[CTL_AUDIT_LINE_BYTES];

	if (audit->has & DP_AUDIT_HAS_VNET)
		vnet = sadb_vnet_find(daemon->db, audit->vnet_id);
	ctl_audit_format(line, audit, vnet != NULL ? vnet->name : NULL);
	ctl_log(level, "%s", line);
	if (daemon->server != NULL)
		ctl_server_audit(daemon->server, audit);
}

static void
tell_event(struct ctl_daemon *daemon, const struct dp_audit_event *event)
{
	const char *reason = dp_drop_name((enum dp_drop)event->reason);
	struct ctl_audit audit = {.time_ns = event->time_ns,
				  .seq = event->seq,
				  .worker = event->worker,
				  .vnet_id = event->vnet_id,
				  .spi_be = event->spi_be,
				  .src = event->src,
				  .dst = event->dst,
				  .inner = event->inner,
				  .proto = event->proto,
				  .has = event->has};

	snprintf(audit.kind, sizeof(audit.kind), "%s", dp_audit_name((enum dp_audit_kind)event->kind));
	snprintf(audit.reason, sizeof(audit.reason), "%s", reason != NULL ? reason : "");
	tell(daemon, &audit);
}

void
ctl_audit_pump(struct ctl_daemon *daemon)
{
	struct dp_audit_event batch[BATCH];
	unsigned n;

	do { /* what comes is bounded by the rates */
		n = dp_audit_take(daemon->dp, batch, BATCH);
		for (unsigned i = 0; i < n; i++)
			tell_event(daemon, &batch[i]);
	} while (n == BATCH);
}

void
ctl_audit_sum_up(struct ctl_daemon *daemon)
{
	static struct dp_worker_stats stats; /* large; one thread */
	uint64_t sum[DP_AUDIT_KINDS] = {0};

	for (unsigned w = 0; dp_worker_stats_get(daemon->dp, w, &stats) == 0; w++)
		for (unsigned i = 0; i < DP_AUDIT_KINDS; i++)
			sum[i] += stats.audit_suppressed[i];
	for (unsigned i = DP_AUDIT_NONE + 1; i < DP_AUDIT_KINDS; i++) {
		struct ctl_audit audit = {.suppressed = sum[i] - daemon->audit_suppressed[i]};
		struct timespec ts;

		if (audit.suppressed == 0)
			continue;
		daemon->audit_suppressed[i] = sum[i];
		clock_gettime(CLOCK_REALTIME, &ts);
		audit.time_ns = (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
		snprintf(audit.kind, sizeof(audit.kind), "%s", dp_audit_name((enum dp_audit_kind)i));
		tell(daemon, &audit);
	}
}

void
ctl_audit_configure(struct ctl_daemon *daemon, const struct ctl_config *config)
{
	uint32_t per_s[DP_AUDIT_KINDS];

	for (unsigned i = 0; i < DP_AUDIT_KINDS; i++)
		per_s[i] = config->audit == 0 ? 0 : config->audit_per_s;
	if (!config->audit_policy)
		per_s[DP_AUDIT_POLICY] = 0;
	dp_audit_set(daemon->dp, per_s);
}
