/* SPDX-License-Identifier: BSD-3-Clause
 * culvertd: the command line of the daemon. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/daemon.h"
#include "control/log.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static const char usage[] = "usage: culvertd [-c FILE] [--check] [--version] [--help]\n";

static const char help[] = "culvertd: IPsec gateway daemon; stays in the foreground, logs to standard error.\n"
			   "\n"
			   "  -c, --config FILE  the configuration (default: " CTL_CONFIG_PATH ")\n"
			   "      --check        check the configuration and exit: 0 when it is sound\n"
			   "      --version      print the version and exit\n"
			   "  -h, --help         print this and exit\n"
			   "\n"
			   "SIGHUP reads the configuration again, SIGTERM and SIGINT stop the daemon.\n"
			   "Exit status: 0 stopped or sound, 1 refused or failed, 2 usage.\n";

enum option_value { OPTION_CONFIG = 'c', OPTION_HELP = 'h', OPTION_CHECK = 256, OPTION_VERSION };

static const struct option options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

struct arguments {
	const char *config;
	bool check;
};

/* -1 to go on, or the exit status. */
static int
arguments_read(int argc, char **argv, struct arguments *out)
{
	int option;

	*out = (struct arguments){.config = CTL_CONFIG_PATH};
	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case OPTION_CONFIG:
			out->config = optarg;
			break;
		case OPTION_CHECK:
			out->check = true;
			break;
		case OPTION_VERSION:
			printf("culvertd %s\n", CULVERT_VERSION);
			return EXIT_SUCCESS;
		case OPTION_HELP:
			printf("%s\n%s", usage, help);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "culvertd: unexpected argument '%s'\n%s", argv[optind], usage);
	return EXIT_USAGE;
}

static void
on_mistake(void *arg, const char *line)
{
	(void)arg;
	ctl_log(CTL_LOG_ERROR, "%s", line);
}

int
main(int argc, char **argv)
{
	struct arguments arguments;
	struct ctl_config *config;
	int status = arguments_read(argc, argv, &arguments);

	if (status >= 0)
		return status;
	ctl_log_open();
	config = ctl_config_load(arguments.config, on_mistake, NULL);
	if (config == NULL)
		return EXIT_REFUSED;
	if (arguments.check) {
		ctl_config_free(config);
		return EXIT_SUCCESS;
	}
	int rc = ctl_daemon_run(config);
	if (rc == -EAGAIN && getenv(CTL_ORDINARY_PAGES) == NULL && setenv(CTL_ORDINARY_PAGES, "1", 1) == 0) {
		execv("/proc/self/exe", argv); /* DPDK starts only once in a process */
		ctl_log(CTL_LOG_ERROR, "cannot start again: %s", strerror(errno));
	}
	return rc == 0 ? EXIT_SUCCESS : EXIT_REFUSED;
}
