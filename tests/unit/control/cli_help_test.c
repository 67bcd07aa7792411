/* SPDX-License-Identifier: BSD-3-Clause
 * Help and the shell's completion hold every word of the grammar's table; the completion is run by a real bash. */
#include "control/cli/help.h"

#include <unistd.h>

#include "tests/unit/control/cli_rig.h"
#include "control/cli/run.h"

static char *
help_of(const struct cli_object *object, const struct cli_verb *verb)
{
	static char text[16384];
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	cli_help_print(out, object, verb);
	assert_int_equal(fclose(out), 0);
	assert_true(strlen(text) + 1 < sizeof(text)); /* nothing was cut */
	return strdup(text);
}

/* Help is wrapped: a text is there when all its words are, in order. */
static void
assert_contains_words(const char *text, const char *want)
{
	char *words = strdup(want), *save = NULL;
	const char *at = text;

	for (char *w = strtok_r(words, " \n", &save); w != NULL; w = strtok_r(NULL, " \n", &save)) {
		at = strstr(at, w);
		if (at == NULL)
			fail_msg("'%s' of '%s' is not in:\n%s", w, want, text);
		at += strlen(w);
	}
	free(words);
}

static void
help_of_a_verb_explains_each_argument(void **state)
{
	unsigned args = 0;

	(void)state;
	for (unsigned o = 0; o < cli_n_objects; o++) {
		for (unsigned v = 0; v < cli_objects[o].n_verbs; v++) {
			const struct cli_verb *verb = &cli_objects[o].verbs[v];
			char *text = help_of(&cli_objects[o], verb);

			for (unsigned i = 0; i < verb->n_args; i++, args++) {
				const struct cli_arg *arg = &verb->args[i];
				char line[64];

				snprintf(line, sizeof(line), "\n  %s%s", arg->word, (arg->flags & CLI_BARE) ? "" : " ");
				if (arg->kind == CLI_KIND_TRAP) {
					rig_assert_lacks(text, line);
					continue;
				}
				rig_assert_contains(text, line);
				assert_contains_words(text, arg->help);
				for (unsigned c = 0; arg->choices != NULL && arg->choices[c] != NULL; c++)
					rig_assert_contains(text, arg->choices[c]);
				if (arg->fallback != NULL)
					rig_assert_contains(text, arg->fallback);
			}
			for (unsigned i = 0; verb->examples[i] != NULL; i++)
				rig_assert_contains(text, verb->examples[i]);
			assert_contains_words(text, verb->help);
			free(text);
		}
	}
	assert_true(args > 0);
}

static void
help_stays_within_a_terminals_width_but_for_examples(void **state)
{
	(void)state;
	for (unsigned o = 0; o < cli_n_objects; o++) {
		for (unsigned v = 0; v < cli_objects[o].n_verbs; v++) {
			char *text = help_of(&cli_objects[o], &cli_objects[o].verbs[v]);
			const char *examples = strstr(text, "\nexamples:");
			size_t columns;

			assert_non_null(examples);
			for (const char *l = text; l < examples; l += columns + 1) {
				columns = strcspn(l, "\n");
				if (columns > 96)
					fail_msg("%zu columns: %.*s", columns, (int)columns, l);
			}
			free(text);
		}
	}
}

static void
the_overviews_name_every_object_verb_and_option(void **state)
{
	char *all = help_of(NULL, NULL);
	char word[64];

	(void)state;
	for (unsigned o = 0; o < cli_n_objects; o++) {
		char *one = help_of(&cli_objects[o], NULL);

		snprintf(word, sizeof(word), "\n  %s ", cli_objects[o].word);
		rig_assert_contains(all, word);
		rig_assert_contains(all, cli_objects[o].help);
		for (unsigned v = 0; v < cli_objects[o].n_verbs; v++)
			rig_assert_contains(one, cli_objects[o].verbs[v].word);
		free(one);
	}
	for (unsigned i = 0; i < cli_n_options; i++) {
		snprintf(word, sizeof(word), "-%c, --%s", cli_options[i].letter, cli_options[i].word);
		rig_assert_contains(all, word);
	}
	free(all);
}

/* ---- completion ---- */
static char script[64];

static int
write_script(void **state)
{
	struct cli cli = {0};
	int fd;

	(void)state;
	strcpy(script, "/tmp/culvert-completion-XXXXXX");
	fd = mkstemp(script);
	cli.out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (cli.out == NULL)
		return -1;
	cli_completion(&cli);
	return fclose(cli.out);
}

static int
remove_script(void **state)
{
	(void)state;
	return unlink(script);
}

/* What bash offers after each of the lines: one line of words each, with a space before and after every word. */
static void
complete(char *const lines[], unsigned n, char *offers[])
{
	char queries[64] = "/tmp/culvert-queries-XXXXXX", command[512];
	int fd = mkstemp(queries);
	size_t size = 0;
	FILE *file = fdopen(fd, "w");

	for (unsigned i = 0; i < n; i++)
		fprintf(file, "%s\n", lines[i]);
	fclose(file);
	snprintf(command, sizeof(command),
		 "bash -c 'set -u; source %s; while IFS= read -r COMP_LINE; do COMP_POINT=${#COMP_LINE}; _culvert; "
		 "echo \" ${COMPREPLY[*]-} \"; done < %s' 2>&1",
		 script, queries);
	file = popen(command, "r");
	assert_non_null(file);
	for (unsigned i = 0; i < n; i++) {
		offers[i] = NULL;
		size = 0;
		if (getline(&offers[i], &size, file) < 0)
			fail_msg("bash gave no answer to '%s'", lines[i]);
	}
	assert_int_equal(pclose(file), 0);
	unlink(queries);
}

