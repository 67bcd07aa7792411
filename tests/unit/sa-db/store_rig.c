/* SPDX-License-Identifier: BSD-3-Clause
 * A store on disk for a test, a disk that fails, and a worker that stays in a grace period. */
#include "tests/unit/sa-db/store_rig.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

char rig_store_path[64];

int
rig_store_set_up(void **state)
{
	char dir[] = "/tmp/culvert-mark-XXXXXX";
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(rig_store_path, sizeof(rig_store_path), "%s/marks.db", dir);
	return 0;
}

int
rig_store_tear_down(void **state)
{
	char path[96];
	static const char *const parts[] = {"-wal", "-shm", "-journal", ""};
	(void)state;
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", rig_store_path, parts[i]);
		unlink(path);
	}
	*strrchr(rig_store_path, '/') = '\0';
	return rmdir(rig_store_path);
}

/* Every write to a file fails from here on, as on a disk that is full or broken. */
void
rig_disk_fails(bool fails)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = fails ? 0 : limit.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

void
rig_worker_online(struct sadb *db)
{
	rte_rcu_qsbr_thread_register(sadb_qsbr(db), RIG_WORKER);
	rte_rcu_qsbr_thread_online(sadb_qsbr(db), RIG_WORKER);
}

void
rig_worker_offline(struct sadb *db)
{
	rte_rcu_qsbr_thread_offline(sadb_qsbr(db), RIG_WORKER);
	rte_rcu_qsbr_thread_unregister(sadb_qsbr(db), RIG_WORKER);
}

bool
rig_can_send(struct sadb *db, uint32_t n)
{
	uint64_t first;
	return sadb_sa_seq_take(rig_lookup(db, n)->mut, 1, &first) == 1;
}

void
rig_del(struct sadb *db, uint32_t n)
{
	struct sadb_sa_key key = rig_key(n);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
}

void
rig_receive(struct sadb *db, uint32_t n, uint64_t seq)
{
	enum sadb_replay_verdict verdict;
	assert_int_equal(sadb_replay_commit(rig_lookup(db, n)->replay, &seq, 1, &verdict), 1);
}

uint64_t
rig_crash_after(void (*work)(struct sadb *db, int out))
{
	int pipe_fd[2], status;
	uint64_t told = 0;
	assert_int_equal(pipe(pipe_fd), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct sadb *db = rig_create(rig_store_path);
		work(db, pipe_fd[1]);
		raise(SIGKILL);
	}
	close(pipe_fd[1]);
	assert_int_equal(read(pipe_fd[0], &told, sizeof(told)), sizeof(told));
	close(pipe_fd[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return told;
}

void
rig_tell(int out, uint64_t number)
{
	assert_int_equal(write(out, &number, sizeof(number)), sizeof(number));
}
