/* SPDX-License-Identifier: BSD-3-Clause
 * The one table of objects, verbs, arguments, help and examples. Whoever adds a verb adds it here, and nowhere else.
 * The command's only thread. */
#include "control/cli/grammar.h"

#include "control/cli/names.h"
#include "control/cli/run.h"
#include "control/client.h"
#include "dataplane/dataplane.h"
#include "sa-db/algorithm.h"
#include "sa-db/replay.h"

#define N(array)  (sizeof(array) / sizeof((array)[0]))
#define LIMIT_MAX (UINT64_MAX - 1) /* XFRM_INF itself means no limit */
#define SPI_MIN   0x100            /* RFC 4303 2.1: 1 to 255 are reserved */

static const char *const on_off[] = {"off", "on", NULL}; /* index is the truth value */
static const char *const off[] = {"off", NULL};
static const char *const dfs[] = {"copy", "set", "clear", NULL}; /* enum in config.c */
static const char *const cuts[] = {"before", "after", NULL};
static const char *const encaps[] = {"espinudp", NULL};

/* An argument reads best as a line or two of the table. */
/* clang-format off */
/* ---- sa ---- */
static const struct cli_arg sa_args[] = {
	{.id = CLI_SRC, .word = "src", .kind = CLI_KIND_ADDR, .flags = CLI_REQUIRED,
	 .help = "outer source: this gateway on the way out, the peer on the way in"},
	{.id = CLI_DST, .word = "dst", .kind = CLI_KIND_ADDR, .flags = CLI_REQUIRED,
	 .help = "outer destination; with the SPI it names the SA"},
	{.id = CLI_SPI, .word = "spi", .kind = CLI_KIND_SPI, .flags = CLI_REQUIRED, .min = SPI_MIN, .max = UINT32_MAX,
	 .help = "security parameters index, chosen by the receiver"},
	{.id = CLI_VNET, .word = "vnet", .kind = CLI_KIND_VNET, .flags = CLI_REQUIRED,
	 .help = "virtual network whose packets the SA carries"},
	{.id = CLI_KEY_FILE, .word = "key-file", .kind = CLI_KIND_FILE, .flags = CLI_REQUIRED,
	 .help = "hexadecimal digits of key and salt, as keygen makes them: 72, or 40 for a key of 128 bits; readable by its "
		 "owner only. In a batch file that only its owner can read, or from a pipe, 'key DIGITS' does instead"},
	{.id = CLI_KEY, .word = "key", .kind = CLI_KIND_TRAP, .unless = CLI_KEY_FILE,
	 .help = "a key does not belong on a command line, where every user and the shell's history see it; "
		 "write it to a file ('culvert keygen FILE' makes one) and say 'key-file FILE', or 'key-file "
		 "-' for standard input. If this key was real, replace it"},
	{.id = CLI_ALGORITHM, .word = "algorithm", .kind = CLI_KIND_ALGORITHM, .choices = sadb_algorithm_names,
	 .fallback = "aes-256-gcm-16",
	 .help = "what protects the packets; both ends must agree. aes-256-gmac and aes-128-gmac are integrity only: everyone "
		 "on the way reads the packets"},
	{.id = CLI_REQID, .word = "reqid", .kind = CLI_KIND_NUMBER, .max = UINT32_MAX, .fallback = "0",
	 .help = "ties the SA to policies with the same number"},
	{.id = CLI_DIR, .word = "dir", .kind = CLI_KIND_CHOICE, .choices = cli_sa_dirs, .fallback = "any",
	 .help = "the only direction the SA is used in; any goes by dst: in when it is the gateway's own address, else out"},
	{.id = CLI_ESN, .word = "esn", .kind = CLI_KIND_CHOICE, .choices = on_off, .fallback = "on",
	 .help = "64-bit extended sequence numbers (RFC 4303 2.2.1); both ends must agree"},
	{.id = CLI_WINDOW, .word = "window", .kind = CLI_KIND_NUMBER, .min = SADB_REPLAY_MIN, .max = SADB_REPLAY_MAX,
	 .choices = off, .fallback = "128",
	 .help = "anti-replay window in packets"},
	{.id = CLI_ENCAP, .word = "encap", .kind = CLI_KIND_CHOICE, .choices = encaps,
	 .help = "ESP goes in UDP, from the first port to the second; not given: ESP alone"},
	{.id = CLI_ENCAP_SPORT, .word = "SPORT", .kind = CLI_KIND_NUMBER, .flags = CLI_BARE | CLI_REQUIRED, .min = 1,
	 .max = UINT16_MAX, .with = CLI_ENCAP,
	 .help = "UDP source port: this gateway's on the way out, the peer's on the way in"},
	{.id = CLI_ENCAP_DPORT, .word = "DPORT", .kind = CLI_KIND_NUMBER, .flags = CLI_BARE | CLI_REQUIRED, .min = 1,
	 .max = UINT16_MAX, .with = CLI_ENCAP,
	 .help = "UDP destination port; this gateway's own is nat_t_port, 4500"},
	{.id = CLI_TFC_PAD, .word = "tfc-pad", .kind = CLI_KIND_NUMBER, .min = 1, .max = UINT16_MAX,
	 .help = "outbound: shorter packets are padded to so many bytes, as far as the way takes them (RFC 4303 2.7)"},
	{.id = CLI_OUTER_DSCP, .word = "outer-dscp", .kind = CLI_KIND_NUMBER, .max = 63,
	 .help = "outbound: DSCP of the outer header; not given: the inner one's"},
	{.id = CLI_OUTER_DF, .word = "outer-df", .kind = CLI_KIND_CHOICE, .choices = dfs, .fallback = "copy",
	 .help = "outbound: DF of an outer IPv4 header, copied from the inner one, or always set or clear"},
	{.id = CLI_OUTER_TTL, .word = "outer-ttl", .kind = CLI_KIND_NUMBER, .min = 1, .max = UINT8_MAX, .fallback = "64",
	 .help = "outbound: TTL or hop limit of the outer header"},
	{.id = CLI_FRAGMENT, .word = "fragment", .kind = CLI_KIND_CHOICE, .choices = cuts, .fallback = "before",
	 .help = "outbound: a packet too long for its way is cut before ESP, or the outer one after it, where its DF allows"},
	{.id = CLI_SEL_SRC, .word = "sel-src", .kind = CLI_KIND_PREFIX,
	 .help = "inner sources the SA may carry; not given: all"},
	{.id = CLI_SEL_DST, .word = "sel-dst", .kind = CLI_KIND_PREFIX,
	 .help = "inner destinations the SA may carry; not given: all"},
	{.id = CLI_SEL_PROTO, .word = "sel-proto", .kind = CLI_KIND_PROTO, .fallback = "any",
	 .help = "inner protocol the SA may carry"},
	{.id = CLI_SOFT_BYTES, .word = "soft-bytes", .kind = CLI_KIND_BYTES, .min = 1, .max = LIMIT_MAX,
	 .help = "inner bytes after which a soft EXPIRE is sent"},
	{.id = CLI_HARD_BYTES, .word = "hard-bytes", .kind = CLI_KIND_BYTES, .min = 1, .max = LIMIT_MAX,
	 .help = "inner bytes after which the SA is gone"},
	{.id = CLI_SOFT_PACKETS, .word = "soft-packets", .kind = CLI_KIND_PACKETS, .min = 1, .max = LIMIT_MAX,
	 .help = "packets after which a soft EXPIRE is sent"},
	{.id = CLI_HARD_PACKETS, .word = "hard-packets", .kind = CLI_KIND_PACKETS, .min = 1, .max = LIMIT_MAX,
	 .help = "packets after which the SA is gone"},
	{.id = CLI_SOFT_SECONDS, .word = "soft-seconds", .kind = CLI_KIND_SECONDS, .min = 1, .max = UINT32_MAX,
	 .help = "age at which a soft EXPIRE is sent"},
	{.id = CLI_HARD_SECONDS, .word = "hard-seconds", .kind = CLI_KIND_SECONDS, .min = 1, .max = UINT32_MAX,
	 .help = "age at which the SA is gone"},
};

