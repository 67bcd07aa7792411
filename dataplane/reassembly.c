/* SPDX-License-Identifier: BSD-3-Clause
 * The table of packets that came in fragments; see the header. Worker threads.
 *
 * The fragments of a packet may come by several queues, so the workers share the table, under one lock: what comes whole
 * never meets it. Each fragment is copied to its place in one long buffer and let go, so that a packet costs the same
 * however finely it is cut, and the memory is what it was at the start: PLACES packets, of which the oldest makes room for
 * a new one. DPDK's own librte_ip_frag keeps each fragment's buffer, writes newer bytes over older ones where they overlap,
 * and leaves a chain of buffers, which ESP cannot be opened in.
 *
 * Overlapping fragments are how one packet is shown to a filter and another to what stands behind it: the packet is given
 * up, with all that is still to come of it (RFC 5722 3; that holds for IPv4 as well, since no sender makes them). The same
 * fragment twice is the network's doing, and does no harm. */
#include "dataplane/reassembly.h"

#include <pthread.h>
#include <stdlib.h>

#include <rte_malloc.h>

#include "dataplane/dp.h"
#include "dataplane/ipv4.h"
#include "dataplane/ipv6.h"

#define PLACES 64
/* Of IPv4 an identification comes again, behind a fast tunnel within the timeout (RFC 4963): a packet that so many others began
 * after is not the one that a fragment under its name belongs to. */
#define BETWEEN_MAX 1024
#define BUFFERS     (2 * PLACES) /* as many may be on their way through the stages */
#define TIMEOUT_S   15           /* RFC 791 3.2; RFC 8200 4.5 allows IPv6 up to 60 */
#define POLLS_S     8            /* how often a second it is looked at who waited too long */

#define UNIT       8u /* bytes; all offsets are multiples (RFC 791 3.1) */
#define WORD       64u
#define ROOM       (UINT16_MAX & ~(RTE_CACHE_LINE_SIZE - 1u)) /* of a buffer, with its headroom */
#define HEAD_BYTES ((uint32_t)(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr)))
#define HEAD_V6    ((uint32_t)(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv6_hdr)))
#define MOST(head) ((ROOM - RTE_PKTMBUF_HEADROOM - (head)) & ~(UNIT - 1)) /* bytes after the IP header */

/* Which packet a fragment is of. IPv4 addresses fill the first four bytes. Compared as bytes. */
struct name {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint16_t proto; /* IPv6 does not ask for it: 0 */
	uint16_t head;  /* bytes of Ethernet and IP header: says the family, too */
};
static_assert(sizeof(struct name) == 40, "no hidden padding");

struct place {
	struct name name;
	bool used;
	bool congested;     /* a fragment bore CE (RFC 3168 5.3) */
	uint8_t next;       /* IPv6: what the whole packet's header says follows */
	struct rte_mbuf *m; /* Ethernet and IP header, then the payload; NULL: given up, and so is what comes of it */
	uint64_t deadline;  /* TSC */
	uint32_t number;    /* how many had begun before it */
	uint32_t have, top; /* bytes: how many came, and beyond which none did */
	uint32_t end;       /* how many there are; 0: the last fragment did not come yet */
	uint64_t there[(MOST(HEAD_BYTES) / UNIT + WORD - 1) / WORD];
};

struct dp_reassembly {
	pthread_spinlock_t lock; /* not rte_spinlock_t: ThreadSanitizer does not see its order */
	unsigned used;  /* written under the lock; read relaxed without it by dp_reassembly_poll(), for a hint */
	uint32_t begun; /* packets so far; under the lock */
	struct rte_mempool *pool;
	struct place place[PLACES];
};

/* What a fragment says of itself. */
struct piece {
	struct name name;
	const uint8_t *bytes;
	uint32_t at, n;
	bool last;
	bool congested;
	uint8_t next; /* IPv6: protocol of what was cut */
};

struct dp_reassembly *
dp_reassembly_create(void)
{
	struct dp_reassembly *table = calloc(1, sizeof(*table));
	if (table == NULL)
		return NULL;
	pthread_spin_init(&table->lock, PTHREAD_PROCESS_PRIVATE);
	table->pool = rte_pktmbuf_pool_create_by_ops("reassembly", BUFFERS, 0, sizeof(struct dp_priv), (uint16_t)ROOM,
						     SOCKET_ID_ANY, DP_POOL_KIND);
	if (table->pool == NULL) {
		free(table);
		return NULL;
	}
	return table;
}

