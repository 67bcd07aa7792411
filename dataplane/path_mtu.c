/* SPDX-License-Identifier: BSD-3-Clause
 * Path MTUs, learnt from ICMP that quotes an SA's packets; see the header. Worker threads.
 *
 * Anyone may send such a message, and nothing in it is authenticated. So it must quote what only who sees the packets knows: the
 * SPI, both addresses, and a number that the SA used lately; it is believed down to DP_MTU_MIN (IPv6: 1280) and no further, for a while
 * and no longer, and it only ever makes packets smaller. */
#include "dataplane/path_mtu.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "dataplane/dp.h"
#include "dataplane/esp.h"
#include "dataplane/fragment.h"
#include "dataplane/ipv6.h"
#include "dataplane/udp_encap.h"

#define LIFE_S   600        /* RFC 1191 6.3: a larger one is tried again after ten minutes */
#define RECENT   (1u << 22) /* numbers: those of the last moments of a fast SA */
#define CHANGE_S 10         /* changes a second and worker */

/* What the message quotes of a packet that the gateway sent. */
struct quote {
	struct sadb_sa_key key;
	struct sadb_addr src;
	uint32_t seq_low;
	uint32_t udp; /* ports as on the wire; 0: plain ESP */
	uint32_t packet_bytes, mtu;
};

/* What follows the quoted IP header: SPI and number at least, maybe behind UDP. dst: that header's. */
static bool
read_esp(struct quote *quote, const struct sadb_addr *dst, uint8_t proto, const uint8_t *esp, const uint8_t *end)
{
	rte_be32_t spi_be, seq_be;

	if (proto == IPPROTO_UDP && end >= esp + DP_UDP_BYTES + 8) {
		memcpy(&quote->udp, esp, sizeof(quote->udp));
		esp += DP_UDP_BYTES;
	} else if (proto != IPPROTO_ESP || end < esp + 8) {
		return false;
	}
	memcpy(&spi_be, esp, sizeof(spi_be));
	memcpy(&seq_be, esp + 4, sizeof(seq_be));
	quote->key = sadb_sa_key_make(dst, spi_be, IPPROTO_ESP);
	quote->seq_low = rte_be_to_cpu_32(seq_be);
	return true;
}

/* RFC 792: the IP header, and as much as the router thought fit. */
static bool
read_quote(struct quote *quote, const struct rte_ipv4_hdr *ip, uint16_t bytes)
{
	const uint8_t *message = (const uint8_t *)(ip + 1);
	const struct rte_ipv4_hdr *sent = (const struct rte_ipv4_hdr *)(message + sizeof(struct icmphdr));
	const uint8_t *end = (const uint8_t *)ip + bytes;
	struct icmphdr icmp; /* it stands where no such struct may */

	if (end < (const uint8_t *)(sent + 1))
		return false;
	memcpy(&icmp, message, sizeof(icmp));
	if (icmp.type != ICMP_DEST_UNREACH || icmp.code != ICMP_FRAG_NEEDED || dp_ipv4_is_fragment(ip) ||
	    sent->version_ihl != RTE_IPV4_VHL_DEF || rte_raw_cksum(message, bytes - sizeof(*ip)) != 0xffff)
		return false;
	const struct sadb_addr dst = sadb_addr_v4(sent->dst_addr);
	*quote = (struct quote){.src = sadb_addr_v4(sent->src_addr),
				.packet_bytes = dp_be16(sent->total_length),
				.mtu = dp_be16(icmp.un.frag.mtu)};
	return read_esp(quote, &dst, sent->next_proto_id, (const uint8_t *)(sent + 1), end);
}

/* Of what the gateway sent: ESP or UDP at once, or what it cut, whose first piece is as long as any (RFC 8200 4.5). NULL: another
 * piece, or none of the gateway's. */
