/* SPDX-License-Identifier: BSD-3-Clause
 * SAs and policies as rows. The command's only thread. */
#include "control/cli/describe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/cli/names.h"
#include "control/cli/ports.h"
#include "sa-db/policy.h"

int
cli_describe_begin(struct cli_description *into, struct cli *cli)
{
	*into = (struct cli_description){.cli = cli, .now_s = (uint64_t)time(NULL)};
	into->session = cli_session_open(cli);
	if (into->session == NULL)
		return CLI_FAILED;
	if (cli_vnets_load(into->session) != CLI_DONE)
		goto fail;
	into->show = show_create();
	if (into->show != NULL)
		return CLI_DONE;
	cli_complain(cli, CLI_FAILED, "out of memory");
fail:
	cli_session_close(into->session);
	return CLI_FAILED;
}

int
cli_describe_end(struct cli_description *into, int code)
{
	cli_session_close(into->session);
	if (code == CLI_DONE)
		code = cli_print(into->cli, into->show, SHOW_JSON);
	show_destroy(into->show);
	return code;
}

int
cli_describe_more(struct cli_description *into)
{
	return show_spill(into->show, into->cli->out, into->cli->json ? SHOW_JSON : SHOW_HUMAN);
}

int
cli_print(const struct cli *cli, const struct show *show, enum show_style json)
{
	int rc = show_print(show, cli->out, cli->json ? json : SHOW_HUMAN);

	if (rc == 0)
		return CLI_DONE;
	if (rc == -ENOMEM)
		return cli_complain(cli, CLI_FAILED, "out of memory");
	return cli_complain(cli, CLI_FAILED, "the output was not taken: %s", strerror(errno));
}

/* ---- pieces ---- */
const char *
cli_mac(const uint8_t mac[6], char buf[CLI_MAC_STRLEN])
{
	snprintf(buf, CLI_MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return buf;
}

static const char *
format_time(const struct timespec *when, char buf[CLI_TIME_STRLEN])
{
	struct tm tm = {0};
	size_t n = 0;

	if (localtime_r(&when->tv_sec, &tm) != NULL)
		n = strftime(buf, CLI_TIME_STRLEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, CLI_TIME_STRLEN - n, ".%03ld%+03ld:%02ld", when->tv_nsec / 1000000, tm.tm_gmtoff / 3600,
		 labs(tm.tm_gmtoff / 60 % 60));
	return buf;
}

const char *
cli_time(char buf[CLI_TIME_STRLEN])
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return format_time(&now, buf);
}

const char *
cli_time_at(uint64_t realtime_ns, char buf[CLI_TIME_STRLEN])
{
	const struct timespec when = {.tv_sec = (time_t)(realtime_ns / 1000000000u),
				      .tv_nsec = (long)(realtime_ns % 1000000000u)};

	return format_time(&when, buf);
}

void
cli_describe_vnet_id(struct cli_description *into, uint32_t id)
{
	if (id != SADB_UNDERLAY_ID)
		show_number(into->show, "vnet_id", id);
	else
		show_absent(into->show, "vnet_id");
}

void
cli_describe_vnet(struct cli_description *into, uint32_t id)
{
	show_text(into->show, "vnet", cli_vnet_name(into->session, id));
	cli_describe_vnet_id(into, id);
}

static void
mode(struct show *show, uint32_t vnet_id)
{
	if (vnet_id == SADB_UNDERLAY_ID)
		show_text(show, "mode", "transport");
	else
		show_absent(show, "mode");
}

void
cli_describe_proto(struct cli_description *into, const char *name, uint8_t proto)
{
	const char *word = cli_proto_name(proto);
	char number[8];

	snprintf(number, sizeof(number), "%u", proto);
	show_text(into->show, name, word != NULL ? word : number);
}

