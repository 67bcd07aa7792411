/* SPDX-License-Identifier: BSD-3-Clause
 * The command line of culvert-pktgen bench. Main thread. */
#include "pktgen/bench.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_FRAMES "64,128,256,512,1024,1422,8192,imix"
#define MOST_SAS       2000000 /* pairs */

enum { EXIT_HELP = 0, EXIT_USAGE = 2 };

static const struct option long_options[] = {
    {"engine", required_argument, NULL, 'e'},
    {"frames", required_argument, NULL, 'f'},
    {"dir", required_argument, NULL, 'd'},
    {"sas", required_argument, NULL, 'S'},
    {"policies", required_argument, NULL, 'P'},
    {"workers", required_argument, NULL, 'w'},
    {"esn", required_argument, NULL, 'E'},
    {"window", required_argument, NULL, 'W'},
    {"batch", required_argument, NULL, 'b'},
    {"trials", required_argument, NULL, 't'},
    {"time", required_argument, NULL, 'T'},
    {"cpus", required_argument, NULL, 'c'},
    {"json", required_argument, NULL, 'j'},
    {"svg", required_argument, NULL, 's'},
    {"stages", no_argument, NULL, 'g'},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

const char *
pg_bench_dir_name(enum pg_bench_dir dir)
{
	return dir == PG_BENCH_ENCRYPT ? "encrypt" : "decrypt";
}

static void
print_help(void)
{
	puts(
	    "usage: culvert-pktgen bench path [OPTIONS]\n"
	    "       culvert-pktgen bench aead [OPTIONS]\n\n"
	    "path: the gateway's own stages on one core, fed from memory and emptied into memory; the cost of that is\n"
	    "measured apart and taken off. Beside it stand the engine's bare calls for the same packets, made in turn\n"
	    "with the trials, and the ratio: only figures of one run may be compared.\n"
	    "aead: those bare calls alone, one packet a call.\n\n"
	    "Every combination of the lists below is measured. LIST: values with commas between.\n"
	    "  --engine LIST    engines by name; default auto, the one the gateway would choose\n"
	    "  --frames LIST    inner Ethernet frames without FCS, 64 to 9216 bytes, or imix;\n"
	    "                   default " DEFAULT_FRAMES "\n"
	    "  --dir DIR        encrypt, decrypt or both (default)\n"
	    "  --sas LIST       pairs of SAs, used at random; default 1\n"
	    "  --policies LIST  policies in each direction, at least one for each pair; default as many as pairs\n"
	    "  --workers LIST   workers at once, each with queues of its own, all on the same SAs; default 1\n"
	    "  --esn on|off|both  64-bit sequence numbers; default off\n"
	    "  --window N       replay window in packets, 0 to 65536; default 1024\n"
	    "  --batch N        packets that wait for the worker each time, 1 to 256; default 64\n"
	    "  --trials N       5 to 101, the median counts; default 7\n"
	    "  --time MS        of each trial, 1 to 10000; default 30\n"
	    "  --cpus LIST      CPUs of the workers; default the last ones this process may use\n"
	    "  --stages         cycles of each stage, too\n"
	    "  --json FILE      write the result as JSON too\n"
	    "  --svg FILE       plot cycles against SAs or policies, where there are several counts\n"
	    "  -q, --quiet      no line on what is being done; -v, --verbose: DPDK's own messages\n\n"
	    "Cycles are TSC cycles a packet of one worker. low and high are the least and most of the trials.");
}

static int
usage(const char *option, const char *value, const char *accepted)
{
	fprintf(stderr, "culvert-pktgen bench: %s %s: accepted: %s\n", option, value, accepted);
	return EXIT_USAGE;
}

static bool
number(const char *text, unsigned min, unsigned max, unsigned *out)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (*end == 'k' || *end == 'M')
		value *= *end++ == 'k' ? 1000 : 1000000;
	if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < min || value > max)
		return false;
	*out = (unsigned)value;
	return true;
}

/* Cuts the list at its commas, in place, and hands each part to one. Returns how many there were, 0: refused. */
static unsigned
list(char *text, void *out, bool (*one)(const char *part, unsigned i, void *out))
{
	unsigned n = 0;
	char *save = NULL;
	for (char *part = strtok_r(text, ",", &save); part != NULL; part = strtok_r(NULL, ",", &save)) {
		if (n == PG_BENCH_LIST || !one(part, n, out))
			return 0;
		n++;
	}
	return n;
}

static bool
one_engine(const char *part, unsigned i, void *out)
{
	((const char **)out)[i] = part;
	return true;
}

static bool
one_frame(const char *part, unsigned i, void *out)
{
	return pg_mix_parse(part, &((struct pg_mix *)out)[i]) == 0;
}

