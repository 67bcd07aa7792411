/* SPDX-License-Identifier: BSD-3-Clause
 * The verbs of sa. The command's only thread. */
#include "control/cli/run.h"

#include <string.h>
#include <time.h>

#include "control/cli/config.h"
#include "control/cli/describe.h"
#include "control/cli/key.h"
#include "control/cli/session.h"

static int
read_key(const struct cli *cli, struct sadb_sa_config *config, struct cli_text *err)
{
	const struct cli_value *value = cli->cmd->value;
	const struct sadb_algorithm *algorithm = sadb_algorithm_at((unsigned)value[CLI_ALGORITHM].number);

	config->aead = (uint8_t)algorithm->aead;
	config->key_bytes = algorithm->key_bytes;
	if (value[CLI_KEY].given)
		return cli_key_digits(value[CLI_KEY].text, config, err);
	if (cli->file != NULL && strcmp(value[CLI_KEY_FILE].text, "-") == 0)
		return cli_text_set(err, "key-file - is not accepted in a batch; write 'key DIGITS'");
	return cli_key_read(value[CLI_KEY_FILE].text, config, err);
}

/* The key is read before anything is sent, and after everything else was found right. */
static int
send_sa(struct cli *cli, uint16_t type)
{
	const struct nlmsghdr header = cli_header(type);
	struct cli_session *session = NULL;
	struct sadb_sa_config config;
	struct cli_request request;
	struct cli_text err;
	int code = CLI_FAILED;

	if (cli_config_sa(cli->cmd, &config, &err) != 0)
		return cli_complain(cli, CLI_USAGE, "%s", err.text);
	if (read_key(cli, &config, &err) != 0) {
		cli_complain(cli, CLI_FAILED, "%s", err.text);
		goto wipe;
	}
	session = cli_session_open(cli);
	if (session == NULL)
		goto wipe;
	code = cli_vnet_id(session, cli->cmd->value[CLI_VNET].text, &config.vnet_id);
	config.mode = cli_mode(config.vnet_id);
	if (code == CLI_DONE)
		code = cli_ask(session, &request,
			       ctl_xfrm_encode_sa(request.bytes, sizeof(request.bytes), &header, &config, NULL), NULL,
			       NULL);
	cli_session_close(session);
wipe:
	sadb_wipe(&config, sizeof(config));
	return code;
}

int
cli_sa_add(struct cli *cli)
{
	return send_sa(cli, XFRM_MSG_NEWSA);
}

int
cli_sa_update(struct cli *cli)
{
	return send_sa(cli, XFRM_MSG_UPDSA);
}

/* del and show of one SA name it by destination and SPI. */
static int
ask_by_id(struct cli_session *session, struct cli *cli, uint16_t type, cli_xfrm_fn fn, void *arg)
{
	const struct nlmsghdr header = cli_header(type);
	struct sadb_sa_config config;
	struct cli_request request;
	struct cli_text err;

	if (cli_config_sa(cli->cmd, &config, &err) != 0)
		return cli_complain(cli, CLI_USAGE, "%s", err.text);
	return cli_ask(session, &request, ctl_xfrm_encode_sa_id(request.bytes, sizeof(request.bytes), &header, &config),
		       fn, arg);
}

int
cli_sa_del(struct cli *cli)
{
	struct cli_session *session = cli_session_open(cli);
	int code;

	if (session == NULL)
		return CLI_FAILED;
	code = ask_by_id(session, cli, XFRM_MSG_DELSA, NULL, NULL);
	cli_session_close(session);
	return code;
}

int
cli_sa_flush(struct cli *cli)
{
	const struct nlmsghdr header = cli_header(XFRM_MSG_FLUSHSA);
	struct cli_session *session = cli_session_open(cli);
	struct cli_request request;
	int code;

	if (session == NULL)
		return CLI_FAILED;
	code = cli_ask(session, &request, ctl_xfrm_encode_flush_sa(request.bytes, sizeof(request.bytes), &header, 0),
		       NULL, NULL);
	cli_session_close(session);
	return code;
}

/* ---- show ---- */
static int
on_sa(void *arg, const struct ctl_xfrm *msg)
{
	struct cli_description *into = arg;

	if (msg->type != XFRM_MSG_NEWSA)
		return 0;
	cli_describe_sa(into, msg);
	return cli_describe_more(into);
}

