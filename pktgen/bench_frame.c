/* SPDX-License-Identifier: BSD-3-Clause
 * The benchmark's frames: plain ones for the inside, ESP packets for the wire (RFC 4303 with RFC 4106, 7634 or 4543), and the proof that
 * what leaves the gateway is what must leave it. Of its own making from end to end: a path that cheats would not pass.
 * One thread each. */
#include "pktgen/bench.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#define ETHER      14u
#define IP         20u
#define ESP_HEAD   16u /* SPI, sequence number, IV */
#define TAG        PG_BENCH_TAG_BYTES
#define TTL        64
#define UDP_PORT   4000
#define NEXT_IPV4  4
#define SALT_BYTES 4u

uint32_t
pg_bench_text_bytes(unsigned frame)
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

/* What the engine under test sealed is opened by another library, where there are two. */
static const char *
witness(const char *engine)
{
	return strcmp(engine, "openssl") == 0 ? "auto" : "openssl";
}

int
pg_bench_source_init(struct pg_bench_source *s, struct pg_bench_gateway *gateway, const struct pg_bench_case *what,
		     unsigned i, struct pg_error *err)
{
	struct dp_error dp_err;
	*s = (struct pg_bench_source){
	    .gateway = gateway, .dir = what->dir, .mix = what->frame, .random = UINT64_C(0x9e3779b97f4a7c15) * (i + 1)};
	for (unsigned k = 0; k < sizeof(s->pattern); k++)
		s->pattern[k] = (uint8_t)next_random(s);
	if (what->dir == PG_BENCH_DECRYPT) {
		s->sealer = dp_aead_create("auto", what->algorithm, pg_bench_key[PG_BENCH_DECRYPT], &dp_err);
		return s->sealer == NULL ? pg_error_set(err, -EIO, "%s", dp_err.text) : 0;
	}
	s->out_seq = calloc(gateway->sas, sizeof(*s->out_seq));
	if (s->out_seq == NULL)
		return pg_error_set(err, -ENOMEM, "no memory for %u SAs", gateway->sas);
	s->opener = dp_aead_create(witness(what->engine), what->algorithm, pg_bench_key[PG_BENCH_ENCRYPT], &dp_err);
	return s->opener == NULL ? pg_error_set(err, -EIO, "%s", dp_err.text) : 0;
}

void
pg_bench_source_fini(struct pg_bench_source *s)
{
	dp_aead_destroy(s->sealer);
	dp_aead_destroy(s->opener);
	free(s->out_seq);
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
write_ether(const uint8_t to[6], const uint8_t from[6], uint8_t *at)
{
	memcpy(at, to, 6);
	memcpy(at + 6, from, 6);
	at[12] = 0x08;
	at[13] = 0x00;
}

/* What the headers of a packet on the wire say. */
struct sealed {
	uint32_t sa; /* by its SPI */
	uint64_t seq;
	uint32_t text_bytes;
};

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
	const uint32_t text = pg_bench_text_bytes(s->size[i]), inner = s->size[i] - ETHER, pad = text - inner - 2;
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
	s->n = n;
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
		const enum pg_bench_port port = s->dir == PG_BENCH_ENCRYPT ? PG_BENCH_LAN : PG_BENCH_WAN;
		write_ether(s->gateway->mac[port], pg_bench_neighbour, at);
		if (s->dir == PG_BENCH_ENCRYPT)
			write_inner(s, i, TTL, at + ETHER);
		else
			ip_bytes = write_sealed(s, i, at + ETHER);
		pkt[i]->data_len = (uint16_t)(ETHER + ip_bytes);
		pkt[i]->pkt_len = pkt[i]->data_len;
	}
}

static bool
outer_header_right(const struct rte_ipv4_hdr *ip, unsigned bytes)
{
	return ip->version_ihl == RTE_IPV4_VHL_DEF && rte_be_to_cpu_16(ip->total_length) == bytes &&
	       rte_ipv4_cksum(ip) == 0 && ip->next_proto_id == IPPROTO_ESP && ip->time_to_live > 0 &&
	       ip->src_addr == RTE_BE32(PG_BENCH_OUTER_OWN) && ip->dst_addr == RTE_BE32(PG_BENCH_OUTER_PEER);
}

