/* SPDX-License-Identifier: BSD-3-Clause
 * What changes and is read in a gateway beside its keys. Control thread. */
#ifndef TEST_THREADS_CHURN_H
#define TEST_THREADS_CHURN_H

#include "tests/unit/dataplane/threads_control.h"

/* Policies, routes and neighbours of the start. */
void churn_start(struct control *control);
/* One of all these things, in turn. */
void churn(struct control *control, unsigned turn);
/* Publishes the neighbours, the rare host among them if it is known. */
void churn_neighbours(struct control *control);

/* An SA's configuration as it is now wanted. */
struct sadb_sa_config control_sa(const struct rig *rig, enum rig_tunnel tunnel, unsigned number, bool in);
void control_commit(struct control *control);

#endif