/* A mask that makes a range is shown as one, as it is typed; another has a value of its own. */
static void
port(struct show *show, const char *name, const char *mask_name, const rte_be16_t be[2])
{
	const struct cli_ports ports = {rte_be_to_cpu_16(be[0]), rte_be_to_cpu_16(be[1])};
	char text[CLI_PORTS_STRLEN];
	uint16_t first, last;
	bool range = cli_ports_range(ports, &first, &last);

	if (ports.mask == 0)
		show_absent(show, name);
	else if (range && first != last)
		show_text(show, name, cli_ports_format(ports, text));
	else
		show_number(show, name, ports.port);
	if (range)
		show_absent(show, mask_name);
	else
		show_number(show, mask_name, ports.mask);
}

void
cli_describe_ports(struct cli_description *into, const struct sadb_selector *sel)
{
	port(into->show, "sport", "sport_mask", (const rte_be16_t[]){sel->sport_be, sel->sport_mask_be});
	port(into->show, "dport", "dport_mask", (const rte_be16_t[]){sel->dport_be, sel->dport_mask_be});
}

/* UDP around ESP. */
static void
encap(struct show *show, const struct sadb_sa_config *config)
{
	if (config->encap_sport_be == 0) {
		show_absent(show, "encap");
		show_absent(show, "encap_sport");
		show_absent(show, "encap_dport");
		return;
	}
	show_text(show, "encap", "espinudp");
	show_number(show, "encap_sport", rte_be_to_cpu_16(config->encap_sport_be));
	show_number(show, "encap_dport", rte_be_to_cpu_16(config->encap_dport_be));
}

static void
number_or_absent(struct show *show, const char *name, uint64_t value, uint64_t absent)
{
	if (value == absent)
		show_absent(show, name);
	else
		show_number(show, name, value);
}

/* Seconds since then; a clock set back makes it 0. */
static uint64_t
since_s(const struct cli_description *into, uint64_t then_s)
{
	return into->now_s > then_s ? into->now_s - then_s : 0;
}

/* One limit of a lifetime: soft, hard and what is left of hard. inf is the value that means no limit. */
struct limit {
	const char *soft_name, *hard_name, *left_name;
	uint64_t soft, hard, used, inf;
};

static void
limit(struct show *show, const struct limit *l)
{
	number_or_absent(show, l->soft_name, l->soft, l->inf);
	number_or_absent(show, l->hard_name, l->hard, l->inf);
	if (l->hard == l->inf)
		show_absent(show, l->left_name);
	else
		show_number(show, l->left_name, l->hard > l->used ? l->hard - l->used : 0);
}

