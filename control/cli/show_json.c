/* SPDX-License-Identifier: BSD-3-Clause
 * Rows for programs: JSON with the same names and values as people see. The command's only thread. */
#include "control/cli/show.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* Three decimals: more is noise, and keeps the text short. */
static json_t *
real(double value)
{
	return json_real(round(value * 1000.0) / 1000.0);
}

static json_t *
json_value(const struct show_cell *cell)
{
	char spi[16];
	double quotient;

	switch (cell->kind) {
	case SHOW_ABSENT:
		return json_null();
	case SHOW_TEXT:
		return json_string(cell->text);
	case SHOW_NUMBER:
	case SHOW_COUNTER:
		return json_integer((json_int_t)cell->a);
	case SHOW_BOOL:
		return json_boolean(cell->a != 0);
	case SHOW_SPI:
		snprintf(spi, sizeof(spi), "0x%08" PRIx32, (uint32_t)cell->a);
		return json_string(spi);
	case SHOW_RATIO:
	case SHOW_PERCENT:
		return show_quotient(cell, &quotient) ? real(quotient) : json_null();
	case SHOW_RATE:
		return real(cell->rate);
	case SHOW_BALANCE:
		return json_integer(cell->difference);
	}
	return NULL;
}

static json_t *
json_row(const struct show_section *section, const struct show_row *row)
{
	json_t *object = json_object();

	if (object == NULL)
		return NULL;
	if (section->title != NULL && json_object_set_new(object, "section", json_string(section->title)) != 0)
		goto fail;
	for (unsigned c = 0; c < row->n; c++)
		if (json_object_set_new(object, row->cells[c].name, json_value(&row->cells[c])) != 0)
			goto fail;
	return object;
fail:
	json_decref(object);
	return NULL;
}

static int
add_rows(const struct show *show, json_t *array)
{
	for (unsigned s = 0; s < show->n; s++) {
		const struct show_section *section = &show->sections[s];

		for (unsigned r = 0; r < section->n; r++)
			if (json_array_append_new(array, json_row(section, &section->rows[r])) != 0)
				return -ENOMEM;
	}
	return 0;
}

/* A part of a longer array: as jansson prints it whole, without the brackets that it begins and ends with. */
static int
print_part(const json_t *array, FILE *out, size_t flags)
{
	char *text = json_dumps(array, flags);
	size_t bytes = text != NULL ? strlen(text) : 0;
	int rc = 0;

	if (text == NULL)
		return -ENOMEM;
	if (fwrite(text + 1, 1, bytes - 3, out) != bytes - 3) /* "[" ... "\n]" */
		rc = -EIO;
	free(text);
	return rc;
}

static int
print_spilled(const struct show *show, const json_t *array, FILE *out, bool last)
{
	int rc = 0;

	if (json_array_size(array) > 0) {
		rc = fputs(show->spilled ? "," : "[", out) == EOF ? -EIO : 0;
		if (rc == 0)
			rc = print_part(array, out, JSON_REAL_PRECISION(15) | JSON_INDENT(2));
	}
	if (rc == 0 && last && fputs("\n]\n", out) == EOF)
		rc = -EIO;
	return rc;
}

static int
print_whole(const json_t *array, FILE *out, enum show_style style)
{
	size_t flags = JSON_REAL_PRECISION(15) | (style == SHOW_JSON ? JSON_INDENT(2) : 0);

	if (style != SHOW_JSON_OBJECTS && (json_dumpf(array, out, flags) != 0 || fputc('\n', out) == EOF))
		return -EIO;
	for (size_t i = 0; style == SHOW_JSON_OBJECTS && i < json_array_size(array); i++)
		if (json_dumpf(json_array_get(array, i), out, flags) != 0 || fputc('\n', out) == EOF)
			return -EIO;
	return 0;
}

int
show_print_json(const struct show *show, FILE *out, enum show_style style, bool last)
{
	json_t *array = json_array();
	int rc = array != NULL ? add_rows(show, array) : -ENOMEM;

	if (rc == 0 && (show->spilled || !last))
		rc = print_spilled(show, array, out, last);
	else if (rc == 0)
		rc = print_whole(array, out, style);
	json_decref(array);
	return rc;
}
