/* SPDX-License-Identifier: BSD-3-Clause
 * The directory of the sequence marks is its owner's alone, or it is refused. */
#include "control/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char base[] = "/tmp/culvert-state-XXXXXX";
static char path[64];

static int
make_base(void **state)
{
	(void)state;
	umask(022);
	return mkdtemp(base) != NULL && snprintf(path, sizeof(path), "%s/s", base) > 0 ? 0 : -1;
}

static int
remove_base(void **state)
{
	(void)state;
	return rmdir(base);
}

static void
a_missing_directory_is_made_for_its_owner_alone(void **state)
{
	struct ctl_state_dir_error err;
	struct stat st;

	(void)state;
	assert_int_equal(ctl_state_dir_make(path, geteuid(), &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(ctl_state_dir_make(path, geteuid(), &err), 0); /* and again, now that it is there */
	rmdir(path);
}

static void
a_directory_that_others_may_enter_is_refused_with_the_cure(void **state)
{
	static const mode_t modes[] = {0701, 0710, 0750, 0707, 0777};
	struct ctl_state_dir_error err;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_int_equal(ctl_state_dir_make(path, geteuid(), &err), -EPERM);
		assert_non_null(strstr(err.text, "chmod 700"));
		assert_non_null(strstr(err.text, path));
	}
	rmdir(path);
}

static void
what_is_no_directory_is_refused(void **state)
{
	struct ctl_state_dir_error err;
	char missing[96];

	(void)state;
	assert_int_equal(symlink("/tmp", path), 0); /* not followed */
	assert_int_equal(ctl_state_dir_make(path, geteuid(), &err), -ENOTDIR);
	unlink(path);
	snprintf(missing, sizeof(missing), "%s/not/there", base);
	assert_int_equal(ctl_state_dir_make(missing, geteuid(), &err), -ENOENT);
	assert_non_null(strstr(err.text, missing));
}

static uid_t
owner_of(const char *name)
{
	char full[128];
	struct stat st;

	snprintf(full, sizeof(full), "%s/%s", path, name);
	assert_int_equal(lstat(full, &st), 0);
	return st.st_uid;
}

static void
file_make(const char *name)
{
	char full[128];

	snprintf(full, sizeof(full), "%s/%s", path, name);
	close(open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void
roots_directory_is_given_with_its_files_and_nothing_beyond(void **state)
{
	const uid_t other = 65532;
	struct ctl_state_dir_error err;
	char link_name[128], twice[128], beyond[96];

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(beyond, sizeof(beyond), "%s/beyond", base);
	snprintf(link_name, sizeof(link_name), "%s/link", path);
	snprintf(twice, sizeof(twice), "%s/twice", path);
	close(open(beyond, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(ctl_state_dir_make(path, other, &err), 0);
	file_make("marks.db");
	assert_int_equal(symlink(beyond, link_name), 0);
	assert_int_equal(link(beyond, twice), 0);
	assert_int_equal(ctl_state_dir_give(path, other, (gid_t)-1, &err), 0);
	assert_int_equal(owner_of("."), other);
	assert_int_equal(owner_of("marks.db"), other);
	assert_int_equal(owner_of("link"), 0);
	assert_int_equal(owner_of("twice"), 0); /* it has a second name, elsewhere */

	/* Now it is the other's, who may have put there whatever it wants. */
	assert_int_equal(ctl_state_dir_make(path, other, &err), 0);
	file_make("later");
	assert_int_equal(ctl_state_dir_give(path, other, (gid_t)-1, &err), 0);
	assert_int_equal(owner_of("later"), 0);
	assert_int_equal(ctl_state_dir_make(path, other + 1, &err), -EPERM);

	static const char *const names[] = {"marks.db", "link", "twice", "later"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(link_name, sizeof(link_name), "%s/%s", path, names[i]);
		assert_int_equal(unlink(link_name), 0);
	}
	rmdir(path);
	unlink(beyond);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_missing_directory_is_made_for_its_owner_alone),
	    cmocka_unit_test(a_directory_that_others_may_enter_is_refused_with_the_cure),
	    cmocka_unit_test(what_is_no_directory_is_refused),
	    cmocka_unit_test(roots_directory_is_given_with_its_files_and_nothing_beyond),
	};

	return cmocka_run_group_tests(tests, make_base, remove_base);
}
