/* SPDX-License-Identifier: BSD-3-Clause
 * monitor: a line for each event. The command's only thread. */
#include "control/cli/run.h"

#include <errno.h>
#include <string.h>

#include "control/cli/describe.h"
#include "control/cli/names.h"
#include "control/cli/session.h"

/* By bit of the grammar's words. */
static const uint32_t groups[] = {XFRMNLGRP_SA,      XFRMNLGRP_POLICY, XFRMNLGRP_EXPIRE, XFRMNLGRP_ACQUIRE,
				  XFRMNLGRP_MAPPING, CTL_GROUP_TUNNEL, CTL_GROUP_AUDIT};

#define QUIET_NS 5000000000u /* without an event, before the daemon is asked whether it lives */

/* Whether the daemon lives is asked over a second socket: on the first, the wait for the answer would skip events. */
struct monitor {
	struct cli_description into;
	struct cli_session *pulse;
	int64_t start_s; /* of the daemon, by this machine's monotonic clock */
	bool greeted;    /* by a daemon that began */
	int code;
};

/* Stable names: scripts rely on them. */
static const char *
event_name(const struct ctl_xfrm *msg)
{
	switch (msg->type) {
	case XFRM_MSG_NEWSA:
		return "sa-add";
	case XFRM_MSG_UPDSA:
		return "sa-update";
	case XFRM_MSG_DELSA:
		return "sa-del";
	case XFRM_MSG_FLUSHSA:
		return "sa-flush";
	case XFRM_MSG_NEWPOLICY:
		return "policy-add";
	case XFRM_MSG_UPDPOLICY:
		return "policy-update";
	case XFRM_MSG_DELPOLICY:
		return "policy-del";
	case XFRM_MSG_FLUSHPOLICY:
		return "policy-flush";
	case XFRM_MSG_EXPIRE:
		return msg->sa.hard ? "expire-hard" : "expire-soft";
	case XFRM_MSG_ACQUIRE:
		return "acquire";
	case XFRM_MSG_MAPPING:
		return "mapping";
	default:
		return NULL;
	}
}

static void
begin_event_at(struct show *show, const char *time, const char *name)
{
	show_section(show, NULL, SHOW_LINES, 0);
	show_row(show);
	show_text(show, "time", time);
	show_text(show, "event", name);
}

static void
begin_event(struct show *show, const char *name)
{
	char text[CLI_TIME_STRLEN];

	begin_event_at(show, cli_time(text), name);
}

static void
describe_sa_key(struct cli_description *into, const struct sadb_sa_key *key)
{
	struct sadb_addr dst = {.family = key->family};

	memcpy(dst.bytes, key->dst, sizeof(dst.bytes));
	show_addr(into->show, "dst", &dst);
	show_spi(into->show, "spi", key->spi_be);
}

static void
describe_policy(struct cli_description *into, const struct sadb_policy_config *config)
{
	if (config->index != 0)
		show_number(into->show, "index", config->index);
	else
		show_absent(into->show, "index");
	cli_describe_vnet(into, config->vnet_id);
	show_text(into->show, "dir", cli_name(cli_policy_dirs, config->dir));
	show_prefix(into->show, "src", &config->sel.src);
	show_prefix(into->show, "dst", &config->sel.dst);
	cli_describe_proto(into, "proto", config->sel.proto);
	cli_describe_ports(into, &config->sel);
}

static void
describe_acquire(struct cli_description *into, const struct ctl_xfrm *msg)
{
	const struct sadb_flow *flow = &msg->acquire.flow;
	const struct sadb_template *tmpl = &msg->acquire.policy.tmpl;

	show_addr(into->show, "tunnel_src", &tmpl->src);
	show_addr(into->show, "tunnel_dst", &tmpl->dst);
	show_number(into->show, "reqid", tmpl->reqid);
	show_number(into->show, "policy", msg->acquire.policy.index);
	cli_describe_vnet(into, msg->acquire.policy.vnet_id);
	show_addr(into->show, "flow_src", &flow->src);
	show_addr(into->show, "flow_dst", &flow->dst);
	cli_describe_proto(into, "flow_proto", flow->proto);
	show_number(into->show, "flow_sport", rte_be_to_cpu_16(flow->sport_be));
	show_number(into->show, "flow_dport", rte_be_to_cpu_16(flow->dport_be));
}

