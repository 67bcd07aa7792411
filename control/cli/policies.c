/* SPDX-License-Identifier: BSD-3-Clause
 * The policies of a range of ports, changed together. The command's only thread. */
#include "control/cli/policies.h"

#include <errno.h>
#include <string.h>

#include "control/cli/config.h"
#include "control/cli/ports.h"

/* One change of several policies. */
struct change {
	struct cli *cli;
	uint16_t type;
	unsigned n;
	const struct sadb_policy_config *config;
	struct sadb_policy_config before[CLI_POLICIES_MAX]; /* with the index; 0: there was none */
};

bool
cli_policy_has_range(const struct cli_command *cmd)
{
	const struct cli_value *sport = &cmd->value[CLI_SPORT], *dport = &cmd->value[CLI_DPORT];

	return sport->number != sport->last || dport->number != dport->last;
}

static int
on_policy(void *arg, const struct nlmsghdr *nlh)
{
	struct sadb_policy_config *before = arg;
	struct sadb_error err = {.text = ""};
	struct ctl_xfrm msg;
	int rc = ctl_xfrm_decode(nlh, &msg, &err);

	if (rc == 0 && msg.type == XFRM_MSG_NEWPOLICY)
		*before = msg.policy.config;
	return rc;
}

/* One request and its answer, without a complaint. */
static int
ask(struct cli_session *session, uint16_t type, const struct sadb_policy_config *config,
    struct sadb_policy_config *answer)
{
	struct ctl_client_error err = {.text = ""};
	struct cli_request request;

	if (cli_policy_encode(&request, type, config) == 0)
		return -EMSGSIZE;
	return ctl_client_ask(cli_client(session), (struct nlmsghdr *)request.bytes, on_policy, answer, &err);
}

static struct cli_ports
ports_of(rte_be16_t port_be, rte_be16_t mask_be)
{
	return (struct cli_ports){rte_be_to_cpu_16(port_be), rte_be_to_cpu_16(mask_be)};
}

static int
stands_in_the_way(const struct change *change, unsigned i)
{
	const struct sadb_selector *sel = &change->config[i].sel;
	char sport[CLI_PORTS_STRLEN], dport[CLI_PORTS_STRLEN];

	cli_ports_format(ports_of(sel->sport_be, sel->sport_mask_be), sport);
	cli_ports_format(ports_of(sel->dport_be, sel->dport_mask_be), dport);
	if (change->type == XFRM_MSG_DELPOLICY)
		return cli_complain(
		    change->cli, CLI_FAILED,
		    "of this range's %u policies the one of source ports %s and destination ports %s is not "
		    "there: nothing was deleted; a range goes as it was added (ENOENT)",
		    change->n, sport, dport);
	return cli_complain(
	    change->cli, CLI_FAILED,
	    "of this range's %u policies the one of source ports %s and destination ports %s exists, with "
	    "index %u: nothing was added (EEXIST)",
	    change->n, sport, dport, change->before[i].index);
}

/* How it is before the change. Exit code. */
static int
look(struct change *change, struct cli_session *session)
{
	for (unsigned i = 0; i < change->n; i++) {
		struct sadb_policy_config *before = &change->before[i];
		const int rc = ask(session, XFRM_MSG_GETPOLICY, &change->config[i], before);

		if (rc != 0 && rc != -ENOENT)
			return cli_complain(change->cli, CLI_FAILED, "the policies cannot be looked at: %s",
					    strerror(-rc));
		if ((change->type == XFRM_MSG_NEWPOLICY && before->index != 0) ||
		    (change->type == XFRM_MSG_DELPOLICY && before->index == 0))
			return stands_in_the_way(change, i);
	}
	return CLI_DONE;
}

/* Puts the first so many back as they were, the last one first. */
static int
take_back(const struct change *change, unsigned done)
{
	struct cli_session *session = cli_session_open(change->cli);
	unsigned failed = 0;

	if (session == NULL)
		return CLI_FAILED;
	for (unsigned i = done; i-- > 0;) {
		const struct sadb_policy_config *before = &change->before[i];
		struct sadb_policy_config ignored;
		int rc = before->index != 0 ? ask(session, XFRM_MSG_UPDPOLICY, before, &ignored)
					    : ask(session, XFRM_MSG_DELPOLICY, &change->config[i], &ignored);

		failed += rc != 0 && rc != -ENOENT;
	}
	cli_session_close(session);
	if (failed > 0)
		return cli_complain(change->cli, CLI_FAILED,
				    "%u of this range's policies were changed before that and could not be put back as "
				    "they were: culvert policy show has them",
				    failed);
	return cli_complain(
	    change->cli, CLI_FAILED,
	    "of this range's %u policies %u were changed before that, and are as they were again: nothing "
	    "has changed",
	    change->n, done);
}

static int
send_all(struct change *change)
{
	struct cli *cli = change->cli;
	struct cli_request request;
	unsigned begun = 0, done = 0;
	int code = cli_session_share(cli, true), one;

	if (code == CLI_DONE)
		code = cli_session_drain(cli->shared);
	if (code == CLI_DONE) {
		begun = cli_session_done(cli->shared);
		for (unsigned i = 0; i < change->n && code == CLI_DONE; i++)
			code = cli_ask(cli->shared, &request,
				       cli_policy_encode(&request, change->type, &change->config[i]), NULL, NULL);
		one = cli_session_drain(cli->shared);
		code = code != CLI_DONE ? code : one;
		done = cli_session_done(cli->shared) - begun;
	}
	cli_session_unshare(cli);
	return code != CLI_DONE && done > 0 ? take_back(change, done) : code;
}

int
cli_policies_change(struct cli *cli, uint16_t type, const struct sadb_policy_config config[], unsigned n)
{
	struct change change = {.cli = cli, .type = type, .n = n, .config = config};
	struct cli_session *session = cli_session_open(cli);
	int code;

	if (session == NULL)
		return CLI_FAILED;
	code = look(&change, session);
	cli_session_close(session);
	return code == CLI_DONE ? send_all(&change) : code;
}
