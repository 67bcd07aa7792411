/* SPDX-License-Identifier: BSD-3-Clause
 * What this CPU has, and of it what the operating system lets a program use. Any thread; the answer never changes. */
#include "dataplane/gcm_cpu.h"

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>

#include <immintrin.h>

/* CPUID's leaves 1 and 7, and XCR0: Intel's manual, volume 2, CPUID; volume 1, 13.3. */
struct leaf {
	uint32_t eax, ebx, ecx, edx;
};

#define LEAF1_ECX   (bit_PCLMUL | bit_SSE4_1 | bit_AES | bit_OSXSAVE | bit_AVX)
#define VECTORS_ECX (bit_VAES | bit_VPCLMULQDQ)
#define AVX512_EBX  (bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL)
#define XCR0_AVX    0x06u /* XMM, upper halves of YMM */
#define XCR0_AVX512 0xe6u /* and masks, upper halves of ZMM, ZMM16 to 31 */

/* Only where CPUID has OSXSAVE. */
__attribute__((target("xsave"))) static uint64_t
xcr0(void)
{
	return _xgetbv(0);
}

static bool
all(uint64_t has, uint64_t wanted)
{
	return (has & wanted) == wanted;
}

unsigned
dp_gcm_cpu_bits(void)
{
	struct leaf one, seven;
	if (!__get_cpuid(1, &one.eax, &one.ebx, &one.ecx, &one.edx) || !all(one.ecx, LEAF1_ECX) ||
	    !all(xcr0(), XCR0_AVX) || !__get_cpuid_count(7, 0, &seven.eax, &seven.ebx, &seven.ecx, &seven.edx))
		return 0;
	if (!all(seven.ebx, bit_AVX2 | bit_BMI2) || !all(seven.ecx, VECTORS_ECX))
		return 0;
	return all(seven.ebx, AVX512_EBX) && all(xcr0(), XCR0_AVX512) ? 512 : 256;
}