static const struct cli_arg sa_one_args[] = {
	{.id = CLI_DST, .word = "dst", .kind = CLI_KIND_ADDR, .flags = CLI_REQUIRED, .help = "outer destination"},
	{.id = CLI_SPI, .word = "spi", .kind = CLI_KIND_SPI, .flags = CLI_REQUIRED, .min = SPI_MIN, .max = UINT32_MAX,
	 .help = "security parameters index"},
};

static const struct cli_arg sa_dummy_args[] = {
	{.id = CLI_DST, .word = "dst", .kind = CLI_KIND_ADDR, .flags = CLI_REQUIRED, .help = "outer destination"},
	{.id = CLI_SPI, .word = "spi", .kind = CLI_KIND_SPI, .flags = CLI_REQUIRED, .min = SPI_MIN, .max = UINT32_MAX,
	 .help = "security parameters index of an outbound SA"},
	{.id = CLI_COUNT, .word = "count", .kind = CLI_KIND_NUMBER, .min = 1, .max = DP_DUMMY_PACKETS, .choices = off,
	 .fallback = "1",
	 .help = "how many; off ends those under way"},
	{.id = CLI_LENGTH, .word = "length", .kind = CLI_KIND_NUMBER, .min = DP_DUMMY_SHORTEST, .max = UINT16_MAX,
	 .help = "as of an inner packet of so many bytes, as far as the way takes it; not given: random, from 64 to what the way "
		 "takes"},
	{.id = CLI_RATE, .word = "rate", .kind = CLI_KIND_NUMBER, .min = 1, .max = DP_DUMMY_RATE_MAX, .fallback = "1000",
	 .help = "packets a second"},
};

