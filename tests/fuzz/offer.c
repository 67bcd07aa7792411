/* SPDX-License-Identifier: BSD-3-Clause
 * Offers and answers as a peer gateway sends them: one that decodes is encoded to a text that says the same. The input is
 * a text; it is also read as an operator's command line. */
#include <stdlib.h>
#include <string.h>

#include "control/keying_offer.h"
#include "control/keying_words.h"
#include "tests/fuzz/fuzz.h"

static void
read_offer(const uint8_t *data, size_t size)
{
	static char first[CTL_OFFER_BYTES], second[CTL_OFFER_BYTES];
	static struct ctl_offer offer, twice;
	const struct ctl_keying_text text = {(const char *)data, size};
	struct sadb_error err;
	const int rc = ctl_offer_decode(&text, &offer, &err);

	if (rc != 0) {
		fuzz_expect(rc < 0 && err.text[0] != 0 && memchr(err.text, 0, sizeof(err.text)) != NULL);
		return;
	}
	fuzz_expect(offer.n_local <= CTL_TUNNEL_PREFIXES && offer.n_remote <= CTL_TUNNEL_PREFIXES);
	fuzz_expect(ctl_tunnel_name_valid(offer.tunnel));
	const size_t bytes = ctl_offer_encode(&offer, first);
	fuzz_expect(bytes < sizeof(first) && strlen(first) == bytes);
	fuzz_expect(ctl_offer_decode(&(struct ctl_keying_text){first, bytes}, &twice, &err) == 0);
	fuzz_expect(ctl_offer_encode(&twice, second) == bytes && memcmp(first, second, bytes) == 0);
}

static void
read_words(const uint8_t *data, size_t size)
{
	char *argv[CTL_KEYING_WORDS + 1];
	char *line = malloc(size + 1), *words = malloc(size + 1);

	fuzz_expect(line != NULL && words != NULL);
	memcpy(line, data, size);
	line[size] = 0;
	const int n = ctl_keying_words(line, words, argv);
	fuzz_expect(n >= -1 && n <= CTL_KEYING_WORDS);
	for (int i = 0; i < n; i++)
		fuzz_expect(argv[i] >= words && argv[i] + strlen(argv[i]) <= words + size);
	if (n >= 0)
		fuzz_expect(argv[n] == NULL);
	free(words);
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_offer(data, size);
	read_words(data, size);
	return 0;
}
