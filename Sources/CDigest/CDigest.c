#include "CDigest.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define WITH_SHA __attribute__((target("sha,sse4.1,ssse3")))

static int has_instructions = 0;

// Once, before anything else runs: in a virtual machine the question may take microseconds.
__attribute__((constructor)) static void look_for_instructions(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return;
  has_instructions = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

WITH_SHA static void compress(
    uint32_t *state, const uint32_t *constants, const uint8_t *block, size_t blockCount) {
  // Words of a block are big-endian.
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  // The instructions take the state as the words a, b, e, f and c, d, g, h, from the highest down.
  __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
  __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
  __m128i abef = _mm_alignr_epi8(low, high, 8);
  __m128i cdgh = _mm_blend_epi16(high, low, 0xf0);
  for (size_t number = 0; number < blockCount; number++, block += 64) {
    const __m128i abefBefore = abef, cdghBefore = cdgh;
    __m128i words[4];
#pragma clang loop unroll(full)
    for (int group = 0; group < 16; group++) {
      // The last sixteen words, four in each vector; the oldest four make room for the next.
      __m128i *next = &words[group & 3];
      if (group < 4) {
        *next = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)block + group), swap);
      } else {
        const __m128i last = words[(group + 3) & 3];
        const __m128i sevenBefore = _mm_alignr_epi8(last, words[(group + 2) & 3], 4);
        const __m128i early = _mm_sha256msg1_epu32(*next, words[(group + 1) & 3]);
        *next = _mm_sha256msg2_epu32(_mm_add_epi32(early, sevenBefore), last);
      }
      const __m128i sums = _mm_add_epi32(*next, _mm_loadu_si128((const __m128i *)constants + group));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sums);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sums, 0x0e));
    }
    abef = _mm_add_epi32(abef, abefBefore);
    cdgh = _mm_add_epi32(cdgh, cdghBefore);
  }
  low = _mm_shuffle_epi32(abef, 0x1b);
  high = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xf0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

int digest_sha256(
    uint32_t *state, const uint32_t *constants, const void *blocks, size_t blockCount) {
  if (!has_instructions) return 0;
  compress(state, constants, blocks, blockCount);
  return 1;
}
#else
int digest_sha256(
    uint32_t *state, const uint32_t *constants, const void *blocks, size_t blockCount) {
  (void)state, (void)constants, (void)blocks, (void)blockCount;
  return 0;
}
#endif
