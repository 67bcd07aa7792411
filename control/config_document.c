/* SPDX-License-Identifier: BSD-3-Clause
 * Text to one YAML document: what is no YAML is reported by line. Control thread. */
#include "control/config_yaml.h"

/* The parser counts lines in marks, but a byte that is no UTF-8 is found before there is one: only its offset is known. */
static unsigned
offset_line(const char *text, size_t bytes, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < bytes && i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static void
parser_failed(struct ctl_yaml *y, const yaml_parser_t *parser, const char *text, size_t bytes)
{
	const char *problem = parser->problem != NULL ? parser->problem : "unreadable";

	switch (parser->error) {
	case YAML_MEMORY_ERROR:
		y->no_memory = true;
		break;
	case YAML_READER_ERROR:
		ctl_yaml_report(y, offset_line(text, bytes, parser->problem_offset),
				"the file: not YAML: %s; accepted: text in UTF-8", problem);
		break;
	default:
		ctl_yaml_report(
		    y, (unsigned)parser->problem_mark.line + 1,
		    "the file: not YAML at column %zu: %s; accepted: \"key: value\" lines, indented by spaces",
		    parser->problem_mark.column + 1, problem);
		break;
	}
}

/* After the document that was read: is there another? */
static void
parse_rest(struct ctl_yaml *y, yaml_parser_t *parser, const char *text, size_t bytes)
{
	yaml_document_t next;
	const yaml_node_t *root;

	if (!yaml_parser_load(parser, &next)) {
		parser_failed(y, parser, text, bytes);
		return;
	}
	root = yaml_document_get_root_node(&next);
	if (root != NULL)
		ctl_yaml_mistake(y, root, "a second document starts", NULL, "one document");
	yaml_document_delete(&next);
}

void
ctl_yaml_parse(struct ctl_yaml *y, const void *text, size_t bytes,
	       void (*read)(struct ctl_yaml *y, const yaml_node_t *root, void *object), void *object)
{
	yaml_document_t document;
	const yaml_node_t *root;
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser)) {
		y->no_memory = true;
		return;
	}
	yaml_parser_set_input_string(&parser, text, bytes);
	if (!yaml_parser_load(&parser, &document)) {
		parser_failed(y, &parser, text, bytes);
		goto out;
	}
	y->document = &document;
	root = yaml_document_get_root_node(&document);
	if (root == NULL)
		ctl_yaml_report(y, 1, "the file: is empty; accepted: a configuration, see %s", CTL_CONFIG_PATH);
	else
		read(y, root, object);
	if (root != NULL)
		parse_rest(y, &parser, text, bytes);
	yaml_document_delete(&document);
	y->document = NULL;
out:
	yaml_parser_delete(&parser);
}
