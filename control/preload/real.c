/* SPDX-License-Identifier: BSD-3-Clause
 * Finds the calls behind this library's own. Any thread; once in a process. */
#include "control/preload/real.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static struct pre_real calls;

static const struct {
	const char *name;
	size_t at; /* of its pointer in calls */
} names[] = {
    {"socket", offsetof(struct pre_real, socket)},
    {"bind", offsetof(struct pre_real, bind)},
    {"connect", offsetof(struct pre_real, connect)},
    {"getsockname", offsetof(struct pre_real, getsockname)},
    {"getpeername", offsetof(struct pre_real, getpeername)},
    {"getsockopt", offsetof(struct pre_real, getsockopt)},
    {"setsockopt", offsetof(struct pre_real, setsockopt)},
    {"send", offsetof(struct pre_real, send)},
    {"sendto", offsetof(struct pre_real, sendto)},
    {"sendmsg", offsetof(struct pre_real, sendmsg)},
    {"recv", offsetof(struct pre_real, recv)},
    {"recvfrom", offsetof(struct pre_real, recvfrom)},
    {"recvmsg", offsetof(struct pre_real, recvmsg)},
    {"dup", offsetof(struct pre_real, dup)},
    {"dup2", offsetof(struct pre_real, dup2)},
    {"dup3", offsetof(struct pre_real, dup3)},
    {"fcntl", offsetof(struct pre_real, fcntl)},
    {"close", offsetof(struct pre_real, close)},
};

/* Without them the program cannot go on: its own calls end here. */
static void
look_up(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void *found = dlsym(RTLD_NEXT, names[i].name);

		if (!found) {
			fprintf(stderr,
				"culvert: libculvert-xfrm.so finds no %s() in the C library: run the program "
				"without it\n",
				names[i].name);
			abort();
		}
		*(void **)((char *)&calls + names[i].at) = found;
	}
}

const struct pre_real *
pre_real(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, look_up);
	return &calls;
}
