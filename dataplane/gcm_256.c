/* SPDX-License-Identifier: BSD-3-Clause
 * The GCM kernel for vectors of 256 bits. Any worker thread.
 *
 * This file, and only it, is compiled for AVX2, VAES and VPCLMULQDQ: nothing in it may run where dp_gcm_cpu_bits() says less. */
#include "dataplane/gcm_width_256.h"

#include "dataplane/gcm_kernel.h"

const struct dp_gcm_kernel dp_gcm_kernel_256 = {
    .bits = 256,
    .lanes = LANES,
    KERNEL_FUNCTIONS,
};