static const struct cli_arg sa_show_args[] = {
	{.id = CLI_DST, .word = "dst", .kind = CLI_KIND_ADDR, .with = CLI_SPI, .help = "outer destination of one SA"},
	{.id = CLI_SPI, .word = "spi", .kind = CLI_KIND_SPI, .with = CLI_DST, .min = SPI_MIN, .max = UINT32_MAX,
	 .help = "security parameters index of one SA"},
};

static const struct cli_arg sa_alloc_args[] = {
	{.id = CLI_SRC, .word = "src", .kind = CLI_KIND_ADDR, .flags = CLI_REQUIRED, .help = "outer source: the peer"},
	{.id = CLI_DST, .word = "dst", .kind = CLI_KIND_ADDR, .flags = CLI_REQUIRED,
	 .help = "outer destination: this gateway"},
	{.id = CLI_VNET, .word = "vnet", .kind = CLI_KIND_VNET, .flags = CLI_REQUIRED,
	 .help = "virtual network of the SA to come, or underlay"},
	{.id = CLI_REQID, .word = "reqid", .kind = CLI_KIND_NUMBER, .max = UINT32_MAX, .fallback = "0",
	 .help = "request id of the SA to come"},
	{.id = CLI_MIN, .word = "min", .kind = CLI_KIND_SPI, .min = SPI_MIN, .max = UINT32_MAX, .fallback = "0x100",
	 .help = "lowest SPI to choose"},
	{.id = CLI_MAX, .word = "max", .kind = CLI_KIND_SPI, .min = SPI_MIN, .max = UINT32_MAX,
	 .fallback = "0xffffffff",
	 .help = "highest SPI to choose"},
};

