/* SPDX-License-Identifier: BSD-3-Clause
 * DPDK's ACL library as a table of policies: what the policies' own tables are measured against. */
#ifndef PERF_ACL_H
#define PERF_ACL_H

#include "sa-db/policy.h"

struct rte_acl_ctx;

/* Selectors for IPv4, the first the best. NULL: out of memory. */
struct rte_acl_ctx *perf_acl_create(const struct sadb_policy_config policy[], unsigned n);

#endif
