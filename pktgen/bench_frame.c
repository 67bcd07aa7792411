/* SPDX-License-Identifier: BSD-3-Clause
 * The benchmark's frames: plain ones for the inside, ESP packets for the wire (RFC 4303, RFC 4106), and the proof that
 * what leaves the gateway is what must leave it. Of its own making from end to end: a path that cheats would not pass.
 * One thread each. */
#include "pktgen/bench.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#define ETHER      14u
#define IP         20u
#define ESP_HEAD   16u /* SPI, sequence number, IV */
#define TAG        16u
#define TTL        64
#define WITNESS    "openssl" /* opens what the engine under test has sealed */
#define UDP_PORT   4000
#define NEXT_IPV4  4
#define SALT_BYTES 4u

static uint32_t
text_bytes(unsigned frame)
{
	return (frame - ETHER + 2 + 3) & ~3u; /* the inner packet, padding to four, pad length and next header */
}

static uint64_t
next_random(struct pg_bench_source *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

int
pg_bench_source_init(struct pg_bench_source *s, struct pg_bench_gateway *gateway, const struct pg_bench_case *what,
		     struct pg_error *err)
{
	struct dp_error dp_err;
	*s = (struct pg_bench_source){
	    .gateway = gateway, .dir = what->dir, .mix = what->frame, .random = (uintptr_t)s | 1};
	for (unsigned i = 0; i < sizeof(s->pattern); i++)
		s->pattern[i] = (uint8_t)next_random(s);
	if (what->dir == PG_BENCH_DECRYPT)
		s->sealer = dp_aead_create("auto", pg_bench_key[PG_BENCH_DECRYPT], 32, &dp_err);
	else
		s->opener = dp_aead_create(WITNESS, pg_bench_key[PG_BENCH_ENCRYPT], 32, &dp_err);
	if (s->sealer == NULL && s->opener == NULL)
		return pg_error_set(err, -EIO, "%s", dp_err.text);
	return 0;
}

void
pg_bench_source_fini(struct pg_bench_source *s)
{
	dp_aead_destroy(s->sealer);
	dp_aead_destroy(s->opener);
}

/* The IP packet inside of frame i of the batch, with that TTL. */
static void
write_inner(const struct pg_bench_source *s, unsigned i, uint8_t ttl, uint8_t *at)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;
	const uint16_t bytes = (uint16_t)(s->size[i] - ETHER);
	const rte_be32_t far = rte_cpu_to_be_32(PG_BENCH_FAR + s->sa[i]), host = rte_cpu_to_be_32(PG_BENCH_HOST);
	const bool out = s->dir == PG_BENCH_ENCRYPT;
	const struct rte_udp_hdr udp = {.src_port = RTE_BE16(UDP_PORT),
					.dst_port = RTE_BE16(UDP_PORT),
					.dgram_len = rte_cpu_to_be_16((uint16_t)(bytes - IP))};
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .total_length = rte_cpu_to_be_16(bytes),
				    .packet_id = rte_cpu_to_be_16((uint16_t)i),
				    .time_to_live = ttl,
				    .next_proto_id = IPPROTO_UDP,
				    .src_addr = out ? host : far,
				    .dst_addr = out ? far : host};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	memcpy(at + IP, &udp, sizeof(udp));
	memcpy(at + IP + sizeof(udp), s->pattern + i, bytes - IP - sizeof(udp));
}

static void
write_ether(const struct pg_bench_source *s, enum pg_bench_port port, uint8_t *at)
{
	static const uint8_t from[6] = {0x02, 0, 0, 0, 0, 0x99};
	memcpy(at, s->gateway->mac[port], 6);
	memcpy(at + 6, from, 6);
	at[12] = 0x08;
	at[13] = 0x00;
}

struct nonce {
	uint8_t iv[12], aad[12], aad_bytes;
};

