/* SPDX-License-Identifier: BSD-3-Clause
 * Words to a command: finds the object and the verb, takes keywords and values in any order, then checks what must and
 * what must not be together. The command's only thread. */
#include "control/cli/parse.h"

#include <errno.h>
#include <string.h>

#include "control/cli/value.h"

#define WORDS_MAX 64 /* keywords and fixed words of one verb */

const struct cli_object *
cli_object_find(const char *word)
{
	for (unsigned i = 0; i < cli_n_objects; i++)
		if (strcmp(cli_objects[i].word, word) == 0)
			return &cli_objects[i];
	return NULL;
}

const struct cli_verb *
cli_verb_find(const struct cli_object *object, const char *word)
{
	for (unsigned i = 0; i < object->n_verbs; i++)
		if (strcmp(object->verbs[i].word, word) == 0)
			return &object->verbs[i];
	return NULL;
}

bool
cli_object_is_verb(const struct cli_object *object)
{
	return object->verbs[0].word[0] == 0;
}

const struct cli_arg *
cli_arg_of(const struct cli_verb *verb, enum cli_id id)
{
	for (unsigned i = 0; i < verb->n_args; i++)
		if (verb->args[i].id == id)
			return &verb->args[i];
	return NULL;
}

void
cli_parse_topic(int n, char *const words[], struct cli_command *out)
{
	memset(out, 0, sizeof(*out));
	if (n > 0)
		out->object = cli_object_find(words[0]);
	if (out->object == NULL)
		return;
	if (cli_object_is_verb(out->object))
		out->verb = &out->object->verbs[0];
	else if (n > 1)
		out->verb = cli_verb_find(out->object, words[1]);
}

static int
wrong_object(const char *word, struct cli_text *err)
{
	const char *right[WORDS_MAX];
	size_t n = 0;

	for (; n < cli_n_objects && n < WORDS_MAX; n++)
		right[n] = cli_objects[n].word;
	cli_text_set(err, word == NULL ? "what to do is missing" : "unknown word ");
	if (word != NULL)
		cli_text_quote(err, word);
	cli_text_candidates(err, word == NULL ? "" : word, right, n);
	return -EINVAL;
}

static int
wrong_verb(const struct cli_object *object, const char *word, struct cli_text *err)
{
	const char *right[WORDS_MAX];
	size_t n = 0;

	for (; n < object->n_verbs && n < WORDS_MAX; n++)
		right[n] = object->verbs[n].word;
	cli_text_set(err, word == NULL ? "the verb is missing" : "unknown verb ");
	if (word != NULL)
		cli_text_quote(err, word);
	cli_text_candidates(err, word == NULL ? "" : word, right, n);
	return -EINVAL;
}

/* The words that could still come: keywords not given yet and the fixed words of bare arguments. */
static size_t
words_left(const struct cli_command *cmd, const char *right[])
{
	size_t n = 0;

	for (unsigned i = 0; i < cmd->verb->n_args && n < WORDS_MAX; i++) {
		const struct cli_arg *arg = &cmd->verb->args[i];

		if (arg->kind == CLI_KIND_TRAP || (cmd->value[arg->id].given && (arg->flags & CLI_MANY) == 0))
			continue;
		if ((arg->flags & CLI_BARE) == 0)
			right[n++] = arg->word;
		for (int c = 0;
		     (arg->flags & CLI_BARE) != 0 && arg->choices != NULL && arg->choices[c] != NULL && n < WORDS_MAX;
		     c++)
			right[n++] = arg->choices[c];
	}
	return n;
}

static int
wrong_word(const struct cli_command *cmd, const char *word, struct cli_text *err)
{
	const char *right[WORDS_MAX];
	size_t n = words_left(cmd, right);

	cli_text_set(err, "unknown word ");
	cli_text_quote(err, word);
	if (n > 0)
		cli_text_candidates(err, word, right, n);
	else if (cmd->value[CLI_COMMAND].given)
		cli_text_add(err, "; another program's words go after --");
	else
		cli_text_add(err, "; no further words are accepted");
	return -EINVAL;
}

static bool
is_choice(const struct cli_arg *arg, const char *word)
{
	for (int i = 0; arg->choices != NULL && arg->choices[i] != NULL; i++)
		if (strcmp(arg->choices[i], word) == 0)
			return true;
	return false;
}

/* Is the argument at home here, given its "with"? */
static bool
with_holds(const struct cli_command *cmd, const struct cli_arg *arg)
{
	const struct cli_value *with = &cmd->value[arg->with];

	if (arg->with == CLI_NOTHING)
		return true;
	return with->given && (arg->with_value == NULL || strcmp(with->text, arg->with_value) == 0);
}

/* The argument that a word begins: by its keyword, else the bare one that it fits. */
static const struct cli_arg *
arg_for(const struct cli_command *cmd, const char *word)
{
	const struct cli_arg *bare = NULL;

	for (unsigned i = 0; i < cmd->verb->n_args; i++) {
		const struct cli_arg *arg = &cmd->verb->args[i];

		if ((arg->flags & CLI_BARE) == 0 && strcmp(arg->word, word) == 0)
			return arg;
		if ((arg->flags & CLI_BARE) == 0 || bare != NULL)
			continue;
		if (is_choice(arg, word) ||
		    (arg->choices == NULL && !cmd->value[arg->id].given && with_holds(cmd, arg)))
			bare = arg;
	}
	return bare;
}

