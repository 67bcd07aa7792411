#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# The second opinion on dataplane/engine_kat_table.c: AES-GCM written from FIPS 197 and SP 800-38D, AES-GMAC as RFC 4543 has
# it in ESP, ChaCha20-Poly1305 from RFC 8439, with nothing but integers, so that the known answers come from no library an
# engine uses. Prints the table of computed answers; with --check FILE it verifies that FILE holds exactly these, and that its
# published vectors are right too.
import re
import sys

LENGTHS = (0, 1, 2, 4, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 127, 128, 129, 255, 256, 257,
           511, 512, 513, 767, 768, 769, 1024, 1408, 1500, 2048)
GMAC_LENGTHS = (0, 1, 4, 15, 16, 17, 63, 64, 65, 255, 256, 257, 768, 1500, 2048)


def make_sbox():
    """FIPS 197 5.1.1: the inverse in GF(2^8), then the affine map."""
    sbox, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= (p << 1) ^ (0x11b if p & 0x80 else 0)
        p &= 0xff
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xff
        q ^= 0x09 if q & 0x80 else 0
        r = q
        for turn in range(1, 5):
            r ^= ((q << turn) | (q >> (8 - turn))) & 0xff
        sbox[p] = r ^ 0x63
        if p == 1:
            return sbox


SBOX = make_sbox()


def double(a):
    return ((a << 1) ^ (0x1b if a & 0x80 else 0)) & 0xff


def expand_key(key):
    """FIPS 197 5.2: a list of round keys of 16 bytes each."""
    nk = len(key) // 4
    words = [list(key[4 * i:4 * i + 4]) for i in range(nk)]
    rcon = 1
    for i in range(nk, 4 * (nk + 7)):
        word = list(words[i - 1])
        if i % nk == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= rcon
            rcon = double(rcon)
        elif nk > 6 and i % nk == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - nk], word)])
    return [sum(words[i:i + 4], []) for i in range(0, len(words), 4)]


def aes(round_keys, block):
    """FIPS 197 5.1."""
    state = [a ^ b for a, b in zip(block, round_keys[0])]
    for number, round_key in enumerate(round_keys[1:], 1):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < len(round_keys) - 1:
            mixed = []
            for c in range(0, 16, 4):
                col = state[c:c + 4]
                for r in range(4):
                    mixed.append(double(col[r]) ^ double(col[(r + 1) % 4]) ^ col[(r + 1) % 4]
                                 ^ col[(r + 2) % 4] ^ col[(r + 3) % 4])
            state = mixed
        state = [a ^ b for a, b in zip(state, round_key)]
    return bytes(state)


def gf_mul(x, y):
    """SP 800-38D 6.3, algorithm 1."""
    z = 0
    for i in range(127, -1, -1):
        if (x >> i) & 1:
            z ^= y
        y = (y >> 1) ^ (0xe1 << 120 if y & 1 else 0)
    return z