void
dp_reassembly_destroy(struct dp_reassembly *table)
{
	if (table == NULL)
		return;
	for (unsigned i = 0; i < PLACES; i++)
		rte_pktmbuf_free(table->place[i].m); /* its fragments are accounted for */
	rte_mempool_free(table->pool);
	pthread_spin_destroy(&table->lock);
	free(table);
}

static void
leave(struct dp_reassembly *table, struct place *place)
{
	place->used = false;
	place->m = NULL;
	__atomic_store_n(&table->used, table->used - 1, __ATOMIC_RELAXED); /* a hint: orders nothing */
}

/* What came of a packet is given up: one made of joined fragments, and dropped. */
static void
give_up(struct dp_worker *w, struct place *place, enum dp_drop reason)
{
	if (place->m == NULL)
		return;
	dp_count(&w->stats.made, 1);
	place->m->data_len = (uint16_t)(place->name.head + place->top);
	place->m->pkt_len = place->m->data_len;
	dp_drop(w, place->m, reason);
	place->m = NULL;
}

static bool
name_equal(const struct name *a, const struct name *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool
is_another(const struct dp_reassembly *table, const struct place *place)
{
	return place->name.head == HEAD_BYTES && table->begun - place->number > BETWEEN_MAX;
}

/* The packet's place, made when it is new, with the header of the fragment that came first. NULL: no buffer. */
static struct place *
find(struct dp_worker *w, struct dp_reassembly *table, const struct piece *piece, struct rte_mbuf *first)
{
	struct place *free_one = NULL, *oldest = NULL;

	for (unsigned i = 0; i < PLACES; i++) {
		struct place *place = &table->place[i];
		if (place->used && name_equal(&place->name, &piece->name)) {
			if (!is_another(table, place))
				return place;
			give_up(w, place, DP_DROP_FRAGMENT_TIMEOUT);
			leave(table, place);
		}
		if (!place->used)
			free_one = place;
		else if (oldest == NULL || place->deadline < oldest->deadline)
			oldest = place;
	}
	if (free_one == NULL) {
		give_up(w, oldest, DP_DROP_FRAGMENT_FULL);
		leave(table, oldest);
		free_one = oldest;
	}
	struct rte_mbuf *m = rte_pktmbuf_alloc(table->pool);
	if (m == NULL)
		return NULL;
	memset(free_one, 0, sizeof(*free_one));
	free_one->used = true;
	free_one->name = piece->name;
	free_one->m = m;
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_mtod(first, const uint8_t *), piece->name.head);
	*dp_meta(m) = (struct dp_meta){.in_port = dp_meta(first)->in_port, .flags = DP_META_HAS_L2};
	free_one->number = table->begun++;
	free_one->deadline = w->now + TIMEOUT_S * w->dp->second_tsc;
	__atomic_store_n(&table->used, table->used + 1, __ATOMIC_RELAXED); /* a hint: orders nothing */
	return free_one;
}

static bool
is_there(const struct place *place, uint32_t unit)
{
	return (place->there[unit / WORD] >> unit % WORD & 1) != 0;
}

/* How this fragment fits what is there: DP_DROP_COUNT, or why it does not. */
static unsigned
judge(const struct place *place, const struct piece *piece)
{
	const uint32_t end = piece->at + piece->n, units = (piece->n + UNIT - 1) / UNIT;
	uint32_t known = 0;

	if (place->m == NULL)
		return DP_DROP_FRAGMENT_OVERLAP;
	for (uint32_t i = 0; i < units; i++)
		known += is_there(place, piece->at / UNIT + i);
	if (known == units && end <= place->top && (!piece->last || end == place->end) &&
	    memcmp(rte_pktmbuf_mtod_offset(place->m, const uint8_t *, piece->name.head + piece->at), piece->bytes,
		   piece->n) == 0)
		return DP_DROP_FRAGMENT_DUPLICATE;
	if (known > 0 || (place->end != 0 && (piece->last || end > place->end)) || (piece->last && place->top > end))
		return DP_DROP_FRAGMENT_OVERLAP;
	return DP_DROP_COUNT;
}