static struct nonce
make_nonce(const struct pg_bench_source *s, rte_be32_t salt_be, rte_be32_t spi_be, uint64_t seq)
{
	struct nonce nonce = {.aad_bytes = s->gateway->esn ? 12 : 8};
	const rte_be64_t seq_be = rte_cpu_to_be_64(seq);
	memcpy(nonce.iv, &salt_be, SALT_BYTES);
	memcpy(nonce.iv + SALT_BYTES, &seq_be, sizeof(seq_be));
	memcpy(nonce.aad, &spi_be, sizeof(spi_be));
	memcpy(nonce.aad + 4, (const uint8_t *)&seq_be + (s->gateway->esn ? 0 : 4), s->gateway->esn ? 8 : 4);
	return nonce;
}

static unsigned
write_sealed(struct pg_bench_source *s, unsigned i, uint8_t *at)
{
	const uint32_t text = text_bytes(s->size[i]), inner = s->size[i] - ETHER, pad = text - inner - 2;
	const rte_be32_t spi = rte_cpu_to_be_32(PG_BENCH_SPI_IN + s->sa[i]),
			 salt = rte_cpu_to_be_32(PG_BENCH_SALT_IN + s->sa[i]);
	const rte_be32_t seq_low = rte_cpu_to_be_32((uint32_t)s->seq[i]);
	const rte_be64_t iv = rte_cpu_to_be_64(s->seq[i]);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;
	uint8_t *esp = at + IP, *body = esp + ESP_HEAD;

	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .total_length = rte_cpu_to_be_16((uint16_t)(IP + ESP_HEAD + text + TAG)),
				    .time_to_live = TTL,
				    .next_proto_id = IPPROTO_ESP,
				    .src_addr = RTE_BE32(PG_BENCH_OUTER_PEER),
				    .dst_addr = RTE_BE32(PG_BENCH_OUTER_OWN)};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	memcpy(esp, &spi, 4);
	memcpy(esp + 4, &seq_low, 4);
	memcpy(esp + 8, &iv, 8);
	write_inner(s, i, TTL, body);
	for (uint32_t k = 0; k < pad; k++)
		body[inner + k] = (uint8_t)(k + 1);
	body[text - 2] = (uint8_t)pad;
	body[text - 1] = NEXT_IPV4;
	const struct nonce nonce = make_nonce(s, salt, spi, s->seq[i]);
	const struct dp_aead_job job = {.text = body,
					.tag = body + text,
					.iv = nonce.iv,
					.aad = nonce.aad,
					.text_bytes = text,
					.aad_bytes = nonce.aad_bytes};
	dp_aead_seal(s->sealer, &job, 1);
	return IP + ESP_HEAD + text + TAG;
}

/* The peer's numbers. Of a single SA a batch takes as many at once, as a peer's burst would arrive on one queue. Relaxed:
 * several threads number packets of one SA, each number once. */
static void
number(struct pg_bench_source *s, unsigned n)
{
	uint64_t *last = s->gateway->in_seq;
	if (s->gateway->sas == 1) {
		const uint64_t before = __atomic_fetch_add(&last[0], n, __ATOMIC_RELAXED);
		for (unsigned i = 0; i < n; i++)
			s->seq[i] = before + 1 + i;
		return;
	}
	for (unsigned i = 0; i < n; i++)
		s->seq[i] = __atomic_add_fetch(&last[s->sa[i]], 1, __ATOMIC_RELAXED);
}

