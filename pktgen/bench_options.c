/* SPDX-License-Identifier: BSD-3-Clause
 * The command line of culvert-pktgen bench. Main thread. */
#include "pktgen/bench.h"

#include <getopt.h>
#include <string.h>

#include "pktgen/value.h"

#define DEFAULT_FRAMES "64,128,256,512,1024,1422,8192,imix"
#define MOST_SAS       2000000 /* pairs */
#define WINDOW_MIN     64
#define WINDOW_MAX     65536

enum { EXIT_HELP = 0, EXIT_USAGE = 2 };

static const struct option long_options[] = {
    {"engine", required_argument, NULL, 'e'},  {"algorithm", required_argument, NULL, 'a'},
    {"frames", required_argument, NULL, 'f'},  {"dir", required_argument, NULL, 'd'},
    {"sas", required_argument, NULL, 'S'},     {"policies", required_argument, NULL, 'P'},
    {"workers", required_argument, NULL, 'w'}, {"esn", required_argument, NULL, 'E'},
    {"window", required_argument, NULL, 'W'},  {"batch", required_argument, NULL, 'b'},
    {"trials", required_argument, NULL, 't'},  {"time", required_argument, NULL, 'T'},
    {"cpus", required_argument, NULL, 'c'},    {"json", required_argument, NULL, 'j'},
    {"svg", required_argument, NULL, 's'},     {"stages", no_argument, NULL, 'g'},
    {"quiet", no_argument, NULL, 'q'},         {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
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
	    "Every combination of the lists below is measured. LIST: up to 16 values with commas between.\n"
	    "  --engine LIST    engines by name; default auto, the one the gateway would choose\n"
	    "  --algorithm NAME aes-256-gcm-16 (default), aes-128-gcm-16, chacha20-poly1305, aes-256-gmac, "
	    "aes-128-gmac\n"
	    "  --frames LIST    inner Ethernet frames without FCS, 64 to 9216 bytes, imix, or a mix as 64x7+590x4;\n"
	    "                   default " DEFAULT_FRAMES "\n"
	    "  --dir DIR        encrypt, decrypt or both (default)\n"
	    "  --esn on|off|both  64-bit sequence numbers; default off\n"
	    "  --batch N        packets that wait for the worker each time, 1 to 256; default 64\n"
	    "  --trials N       5 to 101, the median counts; default 7\n"
	    "  --time MS        of each trial, 1 to 10000; default 30\n"
	    "  --cpus LIST      a CPU for each worker; default the last ones this process may use\n"
	    "  --json FILE      write the result as JSON too\n"
	    "  -q, --quiet      no line on what is being done; -v, --verbose: DPDK's own messages\n\n"
	    "of path only:\n"
	    "  --sas LIST       pairs of SAs, used at random, 1 to 2M; default 1\n"
	    "  --policies LIST  policies in each direction, at least one for each pair; default as many as pairs\n"
	    "  --workers LIST   workers at once, each with queues of its own, all on the same SAs; default 1\n"
	    "  --window N       replay window in packets, 0 (off) or 64 to 65536; default 1024\n"
	    "  --stages         cycles of each stage, too\n"
	    "  --svg FILE       plot cycles against SAs or policies, where there are several counts\n\n"
	    "Cycles are TSC cycles a packet of one worker. low and high are the least and most of the trials.\n"
	    "^C ends it after the last whole case. Exit code: 0 done, 1 refused or failed, 2 usage.");
}

static int
usage(const char *option, const char *value, const char *accepted)
{
	fprintf(stderr, "culvert-pktgen bench: %s '%s': accepted: %s\n", option, value, accepted);
	return EXIT_USAGE;
}

static bool
number(const char *text, unsigned min, unsigned max, unsigned *out)
{
	uint64_t value;
	if (pg_value_count(text, &value) < 0 || value < min || value > max)
		return false;
	*out = (unsigned)value;
	return true;
}

/* Cuts the list at its commas, in place, and hands each part to one. Returns how many there were; 0: *text is the part that
 * was refused, or the first beyond most. */
static unsigned
list(char **text, unsigned most, void *out, bool (*one)(const char *part, unsigned i, void *out))
{
	unsigned n = 0;
	for (char *rest = *text; rest != NULL; n++) {
		char *part = strsep(&rest, ",");
		if (n < most && one(part, n, out))
			continue;
		*text = part;
		return 0;
	}
	return n;
}