static void
put(struct place *place, struct rte_mbuf *m, const struct piece *piece)
{
	const uint32_t end = piece->at + piece->n, head = piece->name.head;

	if (piece->at == 0) {
		memcpy(rte_pktmbuf_mtod(place->m, uint8_t *), rte_pktmbuf_mtod(m, const uint8_t *), head);
		place->next = piece->next; /* the first one's counts (RFC 8200 4.5) */
	}
	memcpy(rte_pktmbuf_mtod_offset(place->m, uint8_t *, head + piece->at), piece->bytes, piece->n);
	for (uint32_t unit = piece->at / UNIT; unit * UNIT < end; unit++)
		place->there[unit / WORD] |= UINT64_C(1) << unit % WORD;
	place->congested |= piece->congested;
	place->have += piece->n;
	if (place->top < end)
		place->top = end;
	if (piece->last)
		place->end = end;
}

/* A packet that fits an ordinary buffer goes on in one: these few must not lie in a device's queue. */
static struct rte_mbuf *
ordinary(struct dp_worker *w, struct rte_mbuf *m)
{
	struct rte_mbuf *copy = rte_pktmbuf_alloc(w->dp->pool);
	if (copy == NULL)
		return m;
	if (rte_pktmbuf_tailroom(copy) < m->data_len) {
		rte_pktmbuf_free(copy);
		return m;
	}
	memcpy(rte_pktmbuf_append(copy, m->data_len), rte_pktmbuf_mtod(m, const void *), m->data_len);
	*dp_meta(copy) = *dp_meta(m);
	rte_pktmbuf_free(m);
	return copy;
}

static void
make_whole_v4(const struct place *place, struct rte_ipv4_hdr *ip)
{
	if (place->congested)
		ip->type_of_service |= RTE_IPV4_HDR_ECN_CE;
	ip->total_length = dp_be16((uint16_t)(sizeof(*ip) + place->end));
	ip->fragment_offset = 0;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~dp_ipv4_sum20((const uint8_t *)ip);
}

static void
make_whole_v6(const struct place *place, struct rte_ipv6_hdr *ip)
{
	if (place->congested)
		dp_ipv6_tclass_set(ip, dp_ipv6_tclass(ip) | RTE_IPV4_HDR_ECN_CE);
	ip->payload_len = dp_be16((uint16_t)place->end);
	ip->proto = place->next;
}

/* All is there: the header becomes that of a whole packet. */
static struct rte_mbuf *
complete(struct dp_worker *w, const struct place *place, uint16_t in_port)
{
	struct rte_mbuf *m = place->m;
	const uint16_t bytes = (uint16_t)(place->name.head + place->end);
	void *ip = rte_pktmbuf_mtod_offset(m, void *, sizeof(struct rte_ether_hdr));

	m->data_len = bytes;
	m->pkt_len = bytes;
	if (place->name.head == HEAD_V6)
		make_whole_v6(place, ip);
	else
		make_whole_v4(place, ip);
	*dp_meta(m) = (struct dp_meta){
	    .in_port = in_port, .ip_bytes = (uint16_t)(bytes - sizeof(struct rte_ether_hdr)), .flags = DP_META_HAS_L2};
	dp_count(&w->stats.made, 1);
	return ordinary(w, m);
}

/* Under the lock. Returns the whole, or NULL, and in reason why the fragment is dropped, or DP_DROP_COUNT. */
static struct rte_mbuf *
join(struct dp_worker *w, struct rte_mbuf *m, const struct piece *piece, unsigned *reason)
{
	struct dp_reassembly *table = w->dp->reassembly;
	struct place *place = find(w, table, piece, m);
	if (place == NULL) {
		*reason = DP_DROP_FRAGMENT_FULL;
		return NULL;
	}
	*reason = judge(place, piece);
	if (*reason == DP_DROP_FRAGMENT_OVERLAP)
		give_up(w, place, DP_DROP_FRAGMENT_OVERLAP);
	if (*reason != DP_DROP_COUNT)
		return NULL;
	put(place, m, piece);
	if (place->end == 0 || place->have != place->end)
		return NULL;
	struct rte_mbuf *whole = complete(w, place, dp_meta(m)->in_port);
	leave(table, place);
	return whole;
}

