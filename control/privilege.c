/* SPDX-License-Identifier: BSD-3-Clause
 * From root to what is needed: the user, the capabilities of every thread, the filter. Control thread; other threads run the
 * handler of one signal, once. */
#include "control/privilege.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/config.h"
#include "control/filter.h"
#include "control/log.h"

#define OTHERS_KEPT    CAP(IPC_LOCK) /* they map memory, too: a stack for a program that is to be started */
#define CAP(name)      (UINT64_C(1) << CAP_##name)
#define ANSWER_WAIT_MS 10000 /* a thread that sleeps wakes for the signal; one that works is interrupted */

/* Addresses, routes, neighbours, XFRM, their sysctls; memory that stays locked as it grows. LeakSanitizer looks at the
 * process as a debugger does. */
#ifdef CULVERT_SANITIZED
#define KEPT (CAP(NET_ADMIN) | CAP(IPC_LOCK) | CAP(SYS_PTRACE))
#else
#define KEPT (CAP(NET_ADMIN) | CAP(IPC_LOCK))
#endif

/* ThreadSanitizer has a thread of its own that takes no signal and stays as it is. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DEAF 1u
#endif
#endif
#ifndef DEAF
#define DEAF 0u
#endif

/* ---- the user ---- */
static bool
has_pci(const struct ctl_config *config)
{
	unsigned i = 0;

	while (i < config->n_ports && !ctl_config_is_pci(config->ports[i].device))
		i++;
	return i < config->n_ports;
}

uint64_t
ctl_privilege_devices(const struct ctl_config *config)
{
	uint64_t needs = 0;

	for (unsigned i = 0; i < config->n_ports; i++) {
		if (strncmp(config->ports[i].device, "net_af_packet", 13) == 0)
			needs |= CAP(NET_ADMIN) | CAP(NET_RAW);
		else if (strncmp(config->ports[i].device, "net_af_xdp", 10) == 0)
			needs |= CAP(NET_ADMIN) | CAP(NET_RAW) | CAP(BPF);
	}
	return needs;
}

int
ctl_privilege_choose(const struct ctl_config *config, struct ctl_privilege *out)
{
	const struct passwd *user = getpwnam(config->user);

	*out = (struct ctl_privilege){0};
	if (user == NULL && config->user_line != 0) {
		ctl_log(CTL_LOG_ERROR,
			"%s:%u: user: there is no user %s; accepted: one of this system, or root; cure: useradd "
			"--system --user-group %s",
			config->file, config->user_line, config->user, config->user);
		return -ENOENT;
	}
	snprintf(out->user, sizeof(out->user), "%s", config->user);
	if (user == NULL) {
		out->stays = "there is no such user; cure: useradd --system --user-group with that name, or set user";
	} else if (user->pw_uid == 0) {
		out->stays = "as configured";
	} else if (has_pci(config)) {
		out->stays = "drivers of PCI devices may need root when they stop";
	} else {
		out->uid = user->pw_uid;
		out->gid = user->pw_gid;
	}
	return 0;
}

/* The kernel takes the capabilities for files away with the file system's user, and gives them back with root's. */
void
ctl_privilege_files_begin(const struct ctl_privilege *privilege)
{
	if (privilege->uid == 0)
		return;
	setfsgid(privilege->gid);
	setfsuid(privilege->uid);
}

void
ctl_privilege_files_end(void)
{
	setfsuid(geteuid());
	setfsgid(getegid());
}

