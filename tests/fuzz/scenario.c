/* SPDX-License-Identifier: BSD-3-Clause
 * The generator's scenario: a text is read, or its first mistake is one line for the operator. The input is the file. */
#include <stdlib.h>
#include <string.h>

#include "pktgen/scenario.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pg_scenario scenario;
	struct pg_error err = {.text = ""};
	char *text = malloc(size + 1);

	fuzz_expect(text != NULL);
	memcpy(text, data, size);
	text[size] = 0;
	const int rc = pg_scenario_parse("fuzz.yaml", text, &scenario, &err);
	if (rc == 0) {
		fuzz_expect(scenario.flows.count >= 1 && scenario.flows.count <= PG_FLOWS_MAX);
		fuzz_expect(pg_scenario_max_frame(&scenario) > 0);
	} else {
		fuzz_expect(rc < 0 && strncmp(err.text, "fuzz.yaml:", 10) == 0 && strchr(err.text, '\n') == NULL);
	}
	free(text);
	return 0;
}