static struct rte_mbuf *
take(struct dp_worker *w, struct rte_mbuf *m, const struct piece *piece)
{
	unsigned reason;

	if (piece->n == 0 || (!piece->last && piece->n % UNIT != 0) || piece->at + piece->n > MOST(piece->name.head)) {
		dp_drop(w, m, DP_DROP_FRAGMENT_LENGTH);
		return NULL;
	}
	pthread_spin_lock(&w->dp->reassembly->lock);
	struct rte_mbuf *whole = join(w, m, piece, &reason);
	pthread_spin_unlock(&w->dp->reassembly->lock);
	if (reason != DP_DROP_COUNT) {
		dp_drop(w, m, reason);
		return NULL;
	}
	dp_count(&w->stats.joined, 1);
	rte_pktmbuf_free(m);
	return whole;
}

struct rte_mbuf *
dp_reassemble(struct dp_worker *w, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip =
	    rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
	const uint16_t field = dp_be16(ip->fragment_offset);
	struct piece piece = {
	    .name = {.id = ip->packet_id, .proto = ip->next_proto_id, .head = HEAD_BYTES},
	    .bytes = (const uint8_t *)(ip + 1),
	    .at = (field & RTE_IPV4_HDR_OFFSET_MASK) * UNIT,
	    .n = dp_meta(m)->ip_bytes - (uint32_t)sizeof(*ip),
	    .last = (field & RTE_IPV4_HDR_MF_FLAG) == 0,
	    .congested = (ip->type_of_service & RTE_IPV4_HDR_ECN_MASK) == RTE_IPV4_HDR_ECN_CE,
	};
	memcpy(piece.name.src, &ip->src_addr, sizeof(ip->src_addr));
	memcpy(piece.name.dst, &ip->dst_addr, sizeof(ip->dst_addr));
	return take(w, m, &piece);
}

struct rte_mbuf *
dp_reassemble_v6(struct dp_worker *w, struct rte_mbuf *m, uint16_t at)
{
	const struct rte_ipv6_hdr *ip =
	    rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, sizeof(struct rte_ether_hdr));
	const uint8_t *fragment = (const uint8_t *)ip + at; /* next header, reserved, offset and M, identification */
	uint16_t field_be;
	struct piece piece = {
	    .name = {.head = HEAD_V6},
	    .bytes = fragment + RTE_IPV6_FRAG_HDR_SIZE,
	    .n = dp_meta(m)->ip_bytes - at - (uint32_t)RTE_IPV6_FRAG_HDR_SIZE,
	    .congested = (dp_ipv6_tclass(ip) & RTE_IPV4_HDR_ECN_MASK) == RTE_IPV4_HDR_ECN_CE,
	    .next = fragment[0],
	};
	memcpy(&field_be, fragment + 2, sizeof(field_be));
	piece.at = dp_be16(field_be) & ~(UNIT - 1);
	piece.last = (dp_be16(field_be) & 1) == 0;
	memcpy(&piece.name.id, fragment + 4, sizeof(piece.name.id));
	memcpy(piece.name.src, ip->src_addr, sizeof(piece.name.src));
	memcpy(piece.name.dst, ip->dst_addr, sizeof(piece.name.dst));
	return take(w, m, &piece);
}

void
dp_reassembly_poll(struct dp_worker *w)
{
	struct dp_reassembly *table = w->dp->reassembly;

	if (__atomic_load_n(&table->used, __ATOMIC_RELAXED) == 0 ||
	    w->now - w->reassembly_polled < w->dp->second_tsc / POLLS_S)
		return;
	w->reassembly_polled = w->now;
	pthread_spin_lock(&table->lock);
	for (unsigned i = 0; i < PLACES; i++) {
		struct place *place = &table->place[i];
		if (place->used && (int64_t)(w->now - place->deadline) > 0) {
			give_up(w, place, DP_DROP_FRAGMENT_TIMEOUT);
			leave(table, place);
		}
	}
	pthread_spin_unlock(&table->lock);
}
