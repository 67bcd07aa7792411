/* SPDX-License-Identifier: BSD-3-Clause
 * The verbs of policy. The command's only thread. */
#include "control/cli/run.h"

#include "control/cli/config.h"
#include "control/cli/describe.h"
#include "control/cli/policies.h"
#include "control/cli/session.h"

size_t
cli_policy_encode(struct cli_request *request, uint16_t type, const struct sadb_policy_config *config)
{
	const struct nlmsghdr header = cli_header(type);
	const struct sadb_policy_info info = {.config = *config};

	if (type == XFRM_MSG_DELPOLICY || type == XFRM_MSG_GETPOLICY)
		return ctl_xfrm_encode_policy_id(request->bytes, sizeof(request->bytes), &header, config);
	return ctl_xfrm_encode_policy(request->bytes, sizeof(request->bytes), &header, &info);
}

static int
send_policy(struct cli *cli, uint16_t type)
{
	const struct cli_value *vnet = &cli->cmd->value[CLI_VNET];
	struct sadb_policy_config config[CLI_POLICIES_MAX];
	struct cli_session *session;
	struct cli_request request;
	struct cli_text err;
	int code = CLI_DONE;
	const int n = cli_config_policy(cli->cmd, config, &err);

	if (n < 0)
		return cli_complain(cli, CLI_USAGE, "%s", err.text);
	session = cli_session_open(cli);
	if (session == NULL)
		return CLI_FAILED;
	if (vnet->given)
		code = cli_vnet_id(session, vnet->text, &config[0].vnet_id);
	for (int i = 1; i < n; i++)
		config[i].vnet_id = config[0].vnet_id;
	for (int i = 0; i < n; i++)
		config[i].tmpl.mode = cli_mode(config[i].vnet_id);
	if (code == CLI_DONE && n == 1)
		code = cli_ask(session, &request, cli_policy_encode(&request, type, config), NULL, NULL);
	cli_session_close(session);
	if (code == CLI_DONE && n > 1)
		code = cli_policies_change(cli, type, config, (unsigned)n);
	return code;
}

int
cli_policy_add(struct cli *cli)
{
	return send_policy(cli, XFRM_MSG_NEWPOLICY);
}

int
cli_policy_update(struct cli *cli)
{
	return send_policy(cli, XFRM_MSG_UPDPOLICY);
}

int
cli_policy_del(struct cli *cli)
{
	return send_policy(cli, XFRM_MSG_DELPOLICY);
}

int
cli_policy_flush(struct cli *cli)
{
	const struct nlmsghdr header = cli_header(XFRM_MSG_FLUSHPOLICY);
	struct cli_session *session = cli_session_open(cli);
	struct cli_request request;
	int code;

	if (session == NULL)
		return CLI_FAILED;
	code = cli_ask(session, &request, ctl_xfrm_encode_flush_policy(request.bytes, sizeof(request.bytes), &header),
		       NULL, NULL);
	cli_session_close(session);
	return code;
}

static int
on_policy(void *arg, const struct ctl_xfrm *msg)
{
	struct cli_description *into = arg;

	if (msg->type != XFRM_MSG_NEWPOLICY)
		return 0;
	cli_describe_policy(into, msg);
	return cli_describe_more(into);
}

int
cli_policy_show(struct cli *cli)
{
	const struct nlmsghdr header = cli_dump_header(XFRM_MSG_GETPOLICY);
	struct cli_description into;
	struct cli_request request;
	int code = cli_describe_begin(&into, cli);

	if (code != CLI_DONE)
		return code;
	show_section(into.show, NULL, SHOW_BLOCKS, CLI_POLICY_KEY);
	code = cli_ask(into.session, &request, ctl_xfrm_encode_get(request.bytes, sizeof(request.bytes), &header),
		       on_policy, &into);
	return cli_describe_end(&into, code);
}
