/* SPDX-License-Identifier: BSD-3-Clause
 * A file for a result. Main thread. */
#include "pktgen/output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

int
pg_output_open(struct pg_output *output, const char *path, struct pg_error *err)
{
	struct stat is;

	*output = (struct pg_output){.path = path};
	if (path == NULL)
		return 0;
	const bool direct = stat(path, &is) == 0 && !S_ISREG(is.st_mode); /* a terminal, a pipe, /dev/null */
	if (!direct && asprintf(&output->part, "%s.part", path) < 0) {
		output->part = NULL;
		return pg_error_set(err, -ENOMEM, "not enough memory");
	}
	output->file = fopen(direct ? path : output->part, "we");
	if (output->file != NULL)
		return 0;
	const int rc = pg_error_set(err, -errno, "%s: cannot be written: %s", path, strerror(errno));
	free(output->part);
	output->part = NULL;
	return rc;
}

int
pg_output_json(struct pg_output *output, json_t *root, struct pg_error *err)
{
	int rc = 0;
	if (root == NULL)
		rc = pg_error_set(err, -ENOMEM, "%s: the result cannot be put into JSON", output->path);
	else if (output->file != NULL &&
		 (json_dumpf(root, output->file, JSON_INDENT(2)) != 0 || fputc('\n', output->file) == EOF))
		rc = pg_error_set(err, -EIO, "%s: cannot be written: %s", output->path, strerror(errno));
	json_decref(root);
	return rc;
}

int
pg_output_commit(struct pg_output *output, struct pg_error *err)
{
	int rc = 0;

	if (output->file == NULL)
		return 0;
	const bool failed = ferror(output->file) != 0;
	if (fclose(output->file) != 0 || failed || (output->part != NULL && rename(output->part, output->path) != 0))
		rc = pg_error_set(err, -EIO, "%s: cannot be written: %s", output->path, strerror(errno));
	output->file = NULL;
	if (rc < 0 && output->part != NULL)
		unlink(output->part);
	free(output->part);
	output->part = NULL;
	return rc;
}

void
pg_output_discard(struct pg_output *output)
{
	if (output->file == NULL)
		return;
	fclose(output->file);
	if (output->part != NULL)
		unlink(output->part);
	free(output->part);
	*output = (struct pg_output){.file = NULL};
}
