/* SPDX-License-Identifier: BSD-3-Clause
 * An ESP peer of its own for the tests; see the header. */
#include "tests/unit/dataplane/esp_witness.h"

#include <string.h>

#include <openssl/evp.h>

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static uint32_t
sum(const uint8_t *p, size_t bytes)
{
	uint32_t s = 0;
	for (size_t i = 0; i + 1 < bytes; i += 2)
		s += get16(p + i);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

void
witness_checksum(uint8_t *header, size_t bytes)
{
	put16(header + 10, 0);
	put16(header + 10, ~sum(header, bytes) & 0xffff);
}

static void
ip_header(uint8_t *p, const struct witness_ip *ip, size_t total)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	p[1] = ip->tos;
	put16(p + 2, (uint32_t)total);
	put16(p + 4, 0x1234);
	put16(p + 6, ip->fragment);
	p[8] = ip->ttl;
	p[9] = ip->proto;
	put32(p + 12, ip->src);
	put32(p + 16, ip->dst);
	witness_checksum(p, 20);
}

size_t
witness_packet(const struct witness_ip *ip, uint8_t *out)
{
	size_t total = 20 + 8 + (size_t)ip->payload;
	ip_header(out, ip, total);
	put16(out + 20, ip->sport);
	put16(out + 22, ip->dport);
	put16(out + 24, 8u + ip->payload);
	put16(out + 26, 0);
	for (size_t i = 0; i < ip->payload; i++)
		out[28 + i] = (uint8_t)i;
	return total;
}

/* The AEAD itself: nonce and AAD as RFC 4106 and 7634 say; AES-GMAC's AAD has the IV and the text too (RFC 4543 3.3). */
static bool
aead(const struct witness_sa *sa, bool seal, const uint8_t *esp, uint32_t seq_high, uint8_t *text, size_t bytes,
     uint8_t *tag)
{
	uint8_t nonce[12], aad[12];
	size_t aad_bytes = 8;
	int n;
	memcpy(nonce, sa->salt, 4);
	memcpy(nonce + 4, esp + 8, 8);
	memcpy(aad, esp, 8);
	if (sa->esn) {
		put32(aad + 4, seq_high);
		memcpy(aad + 8, esp + 4, 4);
		aad_bytes = 12;
	}
	const EVP_CIPHER *cipher = sa->algorithm == WITNESS_CHACHA ? EVP_chacha20_poly1305() : EVP_aes_256_gcm();
	const bool gmac = sa->algorithm == WITNESS_AES_GMAC;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = EVP_CipherInit_ex(ctx, cipher, NULL, sa->key, nonce, seal) == 1 &&
		  EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_bytes) == 1 &&
		  (!gmac || EVP_CipherUpdate(ctx, NULL, &n, esp + 8, 8) == 1) &&
		  EVP_CipherUpdate(ctx, gmac ? NULL : text, &n, text, (int)bytes) == 1;
	if (ok && !seal)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1;
	ok = ok && EVP_CipherFinal_ex(ctx, text + bytes, &n) == 1;
	if (ok && seal)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

size_t
witness_seal(const struct witness_sa *sa, uint64_t seq, const uint8_t *inner, size_t inner_bytes,
	     const struct witness_twist *twist, uint8_t *out)
{
	uint8_t *esp = out + 20, *text = esp + 16;
	size_t body = inner_bytes + twist->tfc;
	size_t pad = (4 - (body + 2) % 4) % 4 + (size_t)twist->pad_extra;
	size_t bytes = body + pad + 2;

	put32(esp, sa->spi);
	put32(esp + 4, (uint32_t)seq);
	put32(esp + 8, (uint32_t)(seq >> 32));
	put32(esp + 12, (uint32_t)seq);
	memcpy(text, inner, inner_bytes);
	memset(text + inner_bytes, 0, twist->tfc);
	for (size_t i = 0; i < pad; i++)
		text[body + i] = twist->pad_zero ? 0 : (uint8_t)(i + 1);
	text[body + pad] = twist->pad_length ? twist->pad_length : (uint8_t)pad;
	text[body + pad + 1] = twist->next_header ? twist->next_header : 4;
	aead(sa, true, esp, (uint32_t)(seq >> 32), text, bytes, text + bytes);

	struct witness_ip outer = {.src = sa->src, .dst = sa->dst, .proto = 50, .ttl = 64, .tos = twist->tos};
	size_t total = 20 + 16 + bytes + 16;
	ip_header(out, &outer, total);
	return total;
}

const char *
witness_open(const struct witness_sa *sa, uint32_t seq_high, const uint8_t *packet, size_t bytes, uint8_t *inner,
	     size_t *inner_bytes, uint32_t *seq)
{
	const uint8_t *esp = packet + 20;
	uint8_t text[9300], tag[16];

	if (bytes < 20 + 16 + 4 + 16 || packet[0] != 0x45)
		return "too short, or not a plain IPv4 header";
	if (get16(packet + 2) != bytes)
		return "outer total length";
	if (sum(packet, 20) != 0xffff)
		return "outer checksum";
	if (packet[9] != 50 || get32(packet + 12) != sa->src || get32(packet + 16) != sa->dst)
		return "outer protocol or addresses";
	if (packet[8] == 0)
		return "outer TTL";
	if (get32(esp) != sa->spi)
		return "SPI";
	*seq = get32(esp + 4);
	size_t n = bytes - 20 - 16 - 16;
	if (n % 4 != 0)
		return "alignment of the ciphertext";
	memcpy(text, esp + 16, n);
	memcpy(tag, esp + 16 + n, 16);
	if (!aead(sa, false, esp, seq_high, text, n, tag))
		return "tag";
	size_t pad = text[n - 2];
	if (text[n - 1] != (sa->next_header != 0 ? sa->next_header : text[0] >> 4 == 6 ? 41 : 4))
		return "next header";
	if (pad + 2 > n || pad > 3)
		return "pad length";
	for (size_t i = 0; i < pad; i++)
		if (text[n - 2 - pad + i] != i + 1)
			return "padding bytes";
	*inner_bytes = n - 2 - pad;
	memcpy(inner, text, *inner_bytes);
	return NULL;
}

size_t
witness_udp_wrap(uint8_t *packet, size_t bytes, uint16_t sport, uint16_t dport)
{
	memmove(packet + 28, packet + 20, bytes - 20);
	put16(packet + 20, sport);
	put16(packet + 22, dport);
	put16(packet + 24, (uint32_t)(bytes - 20 + 8));
	put16(packet + 26, 0);
	packet[9] = 17;
	put16(packet + 2, (uint32_t)(bytes + 8));
	witness_checksum(packet, 20);
	return bytes + 8;
}

const char *
witness_udp_unwrap(uint8_t *packet, size_t *bytes, uint16_t sport, uint16_t dport)
{
	if (*bytes < 28 || packet[0] != 0x45)
		return "too short, or not a plain IPv4 header";
	if (get16(packet + 2) != *bytes || sum(packet, 20) != 0xffff)
		return "outer total length or checksum";
	if (packet[9] != 17)
		return "outer protocol is not UDP";
	if (get16(packet + 20) != sport || get16(packet + 22) != dport)
		return "UDP ports";
	if (get16(packet + 24) != *bytes - 20)
		return "UDP length";
	if (get16(packet + 26) != 0)
		return "UDP checksum";
	*bytes -= 8;
	memmove(packet + 20, packet + 28, *bytes - 20);
	packet[9] = 50;
	put16(packet + 2, (uint32_t)*bytes);
	witness_checksum(packet, 20);
	return NULL;
}