static const struct cli_verb sa_verbs[] = {
	{.word = "add", .run = cli_sa_add, .acked = true, .args = sa_args, .n_args = N(sa_args),
	 .help = "adds an SA: ESP, tunnel mode, with a 16-byte ICV: AES-GCM (RFC 4106), ChaCha20-Poly1305 (RFC 7634) or "
		 "AES-GMAC (RFC 4543)",
	 .examples =
	 (const char *const[]){
	     "sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet blue key-file west-east.key dir out",
	     "sa add src 192.0.2.2 dst 192.0.2.1 spi 0x2001 vnet blue key-file east-west.key dir in window 1024",
	     "sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1002 vnet blue key-file - soft-bytes 90G hard-bytes 100G "
	     "soft-seconds 50m hard-seconds 1h",
	     "sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1004 vnet blue key-file chacha.key dir out algorithm "
	     "chacha20-poly1305",
	     "sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1003 vnet blue key-file west-east.key dir out encap espinudp "
	     "4500 4500",
	     NULL}},
	{.word = "update", .run = cli_sa_update, .acked = true, .args = sa_args, .n_args = N(sa_args),
	 .help = "changes an SA's lifetimes, selector, reqid and UDP ports, or completes one made by alloc-spi\n"
	     "The key must be the SA's own; sequence numbers and replay window go on. What is not given goes back to "
	     "its default.",
	 .examples = (const char *const[]){"sa update src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet blue key-file "
				       "west-east.key dir out hard-seconds 8h",
				       NULL}},
	{.word = "show", .run = cli_sa_show, .args = sa_show_args, .n_args = N(sa_show_args),
	 .help = "shows all SAs, or one: addresses, window, sequence, counters, lifetimes; never keys",
	 .examples = (const char *const[]){"sa show", "-j sa show dst 192.0.2.2 spi 0x1001", NULL}},
	{.word = "del", .run = cli_sa_del, .acked = true, .args = sa_one_args, .n_args = N(sa_one_args),
	 .help = "deletes an SA\nIts key's sequence number stays remembered: the same key may come back and goes on "
		 "above.",
	 .examples = (const char *const[]){"sa del dst 192.0.2.2 spi 0x1001", NULL}},
	{.word = "flush", .run = cli_sa_flush, .acked = true,
	 .help = "deletes every SA, at once and unasked",
	 .examples = (const char *const[]){"sa flush", NULL}},
	{.word = "dummy", .run = cli_sa_dummy, .args = sa_dummy_args, .n_args = N(sa_dummy_args),
	 .help = "sends dummy packets by an outbound SA, which the peer drops (RFC 4303 2.6)\n"
		 "Who watches the wire cannot tell them from others, but with AES-GMAC, which hides nothing. They "
		 "count against the SA's limits. It returns at once: stats show counts what was sent, and what was "
		 "not since the SA had gone.",
	 .examples = (const char *const[]){"sa dummy dst 192.0.2.2 spi 0x1001 count 10000 rate 500",
				       "sa dummy dst 192.0.2.2 spi 0x1001 count off", NULL}},
	{.word = "alloc-spi", .run = cli_sa_alloc_spi, .args = sa_alloc_args, .n_args = N(sa_alloc_args),
	 .help = "reserves a free SPI for 30 s and prints it; sa update completes the SA",
	 .examples = (const char *const[]){"sa alloc-spi src 192.0.2.2 dst 192.0.2.1 vnet blue",
				       "sa alloc-spi src 192.0.2.2 dst 192.0.2.1 vnet blue min 0xc0000000 max "
				       "0xcfffffff",
				       NULL}},
};

