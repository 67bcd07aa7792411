/* SPDX-License-Identifier: BSD-3-Clause
 * What ThreadSanitizer is told of DPDK, whose libraries it does not see into: a packet buffer goes from one thread to the next in
 * order. For each buffer and no more: all else that threads share is ordered by our own atomics, or is a race. In other builds
 * all this is nothing. Any thread. */
#ifndef DP_TOLD_H
#define DP_TOLD_H

#if defined(__SANITIZE_THREAD__)
#define DP_TOLD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DP_TOLD 1
#endif
#endif

#ifdef DP_TOLD
#include <sanitizer/tsan_interface.h>

/* A function that it is not to look into. */
#define DP_TOLD_UNSEEN __attribute__((no_sanitize("thread"), noinline, unused))

/* Before a thread gives a buffer away, and after one has got it. */
static inline void
dp_told_give(void *buffer)
{
	__tsan_release(buffer);
}

static inline void
dp_told_take(void *buffer)
{
	__tsan_acquire(buffer);
}

/* Of pools of the kind that dp_create() makes: a buffer goes from who frees it to who gets it next. Before the first is made. */
void dp_told_pools(void);
#else
#define DP_TOLD_UNSEEN inline

static inline void
dp_told_give(void *buffer)
{
	(void)buffer;
}

static inline void
dp_told_take(void *buffer)
{
	(void)buffer;
}

static inline void
dp_told_pools(void)
{
}
#endif

#endif
