/* SPDX-License-Identifier: BSD-3-Clause
 * Help: usage lines, arguments, values, examples, all read from the table. The command's only thread. */
#include "control/cli/help.h"

#include <string.h>

#include "control/cli/parse.h"
#include "control/cli/run.h"
#include "control/cli/value.h"

#define WIDTH 96

/* Prints text in lines, broken where a character of breaks or a newline stands, from column at on and below it. */
static void
print_broken(FILE *out, const char *text, int at, const char *breaks)
{
	int column = at;

	while (*text != 0) {
		size_t word = strcspn(text, breaks);

		if (column > at && column + 1 + (int)word > WIDTH) {
			fprintf(out, "\n%*s", at, "");
			column = at;
		}
		column += fprintf(out, "%s%.*s", column > at ? " " : "", (int)word, text);
		text += word;
		if (*text == '\n') {
			fprintf(out, "\n%*s", at, "");
			column = at;
		}
		text += *text != 0;
	}
	fputc('\n', out);
}

static void
print_wrapped(FILE *out, const char *text, int at)
{
	print_broken(out, text, at, " \n");
}

/* "src ADDR", "[watch [SECONDS]]", "[drops|stages]": an argument as it is typed. */
static void
syntax(const struct cli_arg *arg, struct cli_text *out)
{
	bool optional = (arg->flags & CLI_REQUIRED) == 0 || arg->with != CLI_NOTHING || arg->unless != CLI_NOTHING;
	bool bare = (arg->flags & CLI_BARE) != 0;

	if (optional)
		cli_text_add(out, "[");
	if (!bare)
		cli_text_add(out, "%s ", arg->word);
	if ((arg->flags & CLI_MAY_LACK) != 0)
		cli_text_add(out, "[");
	if (bare && arg->choices == NULL)
		cli_text_add(out, "%s", arg->word); /* its name says what it is */
	else
		cli_value_syntax(arg, out);
	if ((arg->flags & CLI_MAY_LACK) != 0)
		cli_text_add(out, "]");
	if (optional)
		cli_text_add(out, "]");
	if ((arg->flags & CLI_MANY) != 0)
		cli_text_add(out, "...");
}

static void
print_usage(FILE *out, const struct cli_object *object, const struct cli_verb *verb)
{
	struct cli_text line = {.text = ""};
	int at = fprintf(out, "culvert %s%s%s", object->word, verb->word[0] != 0 ? " " : "", verb->word);

	for (unsigned i = 0; i < verb->n_args; i++) {
		if (verb->args[i].kind == CLI_KIND_TRAP)
			continue;
		cli_text_add(&line, "%s", line.text[0] != 0 ? "\t" : ""); /* a keyword stays with its value */
		syntax(&verb->args[i], &line);
	}
	fputs(line.text[0] != 0 ? " " : "", out);
	print_broken(out, line.text, at + 1, "\t");
}

static void
print_arg(FILE *out, const struct cli_verb *verb, const struct cli_arg *arg)
{
	struct cli_text left = {.text = ""}, right = {.text = ""};

	cli_arg_syntax(arg, &left);
	if ((arg->flags & CLI_REQUIRED) != 0 && arg->with == CLI_NOTHING && arg->unless == CLI_NOTHING)
		cli_text_add(&right, "required; ");
	cli_text_add(&right, "%s", arg->help);
	if (arg->with != CLI_NOTHING)
		cli_text_add(&right, "; %s with %s%s%s", (arg->flags & CLI_REQUIRED) != 0 ? "required" : "only",
			     cli_arg_of(verb, arg->with)->word, arg->with_value != NULL ? " " : "",
			     arg->with_value != NULL ? arg->with_value : "");
	if (arg->unless != CLI_NOTHING)
		cli_text_add(&right, "; %s without %s", (arg->flags & CLI_REQUIRED) != 0 ? "required" : "only",
			     cli_arg_of(verb, arg->unless)->word);
	if (arg->fallback != NULL)
		cli_text_add(&right, " (%s%s)", (arg->flags & CLI_MAY_LACK) != 0 ? "no value: " : "default ",
			     arg->fallback);
	if (strlen(left.text) > 28)
		fprintf(out, "  %s\n%31s", left.text, "");
	else
		fprintf(out, "  %-28s ", left.text);
	print_wrapped(out, right.text, 31);
}

