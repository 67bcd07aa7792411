/* SPDX-License-Identifier: BSD-3-Clause
 * run: starts a command whose XFRM netlink sockets reach the daemon. The command's only thread; it becomes the other. */
#include "control/cli/run.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/preload/daemon.h"

#define LIBRARY    "libculvert-xfrm.so"
#define BUILD_TREE "/../preload/" LIBRARY /* from where this program lies */

/* Beside this program in a build tree, else where it is installed. */
static int
find_library(char path[PATH_MAX])
{
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - sizeof(BUILD_TREE));
	char *slash;

	if (n > 0) {
		program[n] = 0;
		slash = strrchr(program, '/');
		strcpy(slash ? slash : program, BUILD_TREE);
		if (realpath(program, path) && access(path, R_OK) == 0)
			return 0;
	}
	snprintf(path, PATH_MAX, "%s/%s", CULVERT_PRELOAD_DIR, LIBRARY);
	return access(path, R_OK) == 0 ? 0 : -errno;
}

/* The last loaded stands first before the C library; what the user loads of his own stays in front of it. */
static int
set_environment(const struct cli *cli, const char *library)
{
	const char *before = getenv("LD_PRELOAD");
	char *list = NULL;
	int rc = 0;

	if (asprintf(&list, "%s%s%s", before && before[0] ? before : "", before && before[0] ? ":" : "", library) < 0)
		return -ENOMEM;
	if (setenv("LD_PRELOAD", list, 1) != 0 || setenv(PRE_SOCKET_ENV, cli->socket, 1) != 0)
		rc = -errno;
	free(list);
	return rc;
}

int
cli_run(struct cli *cli)
{
	char library[PATH_MAX], socket[PATH_MAX];
	int rc;

	if (cli->file)
		return cli_complain(cli, CLI_USAGE, "a batch starts no other programs");
	if (!cli->rest)
		return cli_complain(cli, CLI_USAGE, "the command goes after --: culvert run -- COMMAND [ARGUMENT]...");
	if (find_library(library) != 0)
		return cli_complain(cli, CLI_FAILED,
				    "%s is neither beside this program nor in %s: install Culvert, or "
				    "build it ('ninja control/preload/" LIBRARY "')",
				    LIBRARY, CULVERT_PRELOAD_DIR);
	if (strpbrk(library, " :"))
		return cli_complain(cli, CLI_FAILED,
				    "%s cannot be loaded: LD_PRELOAD takes no path with a blank or a "
				    "colon; move Culvert elsewhere",
				    library);
	/* The command may change its directory. */
	if (cli->socket[0] != '/' && getcwd(socket, sizeof(socket)) &&
	    strlen(socket) + 1 + strlen(cli->socket) < sizeof(socket)) {
		strcat(strcat(socket, "/"), cli->socket);
		cli->socket = socket;
	}
	rc = set_environment(cli, library);
	if (rc)
		return cli_complain(cli, CLI_FAILED, "the environment cannot be set: %s", strerror(-rc));
	signal(SIGPIPE, SIG_DFL); /* as it was before this program */
	execvp(cli->rest[0], cli->rest);
	rc = errno;
	return cli_complain(cli, CLI_FAILED, "cannot start %s: %s", cli->rest[0],
			    rc == ENOENT ? "no such command in PATH" : strerror(rc));
}
