/* SPDX-License-Identifier: BSD-3-Clause
 * The control thread's system calls: what it may make, what fails, and what ends the process. Each in a child. */
#include "control/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Exit status of the call in a child under the filter: 0, or its errno; 128 + the signal that ended it. */
static int
filtered(int (*call)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core of what is to be killed */
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		ctl_filter_install();
		errno = 0;
		_exit(call() < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int
open_a_file(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int
map_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int
map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int
ask_for_the_persona(void)
{
	return personality(0xffffffff);
}

static int
start_a_program(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int
be_traced(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int
move_to_a_namespace(void)
{
	return setns(-1, 0);
}

static void
each_call_meets_its_end(void **state)
{
	static const struct {
		int (*call)(void);
		int status;
	} table[] = {
	    {open_a_file, 0},
	    {map_memory, 0},
	    {map_code, EPERM},
	    {ask_for_the_persona, EPERM},
	    {start_a_program, 128 + SIGSYS},
	    {be_traced, 128 + SIGSYS},
	    {move_to_a_namespace, 128 + SIGSYS},
	};

	(void)state;
#ifdef CULVERT_SANITIZED
	(void)table, (void)filtered;
	skip(); /* such a build has no filter */
#else
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(filtered(table[i].call), table[i].status);
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_call_meets_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
