/* SPDX-License-Identifier: BSD-3-Clause
 * The directory of the sequence marks: nobody else may read or write it. Control thread. */
#ifndef CTL_STATE_DIR_H
#define CTL_STATE_DIR_H

#include <sys/types.h>

struct ctl_state_dir_error {
	char text[1024];
};

/* Makes the directory when it is missing (0700) and checks that it is its owner's alone, who is this user or owner: whoever can put an old file
 * there can have sequence numbers used twice. 0, or -errno with what and the cure in err. */
int ctl_state_dir_make(const char *path, uid_t owner, struct ctl_state_dir_error *err);

/* Makes a directory of root's, which passed the above, and the files in it that user's. What is that user's stays as it is:
 * root follows nothing that lies there. */
int ctl_state_dir_give(const char *path, uid_t owner, gid_t group, struct ctl_state_dir_error *err);

#endif
