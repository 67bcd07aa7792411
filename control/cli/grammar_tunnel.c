/* SPDX-License-Identifier: BSD-3-Clause
 * The part of the grammar's table that is culvert tunnel. The command's only thread. */
#include "control/cli/grammar.h"

#include "control/cli/run.h"
#include "control/tunnel.h"
#include "sa-db/algorithm.h"
#include "sa-db/replay.h"

#define N(array)  (sizeof(array) / sizeof((array)[0]))
#define LIMIT_MAX (UINT64_MAX - 1) /* XFRM_INF itself means no limit */

static const char *const on_off[] = {"off", "on", NULL}; /* index is the truth value */
static const char *const off[] = {"off", NULL};
static const char *const dfs[] = {"copy", "set", "clear", NULL}; /* enum in config.c */
static const char *const cuts[] = {"before", "after", NULL};

/* An argument reads best as a line or two of the table. */
/* clang-format off */
static const struct cli_arg add_args[] = {
	{.id = CLI_NAME, .word = "NAME", .kind = CLI_KIND_NAME, .flags = CLI_BARE | CLI_REQUIRED,
	 .help = "of the tunnel; the same on both gateways"},
	{.id = CLI_VNET, .word = "vnet", .kind = CLI_KIND_VNET, .flags = CLI_REQUIRED,
	 .help = "virtual network whose packets it carries"},
	{.id = CLI_LOCAL, .word = "local", .kind = CLI_KIND_ADDR, .flags = CLI_REQUIRED,
	 .help = "this gateway's outer address"},
	{.id = CLI_REMOTE, .word = "remote", .kind = CLI_KIND_ADDR, .flags = CLI_REQUIRED,
	 .help = "the peer gateway's outer address"},
	{.id = CLI_LOCAL_PREFIX, .word = "local-prefix", .kind = CLI_KIND_PREFIXES, .flags = CLI_REQUIRED,
	 .help = "inner networks on this side"},
	{.id = CLI_REMOTE_PREFIX, .word = "remote-prefix", .kind = CLI_KIND_PREFIXES, .flags = CLI_REQUIRED,
	 .help = "inner networks on the peer's side"},
	{.id = CLI_PRIORITY, .word = "priority", .kind = CLI_KIND_NUMBER, .max = UINT32_MAX, .fallback = "0",
	 .help = "of its policies: the lower number wins; of equal ones the older"},
	{.id = CLI_ALGORITHM, .word = "algorithm", .kind = CLI_KIND_ALGORITHM, .choices = sadb_algorithm_names,
	 .fallback = "aes-256-gcm-16",
	 .help = "what protects the packets: the peer must name the same, or nothing is exchanged. aes-256-gmac and aes-128-gmac "
		 "are integrity only: everyone on the way reads the packets"},
	{.id = CLI_ESN, .word = "esn", .kind = CLI_KIND_CHOICE, .choices = on_off, .fallback = "on",
	 .help = "64-bit extended sequence numbers (RFC 4303 2.2.1); both ends must agree"},
	{.id = CLI_WINDOW, .word = "window", .kind = CLI_KIND_NUMBER, .min = SADB_REPLAY_MIN, .max = SADB_REPLAY_MAX,
	 .choices = off, .fallback = "128",
	 .help = "anti-replay window in packets"},
	{.id = CLI_SOFT_BYTES, .word = "soft-bytes", .kind = CLI_KIND_BYTES, .min = 1, .max = LIMIT_MAX,
	 .help = "inner bytes after which keys are exchanged anew; not given: nine tenths of hard-bytes. As with all soft "
		 "limits, up to a tenth early, so that both ends seldom begin together"},
	{.id = CLI_HARD_BYTES, .word = "hard-bytes", .kind = CLI_KIND_BYTES, .min = 1, .max = LIMIT_MAX,
	 .help = "inner bytes after which the SA stops; the peer keeps this limit too"},
	{.id = CLI_SOFT_PACKETS, .word = "soft-packets", .kind = CLI_KIND_PACKETS, .min = 1, .max = LIMIT_MAX,
	 .help = "packets after which keys are exchanged anew"},
	{.id = CLI_HARD_PACKETS, .word = "hard-packets", .kind = CLI_KIND_PACKETS, .min = 1, .max = LIMIT_MAX,
	 .help = "packets after which the SA stops"},
	{.id = CLI_SOFT_SECONDS, .word = "soft-seconds", .kind = CLI_KIND_SECONDS, .min = 1, .max = UINT32_MAX,
	 .help = "age at which keys are exchanged anew"},
	{.id = CLI_HARD_SECONDS, .word = "hard-seconds", .kind = CLI_KIND_SECONDS, .min = 1, .max = UINT32_MAX,
	 .help = "age at which the SA stops"},
	{.id = CLI_OVERLAP, .word = "overlap", .kind = CLI_KIND_SECONDS, .max = CTL_TUNNEL_OVERLAP_MAX, .fallback = "30",
	 .help = "how long an old inbound SA stays after the peer has switched: for packets on their way"},
	{.id = CLI_TFC_PAD, .word = "tfc-pad", .kind = CLI_KIND_NUMBER, .min = 1, .max = UINT16_MAX,
	 .help = "outbound: shorter packets are padded to so many bytes, as far as the way takes them (RFC 4303 2.7). This and what "
		 "follows is each gateway's own affair, and holds for its SAs to come"},
	{.id = CLI_OUTER_DSCP, .word = "outer-dscp", .kind = CLI_KIND_NUMBER, .max = CTL_TUNNEL_DSCP_MAX,
	 .help = "outbound: DSCP of the outer header; not given: the inner one's"},
	{.id = CLI_OUTER_DF, .word = "outer-df", .kind = CLI_KIND_CHOICE, .choices = dfs, .fallback = "copy",
	 .help = "outbound: DF of an outer IPv4 header, copied from the inner one, or always set or clear"},
	{.id = CLI_OUTER_TTL, .word = "outer-ttl", .kind = CLI_KIND_NUMBER, .min = 1, .max = UINT8_MAX, .fallback = "64",
	 .help = "outbound: TTL or hop limit of the outer header"},
	{.id = CLI_FRAGMENT, .word = "fragment", .kind = CLI_KIND_CHOICE, .choices = cuts, .fallback = "before",
	 .help = "outbound: a packet too long for its way is cut before ESP, or the outer one after it, where its DF allows"},
	{.id = CLI_EXCHANGE, .word = "exchange", .kind = CLI_KIND_PROGRAM,
	 .help = "what the daemon runs to exchange keys: it gets the offer on its standard input, and its standard output "
		 "must be the peer's answer, within 30 s. Only root may set it. Not given: by hand, with offer and accept"},
};

