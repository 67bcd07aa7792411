/* SPDX-License-Identifier: BSD-3-Clause
 * stats show, once or watching. The command's only thread. */
#include "control/cli/stats.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "control/cli/describe.h"
#include "control/cli/run.h"
#include "control/cli/session.h"

enum view {
	VIEW_SUMMARY,
	VIEW_DROPS,
	VIEW_STAGES,
	VIEW_SA,
	VIEW_MEMORY,
	VIEW_AUDIT,
	VIEW_ALL
}; /* the order of the grammar's words */

struct gathering {
	struct cli_description into;
	struct cli_totals totals;
	enum view view;
	char engine[sizeof(((struct ctl_own *)NULL)->info.engine)];
};

static bool
wants(const struct gathering *g, enum view view)
{
	return g->view == view || g->view == VIEW_ALL;
}

static int
on_info(void *arg, const struct ctl_own *own)
{
	struct gathering *g = arg;

	if (own->type == CTL_MSG_INFO)
		memcpy(g->engine, own->info.engine, sizeof(g->engine));
	return 0;
}

static int
on_worker(void *arg, const struct ctl_own *own)
{
	struct gathering *g = arg;

	if (own->type != CTL_MSG_WORKER)
		return 0;
	cli_totals_add(&g->totals, &own->worker);
	if (wants(g, VIEW_SUMMARY)) {
		cli_stats_worker(g->into.show, &own->worker);
		show_text(g->into.show, "engine", g->engine);
	}
	return 0;
}

static int
on_port(void *arg, const struct ctl_own *own)
{
	struct gathering *g = arg;

	if (own->type == CTL_MSG_PORT)
		cli_stats_port(g->into.show, &own->port);
	return 0;
}

static int
on_sa(void *arg, const struct ctl_xfrm *msg)
{
	struct cli_description *into = &((struct gathering *)arg)->into;
	struct show *show = into->show;

	if (msg->type != XFRM_MSG_NEWSA)
		return 0;
	show_row(show);
	cli_describe_sa_id(into, &msg->sa.config);
	show_counter(show, "packets", msg->sa.cur.packets);
	show_counter(show, "bytes", msg->sa.cur.bytes);
	show_number(show, "out_seq", msg->sa.config.out_seq);
	show_number(show, "in_seq", msg->sa.config.in_seq);
	show_rare(show, "replay_drops", msg->sa.cur.replay_drops);
	show_rare(show, "window_drops", msg->sa.cur.window_drops);
	show_rare(show, "icv_drops", msg->sa.cur.icv_drops);
	return 0;
}

static int
on_memory(void *arg, const struct ctl_own *own)
{
	struct gathering *g = arg;

	if (own->type == CTL_MSG_MEMORY)
		cli_stats_memory(g->into.show, &own->memory);
	return 0;
}

static int
gather_sas(struct gathering *g)
{
	const struct nlmsghdr header = cli_dump_header(XFRM_MSG_GETSA);
	struct cli_request request;

	show_section(g->into.show, "sa", SHOW_TABLE, CLI_SA_KEY);
	return cli_ask(g->into.session, &request, ctl_xfrm_encode_get(request.bytes, sizeof(request.bytes), &header),
		       on_sa, g);
}

/* Asks for what the view needs and describes it. Exit code. */
static int
gather(struct gathering *g)
{
	struct show *show = g->into.show;
	int code = CLI_DONE;

	memset(&g->totals, 0, sizeof(g->totals));
	if (wants(g, VIEW_SUMMARY)) {
		show_section(show, "workers", SHOW_TABLE, 1);
		code = cli_ask_own(g->into.session, CTL_MSG_INFO_GET, on_info, g);
	}
	if (code == CLI_DONE && g->view != VIEW_SA && g->view != VIEW_MEMORY)
		code = cli_ask_own(g->into.session, CTL_MSG_WORKER_GET, on_worker, g);
	if (code == CLI_DONE && wants(g, VIEW_SUMMARY)) {
		show_section(show, "ports", SHOW_TABLE, 1);
		code = cli_ask_own(g->into.session, CTL_MSG_PORT_GET, on_port, g);
	}
	if (wants(g, VIEW_DROPS))
		cli_stats_drops(show, &g->totals);
	if (wants(g, VIEW_STAGES))
		cli_stats_stages(show, &g->totals);
	if (wants(g, VIEW_AUDIT))
		cli_stats_audit(show, &g->totals);
	if (code == CLI_DONE && wants(g, VIEW_SA))
		code = gather_sas(g);
	if (code == CLI_DONE && wants(g, VIEW_MEMORY))
		code = cli_ask_own(g->into.session, CTL_MSG_MEMORY_GET, on_memory, g);
	return code;
}

/* ---- watching ---- */
static void
describe_time(struct show *show)
{
	char text[CLI_TIME_STRLEN];

	show_section(show, "watch", SHOW_LINES, 1);
	show_row(show);
	show_text(show, "time", cli_time(text));
}

/* One round: a new show with rates against the one before, which it replaces. */
static int
round_of(struct gathering *g, struct show **before, uint64_t *then_ns)
{
	const struct cli *cli = g->into.cli;
	uint64_t now_ns;
	int code;

	g->into.show = show_create();
	if (g->into.show == NULL)
		return cli_complain(cli, CLI_FAILED, "out of memory");
	describe_time(g->into.show);
	code = gather(g);
	now_ns = cli_now_ns();
	if (code == CLI_DONE) {
		show_rates(g->into.show, *before, *before != NULL ? now_ns - *then_ns : 0);
		if (!cli->json && isatty(fileno(cli->out)))
			fputs("\033[H\033[2J", cli->out);
		else if (!cli->json && *before != NULL)
			fputc('\n', cli->out);
		code = cli_print(cli, g->into.show, SHOW_JSON_LINE);
	}
	show_destroy(*before);
	*before = g->into.show;
	*then_ns = now_ns;
	return code;
}

/* Waits at least for a look at the signals, however late it is. */
static int
wait_until(struct cli_session *session, uint64_t deadline_ns)
{
	for (;;) {
		uint64_t now_ns = cli_now_ns();
		uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
		int rc = cli_wait(session, false, left_ns);

		if (rc != 0 || left_ns == 0)
			return rc;
	}
}

static int
watch(struct gathering *g, uint64_t interval_ns, uint64_t count)
{
	struct show *before = NULL;
	uint64_t then_ns = 0, next_ns = cli_now_ns();
	int code = CLI_DONE;

	for (uint64_t n = 0; code == CLI_DONE && (count == 0 || n < count); n++) {
		if (n > 0 && wait_until(g->into.session, next_ns) != 0)
			break; /* told to stop: the way a watch ends */
		code = round_of(g, &before, &then_ns);
		next_ns = next_ns + interval_ns > then_ns ? next_ns + interval_ns : then_ns;
	}
	show_destroy(before);
	return code;
}

int
cli_stats_show(struct cli *cli)
{
	const struct cli_value *value = cli->cmd->value;
	struct gathering g = {.view = (enum view)value[CLI_VIEW].number};
	int code = cli_describe_begin(&g.into, cli);

	if (code != CLI_DONE)
		return code;
	if (!value[CLI_WATCH].given)
		return cli_describe_end(&g.into, gather(&g));
	show_destroy(g.into.show);
	code = watch(&g, value[CLI_WATCH].number * 1000000000u, value[CLI_COUNT].number);
	cli_session_close(g.into.session);
	return code;
}