static void
describe_mapping(struct cli_description *into, const struct ctl_mapping *mapping)
{
	describe_sa_key(into, &mapping->sa_id);
	show_number(into->show, "reqid", mapping->reqid);
	show_addr(into->show, "old_src", &mapping->old_src);
	show_number(into->show, "old_sport", rte_be_to_cpu_16(mapping->old_sport_be));
	show_addr(into->show, "new_src", &mapping->new_src);
	show_number(into->show, "new_sport", rte_be_to_cpu_16(mapping->new_sport_be));
}

static void
describe_event(struct cli_description *into, const struct ctl_xfrm *msg)
{
	begin_event(into->show, event_name(msg));
	switch (msg->type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
	case XFRM_MSG_EXPIRE:
		cli_describe_sa_id(into, &msg->sa.config);
		cli_describe_vnet_id(into, msg->sa.config.vnet_id);
		show_number(into->show, "reqid", msg->sa.config.reqid);
		show_number(into->show, "packets", msg->sa.cur.packets);
		show_number(into->show, "bytes", msg->sa.cur.bytes);
		break;
	case XFRM_MSG_DELSA:
		describe_sa_key(into, &msg->sa_id);
		break;
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		describe_policy(into, &msg->policy.config);
		show_text(into->show, "action", cli_name(cli_actions, msg->policy.config.action));
		break;
	case XFRM_MSG_DELPOLICY:
		describe_policy(into, &msg->policy.config);
		break;
	case XFRM_MSG_ACQUIRE:
		describe_acquire(into, msg);
		break;
	case XFRM_MSG_MAPPING:
		describe_mapping(into, &msg->mapping);
		break;
	}
}

/* The time is that of the packet. */
static void
describe_audit(struct cli_description *into, const struct ctl_audit *audit)
{
	struct show *show = into->show;
	char text[CLI_TIME_STRLEN];

	begin_event_at(show, cli_time_at(audit->time_ns, text), audit->suppressed != 0 ? "audit-suppressed" : "audit");
	show_text(show, "kind", audit->kind);
	if (audit->suppressed != 0) {
		show_number(show, "suppressed", audit->suppressed);
		return;
	}
	show_text(show, "reason", audit->reason[0] != 0 ? audit->reason : NULL);
	if (audit->has & DP_AUDIT_HAS_SPI)
		show_spi(show, "spi", audit->spi_be);
	show_addr(show, "src", &audit->src);
	show_addr(show, "dst", &audit->dst);
	if (audit->has & DP_AUDIT_HAS_SEQ)
		show_number(show, "seq", audit->seq);
	cli_describe_proto(into, "proto", audit->proto);
	if (audit->has & DP_AUDIT_HAS_VNET)
		cli_describe_vnet(into, audit->vnet_id);
	if (audit->has & DP_AUDIT_HAS_INNER) {
		show_addr(show, "inner_src", &audit->inner.src);
		show_addr(show, "inner_dst", &audit->inner.dst);
		cli_describe_proto(into, "inner_proto", audit->inner.proto);
	}
	if (audit->has & (DP_AUDIT_HAS_INNER | DP_AUDIT_HAS_PORTS)) {
		const bool inner = (audit->has & DP_AUDIT_HAS_INNER) != 0;

		show_number(show, inner ? "inner_sport" : "sport", rte_be_to_cpu_16(audit->inner.sport_be));
		show_number(show, inner ? "inner_dport" : "dport", rte_be_to_cpu_16(audit->inner.dport_be));
	}
	show_number(show, "worker", audit->worker);
}

/* Prints the one event described and forgets it. */
static int
print_event(struct monitor *monitor)
{
	monitor->code = cli_print(monitor->into.cli, monitor->into.show, SHOW_JSON_OBJECTS);
	show_destroy(monitor->into.show);
	monitor->into.show = show_create();
	if (monitor->into.show == NULL)
		monitor->code = cli_complain(monitor->into.cli, CLI_FAILED, "out of memory");
	return monitor->code == CLI_DONE ? 0 : -ECANCELED;
}

/* One of Culvert's own. */
static int
on_own_event(struct monitor *monitor, const struct nlmsghdr *nlh)
{
	static struct ctl_own own; /* large; one thread */
	struct show *show = monitor->into.show;
	struct sadb_error err = {.text = ""};

	if (ctl_own_decode(nlh, &own, &err) != 0) {
		cli_complain(monitor->into.cli, CLI_FAILED, "an event cannot be read: %s", err.text);
		return 0;
	}
	if (own.type == CTL_MSG_AUDIT) {
		describe_audit(&monitor->into, &own.audit);
		return print_event(monitor);
	}
	if (own.type != CTL_MSG_TUNNEL_EVENT)
		return 0;
	begin_event(show, own.words.kind);
	show_text(show, "tunnel", own.words.name);
	show_number(show, "generation", own.words.generation);
	show_text(show, "text", own.words.text[0] != 0 ? own.words.text : NULL);
	return print_event(monitor);
}

