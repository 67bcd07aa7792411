/* SPDX-License-Identifier: BSD-3-Clause
 * The directory of the sequence marks: nobody else may read or write it. Control thread. */
#ifndef CTL_STATE_DIR_H
#define CTL_STATE_DIR_H

struct ctl_state_dir_error {
	char text[1024];
};

/* Makes the directory when it is missing (0700) and checks that it is its owner's alone: whoever can put an old file
 * there can have sequence numbers used twice. 0, or -errno with what and the cure in err. */
int ctl_state_dir_make(const char *path, struct ctl_state_dir_error *err);

#endif
