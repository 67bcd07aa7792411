/* SPDX-License-Identifier: BSD-3-Clause
 * Preloaded into a culvertd to make its world fail: memory runs out at random, the machine's clock is set. What fails, and
 * when, a test says while the daemon runs, in the file that CULVERT_FAULTS names: struct faults, shared. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct faults {
	uint32_t one_in;       /* of so many allocations one fails; 0: none */
	uint32_t failed;       /* so many did */
	uint32_t asked;        /* so many were asked for */
	int32_t set_forward_s; /* what CLOCK_REALTIME is ahead */
	int64_t in_use;        /* bytes; what was there before this library was asked is not in it */
};

static struct faults none;
static struct faults *faults = &none;

/* The C library's own, by the names that it has for those who stand in front of it. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t n, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void __libc_free(void *block);

__attribute__((constructor)) static void
start(void)
{
	const char *path = getenv("CULVERT_FAULTS");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		abort();
	close(fd);
	faults = shared;
}

/* Without a pattern that a loop of allocations could fall in step with: a multiplication spreads the count. */
static int
fails(void)
{
	const uint32_t one_in = __atomic_load_n(&faults->one_in, __ATOMIC_RELAXED);
	if (one_in == 0)
		return 0;
	uint64_t at = __atomic_add_fetch(&faults->asked, 1, __ATOMIC_RELAXED) * 0x9e3779b97f4a7c15;
	if ((at >> 33) % one_in != 0)
		return 0;
	__atomic_add_fetch(&faults->failed, 1, __ATOMIC_RELAXED);
	errno = ENOMEM;
	return 1;
}

static void *
counted(void *block)
{
	if (block != NULL)
		__atomic_add_fetch(&faults->in_use, (int64_t)malloc_usable_size(block), __ATOMIC_RELAXED);
	return block;
}

void
free(void *block)
{
	if (block != NULL)
		__atomic_sub_fetch(&faults->in_use, (int64_t)malloc_usable_size(block), __ATOMIC_RELAXED);
	__libc_free(block);
}

void *
malloc(size_t bytes)
{
	return fails() ? NULL : counted(__libc_malloc(bytes));
}

void *
calloc(size_t n, size_t bytes)
{
	return fails() ? NULL : counted(__libc_calloc(n, bytes));
}

void *
realloc(void *old, size_t bytes)
{
	const int64_t before = old == NULL ? 0 : (int64_t)malloc_usable_size(old);
	void *block = fails() ? NULL : __libc_realloc(old, bytes);
	if (block != NULL)
		__atomic_sub_fetch(&faults->in_use, before, __ATOMIC_RELAXED);
	return counted(block);
}

void *
aligned_alloc(size_t alignment, size_t bytes)
{
	return fails() ? NULL : counted(__libc_memalign(alignment, bytes));
}

int
posix_memalign(void **into, size_t alignment, size_t bytes)
{
	*into = fails() ? NULL : counted(__libc_memalign(alignment, bytes));
	return *into == NULL ? ENOMEM : 0;
}

/* What slabs are made of. */
void *
mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	const int memory = MAP_PRIVATE | MAP_ANONYMOUS;
	if ((flags & memory) == memory && fails())
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, now);
	if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += __atomic_load_n(&faults->set_forward_s, __ATOMIC_RELAXED);
	return rc;
}

time_t
time(time_t *into)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (into != NULL)
		*into = now.tv_sec;
	return now.tv_sec;
}