void
pg_bench_source_fill(struct pg_bench_source *s, struct rte_mbuf *const pkt[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		s->size[i] = s->mix->size[s->at];
		s->at = s->at + 1 == s->mix->cycle ? 0 : s->at + 1;
		s->sa[i] = s->gateway->sas == 1 ? 0 : (unsigned)((next_random(s) >> 16) % s->gateway->sas);
	}
	if (s->dir == PG_BENCH_DECRYPT)
		number(s, n);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *at = rte_pktmbuf_mtod(pkt[i], uint8_t *);
		unsigned ip_bytes = s->size[i] - ETHER;
		if (s->dir == PG_BENCH_ENCRYPT) {
			write_ether(s, PG_BENCH_LAN, at);
			write_inner(s, i, TTL, at + ETHER);
		} else {
			write_ether(s, PG_BENCH_WAN, at);
			ip_bytes = write_sealed(s, i, at + ETHER);
		}
		pkt[i]->data_len = (uint16_t)(ETHER + ip_bytes);
		pkt[i]->pkt_len = pkt[i]->data_len;
	}
}

/* What left for the wire, opened by another library than the one that may have sealed it. Returns the inner packet in
 * place, NULL and what is wrong. */
static const uint8_t *
open_sealed(struct pg_bench_source *s, uint8_t *at, unsigned bytes, uint32_t *spi, const char **wrong)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)at;
	uint8_t *esp = at + IP, *body = esp + ESP_HEAD;
	rte_be32_t spi_be;
	rte_be64_t iv;

	*wrong = "an outer header is wrong";
	if (bytes < IP + ESP_HEAD + TAG || rte_be_to_cpu_16(ip->total_length) != bytes || rte_ipv4_cksum(ip) != 0 ||
	    ip->next_proto_id != IPPROTO_ESP || ip->src_addr != RTE_BE32(PG_BENCH_OUTER_OWN) ||
	    ip->dst_addr != RTE_BE32(PG_BENCH_OUTER_PEER))
		return NULL;
	memcpy(&spi_be, esp, 4);
	memcpy(&iv, esp + 8, 8);
	*spi = rte_be_to_cpu_32(spi_be);
	const struct nonce nonce =
	    make_nonce(s, rte_cpu_to_be_32(*spi - PG_BENCH_SPI_OUT), spi_be, rte_be_to_cpu_64(iv));
	const uint32_t text = bytes - IP - ESP_HEAD - TAG;
	const struct dp_aead_job job = {.text = body,
					.tag = body + text,
					.iv = nonce.iv,
					.aad = nonce.aad,
					.text_bytes = text,
					.aad_bytes = nonce.aad_bytes};
	*wrong = "a sealed packet does not open";
	return dp_aead_open(s->opener, &job, 1) == 0 ? body : NULL;
}

/* Packets keep the order of their own flow and SA only: their ids say which they are. */
const char *
pg_bench_source_check(struct pg_bench_source *s, struct rte_mbuf *const pkt[], unsigned n)
{
	uint8_t expected[PG_FRAME_MAX];
	bool seen[PG_BENCH_BATCH_MAX] = {false};
	const bool encrypt = s->dir == PG_BENCH_ENCRYPT;
	const char *wrong = NULL;
	for (unsigned k = 0; k < n; k++) {
		uint8_t *at = rte_pktmbuf_mtod(pkt[k], uint8_t *) + ETHER;
		const unsigned bytes = pkt[k]->data_len - ETHER;
		uint32_t spi = 0;
		const uint8_t *inner = encrypt ? open_sealed(s, at, bytes, &spi, &wrong) : at;
		if (inner == NULL)
			return wrong;
		const unsigned i = rte_be_to_cpu_16(((const struct rte_ipv4_hdr *)inner)->packet_id);
		if (i >= n || seen[i])
			return "a packet came out twice, or one that never went in";
		seen[i] = true;
		if (encrypt && spi != PG_BENCH_SPI_OUT + s->sa[i])
			return "a packet went through the wrong SA";
		if (bytes != (encrypt ? IP + ESP_HEAD + text_bytes(s->size[i]) + TAG : s->size[i] - ETHER))
			return "a packet has the wrong length";
		write_inner(s, i, TTL - 1, expected);
		if (memcmp(inner, expected, s->size[i] - ETHER) != 0)
			return "a packet holds something else than what went in";
	}
	return NULL;
}
