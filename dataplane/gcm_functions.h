/* SPDX-License-Identifier: BSD-3-Clause
 * A kernel's functions, a part of gcm_kernel.h: the source with its constants put in. Any worker thread. */
#define OPS_FUNCTION(name, direction, size, ways)                            \
	static uint64_t name(struct dp_aead_op *const op[], unsigned groups) \
	{                                                                    \
		const struct batch batch = {.op = op, .groups = groups};     \
		return run(&batch, KIND(direction, size, ways), OPS);        \
	}
#define JOBS_FUNCTION(name, direction, size, source)                                                        \
	static uint64_t name(const struct dp_gcm_key *key, const struct dp_aead_job job[], unsigned groups) \
	{                                                                                                   \
		const struct batch batch = {.key = key, .job = job, .groups = groups};                      \
		return run(&batch, KIND(direction, size, DP_GCM_ONE_KEY), source);                          \
	}

OPS_FUNCTION(seal_128, DP_SEAL, DP_GCM_128, DP_GCM_ONE_KEY)
OPS_FUNCTION(seal_256, DP_SEAL, DP_GCM_256, DP_GCM_ONE_KEY)
OPS_FUNCTION(open_128, DP_OPEN, DP_GCM_128, DP_GCM_ONE_KEY)
OPS_FUNCTION(open_256, DP_OPEN, DP_GCM_256, DP_GCM_ONE_KEY)
OPS_FUNCTION(seal_128_own, DP_SEAL, DP_GCM_128, DP_GCM_OWN_KEYS)
OPS_FUNCTION(seal_256_own, DP_SEAL, DP_GCM_256, DP_GCM_OWN_KEYS)
OPS_FUNCTION(open_128_own, DP_OPEN, DP_GCM_128, DP_GCM_OWN_KEYS)
OPS_FUNCTION(open_256_own, DP_OPEN, DP_GCM_256, DP_GCM_OWN_KEYS)
JOBS_FUNCTION(seal_jobs_128, DP_SEAL, DP_GCM_128, JOBS)
JOBS_FUNCTION(seal_jobs_256, DP_SEAL, DP_GCM_256, JOBS)
JOBS_FUNCTION(open_jobs_128, DP_OPEN, DP_GCM_128, JOBS)
JOBS_FUNCTION(open_jobs_256, DP_OPEN, DP_GCM_256, JOBS)
JOBS_FUNCTION(seal_counters_128, DP_SEAL, DP_GCM_128, COUNTERS)
JOBS_FUNCTION(seal_counters_256, DP_SEAL, DP_GCM_256, COUNTERS)
JOBS_FUNCTION(open_counters_128, DP_OPEN, DP_GCM_128, COUNTERS)
JOBS_FUNCTION(open_counters_256, DP_OPEN, DP_GCM_256, COUNTERS)

#define KERNEL_FUNCTIONS                                                          \
	.ops = {{{seal_128, seal_128_own}, {seal_256, seal_256_own}},             \
		{{open_128, open_128_own}, {open_256, open_256_own}}},            \
	.jobs = {{seal_jobs_128, seal_jobs_256}, {open_jobs_128, open_jobs_256}}, \
	.counters = {{seal_counters_128, seal_counters_256}, {open_counters_128, open_counters_256}}
