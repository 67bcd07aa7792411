/* SPDX-License-Identifier: BSD-3-Clause
 * The directory of the sequence marks is its owner's alone, or it is refused. */
#include "control/state_dir.h"

#include <errno.h>
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
	assert_int_equal(ctl_state_dir_make(path, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(ctl_state_dir_make(path, &err), 0); /* and again, now that it is there */
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
		assert_int_equal(ctl_state_dir_make(path, &err), -EPERM);
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
	assert_int_equal(ctl_state_dir_make(path, &err), -ENOTDIR);
	unlink(path);
	snprintf(missing, sizeof(missing), "%s/not/there", base);
	assert_int_equal(ctl_state_dir_make(missing, &err), -ENOENT);
	assert_non_null(strstr(err.text, missing));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_missing_directory_is_made_for_its_owner_alone),
	    cmocka_unit_test(a_directory_that_others_may_enter_is_refused_with_the_cure),
	    cmocka_unit_test(what_is_no_directory_is_refused),
	};

	return cmocka_run_group_tests(tests, make_base, remove_base);
}
