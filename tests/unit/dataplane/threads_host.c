/* SPDX-License-Identifier: BSD-3-Clause
 * The host inside: sends numbered packets into the tunnels, and looks at what comes back from them, byte by byte. The host's
 * thread. */
#include "tests/unit/dataplane/threads_rig.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "tests/unit/dataplane/header_rig.h"

#define AWAY_MAX  192 /* packets that are away at once: fewer than a replay window and a ring hold */
#define HEADERS   28u /* IP and UDP */
#define FLOWS     24
#define GIVE_UP_S 60 /* without a packet; the test fails then */

struct host {
	struct rig *rig;
	uint8_t *seen; /* by number: how often it came back */
	uint64_t next;
	unsigned idle; /* looks since the last packet */
	struct timespec since;
};

static const uint8_t magic[4] = {0xc0, 0x1e, 0x57, 0x02};

static bool
is_red(uint64_t number)
{
	return (number & 1) != 0;
}

static uint16_t
payload_of(uint64_t number)
{
	return (uint16_t)(16 + number * 37 % 1200);
}

/* The packet with that number, as it is sent. Returns its bytes. */
static size_t
packet(uint64_t number, uint32_t dst, uint8_t *ip)
{
	const unsigned flow = (unsigned)(number / 3 % FLOWS);
	const struct witness_ip header = {.src = number % 128 == 9 ? RIG_RARE : GW_HOST,
					  .dst = dst != 0 ? dst : GW_FAR + flow,
					  .sport = (uint16_t)(4000 + flow),
					  .dport = 5000,
					  .payload = payload_of(number),
					  .proto = IPPROTO_UDP,
					  .ttl = 64};
	const size_t bytes = witness_packet(&header, ip);
	memcpy(ip + HEADERS, magic, sizeof(magic));
	memcpy(ip + HEADERS + sizeof(magic), &number, sizeof(number));
	return bytes;
}

/* The other way round, twice forwarded. */
static bool
is_answer(const uint8_t *ip, size_t bytes, uint64_t number)
{
	uint8_t sent[2048];
	if (packet(number, 0, sent) != bytes || ip[8] != 62)
		return false;
	return memcmp(ip + 12, sent + 16, 4) == 0 && memcmp(ip + 16, sent + 12, 4) == 0 &&
	       memcmp(ip + 20, sent + 22, 2) == 0 && memcmp(ip + 22, sent + 20, 2) == 0 && header_sums_up(ip) &&
	       memcmp(ip + HEADERS, sent + HEADERS, bytes - HEADERS) == 0;
}

static void
look_at(struct host *host, enum rig_port port, const uint8_t *ip, size_t bytes)
{
	struct rig *rig = host->rig;
	uint64_t number;

	if (bytes > 20 && ip[9] == IPPROTO_ICMP && ip[20] == ICMP_ECHOREPLY)
		rig_tell(&rig->answers, 1);
	if (bytes < HEADERS + 16 || ip[9] != IPPROTO_UDP || memcmp(ip + HEADERS, magic, sizeof(magic)) != 0)
		return;
	memcpy(&number, ip + HEADERS + sizeof(magic), sizeof(number));
	if (number >= host->next || !is_answer(ip, bytes, number))
		rig_wrong(rig, "a packet came back other than it was sent");
	else if (is_red(number) != (port == RIG_RED))
		rig_wrong(rig, "a packet came back in another virtual network");
	else if (host->seen[number]++ != 0)
		rig_wrong(rig, "a packet came back twice");
	rig_tell(&rig->back, 1);
}

static bool
look(struct host *host)
{
	uint8_t ip[2048];
	bool any = false;

	for (enum rig_port port = RIG_BLUE; port <= RIG_RED; port++)
		for (unsigned q = 0; q < RIG_QUEUES; q++) {
			const size_t bytes = rig_take(host->rig, port, q, ip);
			any |= bytes != 0;
			if (bytes != 0)
				look_at(host, port, ip, bytes);
		}
	return any;
}

static void
ping(struct rig *rig, uint64_t number)
{
	uint8_t ip[64];
	const struct witness_ip header = {
	    .src = GW_HOST, .dst = GW_LAN, .payload = 8, .proto = IPPROTO_ICMP, .ttl = 64};
	const size_t bytes = witness_packet(&header, ip);
	struct icmphdr icmp = {.type = ICMP_ECHO, .un.echo.sequence = (uint16_t)number};

	memset(ip + 20, 0, bytes - 20);
	memcpy(ip + 20, &icmp, sizeof(icmp));
	icmp.checksum = (uint16_t)~rte_raw_cksum(ip + 20, bytes - 20);
	memcpy(ip + 20, &icmp, sizeof(icmp));
	if (rig_put(rig, RIG_BLUE, number / 64 % RIG_QUEUES, ip, bytes) != NULL)
		rig_tell(&rig->pings, 1);
}

static void
send_next(struct host *host)
{
	struct rig *rig = host->rig;
	const uint64_t number = host->next++;
	const unsigned queue = (unsigned)(number * 2654435761u >> 7) % RIG_QUEUES;
	uint8_t ip[2048];

	if (number % 64 == 12)
		ping(rig, number);
	if (number % 64 == 8) {
		const size_t bytes = packet(number, RIG_SINK, ip);
		if (rig_put(rig, RIG_BLUE, queue, ip, bytes) != NULL)
			rig_tell(&rig->sunk_sent, 1);
	}
	const size_t bytes = packet(number, 0, ip);
	struct rte_mbuf *m = rig_put(rig, is_red(number) ? RIG_RED : RIG_BLUE, queue, ip, bytes);
	if (m == NULL)
		return;
	rig_tell(&rig->sent, 1);
	if (rig->race && ((volatile uint8_t *)m->buf_addr)[RTE_PKTMBUF_HEADROOM + 22] == 1) /* a worker lowers it */
		rig_tell(&rig->pings, 0);
}

static bool
sent_all(const struct host *host)
{
	const struct rig *rig = host->rig;
	return host->next == rig->packets_max ||
	       (host->next >= rig->packets && __atomic_load_n(&rig->enough, __ATOMIC_RELAXED));
}

static void
be_idle(struct host *host)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (host->idle++ == 0)
		host->since = now;
	if (now.tv_sec - host->since.tv_sec > GIVE_UP_S)
		rig_wrong(host->rig, "packets did not come back");
	sched_yield();
}

void *
rig_host_main(void *arg)
{
	struct host host = {.rig = arg};
	struct rig *rig = arg;

	host.seen = calloc(rig->packets_max, 1);
	if (host.seen == NULL)
		abort();
	while (!rig_stopped(rig)) {
		const bool all = sent_all(&host), wait = all || rig->sent - rig->back >= AWAY_MAX;
		__atomic_store_n(&rig->sent_all, all, __ATOMIC_RELAXED);
		if (!wait)
			send_next(&host);
		if (look(&host) || !wait)
			host.idle = 0;
		else
			be_idle(&host);
	}
	free(host.seen);
	return NULL;
}
