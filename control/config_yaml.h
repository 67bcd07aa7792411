/* SPDX-License-Identifier: BSD-3-Clause
 * YAML into structs by tables of keys, with mistakes reported by line and key. Knows nothing of what the keys mean.
 * Control thread. */
#ifndef CTL_CONFIG_YAML_H
#define CTL_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yaml.h>

#include "control/config.h"

/* One reading of one document. */
struct ctl_yaml {
	const char *file;
	ctl_config_report_fn report;
	void *report_arg;
	yaml_document_t *document;
	char path[128]; /* of the node being read: "ports[1].mtu" */
	unsigned mistakes;
	bool no_memory;
};

/* A key of a mapping and the struct's member that it fills. A reader uses those of the fields it has a use for. */
struct ctl_yaml_key {
	const char *name;
	void (*read)(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object);
	size_t offset;      /* of the member */
	size_t room;        /* bytes of the member */
	size_t line_offset; /* of an unsigned that receives the line; 0: none */
	bool required;
	uint64_t min, max;           /* numbers */
	const char *const *choices;  /* choices, NULL-terminated: the member gets the index */
	bool (*valid)(const char *); /* texts; NULL: every one */
	const char *accepted;        /* for the operator */
	const struct ctl_yaml_list *list;
};

/* A list of items, each of which is read by one reader (a mapping's, say). */
struct ctl_yaml_list {
	size_t item_bytes;
	size_t count_offset; /* of the unsigned that holds how many; the key's offset is of the pointer to the items */
	unsigned max;
	void (*read)(struct ctl_yaml *y, const yaml_node_t *node, void *item);
};

/* Readers. */
void ctl_yaml_uint(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object);
void ctl_yaml_bool(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object);
void ctl_yaml_choice(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object);
void ctl_yaml_text(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object);
void ctl_yaml_items(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object);

/* Fills object from a mapping; keys ends with a nameless one. Reports unknown, repeated and missing keys. */
void ctl_yaml_map(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *keys, void *object);

/* The text of a scalar, or NULL, reported: not a scalar, empty, or with a zero byte inside. */
const char *ctl_yaml_scalar(struct ctl_yaml *y, const yaml_node_t *node, const char *accepted);

/* Reports a mistake at the node, under the path now. value: what was found, or NULL; accepted may be NULL. */
void ctl_yaml_mistake(struct ctl_yaml *y, const yaml_node_t *node, const char *what, const char *value,
		      const char *accepted);

/* Reports "FILE:LINE: " and the formatted rest. */
void ctl_yaml_report(struct ctl_yaml *y, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

unsigned ctl_yaml_line(const yaml_node_t *node);

/* Parses text and hands the root to read. A text that is no YAML, or holds none or several documents, is reported. */
void ctl_yaml_parse(struct ctl_yaml *y, const void *text, size_t bytes,
		    void (*read)(struct ctl_yaml *y, const yaml_node_t *root, void *object), void *object);

#endif
