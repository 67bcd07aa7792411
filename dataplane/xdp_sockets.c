/* SPDX-License-Identifier: BSD-3-Clause
 * AF_XDP beside DPDK's driver; see the header. The rings are the kernel's interface (linux/if_xdp.h). */
#include "dataplane/xdp_sockets.h"

#include <dirent.h>
#include <link.h>
#include <linux/if_xdp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/pool_place.h"

#define RING_LEAST 2u
#define PROGRAM    "/bpf/xsk_def_xdp_prog.o"

/* ---- which descriptors ---- */
static bool
is_socket(int fd)
{
	int domain = 0;
	socklen_t bytes = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_XDP;
}

static bool
is_bpf(int fd)
{
	char path[32], to[32] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, to, sizeof(to) - 1) > 0 &&
	       (strncmp(to, "anon_inode:bpf", 14) == 0 || strncmp(to, "anon_inode:btf", 14) == 0);
}

void
dp_xdp_list(enum dp_xdp_kind kind, struct dp_xdp_fds *out)
{
	bool (*wanted)(int fd) = kind == DP_XDP_SOCKET ? is_socket : is_bpf;
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	out->n = 0;
	while (dir != NULL && out->n < DP_XDP_FDS && (entry = readdir(dir)) != NULL) {
		const int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && wanted(fd))
			out->fd[out->n++] = fd;
	}
	if (dir != NULL)
		closedir(dir);
}

unsigned
dp_xdp_new(const struct dp_xdp_fds *before, const struct dp_xdp_fds *after, int *fd, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < after->n && n < max; i++) {
		unsigned k = 0;
		while (k < before->n && before->fd[k] != after->fd[i])
			k++;
		if (k == before->n)
			fd[n++] = after->fd[i];
	}
	return n;
}

void
dp_xdp_close_new(enum dp_xdp_kind kind, const struct dp_xdp_fds *before)
{
	struct dp_xdp_fds after;
	int fd[DP_XDP_FDS];

	dp_xdp_list(kind, &after);
	for (unsigned n = dp_xdp_new(before, &after, fd, DP_XDP_FDS); n > 0; n--)
		close(fd[n - 1]);
}

/* ---- what their rings hold ---- */
struct ring {
	const uint8_t *map;
	size_t bytes;
	const uint8_t *entries;
	size_t entry_bytes;
	uint32_t consumer, n, mask;
};

/* Where the driver has mapped that ring of the socket: once its interface is gone the kernel maps none anew. */
static bool
ring_find(ino_t socket, uint64_t place, struct ring *out)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long begin, end, offset, inode;
	char line[512];
	bool found = false;

	while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL)
		found = sscanf(line, "%lx-%lx %*s %lx %*s %lu", &begin, &end, &offset, &inode) == 4 &&
			inode == socket && offset == place && strstr(line, "socket:[") != NULL;
	if (maps != NULL)
		fclose(maps);
	if (!found)
		return false;
	out->map = (const uint8_t *)begin;
	out->bytes = end - begin;
	return true;
}

static bool
ring_open(ino_t socket, const struct xdp_ring_offset *at, uint64_t place, size_t entry_bytes, struct ring *out)
{
	uint32_t size = RING_LEAST;

	if (!ring_find(socket, place, out) || at->desc + size * entry_bytes > out->bytes)
		return false;
	while (at->desc + 2 * size * entry_bytes <= out->bytes) /* a power of two; the map ends with the page */
		size *= 2;
	out->entries = out->map + at->desc;
	out->entry_bytes = entry_bytes;
	out->consumer =
	    __atomic_load_n((const uint32_t *)(out->map + at->consumer), __ATOMIC_ACQUIRE); /* the kernel's */
	out->n = __atomic_load_n((const uint32_t *)(out->map + at->producer), __ATOMIC_ACQUIRE) - out->consumer;
	out->mask = size - 1;
	/* A shorter ring than a page has room for is not known to be one. */
	return out->n <= size && size * entry_bytes >= (size_t)getpagesize();
}

/* Both kinds of entry, an address alone and a descriptor, begin with the address. */
static uint64_t
ring_addr(const struct ring *ring, uint32_t i)
{
	uint64_t addr;

	memcpy(&addr, ring->entries + ((ring->consumer + i) & ring->mask) * ring->entry_bytes, sizeof(addr));
	return addr & XSK_UNALIGNED_BUF_ADDR_MASK;
}

/* The buffer that an address lies in; NULL: in none, in one that is listed already, or in one that somebody else holds too.
 * Addresses count from the page where the pool's memory begins: so the driver has it. */
