/* SPDX-License-Identifier: BSD-3-Clause
 * Collects the rows to be shown. The command's only thread. */
#include "control/cli/display.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>

#include "control/cli/show.h"

#define SPILL_ROWS 1000

struct show *
show_create(void)
{
	return calloc(1, sizeof(struct show));
}

static void
forget_rows(struct show_section *section)
{
	for (unsigned r = 0; r < section->n; r++) {
		for (unsigned c = 0; c < section->rows[r].n; c++)
			free(section->rows[r].cells[c].text);
		free(section->rows[r].cells);
	}
	free(section->rows);
	section->rows = NULL;
	section->n = 0;
}

void
show_destroy(struct show *show)
{
	if (show == NULL)
		return;
	for (unsigned s = 0; s < show->n; s++)
		forget_rows(&show->sections[s]);
	free(show->sections);
	free(show);
}

/* One more zeroed element at the end of an array; NULL when there is no memory. */
static void *
grow(struct show *show, void **array, unsigned *n, size_t size)
{
	void *bigger = reallocarray(*array, *n + 1, size);

	if (bigger == NULL) {
		show->no_memory = true;
		return NULL;
	}
	*array = bigger;
	bigger = (char *)bigger + *n * size;
	(*n)++;
	return memset(bigger, 0, size);
}

void
show_section(struct show *show, const char *title, enum show_layout layout, unsigned n_key)
{
	struct show_section *section = grow(show, (void **)&show->sections, &show->n, sizeof(*section));

	if (section == NULL)
		return;
	section->title = title;
	section->layout = layout;
	section->n_key = n_key;
}

void
show_row(struct show *show)
{
	struct show_section *section = &show->sections[show->n - 1];

	if (!show->no_memory)
		grow(show, (void **)&section->rows, &section->n, sizeof(*section->rows));
}

static struct show_cell *
add(struct show *show, struct show_row *row, const char *name, enum show_kind kind)
{
	struct show_cell *cell = grow(show, (void **)&row->cells, &row->n, sizeof(*cell));

	if (cell == NULL)
		return NULL;
	snprintf(cell->name, sizeof(cell->name), "%s", name);
	cell->kind = kind;
	return cell;
}

static struct show_cell *
add_last(struct show *show, const char *name, enum show_kind kind, uint64_t a)
{
	const struct show_section *section;
	struct show_cell *cell;

	if (show->no_memory)
		return NULL;
	section = &show->sections[show->n - 1];
	cell = add(show, &section->rows[section->n - 1], name, kind);
	if (cell != NULL)
		cell->a = a;
	return cell;
}

