/* SPDX-License-Identifier: BSD-3-Clause
 * culvert-pktgen: an independent generator and judge of traffic. The command line; main thread. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pktgen/bench.h"
#include "pktgen/command.h"
#include "pktgen/interrupt.h"

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const struct command {
	const char *name, *operand, *help;
	bool svg; /* has something to plot */
	int (*run)(const struct pg_options *options, struct pg_error *err);
} commands[] = {
    {"run", "SCENARIO.yaml", "send what the scenario says, and judge what comes in", false, pg_command_run},
    {"search", "SCENARIO.yaml", "find the highest rate without loss, for each frame size (RFC 2544)", true,
     pg_command_search},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option long_options[] = {
    {"json", required_argument, NULL, 'j'},
    {"svg", required_argument, NULL, 's'},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static void
print_help(FILE *out)
{
	fputs("usage: culvert-pktgen COMMAND [OPTIONS] ARGUMENT\n\ncommands:\n", out);
	for (unsigned i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %-14s %s\n", commands[i].name, commands[i].operand, commands[i].help);
	fprintf(out, "  %-8s %-14s %s\n", "bench", "path|aead",
		"cost of the gateway's stages and engine, in this process; see bench --help");
	fputs("\noptions:\n"
	      "  --json FILE    write the result as JSON too\n"
	      "  --svg FILE     plot throughput and latency against load (search), cost against SAs (bench)\n"
	      "  -q, --quiet    no live line on the terminal\n"
	      "  -v, --verbose  let DPDK's own messages through\n"
	      "  -h, --help     this text\n"
	      "  --version      print the version\n\n"
	      "^C ends what runs and prints the result so far. Exit code: 0 done, 1 refused or failed, 2 usage.\n",
	      out);
}

static int
usage(const char *what, const char *value)
{
	fprintf(stderr, "culvert-pktgen: %s%s; see culvert-pktgen --help\n", what, value);
	return EXIT_USAGE;
}

/* Options may stand anywhere. -1: go on; otherwise the exit code. */
static int
read_options(int argc, char **argv, struct pg_options *options)
{
	int c;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":hqv", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			options->json = optarg;
			break;
		case 's':
			options->svg = optarg;
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'v':
			options->verbose = true;
			break;
		case 'h':
			print_help(stdout);
			return EXIT_DONE;
		case 'V':
			puts("culvert-pktgen " CULVERT_VERSION);
			return EXIT_DONE;
		case ':':
			return usage("a file name must follow ", argv[optind - 1]);
		default:
			return usage("unknown option ", argv[optind - 1]);
		}
	}
	return -1;
}

/* A command with a line of its own: argv begins with its name. */
static int
bench(int argc, char **argv)
{
	struct pg_bench_options options;
	struct pg_error err = {.text = ""};
	const int code = pg_bench_options_read(argc, argv, &options);
	if (code >= 0)
		return code;
	pg_interrupt_catch();
	if (pg_command_bench(&options, &err) == 0)
		return EXIT_DONE;
	fprintf(stderr, "culvert-pktgen bench: %s\n", err.text);
	return EXIT_FAILED;
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "bench") == 0)
		return bench(argc - 1, argv + 1);
	struct pg_options options = {.operand = NULL};
	struct pg_error err = {.text = ""};
	unsigned i = 0;

	const int code = read_options(argc, argv, &options);
	if (code >= 0)
		return code;
	if (optind == argc)
		return usage("a command is missing", "");
	while (i < COMMANDS && strcmp(commands[i].name, argv[optind]) != 0)
		i++;
	if (i == COMMANDS && strcmp(argv[optind], "bench") == 0)
		return usage("bench must be the first word", "");
	if (i == COMMANDS)
		return usage("unknown command ", argv[optind]);
	if (argc - optind != 2)
		return usage(argc - optind < 2 ? "an argument is missing: " : "too many arguments, accepted: ",
			     commands[i].operand);
	if (options.svg != NULL && !commands[i].svg)
		return usage("--svg: there is no plot of a ", commands[i].name);
	options.operand = argv[optind + 1];
	pg_interrupt_catch();
	if (commands[i].run(&options, &err) == 0)
		return EXIT_DONE;
	fprintf(stderr, "%s\n", err.text);
	return EXIT_FAILED;
}