/* ---- policy ---- */
static const struct cli_arg policy_args[] = {
	{.id = CLI_VNET, .word = "vnet", .kind = CLI_KIND_VNET, .flags = CLI_REQUIRED, .help = "virtual network"},
	{.id = CLI_DIR, .word = "dir", .kind = CLI_KIND_CHOICE, .flags = CLI_REQUIRED, .choices = cli_policy_dirs,
	 .help = "out: before ESP; in: from ESP to the gateway itself; fwd: from ESP onwards"},
	{.id = CLI_SRC, .word = "src", .kind = CLI_KIND_PREFIX, .flags = CLI_REQUIRED, .help = "inner sources"},
	{.id = CLI_DST, .word = "dst", .kind = CLI_KIND_PREFIX, .flags = CLI_REQUIRED, .help = "inner destinations"},
	{.id = CLI_PROTO, .word = "proto", .kind = CLI_KIND_PROTO, .fallback = "any", .help = "inner protocol"},
	{.id = CLI_SPORT, .word = "sport", .kind = CLI_KIND_PORTS, .max = UINT16_MAX, .with = CLI_PROTO,
	 .help = "source port; the type for icmp; a range or one"},
	{.id = CLI_DPORT, .word = "dport", .kind = CLI_KIND_PORTS, .max = UINT16_MAX, .with = CLI_PROTO,
	 .help = "destination port; the code for icmp; a range or one"},
	{.id = CLI_PRIORITY, .word = "priority", .kind = CLI_KIND_NUMBER, .max = UINT32_MAX, .fallback = "0",
	 .help = "the lower number wins; of equal ones the older"},
	{.id = CLI_ACTION, .word = "action", .kind = CLI_KIND_CHOICE, .flags = CLI_REQUIRED, .choices = cli_actions,
	 .help = "protect: ESP or nothing; bypass: pass in the clear"},
	{.id = CLI_TUNNEL_SRC, .word = "tunnel-src", .kind = CLI_KIND_ADDR, .flags = CLI_REQUIRED, .with = CLI_ACTION,
	 .with_value = "protect",
	 .help = "outer source of the SA wanted"},
	{.id = CLI_TUNNEL_DST, .word = "tunnel-dst", .kind = CLI_KIND_ADDR, .flags = CLI_REQUIRED, .with = CLI_ACTION,
	 .with_value = "protect",
	 .help = "outer destination of the SA wanted"},
	{.id = CLI_REQID, .word = "reqid", .kind = CLI_KIND_NUMBER, .max = UINT32_MAX, .with = CLI_ACTION,
	 .with_value = "protect",
	 .help = "request id of the SA wanted; not given: any"},
	{.id = CLI_SPI, .word = "spi", .kind = CLI_KIND_SPI, .min = SPI_MIN, .max = UINT32_MAX, .with = CLI_ACTION,
	 .with_value = "protect",
	 .help = "SPI of the SA wanted; not given: any"},
};

static const struct cli_arg policy_del_args[] = {
	{.id = CLI_INDEX, .word = "index", .kind = CLI_KIND_NUMBER, .min = 1, .max = UINT32_MAX,
	 .help = "the policy's number as shown; alone it is enough"},
	{.id = CLI_VNET, .word = "vnet", .kind = CLI_KIND_VNET, .flags = CLI_REQUIRED, .unless = CLI_INDEX,
	 .help = "virtual network"},
	{.id = CLI_DIR, .word = "dir", .kind = CLI_KIND_CHOICE, .flags = CLI_REQUIRED, .choices = cli_policy_dirs,
	 .unless = CLI_INDEX,
	 .help = "direction"},
	{.id = CLI_SRC, .word = "src", .kind = CLI_KIND_PREFIX, .flags = CLI_REQUIRED, .unless = CLI_INDEX,
	 .help = "inner sources"},
	{.id = CLI_DST, .word = "dst", .kind = CLI_KIND_PREFIX, .flags = CLI_REQUIRED, .unless = CLI_INDEX,
	 .help = "inner destinations"},
	{.id = CLI_PROTO, .word = "proto", .kind = CLI_KIND_PROTO, .fallback = "any", .unless = CLI_INDEX,
	 .help = "inner protocol"},
	{.id = CLI_SPORT, .word = "sport", .kind = CLI_KIND_PORTS, .max = UINT16_MAX, .with = CLI_PROTO,
	 .unless = CLI_INDEX,
	 .help = "source port; the type for icmp; a range or one"},
	{.id = CLI_DPORT, .word = "dport", .kind = CLI_KIND_PORTS, .max = UINT16_MAX, .with = CLI_PROTO,
	 .unless = CLI_INDEX,
	 .help = "destination port; the code for icmp; a range or one"},
};

