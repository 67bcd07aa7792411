/* SPDX-License-Identifier: BSD-3-Clause
 * The command from its arguments to its exit code: options, words, hints, the verb's function. The command's only
 * thread. */
#include "control/cli/run.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/help.h"
#include "control/cli/parse.h"
#include "control/client.h"
#include "control/preload/daemon.h"

#define OPTIONS_MAX 16
#define WORDS_MAX   128

/* What the options said, and the words without them. */
struct line {
	char *words[WORDS_MAX];
	int n;
	char *const *rest; /* after --, of another program */
	const char *socket, *batch;
	bool json, help, version, force;
};

int
cli_complain(const struct cli *cli, int code, const char *format, ...)
{
	const struct cli_command *cmd = cli->cmd;
	va_list args;

	fputs("culvert: ", stderr);
	if (cli->file != NULL && cli->line > 0)
		fprintf(stderr, "%s:%u: ", cli->file, cli->line);
	else if (cli->file != NULL)
		fprintf(stderr, "%s: ", cli->file);
	if (cmd->object != NULL)
		fprintf(stderr, "%s%s%s: ", cmd->object->word, cmd->verb != NULL && cmd->verb->word[0] != 0 ? " " : "",
			cmd->verb != NULL ? cmd->verb->word : "");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

static void
getopt_tables(char *letters, struct option *longs)
{
	for (unsigned i = 0; i < cli_n_options && i < OPTIONS_MAX; i++) {
		const struct cli_option *option = &cli_options[i];

		*letters++ = option->letter;
		if (option->value != NULL)
			*letters++ = ':';
		if (option->may_lack)
			*letters++ = ':';
		longs[i] = (struct option){
		    .name = option->word,
		    .has_arg = option->value == NULL ? no_argument
			       : option->may_lack    ? optional_argument
						     : required_argument,
		    .val = option->letter,
		};
	}
	*letters = 0;
}

/* getopt names a short option, or a long one whose value is wrong, by its letter. */
static int
wrong_option(const struct cli *cli, const char *word, int missing)
{
	const char letter[] = {'-', (char)optopt, 0};
	char options[OPTIONS_MAX][16];
	const char *right[OPTIONS_MAX];
	struct cli_text err;
	unsigned n = 0;

	for (; n < cli_n_options && n < OPTIONS_MAX; n++) {
		snprintf(options[n], sizeof(options[n]), "--%s", cli_options[n].word);
		right[n] = options[n];
	}
	if (optopt != 0)
		word = letter;
	cli_text_set(&err, missing ? "option lacks its value: " : "unknown option, or one that takes no value: ");
	cli_text_quote(&err, word);
	cli_text_candidates(&err, word, right, n);
	return cli_complain(cli, CLI_USAGE, "%s", err.text);
}

static bool
add_word(struct line *line, char *word)
{
	if (line->n == WORDS_MAX - 1)
		return false;
	line->words[line->n++] = word;
	return true;
}

/* What stands after "--" is words, whatever it looks like; after "run --" it is another program's, and only its name is a
 * word. */
static bool
add_rest(struct line *line, char *argv[])
{
	bool fits = true;

	if (line->n == 1 && strcmp(line->words[0], "run") == 0) {
		line->rest = argv;
		return argv[0] == NULL || add_word(line, argv[0]);
	}
	for (; *argv != NULL; argv++)
		fits = fits && add_word(line, *argv);
	return fits;
}

static int
find_rest(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return i;
	return argc;
}

/* Splits argv into options and words. Exit code. */
static int
split(const struct cli *cli, int argc, char *argv[], struct line *line)
{
	const int rest = find_rest(argc, argv);
	static char watch[] = "watch";
	struct option longs[OPTIONS_MAX + 1] = {{0}};
	char letters[2 + 3 * OPTIONS_MAX] = ":"; /* ':' first: tell a missing value from an unknown option */
	const char *interval = NULL;
	bool watching = false, fits = true;
	int letter;

	getopt_tables(letters + 1, longs);
	optind = 0; /* glibc: start anew */
	/* -batch as ip(8) has it is --batch. */
	while ((letter = getopt_long_only(rest, argv, letters, longs, NULL)) != -1) {
		switch (letter) {
		case 'j':
			line->json = true;
			break;
		case 's':
			line->socket = optarg;
			break;
		case 'b':
			line->batch = optarg;
			break;
		case 'f':
			line->force = true;
			break;
		case 'w':
			watching = true;
			interval = optarg;
			break;
		case 'h':
			line->help = true;
			break;
		case 'V':
			line->version = true;
			break;
		default:
			return wrong_option(cli, argv[optind - 1], letter == ':');
		}
	}
	for (int i = optind; i < rest; i++)
		fits = fits && add_word(line, argv[i]);
	if (rest < argc)
		fits = fits && add_rest(line, argv + rest + 1);
	if (watching)
		fits = fits && add_word(line, watch);
	if (watching && interval != NULL)
		fits = fits && add_word(line, (char *)interval);
	return fits ? CLI_DONE : cli_complain(cli, CLI_USAGE, "more than %d words", WORDS_MAX - 1);
}

/* "culvert help sa add", as far as the words were understood. */
static void
hint(const struct cli_command *cmd)
{
	bool verb = cmd->verb != NULL && cmd->verb->word[0] != 0;

	fprintf(stderr, "See: culvert help%s%s%s%s\n", cmd->object != NULL ? " " : "",
		cmd->object != NULL ? cmd->object->word : "", verb ? " " : "", verb ? cmd->verb->word : "");
}

int
cli_main(int argc, char *argv[], FILE *out)
{
	struct cli_command cmd = {0};
	struct cli cli = {.cmd = &cmd, .out = out};
	struct line line = {.socket = getenv(PRE_SOCKET_ENV)};
	struct cli_text err = {.text = ""};
	int code = split(&cli, argc, argv, &line);

	if (line.socket == NULL || line.socket[0] == 0)
		line.socket = CTL_SOCKET_DEFAULT;
	if (code != CLI_DONE)
		return code;
	cli.json = line.json;
	cli.socket = line.socket;
	cli.rest = line.rest;
	if (line.version) {
		fprintf(out, "culvert %s\n", CULVERT_VERSION);
	} else if (line.help) {
		cli_parse_topic(line.n, line.words, &cmd);
		cli_help_print(out, cmd.object, cmd.verb);
	} else if (line.batch != NULL && line.n == 0) {
		code = cli_batch(&cli, line.batch, line.force);
	} else if (line.batch != NULL || line.force) {
		return cli_complain(&cli, CLI_USAGE,
				    line.batch == NULL ? "--force goes with --batch only"
						       : "--batch takes its commands from the file "
							 "alone, no further words are accepted");
	} else if (cli_parse(line.n, line.words, &cmd, &err) != 0) {
		cli_complain(&cli, CLI_USAGE, "%s", err.text);
		hint(&cmd);
		return CLI_USAGE;
	} else {
		code = cmd.verb->run(&cli);
	}
	if (code == CLI_DONE && (fflush(out) != 0 || ferror(out)))
		return cli_complain(&cli, CLI_FAILED, "the output was not taken: %s", strerror(errno));
	return code;
}