static bool
is_keyword(const struct cli_verb *verb, const char *word)
{
	for (unsigned i = 0; i < verb->n_args; i++)
		if ((verb->args[i].flags & CLI_BARE) == 0 && strcmp(verb->args[i].word, word) == 0)
			return true;
	return false;
}

static int
lacks_value(const struct cli_arg *arg, struct cli_text *err)
{
	struct cli_text syntax = {.text = ""};

	cli_value_syntax(arg, &syntax);
	cli_text_set(err, "%s lacks its value: %s", arg->word, syntax.text);
	if (cli_kinds[arg->kind].accepts != NULL)
		cli_text_add(err, ", %s", cli_kinds[arg->kind].accepts);
	return -EINVAL;
}

/* Takes the argument that begins at words[0]; *used says how many words it was. */
static int
take(struct cli_command *cmd, int n, char *const words[], int *used, struct cli_text *err)
{
	const struct cli_arg *arg = arg_for(cmd, words[0]);
	const char *text = words[0];
	struct cli_value *value;
	int rc;

	if (arg == NULL)
		return wrong_word(cmd, words[0], err);
	const bool disarmed = arg->kind == CLI_KIND_TRAP && cmd->private;
	value = &cmd->value[arg->id];
	if (value->given && (arg->flags & CLI_MANY) == 0)
		return cli_text_set(err, "%s is given twice", arg->word);
	*used = 1;
	if ((arg->flags & CLI_BARE) == 0 && (arg->kind != CLI_KIND_TRAP || disarmed)) {
		text = n > 1 ? words[1] : NULL;
		if ((arg->flags & CLI_MAY_LACK) != 0 && (text == NULL || text[0] < '0' || text[0] > '9')) {
			text = arg->fallback;
		} else {
			if (text == NULL)
				return lacks_value(arg, err);
			*used = 2;
		}
	}
	value->text = text;
	rc = disarmed ? 0 : cli_value_parse(arg, text, value, err);
	if (rc != 0 && *used == 2 && is_keyword(cmd->verb, text))
		return lacks_value(arg, err);
	value->given = true;
	return rc;
}

static int
take_fallbacks(struct cli_command *cmd, struct cli_text *err)
{
	for (unsigned i = 0; i < cmd->verb->n_args; i++) {
		const struct cli_arg *arg = &cmd->verb->args[i];
		struct cli_value *value = &cmd->value[arg->id];

		if (value->given || arg->fallback == NULL)
			continue;
		if (cli_value_parse(arg, arg->fallback, value, err) != 0)
			return -EINVAL;
	}
	return 0;
}

/* Is an argument given that may not stand beside this one, so that it need not? */
static bool
is_replaced(const struct cli_command *cmd, const struct cli_arg *arg)
{
	if (cmd->value[arg->unless].given)
		return true;
	for (unsigned i = 0; i < cmd->verb->n_args; i++)
		if (cmd->verb->args[i].unless == arg->id && cmd->value[cmd->verb->args[i].id].given)
			return true;
	return false;
}

static int
check_together(const struct cli_command *cmd, struct cli_text *err)
{
	bool missing = false;

	for (unsigned i = 0; i < cmd->verb->n_args; i++) {
		const struct cli_arg *arg = &cmd->verb->args[i];

		if (!cmd->value[arg->id].given)
			continue;
		if (!with_holds(cmd, arg))
			return cli_text_set(err, "%s is only accepted together with %s%s%s", arg->word,
					    cli_arg_of(cmd->verb, arg->with)->word, arg->with_value != NULL ? " " : "",
					    arg->with_value != NULL ? arg->with_value : "");
		if (cmd->value[arg->unless].given)
			return cli_text_set(err, "%s and %s are not accepted together", arg->word,
					    cli_arg_of(cmd->verb, arg->unless)->word);
	}
	err->text[0] = 0;
	for (unsigned i = 0; i < cmd->verb->n_args; i++) {
		const struct cli_arg *arg = &cmd->verb->args[i];

		if ((arg->flags & CLI_REQUIRED) == 0 || cmd->value[arg->id].given || !with_holds(cmd, arg) ||
		    is_replaced(cmd, arg))
			continue;
		cli_text_add(err, "%s", missing ? ", " : "missing: ");
		cli_arg_syntax(arg, err);
		missing = true;
	}
	return missing ? -EINVAL : 0;
}

static int
parse(int n, char *const words[], struct cli_command *out, struct cli_text *err)
{
	int at, used = 1, rc;

	if (out->object == NULL)
		return wrong_object(n > 0 ? words[0] : NULL, err);
	if (out->verb == NULL)
		return wrong_verb(out->object, n > 1 ? words[1] : NULL, err);
	for (at = cli_object_is_verb(out->object) ? 1 : 2; at < n; at += used) {
		rc = take(out, n - at, words + at, &used, err);
		if (rc != 0)
			return rc;
	}
	rc = take_fallbacks(out, err);
	return rc != 0 ? rc : check_together(out, err);
}

int
cli_parse(int n, char *const words[], struct cli_command *out, struct cli_text *err)
{
	cli_parse_topic(n, words, out);
	return parse(n, words, out, err);
}

int
cli_parse_private(int n, char *const words[], struct cli_command *out, struct cli_text *err)
{
	cli_parse_topic(n, words, out);
	out->private = true;
	return parse(n, words, out, err);
}