static const char *const policy_add_examples[] = {
	"policy add vnet blue dir out src 10.1.0.0/16 dst 10.2.0.0/16 action protect tunnel-src 192.0.2.1 tunnel-dst "
	"192.0.2.2",
	"policy add vnet blue dir fwd src 10.2.0.0/16 dst 10.1.0.0/16 action protect tunnel-src 192.0.2.2 tunnel-dst "
	"192.0.2.1",
	"policy add vnet blue dir out src 0.0.0.0/0 dst 0.0.0.0/0 proto tcp dport 25 priority 10 action drop",
	"policy add vnet blue dir out src 10.1.0.0/16 dst 10.3.0.0/16 proto udp dport 5000-5999 action bypass", NULL};

static const struct cli_verb policy_verbs[] = {
	{.word = "add", .run = cli_policy_add, .acked = true, .args = policy_args, .n_args = N(policy_args),
	 .help = "adds a policy\nA packet that a protect policy matches leaves inside ESP or not at all. A range of ports "
		 "becomes as many policies as blocks of a power of two make it up, 64 at most, all of them or none: "
		 "policy show has a row for each.",
	 .examples = policy_add_examples},
	{.word = "update", .run = cli_policy_update, .acked = true, .args = policy_args, .n_args = N(policy_args),
	 .help = "adds a policy or replaces the one with the same vnet, direction and selector\nOf a range of ports all "
		 "blocks, or none.",
	 .examples = (const char *const[]){"policy update vnet blue dir out src 10.1.0.0/16 dst 10.2.0.0/16 action "
				       "protect tunnel-src 192.0.2.1 tunnel-dst 192.0.2.2 spi 0x1002",
				       NULL}},
	{.word = "show", .run = cli_policy_show,
	 .help = "shows all policies",
	 .examples = (const char *const[]){"policy show", "-j policy show", NULL}},
	{.word = "del", .run = cli_policy_del, .acked = true, .args = policy_del_args, .n_args = N(policy_del_args),
	 .help = "deletes a policy, by its number or by what it matches\nA range of ports goes as it was added, all of "
		 "it or nothing.",
	 .examples = (const char *const[]){"policy del index 9",
				       "policy del vnet blue dir out src 10.1.0.0/16 dst 10.2.0.0/16", NULL}},
	{.word = "flush", .run = cli_policy_flush, .acked = true,
	 .help = "deletes every policy, at once and unasked",
	 .examples = (const char *const[]){"policy flush", NULL}},
};

/* ---- what the daemon has ---- */
static const struct cli_verb vnet_verbs[] = {
	{.word = "show", .run = cli_vnet_show,
	 .help = "shows the virtual networks, what they hold, and what becomes of packets that no policy names",
	 .examples = (const char *const[]){"vnet show", NULL}},
};

static const struct cli_verb port_verbs[] = {
	{.word = "show", .run = cli_port_show,
	 .help = "shows the ports, their devices, links and counters",
	 .examples = (const char *const[]){"port show", NULL}},
};

static const struct cli_verb route_verbs[] = {
	{.word = "show", .run = cli_route_show,
	 .help = "shows the routes that workers use, learnt from the kernel",
	 .examples = (const char *const[]){"route show", NULL}},
};

static const struct cli_verb neigh_verbs[] = {
	{.word = "show", .run = cli_neigh_show,
	 .help = "shows the neighbours that workers use, learnt from the kernel",
	 .examples = (const char *const[]){"neigh show", NULL}},
};

static const struct cli_verb info_verbs[] = {
	{.word = "show", .run = cli_info_show,
	 .help = "shows the daemon's version, engine, workers and uptime",
	 .examples = (const char *const[]){"info show", NULL}},
};

