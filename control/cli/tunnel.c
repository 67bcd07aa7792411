/* SPDX-License-Identifier: BSD-3-Clause
 * The verbs of tunnel. Offers are read and written without stdio, whose buffers would keep a copy. The command's only
 * thread. */
#include "control/cli/run.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/cli/config.h"
#include "control/cli/describe.h"
#include "control/cli/key.h"
#include "control/cli/parse.h"
#include "control/cli/session.h"
#include "control/cli/value.h"
#include "control/tunnel.h"

/* ---- add ---- */
static uint64_t
limit(const struct cli_command *cmd, enum cli_id id)
{
	return cmd->value[id].given ? cmd->value[id].number : SADB_INF;
}

static uint32_t
prefixes(const struct cli_command *cmd, enum cli_id id, struct sadb_prefix out[CTL_TUNNEL_PREFIXES])
{
	struct cli_text err;

	/* It was parsed before. */
	return (uint32_t)cli_value_prefixes(cli_arg_of(cmd->verb, id), cmd->value[id].text, out, CTL_TUNNEL_PREFIXES,
					    &err);
}

/* Everything but vnet_id. */
static int
describe(const struct cli *cli, struct ctl_tunnel_config *out)
{
	const struct cli_command *cmd = cli->cmd;
	const struct cli_value *value = cmd->value;
	struct sadb_sa_config sa = {.flags = 0};
	struct sadb_error err = {.text = ""};

	ctl_tunnel_defaults(out);
	snprintf(out->name, sizeof(out->name), "%s", value[CLI_NAME].text);
	out->local = value[CLI_LOCAL].prefix.addr;
	out->remote = value[CLI_REMOTE].prefix.addr;
	out->n_local = prefixes(cmd, CLI_LOCAL_PREFIX, out->local_prefix);
	out->n_remote = prefixes(cmd, CLI_REMOTE_PREFIX, out->remote_prefix);
	out->priority = (uint32_t)value[CLI_PRIORITY].number;
	out->algorithm = sadb_algorithm_at((unsigned)value[CLI_ALGORITHM].number);
	out->esn = value[CLI_ESN].number != 0;
	out->window_packets = (uint32_t)value[CLI_WINDOW].number;
	out->overlap_s = (uint32_t)value[CLI_OVERLAP].number;
	cli_config_outer(cmd, &sa);
	ctl_tunnel_wishes_from(out, &sa);
	out->life = (struct sadb_lifetime){
	    .soft_bytes = limit(cmd, CLI_SOFT_BYTES),
	    .hard_bytes = limit(cmd, CLI_HARD_BYTES),
	    .soft_packets = limit(cmd, CLI_SOFT_PACKETS),
	    .hard_packets = limit(cmd, CLI_HARD_PACKETS),
	    .soft_add_s = value[CLI_SOFT_SECONDS].number, /* 0: no limit */
	    .hard_add_s = value[CLI_HARD_SECONDS].number,
	};
	if (value[CLI_EXCHANGE].given && strlen(value[CLI_EXCHANGE].text) >= sizeof(out->exchange))
		return cli_complain(cli, CLI_USAGE, "exchange: the command is longer than %zu characters",
				    sizeof(out->exchange) - 1);
	if (value[CLI_EXCHANGE].given)
		snprintf(out->exchange, sizeof(out->exchange), "%s", value[CLI_EXCHANGE].text);
	if (ctl_tunnel_check(out, &err) != 0)
		return cli_complain(cli, CLI_USAGE, "%s", err.text);
	return CLI_DONE;
}

int
cli_tunnel_add(struct cli *cli)
{
	const struct nlmsghdr header = cli_header(CTL_MSG_TUNNEL_ADD);
	struct ctl_tunnel_info info = {.reqid = 0};
	struct cli_session *session;
	struct cli_request request;
	int code = describe(cli, &info.config);

	if (code != CLI_DONE)
		return code;
	session = cli_session_open(cli);
	if (session == NULL)
		return CLI_FAILED;
	code = cli_vnet_id(session, cli->cmd->value[CLI_VNET].text, &info.config.vnet_id);
	if (code == CLI_DONE)
		code = cli_ask(session, &request,
			       ctl_own_encode_tunnel(request.bytes, sizeof(request.bytes), &header, &info), NULL, NULL);
	cli_session_close(session);
	return code;
}

/* ---- what only names a tunnel ---- */
static size_t
encode_words(const struct cli *cli, struct cli_request *request, uint16_t type, const struct ctl_keying_text *offer)
{
	struct nlmsghdr header = cli_header(type);
	struct ctl_tunnel_words words = {.generation = 0};

	if (cli->cmd->value[CLI_FRESH].given)
		header.nlmsg_flags |= NLM_F_REPLACE;

	snprintf(words.name, sizeof(words.name), "%s", cli->cmd->value[CLI_NAME].text);
	if (offer != NULL)
		words.offer = *offer;
	return ctl_own_encode_tunnel_words(request->bytes, sizeof(request->bytes), &header, &words);
}

