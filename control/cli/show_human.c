/* SPDX-License-Identifier: BSD-3-Clause
 * Rows for people: tables, blocks, lines. The command's only thread. */
#include "control/cli/show.h"

#include <inttypes.h>
#include <string.h>

#define COLUMNS     32  /* of a table: more than any has */
#define BLOCK_WIDTH 100 /* of a terminal that shows blocks in several columns */
#define VALUE       512

bool
show_quotient(const struct show_cell *cell, double *out)
{
	uint64_t a = cell->a - cell->since_a, b = cell->b - cell->since_b;

	if (b == 0)
		return false;
	*out = (double)a / (double)b * (cell->kind == SHOW_PERCENT ? 100.0 : 1.0);
	return true;
}

static const char *
value(const struct show_cell *cell, char buf[VALUE])
{
	double quotient;

	snprintf(buf, VALUE, "-");
	switch (cell->kind) {
	case SHOW_ABSENT:
		break;
	case SHOW_TEXT:
		snprintf(buf, VALUE, "%s", cell->text);
		break;
	case SHOW_NUMBER:
	case SHOW_COUNTER:
		snprintf(buf, VALUE, "%" PRIu64, cell->a);
		break;
	case SHOW_BOOL:
		snprintf(buf, VALUE, "%s", cell->a != 0 ? "yes" : "no");
		break;
	case SHOW_SPI:
		snprintf(buf, VALUE, "0x%08" PRIx64, cell->a);
		break;
	case SHOW_RATIO:
		if (show_quotient(cell, &quotient))
			snprintf(buf, VALUE, "%.1f", quotient);
		break;
	case SHOW_PERCENT:
		if (show_quotient(cell, &quotient))
			snprintf(buf, VALUE, "%.1f%%", quotient);
		break;
	case SHOW_RATE:
		snprintf(buf, VALUE, "%.1f", cell->rate);
		break;
	case SHOW_BALANCE:
		snprintf(buf, VALUE, cell->difference == 0 ? "balanced" : "%+" PRId64, cell->difference);
		break;
	}
	return buf;
}

static int
width(const struct show_cell *cell)
{
	char buf[VALUE];

	return (int)strlen(value(cell, buf));
}

static int
larger(int a, int b)
{
	return a > b ? a : b;
}

/* A column is text when any of its values is; an absent one takes the side of the others. */
static bool
column_is_text(const struct show_section *section, unsigned c)
{
	for (unsigned r = 0; r < section->n; r++) {
		enum show_kind kind = section->rows[r].cells[c].kind;

		if (kind == SHOW_TEXT || kind == SHOW_BOOL || kind == SHOW_SPI)
			return true;
	}
	return false;
}

static bool
column_is_left_out(const struct show_section *section, unsigned c)
{
	for (unsigned r = 0; r < section->n; r++)
		if (!section->rows[r].cells[c].rare || section->rows[r].cells[c].a != 0)
			return false;
	return true;
}

/* A column of a table: which of the rows' cells, how wide, on which side. */
struct column {
	unsigned cell;
	int width;
	bool left;
};

static void
print_aligned(FILE *out, const char *text, const struct column *column, bool last)
{
	if (column->left)
		fprintf(out, "%-*s", last ? 0 : column->width, text);
	else
		fprintf(out, "%*s", column->width, text);
	fputs(last ? "\n" : "  ", out);
}

static unsigned
measure(const struct show_section *section, struct column columns[COLUMNS])
{
	const struct show_row *first = &section->rows[0];
	unsigned n = 0;

	for (unsigned c = 0; c < first->n && n < COLUMNS; c++) {
		struct column *column = &columns[n];

		if (column_is_left_out(section, c))
			continue;
		*column = (struct column){c, (int)strlen(first->cells[c].name), column_is_text(section, c)};
		for (unsigned r = 0; r < section->n; r++)
			column->width = larger(column->width, width(&section->rows[r].cells[c]));
		n++;
	}
	return n;
}

static void
print_table(const struct show_section *section, FILE *out)
{
	struct column columns[COLUMNS];
	unsigned n = measure(section, columns);
	char buf[VALUE];

	for (unsigned i = 0; i < n; i++)
		print_aligned(out, section->rows[0].cells[columns[i].cell].name, &columns[i], i + 1 == n);
	for (unsigned r = 0; r < section->n; r++)
		for (unsigned i = 0; i < n; i++)
			print_aligned(out, value(&section->rows[r].cells[columns[i].cell], buf), &columns[i],
				      i + 1 == n);
}

static void
print_pairs(const struct show_cell *cells, unsigned n, FILE *out)
{
	const char *gap = "";
	char buf[VALUE];

	for (unsigned c = 0; c < n; c++) {
		if (cells[c].kind == SHOW_ABSENT)
			continue;
		fprintf(out, "%s%s %s", gap, cells[c].name, value(&cells[c], buf));
		gap = "  ";
	}
	fputc('\n', out);
}

static void
print_blocks(const struct show_section *section, FILE *out)
{
	int name = 0, val = 0, per_line;
	char buf[VALUE];

	for (unsigned r = 0; r < section->n; r++) {
		for (unsigned c = section->n_key; c < section->rows[r].n; c++) {
			const struct show_cell *cell = &section->rows[r].cells[c];

			if (cell->kind == SHOW_ABSENT)
				continue;
			name = larger(name, (int)strlen(cell->name));
			val = larger(val, width(cell));
		}
	}
	per_line = larger(1, BLOCK_WIDTH / (name + val + 5));
	for (unsigned r = 0; r < section->n; r++) {
		const struct show_row *row = &section->rows[r];
		int at = 0, pad = 0; /* padding is printed when something follows on the line */

		print_pairs(row->cells, section->n_key < row->n ? section->n_key : row->n, out);
		for (unsigned c = section->n_key; c < row->n; c++) {
			if (row->cells[c].kind == SHOW_ABSENT)
				continue;
			if (at == per_line)
				fputc('\n', out);
			at = at == per_line ? 1 : at + 1;
			fprintf(out, "%*s%-*s %s", at > 1 ? pad + 4 : 4, "", name, row->cells[c].name,
				value(&row->cells[c], buf));
			pad = val - (int)strlen(buf);
		}
		fputs(at > 0 ? "\n" : "", out);
	}
}

void
show_print_human(const struct show *show, FILE *out)
{
	for (unsigned s = 0; s < show->n; s++) {
		const struct show_section *section = &show->sections[s];

		if (section->title != NULL)
			fprintf(out, "%s%s:%s\n", s > 0 ? "\n" : "", section->title, section->n == 0 ? " none" : "");
		if (section->n == 0)
			continue;
		switch (section->layout) {
		case SHOW_TABLE:
			print_table(section, out);
			break;
		case SHOW_BLOCKS:
			print_blocks(section, out);
			break;
		case SHOW_LINES:
			for (unsigned r = 0; r < section->n; r++)
				print_pairs(section->rows[r].cells, section->rows[r].n, out);
			break;
		}
	}
}