static void
lifetimes(struct cli_description *into, const struct ctl_xfrm *msg)
{
	const struct sadb_lifetime *life = &msg->sa.config.life;
	uint64_t use_s = msg->sa.cur.use_time_s != 0 ? since_s(into, msg->sa.cur.use_time_s) : 0;
	const struct limit limits[] = {
	    {"soft_limit_bytes", "hard_limit_bytes", "hard_left_bytes", life->soft_bytes, life->hard_bytes,
	     msg->sa.cur.bytes, SADB_INF},
	    {"soft_limit_packets", "hard_limit_packets", "hard_left_packets", life->soft_packets, life->hard_packets,
	     msg->sa.cur.packets, SADB_INF},
	    {"soft_limit_age_s", "hard_limit_age_s", "hard_left_age_s", life->soft_add_s, life->hard_add_s,
	     since_s(into, msg->sa.cur.add_time_s), 0},
	    {"soft_limit_use_s", "hard_limit_use_s", "hard_left_use_s", life->soft_use_s, life->hard_use_s, use_s, 0},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		limit(into->show, &limits[i]);
}

void
cli_describe_outer(struct show *show, const struct sadb_sa_config *config)
{
	number_or_absent(show, "tfc_pad", config->tfc_pad_bytes, 0);
	if (config->flags & SADB_SA_OUTER_DSCP)
		show_number(show, "outer_dscp", config->outer_dscp);
	else
		number_or_absent(show, "outer_dscp", 0, config->flags & SADB_SA_DONT_ENCAP_DSCP ? 1 : 0);
	show_text(show, "outer_df",
		  config->flags & SADB_SA_OUTER_DF     ? "set"
		  : config->flags & SADB_SA_NOPMTUDISC ? "clear"
						       : NULL);
	number_or_absent(show, "outer_ttl", config->outer_ttl, 0);
	show_text(show, "fragment", config->flags & SADB_SA_FRAGMENT_AFTER ? "after" : NULL);
}

/* ---- rows ---- */
void
cli_describe_sa_id(struct cli_description *into, const struct sadb_sa_config *config)
{
	show_addr(into->show, "dst", &config->dst);
	show_spi(into->show, "spi", config->spi_be);
	show_addr(into->show, "src", &config->src);
	show_text(into->show, "vnet", cli_vnet_name(into->session, config->vnet_id));
	show_text(into->show, "dir", cli_name(cli_sa_dirs, config->dir));
}

void
cli_describe_sa(struct cli_description *into, const struct ctl_xfrm *msg)
{
	const struct sadb_sa_config *config = &msg->sa.config;
	/* NULL: larval, an SPI is reserved, the key is to come. */
	const struct sadb_algorithm *algorithm = sadb_algorithm_find((enum sadb_aead)config->aead, config->key_bytes);
	struct show *show = into->show;

	show_row(show);
	cli_describe_sa_id(into, config);
	cli_describe_vnet_id(into, config->vnet_id);
	mode(show, config->vnet_id);
	show_number(show, "reqid", config->reqid);
	show_text(show, "algorithm", algorithm != NULL ? algorithm->name : "none-yet");
	if (algorithm != NULL)
		show_bool(show, "encrypts", algorithm->encrypts);
	else
		show_absent(show, "encrypts");
	show_bool(show, "esn", (config->flags & SADB_SA_ESN) != 0);
	show_number(show, "window_packets", config->window_packets);
	encap(show, config);
	cli_describe_outer(show, config);
	show_prefix(show, "sel_src", &config->sel.src);
	show_prefix(show, "sel_dst", &config->sel.dst);
	cli_describe_proto(into, "sel_proto", config->sel.proto);
	cli_describe_ports(into, &config->sel);
	show_number(show, "out_seq", config->out_seq);
	show_number(show, "in_seq", config->in_seq);
	show_number(show, "packets", msg->sa.cur.packets);
	show_number(show, "bytes", msg->sa.cur.bytes);
	lifetimes(into, msg);
	show_number(show, "age_s", since_s(into, msg->sa.cur.add_time_s));
	if (msg->sa.cur.last_use_s != 0)
		show_number(show, "idle_s", since_s(into, msg->sa.cur.last_use_s));
	else
		show_absent(show, "idle_s");
	show_number(show, "replay_drops", msg->sa.cur.replay_drops);
	show_number(show, "window_drops", msg->sa.cur.window_drops);
	show_number(show, "icv_drops", msg->sa.cur.icv_drops);
	number_or_absent(show, "path_mtu", msg->sa.cur.path_mtu, 0);
}

void
cli_describe_policy(struct cli_description *into, const struct ctl_xfrm *msg)
{
	const struct sadb_policy_config *config = &msg->policy.config;
	const bool protect = config->action == SADB_PROTECT;
	struct show *show = into->show;

	show_row(show);
	show_number(show, "index", config->index);
	show_text(show, "vnet", cli_vnet_name(into->session, config->vnet_id));
	show_text(show, "dir", cli_name(cli_policy_dirs, config->dir));
	show_prefix(show, "src", &config->sel.src);
	show_prefix(show, "dst", &config->sel.dst);
	show_text(show, "action", cli_name(cli_actions, config->action));
	cli_describe_vnet_id(into, config->vnet_id);
	mode(show, config->vnet_id);
	cli_describe_proto(into, "proto", config->sel.proto);
	cli_describe_ports(into, &config->sel);
	show_number(show, "priority", config->priority);
	show_addr(show, "tunnel_src", &config->tmpl.src);
	show_addr(show, "tunnel_dst", &config->tmpl.dst);
	number_or_absent(show, "reqid", protect ? config->tmpl.reqid : 0, 0);
	show_spi(show, "spi", protect ? config->tmpl.spi_be : 0);
	show_number(show, "age_s", since_s(into, msg->policy.add_time_s));
	if (msg->policy.use_time_s != 0)
		show_number(show, "idle_s", since_s(into, msg->policy.use_time_s));
	else
		show_absent(show, "idle_s");
}