/* ---- capabilities; of one thread, as the kernel has it ---- */
/* What programs could get back; with no_new_privs they get nothing, so this is a second line. false: CAP_SETPCAP lacks. */
static bool
bound(void)
{
	bool all = true;
	int has;

	for (unsigned long cap = 0; (has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) >= 0; cap++)
		if (has == 1 && (KEPT >> cap & 1) == 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			all = false;
	return all;
}

/* Of those in wanted, what the thread has. A container may have started it with less. */
static int
keep(uint64_t wanted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (unsigned i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(wanted >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* ---- the other threads: each can only change itself ---- */
static uint64_t others_keep;
static const struct ctl_privilege_helper *helper; /* while ctl_privilege_drop() runs */
static unsigned n_helpers;
static unsigned others_done, others_failed;

static uint64_t
keeps_besides(pid_t tid)
{
	uint64_t keeps = 0;

	for (unsigned i = 0; i < n_helpers; i++)
		if (helper[i].tid == tid)
			keeps = helper[i].keeps;
	return keeps;
}

static void
on_other(int signal_number)
{
	const int saved = errno;

	(void)signal_number;
	bound();
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || keep(others_keep | keeps_besides(gettid())) < 0)
		__atomic_fetch_add(&others_failed, 1, __ATOMIC_RELAXED); /* read after the release below */
	__atomic_fetch_add(&others_done, 1, __ATOMIC_RELEASE);           /* pairs with the acquire in ask_others() */
	errno = saved;
}

/* Sends the signal to every other thread; returns to how many. */
static unsigned
signal_others(int signal_number)
{
	const pid_t self = gettid();
	const struct dirent *entry;
	unsigned sent = 0;
	DIR *dir = opendir("/proc/self/task");

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		pid_t tid = atoi(entry->d_name);

		if (tid > 0 && tid != self && syscall(SYS_tgkill, getpid(), tid, signal_number) == 0)
			sent++;
	}
	if (dir != NULL)
		closedir(dir);
	return sent;
}

static int
ask_others(uint64_t kept)
{
	struct sigaction action = {.sa_handler = on_other, .sa_flags = SA_RESTART}, before;
	const struct timespec pause = {.tv_nsec = 1000000};
	unsigned sent, done, waited_ms = 0;

	others_keep = kept;
	others_done = others_failed = 0;
	sigaction(SIGRTMIN, &action, &before);
	sent = signal_others(SIGRTMIN);
	/* pairs with the release in on_other() */
	while ((done = __atomic_load_n(&others_done, __ATOMIC_ACQUIRE) + DEAF) < sent && waited_ms++ < ANSWER_WAIT_MS)
		nanosleep(&pause, NULL);
	if (done >= sent)
		sigaction(SIGRTMIN, &before, NULL); /* a late one would end the process */
	if (done < sent || others_failed > 0) {
		ctl_log(CTL_LOG_ERROR, "capabilities stay with %u threads of %u", sent - done + others_failed, sent);
		return -EPERM;
	}
	return 0;
}

/* ---- all of it ---- */
static int
become(const struct ctl_privilege *privilege)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || initgroups(privilege->user, privilege->gid) < 0 ||
	    setresgid(privilege->gid, privilege->gid, privilege->gid) < 0 ||
	    setresuid(privilege->uid, privilege->uid, privilege->uid) < 0)
		return -errno;
	/* A change of user sets it to what the system has for programs with the s bit (fs.suid_dumpable). */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int
ctl_privilege_drop(const struct ctl_privilege *privilege, const struct ctl_privilege_helper *helpers, unsigned n)
{
	const bool becomes = privilege->uid != 0;

	helper = helpers;
	n_helpers = n;
	/* A change of user changes every thread, which must be able to. */
	int rc = ask_others(becomes ? OTHERS_KEPT | CAP(SETUID) | CAP(SETGID) : OTHERS_KEPT);

	if (!bound())
		ctl_log(CTL_LOG_WARNING, "the bounding set of capabilities stays as it is; cure: grant CAP_SETPCAP");
	if (rc == 0 && becomes)
		rc = become(privilege);
	if (rc == 0 && becomes)
		rc = ask_others(OTHERS_KEPT);
	if (rc == 0)
		rc = keep(KEPT);
	if (rc < 0) {
		ctl_log(CTL_LOG_ERROR, "cannot give root up: %s%s", strerror(-rc),
			becomes ? "; cure: grant CAP_SETUID and CAP_SETGID, or set user: root" : "");
		return rc;
	}
	if (becomes)
		ctl_log(CTL_LOG_INFO, "runs as user %s", privilege->user);
	else
		ctl_log(CTL_LOG_NOTICE, "stays root, with few capabilities (user: %s): %s", privilege->user,
			privilege->stays);
	ctl_filter_install();
	return 0;
}
