/* SPDX-License-Identifier: BSD-3-Clause
 * YAML into structs by tables of keys. Control thread. */
#include "control/config_yaml.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/words.h"

#define KEYS_MAX 32 /* no mapping knows more */

void
ctl_yaml_report(struct ctl_yaml *y, unsigned line, const char *format, ...)
{
	char text[1024];
	size_t n;
	va_list args;

	n = (size_t)snprintf(text, sizeof(text), "%.200s:%u: ", y->file, line);
	va_start(args, format);
	vsnprintf(text + n, sizeof(text) - n, format, args);
	va_end(args);
	y->mistakes++;
	y->report(y->report_arg, text);
}

unsigned
ctl_yaml_line(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

static const char *
path_text(const struct ctl_yaml *y)
{
	return y->path[0] != '\0' ? y->path : "the file";
}

void
ctl_yaml_mistake(struct ctl_yaml *y, const yaml_node_t *node, const char *what, const char *value, const char *accepted)
{
	struct cli_text text = {.text = ""};

	cli_text_add(&text, "%s", what);
	if (value != NULL) {
		cli_text_add(&text, " ");
		cli_text_quote(&text, value);
	}
	if (accepted != NULL)
		cli_text_add(&text, "; accepted: %s", accepted);
	ctl_yaml_report(y, ctl_yaml_line(node), "%s: %s", path_text(y), text.text);
}

/* A word that is none of a list; names the one that may be meant. */
static void
word_unknown(struct ctl_yaml *y, const yaml_node_t *node, const char *what, const char *word,
	     const char *const candidates[])
{
	struct cli_text text = {.text = ""};
	size_t n = 0;

	while (candidates[n] != NULL)
		n++;
	cli_text_add(&text, "%s ", what);
	cli_text_quote(&text, word);
	cli_text_candidates(&text, word, candidates, n);
	ctl_yaml_report(y, ctl_yaml_line(node), "%s: %s", path_text(y), text.text);
}

static const char *
node_kind(const yaml_node_t *node)
{
	switch (node->type) {
	case YAML_MAPPING_NODE:
		return "a mapping";
	case YAML_SEQUENCE_NODE:
		return "a list";
	default:
		return "a single value";
	}
}

static const char *
scalar_text(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* An empty value, as in "routes:" with all its items commented out. */
static bool
node_is_null(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (node->data.scalar.length == 0 || strcmp(scalar_text(node), "null") == 0 ||
		strcmp(scalar_text(node), "~") == 0);
}

const char *
ctl_yaml_scalar(struct ctl_yaml *y, const yaml_node_t *node, const char *accepted)
{
	if (node->type != YAML_SCALAR_NODE) {
		char what[48];

		snprintf(what, sizeof(what), "is %s, not a single value", node_kind(node));
		ctl_yaml_mistake(y, node, what, NULL, accepted);
		return NULL;
	}
	if (node_is_null(node) || node->data.scalar.length == 0) {
		ctl_yaml_mistake(y, node, "has no value", NULL, accepted);
		return NULL;
	}
	if (strlen(scalar_text(node)) != node->data.scalar.length) {
		ctl_yaml_mistake(y, node, "has a zero byte in it", NULL, accepted);
		return NULL;
	}
	return scalar_text(node);
}

static void
line_store(const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	const unsigned line = ctl_yaml_line(node);

	if (key->line_offset != 0)
		memcpy((char *)object + key->line_offset, &line, sizeof(line));
}

/* Decimal digits only: YAML 1.1 would read 010 as eight, which no operator expects of an MTU. */
static bool
uint_parse(const char *text, uint64_t *out)
{
	uint64_t value = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' || value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*out = value;
	return true;
}

void
ctl_yaml_uint(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	char accepted[96];
	const char *text;
	uint64_t value;

	snprintf(accepted, sizeof(accepted), "%llu to %llu", (unsigned long long)key->min,
		 (unsigned long long)key->max);
	text = ctl_yaml_scalar(y, node, accepted);
	if (text == NULL)
		return;
	if (!uint_parse(text, &value)) {
		ctl_yaml_mistake(y, node, "not a whole decimal number:", text, accepted);
		return;
	}
	if (value < key->min || value > key->max) {
		ctl_yaml_mistake(y, node, "out of range:", text, accepted);
		return;
	}
	if (key->room == sizeof(uint8_t)) {
		((uint8_t *)object)[key->offset] = (uint8_t)value;
	} else if (key->room == sizeof(uint16_t)) {
		const uint16_t value16 = (uint16_t)value;
		memcpy((char *)object + key->offset, &value16, sizeof(value16));
	} else if (key->room == sizeof(uint64_t)) {
		memcpy((char *)object + key->offset, &value, sizeof(value));
	} else {
		const uint32_t value32 = (uint32_t)value;
		memcpy((char *)object + key->offset, &value32, sizeof(value32));
	}
	line_store(node, key, object);
}

void
ctl_yaml_bool(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	const char *text = ctl_yaml_scalar(y, node, "true, false");
	bool value;

	if (text == NULL)
		return;
	value = strcmp(text, "true") == 0;
	if (!value && strcmp(text, "false") != 0) {
		ctl_yaml_mistake(y, node, "unknown value", text, "true, false");
		return;
	}
	memcpy((char *)object + key->offset, &value, sizeof(value));
	line_store(node, key, object);
}

void
ctl_yaml_choice(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	struct cli_text accepted = {.text = ""};
	const char *text;

	for (unsigned i = 0; key->choices[i] != NULL; i++)
		cli_text_add(&accepted, "%s%s", i > 0 ? ", " : "", key->choices[i]);
	text = ctl_yaml_scalar(y, node, accepted.text);
	if (text == NULL)
		return;
	for (uint8_t i = 0; key->choices[i] != NULL; i++) {
		if (strcmp(text, key->choices[i]) == 0) {
			((uint8_t *)object)[key->offset] = i;
			line_store(node, key, object);
			return;
		}
	}
	word_unknown(y, node, "unknown value", text, key->choices);
}

void
ctl_yaml_text(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	const char *text = ctl_yaml_scalar(y, node, key->accepted);

	if (text == NULL)
		return;
	if (strlen(text) >= key->room) {
		char what[64];

		snprintf(what, sizeof(what), "longer than %zu characters:", key->room - 1);
		ctl_yaml_mistake(y, node, what, text, key->accepted);
		return;
	}
	if (key->valid != NULL && !key->valid(text)) {
		ctl_yaml_mistake(y, node, "not allowed:", text, key->accepted);
		return;
	}
	memcpy((char *)object + key->offset, text, strlen(text) + 1);
	line_store(node, key, object);
}

/* Appends to the path and returns the length to cut it back to. */
static size_t path_push(struct ctl_yaml *y, const char *format, ...) __attribute__((format(printf, 2, 3)));

static size_t
path_push(struct ctl_yaml *y, const char *format, ...)
{
	const size_t before = strlen(y->path);
	va_list args;

	va_start(args, format);
	vsnprintf(y->path + before, sizeof(y->path) - before, format, args);
	va_end(args);
	return before;
}

void
ctl_yaml_items(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	const struct ctl_yaml_list *list = key->list;
	unsigned n;
	char *items;

	if (node_is_null(node))
		return;
	if (node->type != YAML_SEQUENCE_NODE) {
		ctl_yaml_mistake(y, node, "is not a list", NULL, key->accepted);
		return;
	}
	n = (unsigned)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (n > list->max) {
		char what[64];

		snprintf(what, sizeof(what), "has %u items; the most is %u", n, list->max);
		ctl_yaml_mistake(y, node, what, NULL, NULL);
		return;
	}
	if (n == 0)
		return;
	items = calloc(n, list->item_bytes);
	if (items == NULL) {
		y->no_memory = true;
		return;
	}
	memcpy((char *)object + key->offset, &items, sizeof(items));
	memcpy((char *)object + list->count_offset, &n, sizeof(n));
	for (unsigned i = 0; i < n; i++) {
		const size_t before = path_push(y, "[%u]", i);

		list->read(y, yaml_document_get_node(y->document, node->data.sequence.items.start[i]),
			   items + i * list->item_bytes);
		y->path[before] = '\0';
	}
}

static void
key_unknown(struct ctl_yaml *y, const yaml_node_t *node, const char *word, const struct ctl_yaml_key *keys)
{
	const char *known[KEYS_MAX + 1] = {NULL};

	for (unsigned n = 0; keys[n].name != NULL && n < KEYS_MAX; n++)
		known[n] = keys[n].name;
	word_unknown(y, node, "unknown key", word, known);
}

static const yaml_node_pair_t *
map_earlier(struct ctl_yaml *y, const yaml_node_t *node, const yaml_node_pair_t *pair, const char *word)
{
	const yaml_node_pair_t *earlier;

	for (earlier = node->data.mapping.pairs.start; earlier < pair; earlier++) {
		const yaml_node_t *name = yaml_document_get_node(y->document, earlier->key);

		if (name->type == YAML_SCALAR_NODE && strcmp(scalar_text(name), word) == 0)
			return earlier;
	}
	return NULL;
}

/* The path names keys as they are written, unless what stands there would break the line or may be a secret. */
static size_t
path_push_key(struct ctl_yaml *y, const char *word)
{
	bool plain = strlen(word) < CLI_KEYLIKE_DIGITS;

	for (const char *p = word; *p != '\0'; p++)
		plain = plain && !iscntrl((unsigned char)*p);
	return plain ? path_push(y, "%s%s", y->path[0] != '\0' ? "." : "", word) : strlen(y->path);
}

static void
map_pair(struct ctl_yaml *y, const yaml_node_t *node, const yaml_node_pair_t *pair, const struct ctl_yaml_key *keys,
	 void *object)
{
	const yaml_node_t *name = yaml_document_get_node(y->document, pair->key);
	const struct ctl_yaml_key *key = keys;
	const yaml_node_pair_t *earlier;
	const char *word = ctl_yaml_scalar(y, name, "a key and a value");
	size_t before;

	if (word == NULL)
		return;
	before = path_push_key(y, word);
	while (key->name != NULL && strcmp(key->name, word) != 0)
		key++;
	earlier = map_earlier(y, node, pair, word);
	if (earlier != NULL) {
		char what[64];

		snprintf(what, sizeof(what), "given twice; the first is on line %u",
			 ctl_yaml_line(yaml_document_get_node(y->document, earlier->key)));
		ctl_yaml_mistake(y, name, what, NULL, NULL);
	} else if (key->name == NULL) {
		key_unknown(y, name, word, keys);
	} else {
		key->read(y, yaml_document_get_node(y->document, pair->value), key, object);
	}
	y->path[before] = '\0';
}

void
ctl_yaml_map(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *keys, void *object)
{
	const yaml_node_pair_t *pair, *end;

	if (node->type != YAML_MAPPING_NODE) {
		char what[64];

		snprintf(what, sizeof(what), "is %s, not keys with values", node_kind(node));
		ctl_yaml_mistake(y, node, what, NULL, NULL);
		return;
	}
	end = node->data.mapping.pairs.top;
	for (pair = node->data.mapping.pairs.start; pair < end; pair++)
		map_pair(y, node, pair, keys, object);
	for (; keys->name != NULL; keys++) {
		size_t before;

		if (!keys->required || map_earlier(y, node, end, keys->name) != NULL)
			continue;
		before = path_push(y, "%s%s", y->path[0] != '\0' ? "." : "", keys->name);
		ctl_yaml_mistake(y, node, "is missing", NULL, keys->accepted);
		y->path[before] = '\0';
	}
}
