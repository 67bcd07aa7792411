/* SPDX-License-Identifier: BSD-3-Clause
 * What keeps keys inside the process. Main thread, before any other exists. */
#include "control/hardening.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "control/log.h"

/* As much as DPDK may reserve of address space; under MCL_FUTURE reserved space counts against the limit too. */
#define RESERVE_PROBE_BYTES ((size_t)256 << 30)

/* With MCL_FUTURE and a limit every later mmap() could fail: the lock stays only if there is room. */
static int
memory_lock(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	void *probe;
	int rc;

	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* without the privilege the probe below decides */
	/* On fault: what is never touched holds no key, and several gateways fit on a small machine. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		return -errno;
	probe = mmap(NULL, RESERVE_PROBE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (probe == MAP_FAILED) {
		rc = -errno;
		munlockall();
		return rc;
	}
	munmap(probe, RESERVE_PROBE_BYTES);
	return 0;
}

int
ctl_harden(void)
{
	const struct rlimit none = {0, 0};
	int rc;

	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0) {
		rc = -errno;
		ctl_log(CTL_LOG_ERROR, "cannot switch core dumps off: %s", strerror(-rc));
		return rc;
	}
	/* For every thread and every command that it starts, as long as they live. The filter needs it, too. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		ctl_log(CTL_LOG_WARNING, "programs that this one starts may gain privileges: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN); /* a reader of the log or a client that left is no reason to stop */
	rc = memory_lock();
	if (rc < 0)
		ctl_log(
		    CTL_LOG_WARNING,
		    "cannot lock memory: %s: keys may be written to swap; cure: raise the limit (LimitMEMLOCK=infinity "
		    "in the unit, ulimit -l unlimited in a shell), grant CAP_IPC_LOCK, or switch swap off",
		    strerror(-rc));
	return 0;
}