int
cli_sa_show(struct cli *cli)
{
	const struct nlmsghdr header = cli_dump_header(XFRM_MSG_GETSA);
	struct cli_description into;
	struct cli_request request;
	int code = cli_describe_begin(&into, cli);

	if (code != CLI_DONE)
		return code;
	show_section(into.show, NULL, SHOW_BLOCKS, CLI_SA_KEY);
	if (cli->cmd->value[CLI_SPI].given)
		code = ask_by_id(into.session, cli, XFRM_MSG_GETSA, on_sa, &into);
	else
		code = cli_ask(into.session, &request,
			       ctl_xfrm_encode_get(request.bytes, sizeof(request.bytes), &header), on_sa, &into);
	return cli_describe_end(&into, code);
}

/* ---- alloc-spi ---- */
static int
on_alloc(void *arg, const struct ctl_xfrm *msg)
{
	struct cli_description *into = arg;

	if (msg->type != XFRM_MSG_NEWSA)
		return 0;
	show_row(into->show);
	show_spi(into->show, "spi", msg->sa.config.spi_be);
	show_addr(into->show, "dst", &msg->sa.config.dst);
	show_addr(into->show, "src", &msg->sa.config.src);
	return 0;
}

int
cli_sa_alloc_spi(struct cli *cli)
{
	const struct nlmsghdr header = cli_header(XFRM_MSG_ALLOCSPI);
	const struct cli_value *value = cli->cmd->value;
	struct cli_description into;
	struct sadb_sa_config config;
	struct cli_request request;
	struct cli_text err;
	size_t length;
	int code;

	if (cli_config_sa(cli->cmd, &config, &err) != 0)
		return cli_complain(cli, CLI_USAGE, "%s", err.text);
	code = cli_describe_begin(&into, cli);
	if (code != CLI_DONE)
		return code;
	show_section(into.show, NULL, SHOW_LINES, 1);
	code = cli_vnet_id(into.session, value[CLI_VNET].text, &config.vnet_id);
	config.mode = cli_mode(config.vnet_id);
	if (code == CLI_DONE) {
		length = ctl_xfrm_encode_alloc_spi(request.bytes, sizeof(request.bytes), &header, &config,
						   (uint32_t)value[CLI_MIN].number, (uint32_t)value[CLI_MAX].number);
		code = cli_ask(into.session, &request, length, on_alloc, &into);
	}
	return cli_describe_end(&into, code);
}

/* ---- dummy ---- */
static int
on_dummy(void *arg, const struct ctl_own *own)
{
	struct show *show = ((struct cli_description *)arg)->show;
	const struct ctl_dummy *dummy = &own->dummy;

	if (own->type != CTL_MSG_DUMMY)
		return 0;
	show_row(show);
	show_addr(show, "dst", &dummy->dst);
	show_spi(show, "spi", dummy->spi_be);
	if (dummy->packets == 0) {
		show_number(show, "unsent", dummy->unsent);
		return 0;
	}
	show_number(show, "packets", dummy->packets);
	if (dummy->length != 0)
		show_number(show, "length_bytes", dummy->length);
	else
		show_absent(show, "length_bytes");
	show_number(show, "rate_pps", dummy->rate_pps);
	show_number(show, "worker", dummy->worker);
	return 0;
}

int
cli_sa_dummy(struct cli *cli)
{
	const struct nlmsghdr header = cli_header(CTL_MSG_DUMMY);
	const struct cli_value *value = cli->cmd->value;
	const struct ctl_dummy ask = {.dst = value[CLI_DST].prefix.addr,
				      .spi_be = rte_cpu_to_be_32((uint32_t)value[CLI_SPI].number),
				      .packets = value[CLI_COUNT].number,
				      .length = (uint32_t)value[CLI_LENGTH].number,
				      .rate_pps = (uint32_t)value[CLI_RATE].number};
	struct cli_description into;
	struct cli_request request;
	int code = cli_describe_begin(&into, cli);

	if (code != CLI_DONE)
		return code;
	show_section(into.show, NULL, SHOW_LINES, 1);
	code = cli_ask_own_request(into.session, &request,
				   ctl_own_encode_dummy(request.bytes, sizeof(request.bytes), &header, &ask), on_dummy,
				   &into);
	return cli_describe_end(&into, code);
}