def gcm_seal(key, iv, aad, plain):
    """SP 800-38D 7.1, for 96-bit IVs and 128-bit tags."""
    round_keys = expand_key(key)
    h = int.from_bytes(aes(round_keys, bytes(16)), 'big')
    stream = b''.join(aes(round_keys, iv + (i + 2).to_bytes(4, 'big')) for i in range((len(plain) + 15) // 16))
    sealed = bytes(a ^ b for a, b in zip(plain, stream))
    blocks = b''.join(part + bytes(-len(part) % 16) for part in (aad, sealed))
    blocks += (8 * len(aad)).to_bytes(8, 'big') + (8 * len(sealed)).to_bytes(8, 'big')
    y = 0
    for i in range(0, len(blocks), 16):
        y = gf_mul(y ^ int.from_bytes(blocks[i:i + 16], 'big'), h)
    mask = int.from_bytes(aes(round_keys, iv + b'\0\0\0\1'), 'big')
    return sealed, (y ^ mask).to_bytes(16, 'big')


def gmac_seal(key, iv, aad, plain):
    """RFC 4543 3.3: SPI and sequence number, the explicit IV, the payload: all is authenticated, nothing encrypted."""
    return plain, gcm_seal(key, iv, aad + iv[4:] + plain, b'')[1]


def rotate(word, bits):
    return (word << bits | word >> (32 - bits)) & 0xffffffff


def chacha_block(key, counter, nonce):
    """RFC 8439 2.3."""
    def words(data):
        return [int.from_bytes(data[i:i + 4], 'little') for i in range(0, len(data), 4)]
    start = words(b'expand 32-byte k') + words(key) + [counter] + words(nonce)
    x = list(start)
    rounds = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
              (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
    for _ in range(10):
        for a, b, c, d in rounds:
            for to, by, turned, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[to] = (x[to] + x[by]) & 0xffffffff
                x[turned] = rotate(x[turned] ^ x[to], bits)
    return b''.join(((a + b) & 0xffffffff).to_bytes(4, 'little') for a, b in zip(x, start))


def poly1305(key, data):
    """RFC 8439 2.5."""
    r = int.from_bytes(key[:16], 'little') & 0x0ffffffc0ffffffc0ffffffc0fffffff
    acc = 0
    for i in range(0, len(data), 16):
        acc = (acc + int.from_bytes(data[i:i + 16] + b'\1', 'little')) * r % (2 ** 130 - 5)
    return ((acc + int.from_bytes(key[16:], 'little')) % 2 ** 128).to_bytes(16, 'little')


def chacha_seal(key, iv, aad, plain):
    """RFC 8439 2.8."""
    stream = b''.join(chacha_block(key, 1 + i, iv) for i in range((len(plain) + 63) // 64))
    sealed = bytes(a ^ b for a, b in zip(plain, stream))
    data = b''.join(part + bytes(-len(part) % 16) for part in (aad, sealed))
    data += len(aad).to_bytes(8, 'little') + len(sealed).to_bytes(8, 'little')
    return sealed, poly1305(chacha_block(key, 0, iv)[:32], data)


# By the names of enum sadb_aead: how to seal, key lengths, text lengths.
ALGORITHMS = {
    'AES_GCM_16': (gcm_seal, (16, 32), LENGTHS),
    'CHACHA20_POLY1305': (chacha_seal, (32,), LENGTHS),
    'AES_GMAC': (gmac_seal, (16, 32), GMAC_LENGTHS),
}


def fnv1a(data):
    digest = 0xcbf29ce484222325
    for byte in data:
        digest = ((digest ^ byte) * 0x100000001b3) & (2 ** 64 - 1)
    return digest


def computed_case(key_bytes, aad_bytes, text_bytes):
    """The inputs are the formulas of computed_get() in engine_kat.c."""
    key = bytes((0x3b + 29 * i) & 0xff for i in range(key_bytes))
    iv = b'CULV' + (0x0102030405060000 + text_bytes).to_bytes(8, 'big')
    aad = bytes((0xa5 + 17 * i) & 0xff for i in range(aad_bytes))
    plain = bytes((131 * i + (i >> 8) + text_bytes) & 0xff for i in range(text_bytes))
    return key, iv, aad, plain


def computed_lines():
    for name, (seal, key_lengths, lengths) in ALGORITHMS.items():
        for key_bytes in key_lengths:
            for aad_bytes in (8, 12):
                for text_bytes in lengths:
                    sealed, tag = seal(*computed_case(key_bytes, aad_bytes, text_bytes))
                    yield '{SADB_AEAD_%s, %d, %d, %d, 0x%016x, "%s"},' % (
                        name, key_bytes, aad_bytes, text_bytes, fnv1a(sealed), tag.hex())


def published_cases(source):
    """The entries of dp_kat_published[]: the algorithm; key, IV, AAD, plaintext, ciphertext and tag as bytes."""
    body = re.search(r'dp_kat_published\[\] = \{\n(.*?)\n\};', source, re.S).group(1)
    for name, entry in re.findall(r'\{SADB_AEAD_(\w+),(.*?)\}', body, re.S):
        joined = re.sub(r'"\s+"', '', entry)
        yield name, [bytes.fromhex(text) for text in re.findall(r'"([0-9a-f]*)"', joined)]


def check(path):
    source = open(path, encoding='ascii').read()
    have = re.findall(r'\{SADB_AEAD_\w+, \d+, \d+, \d+, 0x[0-9a-f]{16}, "[0-9a-f]{32}"\},', source)
    if have != list(computed_lines()):
        sys.exit(path + ': the computed answers differ from those of ' + sys.argv[0])
    published = list(published_cases(source))
    for number, (name, (key, iv, aad, plain, sealed, tag)) in enumerate(published):
        if ALGORITHMS[name][0](key, iv, aad, plain) != (sealed, tag):
            sys.exit('%s: published vector %d is wrong' % (path, number))
    for name, least in (('AES_GCM_16', 10), ('CHACHA20_POLY1305', 2), ('AES_GMAC', 1)):
        if sum(have == name for have, _ in published) < least:
            sys.exit('%s: fewer than %d published vectors of %s' % (path, least, name))
    print('%d computed and %d published answers confirmed' % (len(have), len(published)))


if __name__ == '__main__':
    if len(sys.argv) == 3 and sys.argv[1] == '--check':
        check(sys.argv[2])
    elif len(sys.argv) == 1:
        print('\n'.join(computed_lines()))
    else:
        sys.exit('usage: engine_vectors.py [--check dataplane/engine_kat_table.c]')
