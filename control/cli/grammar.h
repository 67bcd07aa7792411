/* SPDX-License-Identifier: BSD-3-Clause
 * The grammar of the culvert command as data: objects, verbs, arguments. Parsing, help, error hints and the shell's
 * completion are all made from this one table. The command's only thread. */
#ifndef CLI_GRAMMAR_H
#define CLI_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sa-db/addr.h"

/* Which argument it is, whatever the verb: the slot of its value in struct cli_command. */
enum cli_id {
	CLI_NOTHING,
	CLI_SRC,
	CLI_DST,
	CLI_SPI,
	CLI_VNET,
	CLI_KEY_FILE,
	CLI_KEY,
	CLI_ALGORITHM,
	CLI_REQID,
	CLI_DIR,
	CLI_ESN,
	CLI_WINDOW,
	CLI_ENCAP,
	CLI_ENCAP_SPORT,
	CLI_ENCAP_DPORT,
	CLI_TFC_PAD,
	CLI_OUTER_DSCP,
	CLI_OUTER_DF,
	CLI_OUTER_TTL,
	CLI_FRAGMENT,
	CLI_SEL_SRC,
	CLI_SEL_DST,
	CLI_SEL_PROTO,
	CLI_SOFT_BYTES,
	CLI_HARD_BYTES,
	CLI_SOFT_PACKETS,
	CLI_HARD_PACKETS,
	CLI_SOFT_SECONDS,
	CLI_HARD_SECONDS,
	CLI_MIN,
	CLI_MAX,
	CLI_PROTO,
	CLI_SPORT,
	CLI_DPORT,
	CLI_PRIORITY,
	CLI_ACTION,
	CLI_TUNNEL_SRC,
	CLI_TUNNEL_DST,
	CLI_INDEX,
	CLI_VIEW,
	CLI_WATCH,
	CLI_COUNT,
	CLI_EVENTS,
	CLI_FILE,
	CLI_OBJECT,
	CLI_VERB,
	CLI_SHELL,
	CLI_COMMAND,
	CLI_NAME,
	CLI_LOCAL,
	CLI_REMOTE,
	CLI_LOCAL_PREFIX,
	CLI_REMOTE_PREFIX,
	CLI_OVERLAP,
	CLI_EXCHANGE,
	CLI_FRESH,
	CLI_LENGTH,
	CLI_RATE,
	CLI_IDS
};

/* What kind of value an argument takes. */
enum cli_kind {
	CLI_KIND_ADDR,
	CLI_KIND_PREFIX,
	CLI_KIND_SPI,
	CLI_KIND_NUMBER,
	CLI_KIND_BYTES,
	CLI_KIND_PACKETS,
	CLI_KIND_SECONDS,
	CLI_KIND_VNET,
	CLI_KIND_PROTO,
	CLI_KIND_PORTS, /* one, or a range */
	CLI_KIND_FILE,
	CLI_KIND_OBJECT,
	CLI_KIND_VERB,
	CLI_KIND_COMMAND,   /* another program's words, which stand after -- */
	CLI_KIND_NAME,      /* of a tunnel */
	CLI_KIND_PREFIXES,  /* with commas between */
	CLI_KIND_PROGRAM,   /* of the daemon's to run, one word here */
	CLI_KIND_CHOICE,    /* one of the fixed words */
	CLI_KIND_ALGORITHM, /* likewise, but too many for a line of syntax */
	CLI_KIND_TRAP, /* a word typed by habit that must not be obeyed, but in private: help says what to do instead */
	CLI_KINDS
};

enum cli_arg_flag {
	CLI_REQUIRED = 1 << 0,
	CLI_BARE = 1 << 1,     /* the value stands alone, without a keyword before it */
	CLI_MANY = 1 << 2,     /* may be given again: the number is a bit set of the choices */
	CLI_MAY_LACK = 1 << 3, /* the keyword's value may be left out: the fallback holds then */
};

struct cli_arg {
	const char *word; /* the keyword; for a bare argument its name */
	const char *help;
	const char *const *choices; /* fixed values, NULL-terminated; for a number, words that mean 0 */
	const char *fallback;       /* the value when it is not given, as it would be typed */
	const char *with_value;     /* see with */
	uint64_t min, max;
	uint8_t id;    /* enum cli_id */
	uint8_t kind;  /* enum cli_kind */
	uint8_t flags; /* enum cli_arg_flag */
	uint8_t with; /* enum cli_id: belongs with that argument (if with_value: with that value of it); else refused */
	uint8_t unless; /* enum cli_id: not together with that argument, and not required beside it */
};

struct cli; /* run.h */

struct cli_verb {
	const char *word; /* "" for an object that needs no verb */
	const char *help; /* the first line stands alone in overviews */
	const struct cli_arg *args;
	const char *const *examples; /* what follows "culvert", NULL-terminated */
	int (*run)(struct cli *cli); /* exit code */
	uint8_t n_args;
	bool acked; /* all it gets is an ACK: a batch sends the next before it came */
};

struct cli_object {
	const char *word;
	const char *help;
	const struct cli_verb *verbs;
	uint8_t n_verbs;
};

/* grammar_tunnel.c: what culvert tunnel knows. */
#define CLI_TUNNEL_VERBS 6
extern const struct cli_verb cli_tunnel_verbs[CLI_TUNNEL_VERBS];

extern const struct cli_object cli_objects[];
extern const unsigned cli_n_objects;

/* Options, before or after the words. */
struct cli_option {
	const char *word;  /* "json" for --json */
	const char *value; /* its value's name, or NULL */
	const char *help;
	char letter;
	bool may_lack; /* the value may be left out */
};

extern const struct cli_option cli_options[];
extern const unsigned cli_n_options;

/* How help calls a kind, and what it accepts; name is NULL where the choices say it all. */
struct cli_kind_info {
	const char *name;
	const char *accepts;
};

extern const struct cli_kind_info cli_kinds[CLI_KINDS];

/* One argument as parsed. Unset members are zero. */
struct cli_value {
	const char *text;          /* as typed or the fallback's; NULL: neither */
	bool given;                /* typed */
	uint64_t number;           /* numbers, SPI (host order), protocol, choice, bit set of choices, first port */
	uint64_t last;             /* port */
	struct sadb_prefix prefix; /* prefix; its addr for an address */
};

struct cli_command {
	const struct cli_object *object;
	const struct cli_verb *verb;
	bool private; /* the words are nobody else's to see: a trap's word takes its value after all */
	struct cli_value value[CLI_IDS];
};

#endif