static const uint8_t *
quoted_upper(const struct rte_ipv6_hdr *sent, const uint8_t *end, uint8_t *proto)
{
	struct rte_ipv6_fragment_ext fragment;
	const uint8_t *upper = (const uint8_t *)(sent + 1);

	*proto = sent->proto;
	if (*proto != IPPROTO_FRAGMENT)
		return upper;
	if (end < upper + sizeof(fragment))
		return NULL;
	memcpy(&fragment, upper, sizeof(fragment));
	*proto = fragment.next_header;
	return (fragment.frag_data & RTE_BE16(RTE_IPV6_EHDR_FO_MASK)) == 0 ? upper + sizeof(fragment) : NULL;
}

/* RFC 4443 3.2. */
static bool
read_quote_v6(struct quote *quote, const struct rte_ipv6_hdr *ip, uint16_t bytes)
{
	const uint8_t *message = (const uint8_t *)(ip + 1);
	const struct rte_ipv6_hdr *sent = (const struct rte_ipv6_hdr *)(message + sizeof(struct icmp6_hdr));
	const uint8_t *end = (const uint8_t *)ip + bytes;
	struct icmp6_hdr icmp;

	if (end < (const uint8_t *)(sent + 1))
		return false;
	memcpy(&icmp, message, sizeof(icmp));
	if (icmp.icmp6_type != ICMP6_PACKET_TOO_BIG || *(const uint8_t *)sent >> 4 != 6 ||
	    dp_csum_fold(rte_raw_cksum(message, bytes - sizeof(*ip)) + (uint32_t)rte_ipv6_phdr_cksum(ip, 0)) != 0xffff)
		return false;
	uint8_t proto;
	const uint8_t *upper = quoted_upper(sent, end, &proto);
	if (upper == NULL)
		return false;
	const struct sadb_addr dst = sadb_addr_v6(sent->dst_addr);
	*quote = (struct quote){.src = sadb_addr_v6(sent->src_addr),
				.packet_bytes = dp_ipv6_bytes(sent),
				.mtu = rte_be_to_cpu_32(icmp.icmp6_mtu)};
	return read_esp(quote, &dst, proto, upper, end);
}

/* The SA that sent what is quoted. NULL: none did. */
static struct sadb_sa *
sender(const struct dp_worker *w, const struct quote *quote)
{
	const struct sadb_sa_key *key = &quote->key;
	struct sadb_sa *sa;

	sadb_sa_lookup(w->db, &key, 1, &sa);
	if (sa == NULL || sa->dir != SADB_DIR_OUT || sa->encap != quote->udp ||
	    !sadb_addr_equal(&sa->cold->config.src, &quote->src))
		return NULL;
	/* Relaxed: any number that was the last one a moment ago will do. */
	const uint64_t last = __atomic_load_n(&sa->mut->out_seq, __ATOMIC_RELAXED);
	return last > 0 && (uint32_t)last - quote->seq_low < RECENT ? sa : NULL;
}

/* RFC 1191 3: a link that takes what was sent did not refuse it. No MTU at all is a router from before 1990. */
static void
learn(struct dp_worker *w, const struct quote *quote, uint16_t least)
{
	if (quote->mtu == 0 || quote->mtu >= quote->packet_bytes)
		return;
	struct sadb_sa *sa = sender(w, quote);
	if (sa == NULL || w->now - w->path_mtu_learnt < w->dp->second_tsc / CHANGE_S)
		return;
	if (sadb_sa_path_mtu_learn(sa->mut, quote->mtu < least ? least : (uint16_t)quote->mtu, w->now_s, LIFE_S))
		w->path_mtu_learnt = w->now;
}

void
dp_path_mtu_learn(struct dp_worker *w, const struct rte_ipv4_hdr *ip, uint16_t bytes)
{
	struct quote quote;
	if (read_quote(&quote, ip, bytes))
		learn(w, &quote, DP_MTU_MIN);
}

void
dp_path_mtu_learn_v6(struct dp_worker *w, const struct rte_ipv6_hdr *ip, uint16_t bytes)
{
	struct quote quote;
	if (read_quote_v6(&quote, ip, bytes))
		learn(w, &quote, DP_IPV6_MIN_MTU);
}