static const struct cli_verb mirror_verbs[] = {
	{.word = "show", .run = cli_mirror_show,
	 .help = "shows what of the kernel's SAs and policies is mirrored, and what is not and why\n"
		 "With source: kernel. closed 1: a policy that should drop cannot be had, so nothing passes in the clear. "
		 "behind 1: a comparison with the kernel is due. kernel_default: 1 block, 2 accept; here packets without a "
		 "policy are always dropped.",
	 .examples = (const char *const[]){"mirror show", "-j mirror show", NULL}},
};

/* ---- stats, monitor ---- */
static const char *const views[] = {"summary", "drops", "stages", "sa", "memory", "audit", "all", NULL}; /* enum in stats.c */

static const struct cli_arg stats_args[] = {
	{.id = CLI_VIEW, .word = "VIEW", .kind = CLI_KIND_CHOICE, .flags = CLI_BARE, .choices = views,
	 .fallback = "summary",
	 .help = "summary: workers with their balance rx = tx + punted + dropped + held + joined, and ports; drops: by "
		 "reason; stages: cycles of each; sa: counters of each SA; memory: what the daemon's memory went to; audit: security events by kind"},
	{.id = CLI_WATCH, .word = "watch", .kind = CLI_KIND_SECONDS, .flags = CLI_MAY_LACK, .min = 1, .max = 86400,
	 .fallback = "1",
	 .help = "shows again every so many seconds, with rates, until ^C"},
	{.id = CLI_COUNT, .word = "count", .kind = CLI_KIND_NUMBER, .min = 1, .max = UINT32_MAX, .with = CLI_WATCH,
	 .help = "ends after so many times"},
};

static const struct cli_verb stats_verbs[] = {
	{.word = "show", .run = cli_stats_show, .args = stats_args, .n_args = N(stats_args),
	 .help = "shows counters, once or watching",
	 .examples = (const char *const[]){"stats show", "stats show drops", "stats show stages watch 5", "stats show memory",
				       "-j stats show all watch 1 count 10", NULL}},
};

static const char *const events[] = {"sa", "policy", "expire", "acquire", "mapping", "tunnel", "audit", NULL}; /* enum in monitor.c */

static const struct cli_arg monitor_args[] = {
	{.id = CLI_EVENTS, .word = "EVENT", .kind = CLI_KIND_CHOICE, .flags = CLI_BARE | CLI_MANY, .choices = events,
	 .help = "which events; not given: all"},
};

static const struct cli_verb monitor_verbs[] = {
	{.word = "", .run = cli_monitor, .args = monitor_args, .n_args = N(monitor_args),
	 .help = "prints a line for each event until ^C",
	 .examples = (const char *const[]){"monitor", "monitor expire acquire", "-j monitor sa", "-j monitor audit", NULL}},
};

/* ---- without the daemon ---- */
static const struct cli_arg keygen_args[] = {
	{.id = CLI_FILE, .word = "FILE", .kind = CLI_KIND_FILE, .flags = CLI_BARE | CLI_REQUIRED,
	 .help = "a file that does not exist yet; - is standard output, unless it is a terminal"},
	{.id = CLI_ALGORITHM, .word = "algorithm", .kind = CLI_KIND_ALGORITHM, .choices = sadb_algorithm_names,
	 .fallback = "aes-256-gcm-16",
	 .help = "what it is for: that says how long it is"},
};

static const struct cli_verb keygen_verbs[] = {
	{.word = "", .run = cli_keygen, .args = keygen_args, .n_args = N(keygen_args),
	 .help = "makes a new random key and salt for one SA\nBoth gateways need the same file; the two directions "
		 "need a key each.",
	 .examples = (const char *const[]){"keygen west-east.key", "keygen short.key algorithm aes-128-gcm-16", NULL}},
};

static const struct cli_arg run_args[] = {
	{.id = CLI_COMMAND, .word = "-- COMMAND", .kind = CLI_KIND_COMMAND, .flags = CLI_BARE | CLI_REQUIRED,
	 .help = "the command with its arguments, found as the shell finds it"},
};