static struct rte_mbuf *
buffer_at(struct dp_xdp_left *left, uint64_t addr)
{
	const struct rte_mempool *pool = left->pool;
	const uintptr_t memory = (uintptr_t)STAILQ_FIRST(&pool->mem_list)->addr;
	const uintptr_t at = (memory & ~(uintptr_t)(getpagesize() - 1)) + addr;
	const size_t place = dp_pool_place(pool, at);

	if (place >= pool->populated_size || left->listed[place] ||
	    rte_mbuf_refcnt_read(dp_pool_buffer(pool, place)) != 1)
		return NULL;
	left->listed[place] = 1;
	return dp_pool_buffer(pool, place);
}

static unsigned
entries_list(struct dp_xdp_left *left, const struct ring *ring, uint32_t first)
{
	const unsigned before = left->n;

	for (uint32_t i = first; i < ring->n; i++) {
		struct rte_mbuf *m = buffer_at(left, ring_addr(ring, i));
		if (m != NULL)
			left->buffer[left->n++] = m;
	}
	return left->n - before;
}

static unsigned
received_list(struct dp_xdp_left *left, ino_t socket, const struct xdp_mmap_offsets *at)
{
	struct ring ring;
	unsigned n = 0;

	if (ring_open(socket, &at->fr, XDP_UMEM_PGOFF_FILL_RING, sizeof(uint64_t), &ring))
		n += entries_list(left, &ring, 0);
	if (ring_open(socket, &at->rx, XDP_PGOFF_RX_RING, sizeof(struct xdp_desc), &ring))
		n += entries_list(left, &ring, 0);
	return n;
}

/* Older kernels may not have said how far they have read the ring for sending. But each entry of that comes out of the one for
 * completions, and what did so before may be somebody else's by now. */
static void
sent_list(struct dp_xdp_left *left, ino_t socket, const struct xdp_mmap_offsets *at)
{
	struct ring sending, done;

	if (!ring_open(socket, &at->tx, XDP_PGOFF_TX_RING, sizeof(struct xdp_desc), &sending) ||
	    !ring_open(socket, &at->cr, XDP_UMEM_PGOFF_COMPLETION_RING, sizeof(uint64_t), &done))
		return;
	const int32_t ahead = (int32_t)(done.consumer + done.n - sending.consumer);
	entries_list(left, &sending, ahead > 0 ? (uint32_t)ahead : 0);
	entries_list(left, &done, 0);
}

void
dp_xdp_left_list(struct dp_xdp_left *left, const int *fd, unsigned n, struct rte_mempool *pool)
{
	struct xdp_mmap_offsets at;
	socklen_t bytes = sizeof(at);
	struct stat st;

	*left = (struct dp_xdp_left){.pool = pool};
	if (n == 0)
		return;
	left->buffer = calloc(pool->populated_size, sizeof(*left->buffer));
	left->listed = calloc(pool->populated_size, 1);
	for (unsigned i = 0; i < n && left->buffer != NULL && left->listed != NULL; i++) {
		if (fstat(fd[i], &st) < 0)
			continue;
		left->fd[left->n_sockets] = fd[i];
		left->inode[left->n_sockets++] = st.st_ino;
		bytes = sizeof(at);
		if (getsockopt(fd[i], SOL_XDP, XDP_MMAP_OFFSETS, &at, &bytes) < 0 || bytes != sizeof(at))
			continue;
		left->receiving += received_list(left, st.st_ino, &at);
		sent_list(left, st.st_ino, &at);
	}
}

/* A number that the driver has closed may be another's by now. */
static void
sockets_close(const struct dp_xdp_left *left)
{
	struct stat st;

	for (unsigned i = 0; i < left->n_sockets; i++)
		if (fstat(left->fd[i], &st) == 0 && st.st_ino == left->inode[i] && is_socket(left->fd[i]))
			close(left->fd[i]);
}

void
dp_xdp_left_put_back(struct dp_xdp_left *left)
{
	sockets_close(left);
	for (unsigned i = 0; i < left->n; i++)
		dp_pool_put_back(left->buffer[i]);
	free(left->buffer);
	free(left->listed);
}

/* ---- the program ---- */
static int
beside_libxdp(struct dl_phdr_info *library, size_t bytes, void *out)
{
	const char *slash = strrchr(library->dlpi_name, '/');

	(void)bytes;
	if (slash == NULL || strncmp(slash, "/libxdp.so", 10) != 0)
		return 0;
	snprintf(out, DP_XDP_PROGRAM_STRLEN, "%.*s" PROGRAM, (int)(slash - library->dlpi_name), library->dlpi_name);
	return 1;
}

void
dp_xdp_program(char *out, size_t bytes)
{
	char path[DP_XDP_PROGRAM_STRLEN];

	out[0] = '\0';
	if (dl_iterate_phdr(beside_libxdp, path) != 0 && access(path, R_OK) == 0 &&
	    strlen(path) + sizeof(",xdp_prog=") <= bytes)
		snprintf(out, bytes, ",xdp_prog=%s", path);
}
