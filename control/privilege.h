/* SPDX-License-Identifier: BSD-3-Clause
 * What the daemon may still do once it runs: as which user, with which capabilities. Control thread. */
#ifndef CTL_PRIVILEGE_H
#define CTL_PRIVILEGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ctl_config;

/* Who the daemon will be. uid 0: it stays root. */
struct ctl_privilege {
	uid_t uid;
	gid_t gid;
	char user[33];
	const char *stays; /* why root */
};

/* Decides before anything is opened. -ENOENT, told: the file names a user that is not there. */
int ctl_privilege_choose(const struct ctl_config *config, struct ctl_privilege *out);

/* Between the two, files are made and opened as that user by this thread: what lies in a folder of its own may be a link to
 * where only root can write. */
void ctl_privilege_files_begin(const struct ctl_privilege *privilege);
void ctl_privilege_files_end(void);

/* A helper's thread, and the capabilities that it needs, a bit each. */
struct ctl_privilege_helper {
	pid_t tid;
	uint64_t keeps;
};
#define CTL_PRIVILEGE_ADMIN (UINT64_C(1) << 12) /* CAP_NET_ADMIN */
/* What opening the devices of the configuration again takes; 0: none of them can be unplugged. */
uint64_t ctl_privilege_devices(const struct ctl_config *config);

/* When everything is open, threads run, and nothing more will need root: says in one line who the daemon is from now on, and
 * for good becomes that, keeps CAP_NET_ADMIN and CAP_IPC_LOCK on this thread, only the latter on the others, what they need besides
 * on the helpers', and puts this thread under the filter of system calls. -errno, told, when the user or the capabilities cannot be
 * changed: then the daemon must not go on. */
int ctl_privilege_drop(const struct ctl_privilege *privilege, const struct ctl_privilege_helper *helpers, unsigned n);

#endif