static bool
one_count(const char *part, unsigned i, void *out)
{
	return number(part, 1, MOST_SAS, &((unsigned *)out)[i]);
}

static bool
one_worker_count(const char *part, unsigned i, void *out)
{
	return number(part, 1, DP_MAX_WORKERS, &((unsigned *)out)[i]);
}

static bool
choice(const char *value, const char *first, const char *second, bool out[2])
{
	out[0] = strcmp(value, first) == 0 || strcmp(value, "both") == 0;
	out[1] = strcmp(value, second) == 0 || strcmp(value, "both") == 0;
	return out[0] || out[1];
}

/* Returns what is accepted when the value is not. */
static const char *
read_list(int c, char *value, struct pg_bench_options *o)
{
	switch (c) {
	case 'e':
		o->n_engines = list(value, o->engine, one_engine);
		return o->n_engines > 0 ? NULL : "up to 16 engines by name";
	case 'f':
		o->n_frames = list(value, o->frame, one_frame);
		return o->n_frames > 0 ? NULL : "up to 16 of 64..9216 and imix";
	case 'S':
		o->n_sas = list(value, o->sas, one_count);
		return o->n_sas > 0 ? NULL : "up to 16 of 1..2M";
	case 'P':
		o->n_policies = list(value, o->policies, one_count);
		return o->n_policies > 0 ? NULL : "up to 16 of 1..2M";
	default:
		o->n_workers = list(value, o->workers, one_worker_count);
		return o->n_workers > 0 ? NULL : "up to 16 of 1..32";
	}
}

static const char *
read_value(int c, char *value, struct pg_bench_options *o)
{
	switch (c) {
	case 'd':
		return choice(value, "encrypt", "decrypt", o->dir) ? NULL : "encrypt, decrypt, both";
	case 'E':
		return choice(value, "off", "on", o->esn) ? NULL : "on, off, both";
	case 'W':
		return number(value, 0, 65536, &o->window) ? NULL : "0..65536 packets";
	case 'b':
		return number(value, 1, PG_BENCH_BATCH_MAX, &o->batch) ? NULL : "1..256 packets";
	case 't':
		return number(value, 5, PG_BENCH_TRIALS_MAX, &o->trials) ? NULL : "5..101";
	case 'T':
		return number(value, 1, 10000, &o->trial_ms) ? NULL : "1..10000 milliseconds";
	default:
		return read_list(c, value, o);
	}
}

static void
set_defaults(struct pg_bench_options *o)
{
	static char frames[sizeof(DEFAULT_FRAMES)];
	memcpy(frames, DEFAULT_FRAMES, sizeof(frames));
	*o = (struct pg_bench_options){.engine = {"auto"},
				       .sas = {1},
				       .workers = {1},
				       .esn = {true, false},
				       .dir = {true, true},
				       .n_engines = 1,
				       .n_sas = 1,
				       .n_workers = 1,
				       .window = 1024,
				       .batch = 64,
				       .trials = 7,
				       .trial_ms = 30};
	o->n_frames = list(frames, o->frame, one_frame);
}

static int
read_option(int c, struct pg_bench_options *o, const char *name)
{
	const char *accepted;
	switch (c) {
	case 'c':
		o->cpus = optarg;
		return -1;
	case 'j':
		o->json = optarg;
		return -1;
	case 's':
		o->svg = optarg;
		return -1;
	case 'g':
		o->stages = true;
		return -1;
	case 'q':
		o->quiet = true;
		return -1;
	case 'v':
		o->verbose = true;
		return -1;
	case 'h':
		print_help();
		return EXIT_HELP;
	case ':':
		return usage(name, "", "a value after it");
	case '?':
		return usage(name, "", "see culvert-pktgen bench --help");
	default:
		accepted = read_value(c, optarg, o);
		return accepted != NULL ? usage(name, optarg, accepted) : -1;
	}
}

int
pg_bench_options_read(int argc, char **argv, struct pg_bench_options *o)
{
	int c, index = 0;
	char name[32];
	set_defaults(o);
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":hqv", long_options, &index)) != -1) {
		bool known = c != ':' && c != '?';
		snprintf(name, sizeof(name), "%s%s", known ? "--" : "",
			 known ? long_options[index].name : argv[optind - 1]);
		const int code = read_option(c, o, name);
		if (code >= 0)
			return code;
	}
	if (argc - optind != 1)
		return usage("bench", argc == optind ? "" : argv[optind + 1], "path or aead, and options");
	if (strcmp(argv[optind], "path") != 0 && strcmp(argv[optind], "aead") != 0)
		return usage("bench", argv[optind], "path, aead");
	o->kind = strcmp(argv[optind], "path") == 0 ? PG_BENCH_PATH : PG_BENCH_AEAD;
	return -1;
}
