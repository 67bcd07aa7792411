/* SPDX-License-Identifier: BSD-3-Clause
 * The GCM kernel for vectors of 512 bits. Any worker thread.
 *
 * This file, and only it, is compiled for AVX-512, VAES and VPCLMULQDQ: nothing in it may run where dp_gcm_cpu_bits() says less. */
#include "dataplane/gcm_width_512.h"

#include "dataplane/gcm_kernel.h"

const struct dp_gcm_kernel dp_gcm_kernel_512 = {
    .bits = 512,
    .lanes = LANES,
    KERNEL_FUNCTIONS,
};
