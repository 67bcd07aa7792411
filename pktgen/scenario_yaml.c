/* SPDX-License-Identifier: BSD-3-Clause
 * YAML into a struct by tables of keys. Main thread. */
#include "pktgen/scenario_yaml.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#define TEXT_MAX  4096 /* of a value, or of a list's items with their commas */
#define PATH_MAX_ 96

struct reading {
	const char *file;
	yaml_document_t *document;
	void *object;
	struct pg_error *err;
	char path[PATH_MAX_]; /* of the mapping being read: "" or "tx." */
};

static unsigned
line_of(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

/* A scalar's text, or NULL when it is none, is empty or has a zero byte inside. */
static const char *
scalar(const yaml_node_t *node)
{
	if (node == NULL || node->type != YAML_SCALAR_NODE || node->data.scalar.length == 0)
		return NULL;
	const char *text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

/* A scalar, or a list of scalars joined by commas. */
static int
value_text(const struct reading *r, const yaml_node_t *node, char out[TEXT_MAX])
{
	size_t at = 0;

	out[0] = '\0';
	if (node->type == YAML_SCALAR_NODE) {
		const char *text = scalar(node);
		return text != NULL && snprintf(out, TEXT_MAX, "%s", text) < TEXT_MAX ? 0 : -EINVAL;
	}
	if (node->type != YAML_SEQUENCE_NODE)
		return -EINVAL;
	for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top;
	     item++) {
		const char *text = scalar(yaml_document_get_node(r->document, *item));
		if (text == NULL)
			return -EINVAL;
		at += (size_t)snprintf(out + at, TEXT_MAX - at, "%s%s", at > 0 ? "," : "", text);
		if (at >= TEXT_MAX)
			return -EINVAL;
	}
	return at > 0 ? 0 : -EINVAL;
}

static int
read_value(struct reading *r, const yaml_node_t *node, const struct pg_key *key)
{
	char text[TEXT_MAX];
	int rc = value_text(r, node, text);

	if (rc < 0)
		return pg_error_set(r->err, -EINVAL, "%s:%u: %s%s: has no value that can be read; accepted: %s",
				    r->file, line_of(node), r->path, key->name, key->accepted);
	rc = key->parse(text, (char *)r->object + key->offset);
	if (rc < 0)
		return pg_error_set(r->err, -EINVAL, "%s:%u: %s%s: \"%.80s\" is %s; accepted: %s", r->file,
				    line_of(node), r->path, key->name, text,
				    rc == -ERANGE ? "out of bounds" : "not understood", key->accepted);
	return 0;
}

static int
unknown(struct reading *r, const yaml_node_t *node, const struct pg_key *keys)
{
	char names[256] = "";
	size_t at = 0;
	const char *text = scalar(node);

	for (const struct pg_key *key = keys; key->name != NULL && at < sizeof(names); key++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", at > 0 ? ", " : "", key->name);
	return pg_error_set(r->err, -EINVAL, "%s:%u: %s%.40s: unknown key; accepted: %s", r->file, line_of(node),
			    r->path, text != NULL ? text : "(no text)", names);
}

static int read_mapping(struct reading *r, const yaml_node_t *node, const struct pg_key *keys);

/* One key of a mapping and what stands behind it. */
static int
read_pair(struct reading *r, const yaml_node_t *node, const struct pg_key *key)
{
	const unsigned line = line_of(node);
	const size_t len = strlen(r->path);

	memcpy((char *)r->object + key->line_offset, &line, sizeof(line));
	if (key->keys == NULL)
		return read_value(r, node, key);
	snprintf(r->path + len, sizeof(r->path) - len, "%s.", key->name);
	const int rc = read_mapping(r, node, key->keys);
	r->path[len] = '\0';
	return rc;
}

static int
read_mapping(struct reading *r, const yaml_node_t *node, const struct pg_key *keys)
{
	uint64_t seen = 0; /* a bit for each key of the table */

	if (node->type != YAML_MAPPING_NODE)
		return pg_error_set(r->err, -EINVAL, "%s:%u: %.*s: is no mapping of keys to values", r->file,
				    line_of(node), r->path[0] ? (int)strlen(r->path) - 1 : 12,
				    r->path[0] ? r->path : "the scenario");
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
	     pair++) {
		const yaml_node_t *name = yaml_document_get_node(r->document, pair->key);
		unsigned k = 0;
		while (keys[k].name != NULL && (scalar(name) == NULL || strcmp(scalar(name), keys[k].name) != 0))
			k++;
		if (keys[k].name == NULL)
			return unknown(r, name, keys);
		if ((seen & (UINT64_C(1) << k)) != 0)
			return pg_error_set(r->err, -EINVAL, "%s:%u: %s%s: stands there twice", r->file, line_of(name),
					    r->path, keys[k].name);
		seen |= UINT64_C(1) << k;
		const int rc = read_pair(r, yaml_document_get_node(r->document, pair->value), &keys[k]);
		if (rc < 0)
			return rc;
	}
	for (unsigned k = 0; keys[k].name != NULL; k++)
		if (keys[k].required && (seen & (UINT64_C(1) << k)) == 0)
			return pg_error_set(r->err, -EINVAL, "%s:%u: %s%s: is missing%s%s", r->file, line_of(node),
					    r->path, keys[k].name, keys[k].accepted ? "; accepted: " : "",
					    keys[k].accepted ? keys[k].accepted : "");
	return 0;
}

static int
not_yaml(const char *file, const yaml_parser_t *parser, struct pg_error *err)
{
	return pg_error_set(err, -EINVAL, "%s:%u: not YAML: %s", file, (unsigned)parser->problem_mark.line + 1,
			    parser->problem != NULL ? parser->problem : "it cannot be read");
}

int
pg_yaml_read(const char *file, const char *text, const struct pg_key *keys, void *object, struct pg_error *err)
{
	yaml_parser_t parser;
	yaml_document_t document, second;
	int rc;

	if (!yaml_parser_initialize(&parser))
		return pg_error_set(err, -ENOMEM, "%s: not enough memory", file);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
	if (!yaml_parser_load(&parser, &document)) {
		rc = not_yaml(file, &parser, err);
		goto free_parser;
	}
	const yaml_node_t *root = yaml_document_get_root_node(&document);
	if (root == NULL) {
		rc = pg_error_set(err, -EINVAL, "%s:1: the scenario is empty", file);
		goto free_document;
	}
	if (!yaml_parser_load(&parser, &second)) {
		rc = not_yaml(file, &parser, err);
		goto free_document;
	}
	const yaml_node_t *more = yaml_document_get_root_node(&second);
	const unsigned line = more != NULL ? line_of(more) : 0;
	yaml_document_delete(&second);
	if (line != 0) {
		rc = pg_error_set(err, -EINVAL, "%s:%u: a second document; accepted: one", file, line);
		goto free_document;
	}
	struct reading reading = {.file = file, .document = &document, .object = object, .err = err};
	rc = read_mapping(&reading, root, keys);
free_document:
	yaml_document_delete(&document);
free_parser:
	yaml_parser_delete(&parser);
	return rc;
}