#define QUERIES 512

struct queries {
	char *lines[QUERIES];
	char *wants[QUERIES];
	unsigned n;
};

static void
query(struct queries *q, const char *want, const char *words[3])
{
	char line[256], padded[64];

	assert_true(q->n < QUERIES);
	snprintf(line, sizeof(line), "culvert %s%s%s%s%s%s", words[0], words[0][0] ? " " : "", words[1],
		 words[1][0] ? " " : "", words[2], words[2][0] ? " " : "");
	snprintf(padded, sizeof(padded), " %s ", want);
	q->lines[q->n] = strdup(line);
	q->wants[q->n++] = strdup(padded);
}

static void
query_arg(struct queries *q, const struct cli_object *object, const struct cli_verb *verb, const struct cli_arg *arg)
{
	const bool bare = (arg->flags & CLI_BARE) != 0;

	if (!bare)
		query(q, arg->word, (const char *[]){object->word, verb->word, ""});
	for (unsigned c = 0; arg->choices != NULL && arg->choices[c] != NULL; c++)
		query(q, arg->choices[c], (const char *[]){object->word, verb->word, bare ? "" : arg->word});
}

static void
bash_completes_every_word_of_the_table(void **state)
{
	static struct queries q;
	char *offers[QUERIES];

	(void)state;
	for (unsigned o = 0; o < cli_n_objects; o++) {
		const struct cli_object *object = &cli_objects[o];

		query(&q, object->word, (const char *[]){"", "", ""});
		query(&q, object->word, (const char *[]){"help", "", ""});
		for (unsigned v = 0; v < object->n_verbs; v++) {
			const struct cli_verb *verb = &object->verbs[v];

			if (!cli_object_is_verb(object)) {
				query(&q, verb->word, (const char *[]){object->word, "", ""});
				query(&q, verb->word, (const char *[]){"help", object->word, ""});
			}
			for (unsigned i = 0; i < verb->n_args; i++)
				if (verb->args[i].kind != CLI_KIND_TRAP)
					query_arg(&q, object, verb, &verb->args[i]);
		}
	}
	complete(q.lines, q.n, offers);
	for (unsigned i = 0; i < q.n; i++) {
		if (strstr(offers[i], q.wants[i]) == NULL)
			fail_msg("after '%s' bash offers '%s' without '%s'", q.lines[i], offers[i], q.wants[i]);
		free(offers[i]);
		free(q.lines[i]);
		free(q.wants[i]);
	}
	assert_true(q.n > 100);
}

static void
bash_completes_in_the_middle_of_a_line(void **state)
{
	static const struct {
		const char *line, *offers;
	} cases[] = {
	    {"culvert s", " sa stats "},
	    {"culvert -j sta", " stats "},
	    {"culvert --socket /x sta", " stats "},
	    {"culvert --s", " --socket "},
	    {"culvert sa a", " add alloc-spi "},
	    {"culvert sa d", " del dummy "},
	    {"culvert sa add src 2001:db8::1 d", " dst dir "},
	    {"culvert sa add dir out d", " dst "},
	    {"culvert sa add dir o", " out "},
	    {"culvert sa add encap ", " espinudp "},
	    {"culvert sa add src ", "  "},
	    {"culvert sa add src dst d", " dst dir "},
	    {"culvert sa show dst 192.0.2.1 ", " spi "},
	    {"culvert stats show drops ", " watch count "},
	    {"culvert stats show watch 5 c", " count "},
	    {"culvert stats show watch c", " count "},
	    {"culvert monitor sa expire ", " policy acquire mapping tunnel audit "},
	    {"culvert tunnel ", " add show rekey offer accept del "},
	    {"culvert tunnel add x esn ", " off on "},
	    {"culvert tunnel add x outer-", " outer-dscp outer-df outer-ttl "},
	    {"culvert tunnel add x outer-df ", " copy set clear "},
	    {"culvert sa dummy dst 192.0.2.2 spi 0x1001 ", " count length rate "},
	    {"culvert sa dummy count ", " off "},
	    {"culvert tunnel offer ", " new "},
	    {"culvert keygen /nonexistent/x", "  "},
	    {"culvert sa add key-file /dev/nul", " /dev/null "},
	    {"culvert keygen /dev/nul", " /dev/null "},
	    {"culvert --socket /dev/nul", " /dev/null "},
	    {"culvert frob ", "  "},
	    {"culvert sa frob ", "  "},
	};
	enum { N = sizeof(cases) / sizeof(cases[0]) };
	char *lines[N], *offers[N];

	(void)state;
	for (unsigned i = 0; i < N; i++)
		lines[i] = (char *)cases[i].line;
	complete(lines, N, offers);
	for (unsigned i = 0; i < N; i++) {
		offers[i][strcspn(offers[i], "\n")] = 0;
		if (strcmp(offers[i], cases[i].offers) != 0)
			fail_msg("after '%s' bash offers '%s', not '%s'", lines[i], offers[i], cases[i].offers);
		free(offers[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(help_of_a_verb_explains_each_argument),
	    cmocka_unit_test(help_stays_within_a_terminals_width_but_for_examples),
	    cmocka_unit_test(the_overviews_name_every_object_verb_and_option),
	    cmocka_unit_test_setup_teardown(bash_completes_every_word_of_the_table, write_script, remove_script),
	    cmocka_unit_test_setup_teardown(bash_completes_in_the_middle_of_a_line, write_script, remove_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