static int
send_name(struct cli *cli, uint16_t type)
{
	struct cli_session *session = cli_session_open(cli);
	struct cli_request request;
	int code;

	if (session == NULL)
		return CLI_FAILED;
	code = cli_ask(session, &request, encode_words(cli, &request, type, NULL), NULL, NULL);
	cli_session_close(session);
	return code;
}

int
cli_tunnel_del(struct cli *cli)
{
	return send_name(cli, CTL_MSG_TUNNEL_DEL);
}

int
cli_tunnel_rekey(struct cli *cli)
{
	return send_name(cli, CTL_MSG_TUNNEL_REKEY);
}

/* ---- offers ---- */

/* What comes out must be for no one else: checked before there is anything. */
static int
check_output(const struct cli *cli)
{
	struct stat st;

	if (isatty(STDOUT_FILENO))
		return cli_complain(
		    cli, CLI_FAILED,
		    "standard output is a terminal, which would show the key; write to a file or a pipe");
	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
		return cli_complain(cli, CLI_FAILED,
				    "standard output is a file that others may read (mode %04o), and a key would go "
				    "there; cure: remove it, "
				    "say 'umask 077', and again",
				    (unsigned)st.st_mode & 07777);
	return CLI_DONE;
}

/* Of what was read, the length; less than 0 after a complaint. */
static ssize_t
read_offer(const struct cli *cli, char text[CTL_OFFER_BYTES + 1])
{
	size_t n = 0;
	struct stat st;

	if (isatty(STDIN_FILENO))
		return -cli_complain(cli, CLI_FAILED,
				     "standard input is a terminal; pipe the peer's offer or answer in, or '< FILE'");
	if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
		return -cli_complain(
		    cli, CLI_FAILED,
		    "standard input is a file that others may read (mode %04o): 'chmod 600' it, and ask "
		    "for a new offer if others could read it",
		    (unsigned)st.st_mode & 07777);
	for (;;) {
		ssize_t got = read(STDIN_FILENO, text + n, CTL_OFFER_BYTES + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -cli_complain(cli, CLI_FAILED, "standard input: %s", strerror(errno));
		n += (size_t)got;
		if (got == 0 && n > 0)
			return (ssize_t)n;
		if (got == 0)
			return -cli_complain(cli, CLI_FAILED,
					     "standard input is empty; accepted: a peer's offer or answer");
		if (n > CTL_OFFER_BYTES)
			return -cli_complain(cli, CLI_FAILED, "standard input is longer than any offer (%d bytes)",
					     CTL_OFFER_BYTES);
	}
}

static int
on_offer(void *arg, const struct ctl_own *own)
{
	(void)arg;
	for (size_t at = 0; own->type == CTL_MSG_TUNNEL_OFFER && at < own->words.offer.bytes;) {
		ssize_t n = write(STDOUT_FILENO, own->words.offer.text + at, own->words.offer.bytes - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int
send_offer(struct cli *cli, uint16_t type, const struct ctl_keying_text *offer)
{
	struct cli_session *session = cli_session_open(cli);
	struct cli_request request;
	int code;

	if (session == NULL)
		return CLI_FAILED;
	cli_key_stay_private();
	code = cli_ask_own_request(session, &request, encode_words(cli, &request, type, offer), on_offer, NULL);
	cli_session_close(session);
	return code;
}

int
cli_tunnel_offer(struct cli *cli)
{
	int code = check_output(cli);

	return code != CLI_DONE ? code : send_offer(cli, CTL_MSG_TUNNEL_OFFER, NULL);
}

int
cli_tunnel_accept(struct cli *cli)
{
	char text[CTL_OFFER_BYTES + 1];
	struct ctl_keying_text offer = {.text = text};
	int code = CLI_FAILED;
	ssize_t n;

	if (cli->file != NULL)
		return cli_complain(cli, CLI_FAILED, "is not accepted in a batch: it reads standard input");
	cli_key_stay_private();
	n = read_offer(cli, text);
	if (n > 0) {
		offer.bytes = (size_t)n;
		/* An answer has none in return, and needs no place for it. */
		code = memmem(text, offer.bytes, "\nmessage answer\n", 16) != NULL ? CLI_DONE : check_output(cli);
	}
	if (code == CLI_DONE)
		code = send_offer(cli, CTL_MSG_TUNNEL_ACCEPT, &offer);
	sadb_wipe(text, sizeof(text));
	return code;
}

/* ---- show ---- */
struct showing {
	struct cli_description into;
	const char *name; /* NULL: all */
	bool found;
};

static void
show_prefixes(struct show *show, const char *name, const struct sadb_prefix *prefix, uint32_t n)
{
	char text[CTL_TUNNEL_PREFIXES * SADB_ADDR_STRLEN], one[SADB_ADDR_STRLEN];
	size_t at = 0;

	text[0] = 0;
	for (uint32_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i > 0 ? "," : "",
				       sadb_prefix_format(&prefix[i], one, sizeof(one)));
	show_text(show, name, text);
}

static void
show_or_absent(struct show *show, const char *name, uint64_t value, uint64_t absent)
{
	if (value == absent)
		show_absent(show, name);
	else
		show_number(show, name, value);
}

static void
show_use(struct show *show, const struct ctl_tunnel_info *info)
{
	show_spi(show, "out_spi", info->out_spi_be);
	show_or_absent(show, "out_age_s", info->out_spi_be != 0 ? info->out_age_s : UINT64_MAX, UINT64_MAX);
	show_number(show, "out_packets", info->out_packets);
	show_number(show, "out_bytes", info->out_bytes);
	show_spi(show, "in_spi", info->in_spi_be);
	show_number(show, "in_packets", info->in_packets);
	show_number(show, "in_bytes", info->in_bytes);
	show_number(show, "in_count", info->in_count);
	show_or_absent(show, "next_rekey_s", info->next_rekey_s, UINT64_MAX);
	show_number(show, "exchanges", info->exchanges);
	show_number(show, "failures", info->failures);
	show_text(show, "last_error", info->error[0] != 0 ? info->error : NULL);
}

static void
show_config(struct show *show, const struct ctl_tunnel_config *config)
{
	const struct sadb_lifetime *life = &config->life;
	struct sadb_sa_config sa = {.flags = 0};

	ctl_tunnel_wishes_to(config, &sa);
	show_prefixes(show, "local_prefixes", config->local_prefix, config->n_local);
	show_prefixes(show, "remote_prefixes", config->remote_prefix, config->n_remote);
	show_number(show, "priority", config->priority);
	show_text(show, "algorithm", config->algorithm->name);
	show_bool(show, "encrypts", config->algorithm->encrypts);
	show_bool(show, "esn", config->esn);
	show_number(show, "window_packets", config->window_packets);
	show_number(show, "overlap_s", config->overlap_s);
	cli_describe_outer(show, &sa);
	show_or_absent(show, "soft_limit_bytes", life->soft_bytes, SADB_INF);
	show_or_absent(show, "hard_limit_bytes", life->hard_bytes, SADB_INF);
	show_or_absent(show, "soft_limit_packets", life->soft_packets, SADB_INF);
	show_or_absent(show, "hard_limit_packets", life->hard_packets, SADB_INF);
	show_or_absent(show, "soft_limit_age_s", life->soft_add_s, 0);
	show_or_absent(show, "hard_limit_age_s", life->hard_add_s, 0);
	show_text(show, "exchange", config->exchange[0] != 0 ? config->exchange : "by hand");
}

static int
on_tunnel(void *arg, const struct ctl_own *own)
{
	const struct ctl_tunnel_info *info = &own->tunnel;
	struct showing *showing = arg;
	struct show *show = showing->into.show;

	if (own->type != CTL_MSG_TUNNEL || (showing->name != NULL && strcmp(showing->name, info->config.name) != 0))
		return 0;
	showing->found = true;
	show_row(show);
	show_text(show, "name", info->config.name);
	show_text(show, "state", info->state);
	show_text(show, "vnet", cli_vnet_name(showing->into.session, info->config.vnet_id));
	show_addr(show, "local", &info->config.local);
	show_addr(show, "remote", &info->config.remote);
	show_number(show, "generation", info->generation);
	show_text(show, "keying", info->keying);
	show_number(show, "vnet_id", info->config.vnet_id);
	show_number(show, "reqid", info->reqid);
	show_use(show, info);
	show_config(show, &info->config);
	return 0;
}

int
cli_tunnel_show(struct cli *cli)
{
	struct showing showing = {.name = cli->cmd->value[CLI_NAME].given ? cli->cmd->value[CLI_NAME].text : NULL};
	int code = cli_describe_begin(&showing.into, cli);

	if (code != CLI_DONE)
		return code;
	show_section(showing.into.show, NULL, SHOW_BLOCKS, 5);
	code = cli_ask_own(showing.into.session, CTL_MSG_TUNNEL_GET, on_tunnel, &showing);
	if (code == CLI_DONE && showing.name != NULL && !showing.found)
		code = cli_complain(cli, CLI_FAILED, "there is no tunnel '%s'; 'culvert tunnel show' shows all",
				    showing.name);
	return cli_describe_end(&showing.into, code);
}