void
show_text(struct show *show, const char *name, const char *text)
{
	struct show_cell *cell = add_last(show, name, text != NULL ? SHOW_TEXT : SHOW_ABSENT, 0);

	if (cell == NULL || text == NULL)
		return;
	cell->text = strdup(text);
	if (cell->text == NULL) {
		show->no_memory = true;
		return;
	}
	/* Device names are free bytes: none of them may steer the terminal or break the JSON's UTF-8. */
	for (char *p = cell->text; *p != 0; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
}

void
show_number(struct show *show, const char *name, uint64_t value)
{
	add_last(show, name, SHOW_NUMBER, value);
}

void
show_rare(struct show *show, const char *name, uint64_t value)
{
	struct show_cell *cell = add_last(show, name, SHOW_NUMBER, value);

	if (cell != NULL)
		cell->rare = true;
}

void
show_absent(struct show *show, const char *name)
{
	add_last(show, name, SHOW_ABSENT, 0);
}

void
show_bool(struct show *show, const char *name, bool value)
{
	add_last(show, name, SHOW_BOOL, value);
}

void
show_spi(struct show *show, const char *name, rte_be32_t spi_be)
{
	add_last(show, name, spi_be != 0 ? SHOW_SPI : SHOW_ABSENT, rte_be_to_cpu_32(spi_be));
}

void
show_addr(struct show *show, const char *name, const struct sadb_addr *addr)
{
	char buf[SADB_ADDR_STRLEN];

	show_text(show, name, addr->family != AF_UNSPEC ? sadb_addr_format(addr, buf, sizeof(buf)) : NULL);
}

void
show_prefix(struct show *show, const char *name, const struct sadb_prefix *prefix)
{
	char buf[SADB_ADDR_STRLEN];

	show_text(show, name, prefix->addr.family != AF_UNSPEC ? sadb_prefix_format(prefix, buf, sizeof(buf)) : NULL);
}

void
show_counter(struct show *show, const char *name, uint64_t value)
{
	add_last(show, name, SHOW_COUNTER, value);
}

void
show_ratio(struct show *show, const char *name, uint64_t a, uint64_t b)
{
	struct show_cell *cell = add_last(show, name, SHOW_RATIO, a);

	if (cell != NULL)
		cell->b = b;
}

void
show_percent(struct show *show, const char *name, uint64_t a, uint64_t b)
{
	struct show_cell *cell = add_last(show, name, SHOW_PERCENT, a);

	if (cell != NULL)
		cell->b = b;
}

void
show_balance(struct show *show, const char *name, int64_t difference)
{
	struct show_cell *cell = add_last(show, name, SHOW_BALANCE, 0);

	if (cell != NULL)
		cell->difference = difference;
}

/* ---- rates ---- */
static bool
same_value(const struct show_cell *a, const struct show_cell *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == SHOW_TEXT ? strcmp(a->text, b->text) == 0 : a->a == b->a;
}

static const struct show_row *
row_of(const struct show *earlier, const struct show_section *section, const struct show_row *row)
{
	for (unsigned s = 0; earlier != NULL && s < earlier->n; s++) {
		const struct show_section *old = &earlier->sections[s];

		if (old->title == NULL || section->title == NULL || strcmp(old->title, section->title) != 0)
			continue;
		for (unsigned r = 0; r < old->n; r++) {
			const struct show_row *other = &old->rows[r];
			unsigned c = 0;

			while (c < section->n_key && c < row->n && c < other->n &&
			       same_value(&row->cells[c], &other->cells[c]))
				c++;
			if (c == section->n_key)
				return other;
		}
	}
	return NULL;
}

static const struct show_cell *
cell_of(const struct show_row *row, const struct show_cell *cell)
{
	for (unsigned c = 0; row != NULL && c < row->n; c++)
		if (row->cells[c].kind == cell->kind && strcmp(row->cells[c].name, cell->name) == 0)
			return &row->cells[c];
	return NULL;
}

/* Puts the rate right behind its counter. */
static void
add_rate(struct show *show, struct show_row *row, unsigned at, const struct show_cell *then, uint64_t elapsed_ns)
{
	uint64_t before = then != NULL ? then->a : 0, now = row->cells[at].a; /* a new row's counters began at 0 */
	struct show_cell *rate;

	if (add(show, row, "", SHOW_ABSENT) == NULL)
		return;
	rate = &row->cells[at + 1];
	memmove(rate + 1, rate, (row->n - at - 2) * sizeof(*rate));
	memset(rate, 0, sizeof(*rate));
	snprintf(rate->name, sizeof(rate->name), "%.*s_per_s", SHOW_NAME - 7, row->cells[at].name);
	if (elapsed_ns == 0 || now < before)
		return;
	rate->kind = SHOW_RATE;
	rate->rate = (double)(now - before) * 1e9 / (double)elapsed_ns;
}

static void
since(struct show_cell *ratio, const struct show_cell *before)
{
	if (before == NULL || ratio->a < before->a || ratio->b < before->b)
		return;
	ratio->since_a = before->a;
	ratio->since_b = before->b;
}

static void
row_rates(struct show *show, struct show_row *row, const struct show_row *old, uint64_t elapsed_ns)
{
	for (unsigned c = 0; c < row->n && !show->no_memory; c++) {
		const struct show_cell *then = cell_of(old, &row->cells[c]);

		if (row->cells[c].kind == SHOW_COUNTER)
			add_rate(show, row, c, then, elapsed_ns);
		else if (row->cells[c].kind == SHOW_RATIO || row->cells[c].kind == SHOW_PERCENT)
			since(&row->cells[c], then);
	}
}

void
show_rates(struct show *show, const struct show *earlier, uint64_t elapsed_ns)
{
	for (unsigned s = 0; s < show->n; s++)
		for (unsigned r = 0; r < show->sections[s].n; r++)
			row_rates(show, &show->sections[s].rows[r],
				  row_of(earlier, &show->sections[s], &show->sections[s].rows[r]), elapsed_ns);
}

static int
print(const struct show *show, FILE *out, enum show_style style, bool last)
{
	int rc = 0;

	if (show->no_memory)
		return -ENOMEM;
	if (style == SHOW_HUMAN)
		show_print_human(show, out);
	else
		rc = show_print_json(show, out, style, last);
	if (rc != 0)
		return rc;
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}

int
show_spill(struct show *show, FILE *out, enum show_style style)
{
	struct show_section *section = show->n == 1 ? &show->sections[0] : NULL;
	int rc = 0;

	if (section == NULL || section->layout != SHOW_BLOCKS || section->title != NULL || section->n < SPILL_ROWS)
		return 0;
	rc = print(show, out, style, false);
	forget_rows(section);
	show->spilled = true;
	return rc;
}

int
show_print(const struct show *show, FILE *out, enum show_style style)
{
	return print(show, out, style, true);
}
