/* SPDX-License-Identifier: BSD-3-Clause
 * Which of the GCM kernels this CPU and its operating system can run. Any thread. */
#ifndef DP_GCM_CPU_H
#define DP_GCM_CPU_H

/* The widest vectors, in bits, that AES-GCM can have here: 512, 256, or 0. */
unsigned dp_gcm_cpu_bits(void);

#endif