static const struct cli_verb run_verbs[] = {
	{.word = "", .run = cli_run, .args = run_args, .n_args = N(run_args),
	 .help = "starts a command to which the daemon is the kernel's XFRM\nIts NETLINK_XFRM sockets reach the daemon "
		 "by libculvert-xfrm.so, which LD_PRELOAD loads; all else it does is untouched. Unmodified ip xfrm and "
		 "strongSwan's charon work so. The command's children are started alike.",
	 .examples = (const char *const[]){"run -- ip xfrm state", "run -- ip xfrm monitor",
				       "run -- charon-systemd", NULL}},
};

static const char *const shells[] = {"bash", NULL};

static const struct cli_arg completion_args[] = {
	{.id = CLI_SHELL, .word = "SHELL", .kind = CLI_KIND_CHOICE, .flags = CLI_BARE | CLI_REQUIRED,
	 .choices = shells,
	 .help = "the shell to write for"},
};

static const struct cli_verb completion_verbs[] = {
	{.word = "", .run = cli_completion, .args = completion_args, .n_args = N(completion_args),
	 .help = "prints a script that makes the shell complete this command's words",
	 .examples = (const char *const[]){"completion bash", NULL}},
};

static const struct cli_arg help_args[] = {
	{.id = CLI_OBJECT, .word = "OBJECT", .kind = CLI_KIND_OBJECT, .flags = CLI_BARE, .help = "about that object"},
	{.id = CLI_VERB, .word = "VERB", .kind = CLI_KIND_VERB, .flags = CLI_BARE, .with = CLI_OBJECT,
	 .help = "about that verb of it"},
};

static const struct cli_verb help_verbs[] = {
	{.word = "", .run = cli_help, .args = help_args, .n_args = N(help_args),
	 .help = "explains the words",
	 .examples = (const char *const[]){"help", "help sa", "help sa add", NULL}},
};

/* clang-format on */
const struct cli_object cli_objects[] = {
    {"sa", "security associations", sa_verbs, N(sa_verbs)},
    {"policy", "security policies: what is protected, bypassed, dropped", policy_verbs, N(policy_verbs)},
    {"tunnel", "tunnels without IKE: keys exchanged between two gateways", cli_tunnel_verbs, CLI_TUNNEL_VERBS},
    {"vnet", "virtual networks", vnet_verbs, N(vnet_verbs)},
    {"port", "ports of the dataplane", port_verbs, N(port_verbs)},
    {"route", "routes", route_verbs, N(route_verbs)},
    {"neigh", "neighbours", neigh_verbs, N(neigh_verbs)},
    {"info", "the daemon itself", info_verbs, N(info_verbs)},
    {"mirror", "the kernel's SAs and policies, mirrored", mirror_verbs, N(mirror_verbs)},
    {"stats", "counters of workers, ports, drops, stages, SAs; memory", stats_verbs, N(stats_verbs)},
    {"monitor", "events as they happen", monitor_verbs, N(monitor_verbs)},
    {"keygen", "new keys", keygen_verbs, N(keygen_verbs)},
    {"run", "other programs, with the daemon as their kernel's XFRM", run_verbs, N(run_verbs)},
    {"completion", "completion for the shell", completion_verbs, N(completion_verbs)},
    {"help", "this help", help_verbs, N(help_verbs)},
};
const unsigned cli_n_objects = N(cli_objects);

const struct cli_option cli_options[] = {
    {"json", NULL, "every show as a JSON array of objects, monitor as one object a line", 'j', false},
    {"socket", "PATH", "the daemon's socket; without it $CULVERT_SOCKET, else " CTL_SOCKET_DEFAULT, 's', false},
    {"batch", "FILE", "carries out FILE, a command a line ('-': standard input), until one fails", 'b', false},
    {"force", NULL, "with --batch: goes on after a command that failed", 'f', false},
    {"watch", "SECONDS", "the same as the words watch [SECONDS] at the end", 'w', true},
    {"help", NULL, "help for the words before it", 'h', false},
    {"version", NULL, "the version", 'V', false},
};
const unsigned cli_n_options = N(cli_options);