static void
print_values(FILE *out, const struct cli_verb *verb)
{
	bool seen[CLI_KINDS] = {false}, any = false;

	for (unsigned i = 0; i < verb->n_args; i++) {
		enum cli_kind kind = verb->args[i].kind;

		if (seen[kind] || cli_kinds[kind].name == NULL || cli_kinds[kind].accepts == NULL)
			continue;
		seen[kind] = true;
		fprintf(out, "%s  %-10s ", any ? "" : "\nvalues:\n", cli_kinds[kind].name);
		print_wrapped(out, cli_kinds[kind].accepts, 13);
		any = true;
	}
}

static void
print_verb(FILE *out, const struct cli_object *object, const struct cli_verb *verb)
{
	print_usage(out, object, verb);
	fputs("  ", out);
	print_wrapped(out, verb->help, 2);
	for (unsigned i = 0; i < verb->n_args; i++) {
		if (i == 0)
			fputs("\narguments, in any order:\n", out);
		if (verb->args[i].kind != CLI_KIND_TRAP)
			print_arg(out, verb, &verb->args[i]);
	}
	print_values(out, verb);
	fputs("\nexamples:\n", out);
	for (unsigned i = 0; verb->examples[i] != NULL; i++)
		fprintf(out, "  culvert %s\n", verb->examples[i]);
}

static void
print_object(FILE *out, const struct cli_object *object)
{
	fprintf(out, "culvert %s: %s\n", object->word, object->help);
	for (unsigned i = 0; i < object->n_verbs; i++)
		fprintf(out, "  %-10s %.*s\n", object->verbs[i].word, (int)strcspn(object->verbs[i].help, "\n"),
			object->verbs[i].help);
	fprintf(out, "More: culvert help %s VERB\n", object->word);
}

static void
print_all(FILE *out)
{
	fputs("culvert [OPTION]... OBJECT [VERB [ARGUMENT]...]\n"
	      "  The command line of the Culvert IPsec gateway; it talks to the daemon culvertd.\n\nobjects:\n",
	      out);
	for (unsigned i = 0; i < cli_n_objects; i++) {
		const struct cli_object *object = &cli_objects[i];

		fprintf(out, "  %-11s %s", object->word, object->help);
		for (unsigned v = 0; v < object->n_verbs && !cli_object_is_verb(object); v++)
			fprintf(out, "%s%s", v == 0 ? ": " : ", ", object->verbs[v].word);
		fputc('\n', out);
	}
	fputs("\noptions:\n", out);
	for (unsigned i = 0; i < cli_n_options; i++) {
		const struct cli_option *option = &cli_options[i];
		char left[64];

		snprintf(left, sizeof(left), "-%c, --%s%s%s%s", option->letter, option->word,
			 option->value == NULL ? ""
			 : option->may_lack    ? "[="
					       : " ",
			 option->value != NULL ? option->value : "",
			 option->value != NULL && option->may_lack ? "]" : "");
		fprintf(out, "  %-24s ", left);
		print_wrapped(out, option->help, 27);
	}
	fputs("\nexit status: 0 done, 1 refused or failed, 2 wrong usage\nMore: culvert help OBJECT [VERB]\n", out);
}

void
cli_help_print(FILE *out, const struct cli_object *object, const struct cli_verb *verb)
{
	if (object == NULL)
		print_all(out);
	else if (verb == NULL && !cli_object_is_verb(object))
		print_object(out, object);
	else
		print_verb(out, object, verb != NULL ? verb : &object->verbs[0]);
}

int
cli_help(struct cli *cli)
{
	const struct cli_value *value = cli->cmd->value;
	char *words[] = {(char *)value[CLI_OBJECT].text, (char *)value[CLI_VERB].text, NULL};
	struct cli_command topic;
	struct cli_text err;
	int n = value[CLI_VERB].given ? 2 : value[CLI_OBJECT].given ? 1 : 0;

	cli_parse_topic(n, words, &topic);
	if (n > 1 && topic.object != NULL && cli_object_is_verb(topic.object))
		return cli_complain(cli, CLI_USAGE, "%s has no verbs", topic.object->word);
	if ((n > 0 && topic.object == NULL) || (n > 1 && topic.verb == NULL)) {
		cli_parse(n, words, &topic, &err); /* words its own complaint */
		return cli_complain(cli, CLI_USAGE, "%s", err.text);
	}
	cli_help_print(cli->out, topic.object, topic.verb);
	return CLI_DONE;
}