/* What left for the wire, opened in place. Returns the text; NULL and what is wrong. */
static const uint8_t *
open_sealed(struct pg_bench_source *s, uint8_t *at, unsigned bytes, struct sealed *sealed, const char **wrong)
{
	uint8_t *esp = at + IP, *body = esp + ESP_HEAD;
	rte_be32_t spi_be, seq_low_be;
	rte_be64_t iv_be;

	*wrong = "an outer header is wrong";
	if (bytes < IP + ESP_HEAD + TAG || !outer_header_right((const struct rte_ipv4_hdr *)at, bytes))
		return NULL;
	memcpy(&spi_be, esp, 4);
	memcpy(&seq_low_be, esp + 4, 4);
	memcpy(&iv_be, esp + 8, 8);
	*sealed = (struct sealed){.sa = rte_be_to_cpu_32(spi_be) - PG_BENCH_SPI_OUT,
				  .seq = rte_be_to_cpu_64(iv_be),
				  .text_bytes = bytes - IP - ESP_HEAD - TAG};
	*wrong = "an ESP header is wrong";
	if (sealed->sa >= s->gateway->sas || (uint32_t)sealed->seq != rte_be_to_cpu_32(seq_low_be))
		return NULL;
	*wrong = "a sequence number came twice or out of order";
	if (sealed->seq <= s->out_seq[sealed->sa])
		return NULL;
	s->out_seq[sealed->sa] = sealed->seq;
	const struct nonce nonce = make_nonce(s, rte_cpu_to_be_32(sealed->sa), spi_be, sealed->seq);
	const struct dp_aead_job job = {.text = body,
					.tag = body + sealed->text_bytes,
					.iv = nonce.iv,
					.aad = nonce.aad,
					.text_bytes = sealed->text_bytes,
					.aad_bytes = nonce.aad_bytes};
	*wrong = "a sealed packet does not open";
	return dp_aead_open(s->opener, &job, 1) == 0 ? body : NULL;
}

/* Padding counts up from 1, then come its length and the next header (RFC 4303 2.4 to 2.6). */
static bool
trailer_right(const uint8_t *text, uint32_t text_bytes, uint32_t inner_bytes)
{
	const uint32_t pad = text_bytes - inner_bytes - 2;
	for (uint32_t k = 0; k < pad; k++)
		if (text[inner_bytes + k] != k + 1)
			return false;
	return text[text_bytes - 2] == pad && text[text_bytes - 1] == NEXT_IPV4;
}

/* One packet. seen: those of its batch that came before it. */
static const char *
check_one(struct pg_bench_source *s, const struct rte_mbuf *pkt, bool seen[PG_BENCH_BATCH_MAX])
{
	uint8_t expected[PG_FRAME_MAX], *at = rte_pktmbuf_mtod(pkt, uint8_t *);
	const bool encrypt = s->dir == PG_BENCH_ENCRYPT;
	const unsigned bytes = pkt->data_len - ETHER;
	struct sealed sealed = {.sa = 0};
	const char *wrong;

	if (pkt->nb_segs != 1 || pkt->data_len < ETHER + IP || pkt->pkt_len != pkt->data_len)
		return "a packet has the wrong length";
	write_ether(pg_bench_neighbour, s->gateway->mac[encrypt ? PG_BENCH_WAN : PG_BENCH_LAN], expected);
	if (memcmp(at, expected, ETHER) != 0)
		return "an Ethernet header is wrong";
	const uint8_t *inner = encrypt ? open_sealed(s, at + ETHER, bytes, &sealed, &wrong) : at + ETHER;
	if (inner == NULL)
		return wrong;
	const unsigned i = rte_be_to_cpu_16(((const struct rte_ipv4_hdr *)inner)->packet_id);
	if (i >= s->n || seen[i])
		return "a packet came out twice, or one that never went in";
	seen[i] = true;
	if (encrypt && sealed.sa != s->sa[i])
		return "a packet went through the wrong SA";
	const uint32_t inner_bytes = s->size[i] - ETHER, text_bytes = pg_bench_text_bytes(s->size[i]);
	if (encrypt ? sealed.text_bytes != text_bytes : bytes != inner_bytes)
		return "a packet has the wrong length";
	if (encrypt && !trailer_right(inner, text_bytes, inner_bytes))
		return "an ESP trailer is wrong";
	write_inner(s, i, TTL - 1, expected);
	return memcmp(inner, expected, inner_bytes) == 0 ? NULL : "a packet holds something else than what went in";
}

/* Packets keep the order of their own flow and SA only: their ids say which they are. */
const char *
pg_bench_source_check(struct pg_bench_source *s, struct rte_mbuf *const pkt[], unsigned n)
{
	bool seen[PG_BENCH_BATCH_MAX] = {false};
	const char *wrong = n == s->n ? NULL : "not every packet came out";
	for (unsigned k = 0; k < n && wrong == NULL; k++)
		wrong = check_one(s, pkt[k], seen);
	return wrong;
}