static const struct cli_arg name_args[] = {
	{.id = CLI_NAME, .word = "NAME", .kind = CLI_KIND_NAME, .flags = CLI_BARE | CLI_REQUIRED,
	 .help = "of the tunnel"},
};

static const char *const fresh[] = {"new", NULL};

static const struct cli_arg offer_args[] = {
	{.id = CLI_FRESH, .word = "NEW", .kind = CLI_KIND_CHOICE, .flags = CLI_BARE, .choices = fresh,
	 .help = "another offer than the one that waits for its answer"},
	{.id = CLI_NAME, .word = "NAME", .kind = CLI_KIND_NAME, .flags = CLI_BARE | CLI_REQUIRED,
	 .help = "of the tunnel"},
};

static const struct cli_arg show_args[] = {
	{.id = CLI_NAME, .word = "NAME", .kind = CLI_KIND_NAME, .flags = CLI_BARE, .help = "only that one"},
};

static const char *const add_examples[] = {
	"tunnel add west-east vnet blue local 192.0.2.1 remote 192.0.2.2 local-prefix 10.1.0.0/24 remote-prefix 10.2.0.0/24",
	"tunnel add west-east vnet blue local 192.0.2.1 remote 192.0.2.2 local-prefix 10.1.0.0/24,10.3.0.0/24 "
	"remote-prefix 10.2.0.0/24 soft-seconds 50m hard-seconds 1h exchange 'ssh east culvert tunnel accept west-east'",
	NULL};

const struct cli_verb cli_tunnel_verbs[CLI_TUNNEL_VERBS] = {
	{.word = "add", .run = cli_tunnel_add, .acked = true, .args = add_args, .n_args = N(add_args),
	 .help = "describes a tunnel to a peer gateway, and protects its prefixes from then on\n"
		 "It makes its policies itself; until keys are exchanged, packets between the prefixes are dropped. The peer "
		 "needs the same tunnel with local and remote exchanged.",
	 .examples = add_examples},
	{.word = "show", .run = cli_tunnel_show, .args = show_args, .n_args = N(show_args),
	 .help = "shows tunnels: state, generation, SPIs, use, the next rekey, the last error; never keys",
	 .examples = (const char *const[]){"tunnel show", "-j tunnel show west-east", NULL}},
	{.word = "rekey", .run = cli_tunnel_rekey, .acked = true, .args = name_args, .n_args = N(name_args),
	 .help = "exchanges new keys now, by the tunnel's exchange command\nNo packet is lost by it. 'culvert monitor "
		 "tunnel' and 'tunnel show' tell how it ended.",
	 .examples = (const char *const[]){"tunnel rekey west-east", NULL}},
	{.word = "offer", .run = cli_tunnel_offer, .args = offer_args, .n_args = N(offer_args),
	 .help = "by hand, step 1: writes a new key for the peer to standard output\n"
		 "It is a secret: write it to a file of your own (umask 077) or into a pipe. The same offer comes again until "
		 "it is answered, for an hour.",
	 .examples = (const char *const[]){"tunnel offer west-east > offer",
				       "tunnel offer west-east | ssh east culvert tunnel accept west-east > answer", NULL}},
	{.word = "accept", .run = cli_tunnel_accept, .args = name_args, .n_args = N(name_args),
	 .help = "by hand, steps 2 and 3: takes the peer's offer from standard input and writes the answer to standard "
		 "output; or takes the peer's answer\nThe answer is a secret as the offer is. Who can hand something to this "
		 "command decides who the peer is: an ssh key bound to it (authorized_keys) does well.",
	 .examples = (const char *const[]){"tunnel accept west-east < offer > answer", "tunnel accept west-east < answer",
				       NULL}},
	{.word = "del", .run = cli_tunnel_del, .acked = true, .args = name_args, .n_args = N(name_args),
	 .help = "ends a tunnel: its SAs and its policies go\nWhat other policies say holds for its prefixes then.",
	 .examples = (const char *const[]){"tunnel del west-east", NULL}},
};
