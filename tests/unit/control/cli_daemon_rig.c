/* SPDX-License-Identifier: BSD-3-Clause
 * See cli_daemon_rig.h. */
#include "tests/unit/control/cli_daemon_rig.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "control/clock.h"
#include "control/key_custody.h"
#include "control/server.h"
#include "control/tunnel.h"

char rig_dir[64];
pid_t rig_daemon;

/* ---- the daemon's side, in the child ---- */
static struct sadb *
database(const struct sadb_keyer *keyer)
{
	const struct sadb_config config = {
	    .max_sas = RIG_MAX_SAS, .max_policies = 64, .max_workers = 1, .keyer = *keyer, .key_id = ctl_key_id};
	struct sadb_error err;
	struct sadb *db = sadb_create(&config, &err);

	if (db == NULL || sadb_vnet_add(db, 7, "blue", &err) != 0 || sadb_vnet_add(db, 8, "green", &err) != 0) {
		fprintf(stderr, "database: %s\n", err.text);
		return NULL;
	}
	return db;
}

/* What the pump does. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	sadb_tick(arg, (uint64_t)time(NULL), NULL, NULL);
	sadb_reclaim(arg);
}

/* Serves until it is killed; a byte on ready says that it does. */
static int
serve(int ready)
{
	const struct dp_eal_config eal = {.workers = 1, .memory_mb = 64, .log_level = 4 /* RTE_LOG_ERR */};
	const struct dp_config dp_config = {
	    .engine = "openssl", .workers = 1, .packets = 1024, .max_frame_bytes = 1514};
	struct event_base *base = event_base_new();
	struct ctl_server_config config = {.base = base, .max_sas = RIG_MAX_SAS};
	struct sadb_keyer keyer;
	struct sadb_error err;
	struct dp_error dp_err = {.text = ""};
	const struct timeval period = {.tv_usec = 10000};
	char path[96];
	bool huge;

	snprintf(path, sizeof(path), "%s/culvert.sock", rig_dir);
	config.path = path;
	if (dp_eal_start(&eal, &huge, &dp_err) != 0 || (config.dp = dp_create(&dp_config, &keyer, &dp_err)) == NULL) {
		fprintf(stderr, "dataplane: %s\n", dp_err.text);
		return 1;
	}
	config.db = database(&keyer);
	if (config.db == NULL)
		return 1;
	dp_attach(config.dp, config.db);
	config.tunnels = ctl_tunnels_create(config.db, ctl_now_ns);
	if (config.tunnels == NULL)
		return 1;
	if (ctl_server_create(&config, &err) == NULL) {
		fprintf(stderr, "server: %s\n", err.text);
		return 1;
	}
	struct event *tick = event_new(base, -1, EV_PERSIST, on_tick, config.db);
	if (tick == NULL || event_add(tick, &period) != 0 || write(ready, "", 1) != 1)
		return 1;
	event_base_dispatch(base);
	return 0;
}

int
rig_start_daemon(void **state)
{
	int fds[2];
	char byte;

	(void)state;
	strcpy(rig_dir, "/tmp/culvert-daemon-XXXXXX");
	if (mkdtemp(rig_dir) == NULL || pipe(fds) != 0)
		return -1;
	rig_daemon = fork();
	if (rig_daemon == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		_exit(serve(fds[1]));
	}
	close(fds[1]);
	if (rig_daemon < 0 || read(fds[0], &byte, 1) != 1)
		return -1;
	close(fds[0]);
	return 0;
}

int
rig_stop_daemon(void **state)
{
	char command[128];

	(void)state;
	kill(rig_daemon, SIGKILL);
	waitpid(rig_daemon, NULL, 0);
	snprintf(command, sizeof(command), "rm -r %s", rig_dir);
	return system(command);
}

/* ---- the command's side ---- */
/* Puts the socket in front and key files' paths in place of %K and %L. */
void
rig_words(char out[1024], const char *text)
{
	size_t n = (size_t)snprintf(out, 1024, "--socket %s/culvert.sock ", rig_dir);

	for (const char *p = text; *p != 0 && n < 1000; p++) {
		if (p[0] == '%') {
			p++;
			n += (size_t)snprintf(out + n, 1024 - n, "%s/%c.key", rig_dir, *p);
		} else {
			out[n++] = *p;
		}
	}
	out[n] = 0;
}

void
rig_expect_daemon(const char *text, int code, const char *says)
{
	char line[1024];

	rig_words(line, text);
	rig_expect(line, code, says);
}

json_t *
rig_show(const char *text)
{
	struct rig_run run;
	char line[1024];
	json_t *json;

	rig_words(line, text);
	rig_run(&run, line);
	if (run.code != CLI_DONE)
		fail_msg("%s: %s", text, run.err);
	json = json_loads(run.out, 0, NULL);
	if (!json_is_array(json))
		fail_msg("%s: no array: %s", text, run.out);
	rig_run_free(&run);
	return json;
}

const char *
rig_string_at(json_t *json, size_t row, const char *name)
{
	const char *text = json_string_value(json_object_get(json_array_get(json, row), name));

	return text != NULL ? text : "";
}

int64_t
rig_number_at(json_t *json, size_t row, const char *name)
{
	json_t *value = json_object_get(json_array_get(json, row), name);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}
