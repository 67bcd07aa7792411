/* SPDX-License-Identifier: BSD-3-Clause
 * SAs and policies as rows, for show, stats and monitor alike. The command's only thread. */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include "control/cli/display.h"
#include "control/cli/run.h"
#include "control/cli/session.h"

/* A show in the making, and whom it asks. */
struct cli_description {
	struct cli *cli;
	struct cli_session *session;
	struct show *show;
	uint64_t now_s; /* CLOCK_REALTIME, as the daemon's times are */
};

/* Opens a session, learns the names of virtual networks, creates the show. Exit code; end follows CLI_DONE only:
 * it prints the show if code is CLI_DONE, and closes. */
int cli_describe_begin(struct cli_description *into, struct cli *cli);
int cli_describe_end(struct cli_description *into, int code);

/* After a row: prints what has gathered if that is much. 0, -ENOMEM or -EIO. */
int cli_describe_more(struct cli_description *into);

/* Prints in the style that the options ask for. Exit code. */
int cli_print(const struct cli *cli, const struct show *show, enum show_style json);

/* One row each. The first values are the row's key. */
#define CLI_SA_KEY     5
#define CLI_POLICY_KEY 6
void cli_describe_sa(struct cli_description *into, const struct ctl_xfrm *msg);
void cli_describe_policy(struct cli_description *into, const struct ctl_xfrm *msg);

/* Values of the row begun: which SA, which virtual network, a policy's selector. */
void cli_describe_sa_id(struct cli_description *into, const struct sadb_sa_config *config);
void cli_describe_outer(struct show *show, const struct sadb_sa_config *config); /* what outbound is not as usual */
void cli_describe_vnet_id(struct cli_description *into, uint32_t id);            /* the underlay has none */
void cli_describe_vnet(struct cli_description *into, uint32_t id);
void cli_describe_ports(struct cli_description *into, const struct sadb_selector *sel);
void cli_describe_proto(struct cli_description *into, const char *name, uint8_t proto);

/* "02:00:00:00:00:01" into buf, which it returns. */
#define CLI_MAC_STRLEN 18
const char *cli_mac(const uint8_t mac[6], char buf[CLI_MAC_STRLEN]);

/* Now, local, RFC 3339 with milliseconds, into buf, which it returns. */
#define CLI_TIME_STRLEN 64
const char *cli_time(char buf[CLI_TIME_STRLEN]);
/* The same of CLOCK_REALTIME then. */
const char *cli_time_at(uint64_t realtime_ns, char buf[CLI_TIME_STRLEN]);

#endif
