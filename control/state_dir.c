/* SPDX-License-Identifier: BSD-3-Clause
 * The directory of the sequence marks. Control thread. */
#include "control/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
ctl_state_dir_make(const char *path, uid_t owner, struct ctl_state_dir_error *err)
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
	if ((st.st_uid != geteuid() && st.st_uid != owner) || (st.st_mode & 077) != 0) {
		snprintf(err->text, sizeof(err->text),
			 "%s must be its owner's alone (now: user %u, mode %04o); cure: chown -R %u %s; chmod 700 %s",
			 path, st.st_uid, st.st_mode & 07777, owner, path, path);
		return -EPERM;
	}
	return 0;
}

/* A file with a second name may be one of another folder. */
static int
give_files(DIR *dir, uid_t owner, gid_t group)
{
	const struct dirent *entry;
	struct stat st;

	while ((entry = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    st.st_nlink == 1 && fchownat(dirfd(dir), entry->d_name, owner, group, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
	}
	return 0;
}

int
ctl_state_dir_give(const char *path, uid_t owner, gid_t group, struct ctl_state_dir_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct stat st;
	int rc = 0;

	if (dir == NULL || fstat(fd, &st) < 0)
		rc = -errno;
	else if (st.st_uid != owner)
		rc = give_files(dir, owner, group);
	/* Last, so that until then nobody else could put something there. */
	if (rc == 0 && st.st_uid != owner && fchown(fd, owner, group) < 0)
		rc = -errno;
	if (rc < 0)
		snprintf(err->text, sizeof(err->text), "cannot give directory %s to user %u: %s", path, owner,
			 strerror(-rc));
	if (dir != NULL)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	return rc;
}
