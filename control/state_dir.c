/* SPDX-License-Identifier: BSD-3-Clause
 * The directory of the sequence marks. Control thread. */
#include "control/state_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
ctl_state_dir_make(const char *path, struct ctl_state_dir_error *err)
{
	struct stat st;
	int rc;

	if ((mkdir(path, 0700) < 0 && errno != EEXIST) || lstat(path, &st) < 0) {
		rc = -errno;
		snprintf(err->text, sizeof(err->text), "cannot make directory %s: %s", path, strerror(-rc));
		return rc;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(err->text, sizeof(err->text),
			 "%s is no directory; accepted: a directory, or a name to make one", path);
		return -ENOTDIR;
	}
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		snprintf(err->text, sizeof(err->text),
			 "%s must be its owner's alone (now: user %u, mode %04o); cure: chown %u %s; chmod 700 %s",
			 path, st.st_uid, st.st_mode & 07777, geteuid(), path, path);
		return -EPERM;
	}
	return 0;
}
