/* SPDX-License-Identifier: BSD-3-Clause
 * What results say of the machine. Any thread. */
#ifndef PG_MACHINE_H
#define PG_MACHINE_H

#define PG_MACHINE_CPU 128

/* The processor's name by its own account, or "unknown". */
void pg_machine_cpu(char out[PG_MACHINE_CPU]);

#endif