static int
on_event(void *arg, const struct nlmsghdr *nlh)
{
	struct monitor *monitor = arg;
	struct sadb_error err = {.text = ""};
	struct ctl_xfrm msg;
	int rc = 0;

	if (nlh->nlmsg_type == CTL_MSG_HELLO) {
		monitor->greeted = true;
		return 0;
	}
	if (nlh->nlmsg_type >= CTL_MSG_BASE)
		return on_own_event(monitor, nlh);
	if (ctl_xfrm_decode(nlh, &msg, &err) != 0) {
		cli_complain(monitor->into.cli, CLI_FAILED, "an event cannot be read: %s", err.text);
	} else if (event_name(&msg) != NULL) {
		describe_event(&monitor->into, &msg);
		rc = print_event(monitor);
	}
	sadb_wipe(&msg, sizeof(msg)); /* XFRM's own events may hold keys */
	return rc;
}

static int
subscribe(struct monitor *monitor)
{
	const struct nlmsghdr header = cli_header(CTL_MSG_SUBSCRIBE);
	const struct cli_value *events = &monitor->into.cli->cmd->value[CLI_EVENTS];
	struct cli_request request;
	uint32_t mask = 0;

	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (!events->given || (events->number & 1u << i) != 0)
			mask |= 1u << groups[i];
	return cli_ask(monitor->into.session, &request,
		       ctl_own_encode_subscribe(request.bytes, sizeof(request.bytes), &header, mask), NULL, NULL);
}

static int
on_info(void *arg, const struct ctl_own *own)
{
	if (own->type == CTL_MSG_INFO)
		*(int64_t *)arg = (int64_t)(cli_now_ns() / 1000000000u) - (int64_t)own->info.uptime_s;
	return 0;
}

/* A daemon that began anew does not know its listeners. It says so itself, unless this one could not be reached then. */
static void
feel_pulse(struct monitor *monitor)
{
	int64_t before_s = monitor->start_s;
	bool greeted = monitor->greeted;

	monitor->greeted = false;
	monitor->code = cli_ask_own(monitor->pulse, CTL_MSG_INFO_GET, on_info, &monitor->start_s);
	if (monitor->code != CLI_DONE)
		return;
	if (!greeted && monitor->start_s <= before_s + 1) /* whole seconds: one may be rounding */
		return;
	monitor->code = subscribe(monitor);
	if (monitor->code != CLI_DONE)
		return;
	begin_event(monitor->into.show, "events-lost");
	print_event(monitor);
}

/* Takes one datagram of events. */
static void
listen_once(struct monitor *monitor)
{
	int rc = ctl_client_events(cli_client(monitor->into.session), 0, on_event, monitor);

	if (rc == -ENOBUFS) {
		begin_event(monitor->into.show, "events-lost");
		print_event(monitor);
	} else if (rc != 0 && rc != -EAGAIN && rc != -ECANCELED) {
		monitor->code = cli_complain(monitor->into.cli, CLI_FAILED, "the daemon cannot be heard any more: %s",
					     strerror(-rc));
	}
}

int
cli_monitor(struct cli *cli)
{
	struct monitor monitor = {.start_s = 0};
	int rc = 0;

	monitor.code = cli_describe_begin(&monitor.into, cli);
	if (monitor.code != CLI_DONE)
		return monitor.code;
	monitor.pulse = cli_session_open(cli);
	monitor.code = CLI_FAILED;
	if (monitor.pulse != NULL)
		monitor.code = cli_ask_own(monitor.pulse, CTL_MSG_INFO_GET, on_info, &monitor.start_s);
	if (monitor.code == CLI_DONE)
		monitor.code = subscribe(&monitor);
	while (monitor.code == CLI_DONE && rc >= 0) { /* less: told to stop */
		rc = cli_wait(monitor.into.session, true, QUIET_NS);
		if (rc > 0)
			listen_once(&monitor);
		if (monitor.code == CLI_DONE && (rc == 0 || monitor.greeted))
			feel_pulse(&monitor);
	}
	if (monitor.pulse != NULL)
		cli_session_close(monitor.pulse);
	show_destroy(monitor.into.show);
	cli_session_close(monitor.into.session);
	return monitor.code;
}