static bool
one_engine(const char *part, unsigned i, void *out)
{
	((const char **)out)[i] = part;
	return *part != '\0';
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

/* Each once: two workers that share one would wait for each other. */
static bool
one_cpu(const char *part, unsigned i, void *out)
{
	unsigned *cpu = out;
	if (!number(part, 0, UINT16_MAX, &cpu[i]))
		return false;
	for (unsigned k = 0; k < i; k++)
		if (cpu[k] == cpu[i])
			return false;
	return true;
}

static bool
choice(const char *value, const char *first, const char *second, bool out[2])
{
	out[0] = strcmp(value, first) == 0 || strcmp(value, "both") == 0;
	out[1] = strcmp(value, second) == 0 || strcmp(value, "both") == 0;
	return out[0] || out[1];
}

/* Returns what is accepted when the value is not; *value is then the part of it that is not. */
static const char *
read_list(int c, char **value, struct pg_bench_options *o)
{
	switch (c) {
	case 'e':
		o->n_engines = list(value, PG_BENCH_LIST, o->engine, one_engine);
		return o->n_engines > 0 ? NULL : "up to 16 engines by name";
	case 'f':
		o->n_frames = list(value, PG_BENCH_LIST, o->frame, one_frame);
		return o->n_frames > 0 ? NULL : "up to 16 of 64..9216, imix and mixes as 64x7+590x4";
	case 'S':
		o->n_sas = list(value, PG_BENCH_LIST, o->sas, one_count);
		return o->n_sas > 0 ? NULL : "up to 16 of 1..2M";
	case 'P':
		o->n_policies = list(value, PG_BENCH_LIST, o->policies, one_count);
		return o->n_policies > 0 ? NULL : "up to 16 of 1..2M";
	case 'c':
		o->n_cpus = list(value, DP_MAX_WORKERS, o->cpu, one_cpu);
		return o->n_cpus > 0 ? NULL : "up to 32 CPUs, each once";
	default:
		o->n_workers = list(value, PG_BENCH_LIST, o->workers, one_worker_count);
		return o->n_workers > 0 ? NULL : "up to 16 of 1..32";
	}
}

static const char *
read_value(int c, char **value, struct pg_bench_options *o)
{
	switch (c) {
	case 'd':
		return choice(*value, "encrypt", "decrypt", o->dir) ? NULL : "encrypt, decrypt, both";
	case 'E':
		return choice(*value, "off", "on", o->esn) ? NULL : "on, off, both";
	case 'W':
		return number(*value, 0, 0, &o->window) || number(*value, WINDOW_MIN, WINDOW_MAX, &o->window)
			   ? NULL
			   : "0, 64..65536 packets";
	case 'b':
		return number(*value, 1, PG_BENCH_BATCH_MAX, &o->batch) ? NULL : "1..256 packets";
	case 'a':
		o->algorithm = sadb_algorithm_named(*value);
		return o->algorithm != NULL
			   ? NULL
			   : "aes-256-gcm-16, aes-128-gcm-16, chacha20-poly1305, aes-256-gmac, aes-128-gmac";
	case 't':
		return number(*value, 5, PG_BENCH_TRIALS_MAX, &o->trials) ? NULL : "5..101";
	case 'T':
		return number(*value, 1, 10000, &o->trial_ms) ? NULL : "1..10000 milliseconds";
	default:
		return read_list(c, value, o);
	}
}

static void
set_defaults(struct pg_bench_options *o)
{
	char frames[] = DEFAULT_FRAMES, *text = frames;
	*o = (struct pg_bench_options){.engine = {"auto"},
				       .algorithm = sadb_algorithm_at(0),
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
	o->n_frames = list(&text, PG_BENCH_LIST, o->frame, one_frame);
}

static int
unknown(const char *option, const char *what)
{
	fprintf(stderr, "culvert-pktgen bench: %s%s; see culvert-pktgen bench --help\n", what, option);
	return EXIT_USAGE;
}

static int
read_option(int c, struct pg_bench_options *o, const char *name)
{
	char *value = optarg;
	const char *accepted;
	switch (c) {
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
		return unknown(name, "a value must follow ");
	case '?':
		return unknown(name, "unknown option ");
	default:
		accepted = read_value(c, &value, o);
		return accepted != NULL ? usage(name, value, accepted) : -1;
	}
}

static unsigned
extreme(const unsigned *values, unsigned n, bool most)
{
	unsigned found = values[0];
	for (unsigned i = 1; i < n; i++)
		if (most ? values[i] > found : values[i] < found)
			found = values[i];
	return found;
}

unsigned
pg_bench_workers(const struct pg_bench_options *o)
{
	return extreme(o->workers, o->n_workers, true);
}

uint64_t
pg_bench_cases(const struct pg_bench_options *o)
{
	const unsigned switches = (o->dir[0] + o->dir[1]) * (o->esn[0] + o->esn[1]);
	const uint64_t cases = (uint64_t)o->n_engines * o->n_frames * switches;
	return cases * o->n_workers * o->n_sas * (o->n_policies > 0 ? o->n_policies : 1);
}

static bool
varies(const unsigned *values, unsigned n)
{
	return n > 0 && extreme(values, n, true) != extreme(values, n, false);
}

enum pg_bench_axis
pg_bench_axis(const struct pg_bench_options *o)
{
	return varies(o->sas, o->n_sas)             ? PG_BENCH_AXIS_SAS
	       : varies(o->policies, o->n_policies) ? PG_BENCH_AXIS_POLICIES
						    : PG_BENCH_AXIS_NONE;
}

/* What workers of one SA need: while one of them holds a batch whose numbers it has, each of the others may take two. */
static unsigned
window_needed(const struct pg_bench_options *o)
{
	const unsigned workers = pg_bench_workers(o);
	return workers > 1 ? (2 * workers - 1) * o->batch : 0;
}

/* What fits each by itself and not together. -1 or the exit code. */
static int
check_together(const struct pg_bench_options *o)
{
	char value[32], accepted[128];
	const unsigned sas = extreme(o->sas, o->n_sas, true), workers = pg_bench_workers(o);
	if (o->n_policies > 0 && extreme(o->policies, o->n_policies, false) < sas) {
		snprintf(value, sizeof(value), "%u", extreme(o->policies, o->n_policies, false));
		snprintf(accepted, sizeof(accepted), "one or more for each pair of SAs, %u or more here", sas);
		return usage("--policies", value, accepted);
	}
	snprintf(value, sizeof(value), "%u", o->window);
	if (o->window == 0 && o->esn[1])
		return usage("--window", value, "64..65536 packets with ESN");
	if (o->dir[PG_BENCH_DECRYPT] && o->window > 0 && o->window < window_needed(o)) {
		snprintf(accepted, sizeof(accepted), "%u or more with %u workers and batches of %u", window_needed(o),
			 workers, o->batch);
		return usage("--window", value, accepted);
	}
	snprintf(value, sizeof(value), "%u CPUs", o->n_cpus);
	snprintf(accepted, sizeof(accepted), "one for each worker, %u here", workers);
	if (o->n_cpus > 0 && o->n_cpus != workers)
		return usage("--cpus", value, accepted);
	if (o->svg != NULL && pg_bench_axis(o) == PG_BENCH_AXIS_NONE)
		return usage("--svg", o->svg, "with different counts in --sas or --policies, along which to plot");
	snprintf(value, sizeof(value), "%lu cases", (unsigned long)pg_bench_cases(o));
	return pg_bench_cases(o) > PG_BENCH_CASES_MAX ? usage("all lists together", value, "up to 4096") : -1;
}

int
pg_bench_options_read(int argc, char **argv, struct pg_bench_options *o)
{
	const char *path_only = NULL;
	int c, index = 0;
	set_defaults(o);
	opterr = 0;
	optind = 0; /* from the start, whoever read options before */
	while ((c = getopt_long(argc, argv, ":hqv", long_options, &index)) != -1) {
		char name[64];
		if (c == '?' && optopt != 0 && strncmp(argv[optind - 1], "--", 2) != 0)
			snprintf(name, sizeof(name), "-%c", optopt);
		else if (c == ':' || c == '?')
			snprintf(name, sizeof(name), "%s", argv[optind - 1]);
		else
			snprintf(name, sizeof(name), "--%s", long_options[index].name);
		const int code = read_option(c, o, name);
		if (code >= 0)
			return code;
		if (strchr("SPwWgs", c) != NULL)
			path_only = long_options[index].name;
	}
	if (argc - optind != 1)
		return unknown("", argc == optind ? "path or aead must follow" : "one of path and aead, not more");
	if (strcmp(argv[optind], "path") != 0 && strcmp(argv[optind], "aead") != 0)
		return usage("bench", argv[optind], "path, aead");
	o->kind = strcmp(argv[optind], "path") == 0 ? PG_BENCH_PATH : PG_BENCH_AEAD;
	if (o->kind == PG_BENCH_AEAD && path_only != NULL)
		return unknown(path_only, "bench aead has no SAs, stages and workers, so no --");
	return check_together(o);
}
