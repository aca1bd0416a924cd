#include "kernels.h"

#include <cstring>
// The headers of GCC 12 leave registers uninitialized on purpose, and warn of it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

namespace scan {
namespace {

int32_t dot_codes_portable(const uint8_t* codes, const int8_t* query, int32_t, size_t length) {
    int32_t sum = 0;
    for (size_t i = 0; i < length; ++i) sum += (int32_t{codes[i]} - CODE_ZERO) * query[i];
    return sum;
}

float dot_floats_portable(const float* a, const float* b, size_t length) {
    // Sixteen sums side by side: the order of one would forbid the compiler to use vectors.
    float sums[16] = {};
    size_t i = 0;
    for (; i + 16 <= length; i += 16)
        for (size_t lane = 0; lane < 16; ++lane) sums[lane] += a[i + lane] * b[i + lane];
    float sum = 0;
    for (const float lane : sums) sum += lane;
    for (; i < length; ++i) sum += a[i] * b[i];
    return sum;
}

template <int32_t (*dot)(const uint8_t*, const int8_t*, int32_t, size_t)>
void one_by_one(const uint8_t* codes, const int8_t* const* queries, const int32_t* query_sums, size_t length, int32_t* sums) {
    for (size_t i = 0; i < QUERIES_AT_ONCE; ++i) sums[i] = dot(codes, queries[i], query_sums[i], length);
}

#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

AVX2 inline int32_t sum_of(__m256i eight) {
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1));
    return _mm_cvtsi128_si32(four);
}

// maddubs multiplies unsigned by signed bytes and adds two products in 16 bits, where full bytes would saturate. The
// sign goes to the query's side: 2*127*127 = 32258 fits.
AVX2 int32_t dot_codes_avx2(const uint8_t* codes, const int8_t* query, int32_t, size_t length) {
    const __m256i zero = _mm256_set1_epi8(static_cast<char>(CODE_ZERO)), ones = _mm256_set1_epi16(1);
    __m256i sum = _mm256_setzero_si256();
    for (size_t i = 0; i < length; i += 32) {
        const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query + i));
        const __m256i x = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + i)), zero);
        const __m256i products = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(q, x));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(products, ones));
    }
    return sum_of(sum);
}

AVX2 float dot_floats_avx2(const float* a, const float* b, size_t length) {
    __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + 32 <= length; i += 32)
        for (size_t lane = 0; lane < 4; ++lane)
            sums[lane] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8 * lane), _mm256_loadu_ps(b + i + 8 * lane), sums[lane]);
    const __m256 eight = _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    four = _mm_add_ss(four, _mm_shuffle_ps(four, four, 1));
    float sum = _mm_cvtss_f32(four);
    for (; i < length; ++i) sum += a[i] * b[i];
    return sum;
}

AVX512 int32_t dot_codes_avx512(const uint8_t* codes, const int8_t* query, int32_t query_sum, size_t length) {
    __m512i even = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + 128 <= length; i += 128) {
        even = _mm512_dpbusd_epi32(even, _mm512_loadu_si512(codes + i), _mm512_loadu_si512(query + i));
        odd = _mm512_dpbusd_epi32(odd, _mm512_loadu_si512(codes + i + 64), _mm512_loadu_si512(query + i + 64));
    }
    if (i < length) even = _mm512_dpbusd_epi32(even, _mm512_loadu_si512(codes + i), _mm512_loadu_si512(query + i));
    return _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd)) - CODE_ZERO * query_sum;
}

AVX512 void dot_codes_of_many_avx512(const uint8_t* codes, const int8_t* const* queries, const int32_t* query_sums,
                                     size_t length, int32_t* sums) {
    __m512i sum[QUERIES_AT_ONCE];
    for (auto& one : sum) one = _mm512_setzero_si512();
    for (size_t i = 0; i < length; i += 64) {
        const __m512i x = _mm512_loadu_si512(codes + i);
        for (size_t q = 0; q < QUERIES_AT_ONCE; ++q)
            sum[q] = _mm512_dpbusd_epi32(sum[q], x, _mm512_loadu_si512(queries[q] + i));
    }
    for (size_t q = 0; q < QUERIES_AT_ONCE; ++q) sums[q] = _mm512_reduce_add_epi32(sum[q]) - CODE_ZERO * query_sums[q];
}

AVX512 float dot_floats_avx512(const float* a, const float* b, size_t length) {
    __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    size_t i = 0;
    for (; i + 64 <= length; i += 64)
        for (size_t lane = 0; lane < 4; ++lane)
            sums[lane] = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16 * lane), _mm512_loadu_ps(b + i + 16 * lane), sums[lane]);
    for (; i < length; i += 16) {
        const __mmask16 rest = length - i >= 16 ? 0xffff : (1u << (length - i)) - 1;
        sums[0] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(rest, a + i), _mm512_maskz_loadu_ps(rest, b + i), sums[0]);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
}

bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512vnni");
}
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool always() { return true; }

// Best first.
const struct {
    bool (*here)();
    Kernels kernels;
} ALL[] = {
        {has_avx512, {"avx512-vnni", dot_codes_avx512, dot_codes_of_many_avx512, dot_floats_avx512}},
        {has_avx2, {"avx2", dot_codes_avx2, one_by_one<dot_codes_avx2>, dot_floats_avx2}},
        {always, {"portable", dot_codes_portable, one_by_one<dot_codes_portable>, dot_floats_portable}},
};

}  // namespace

const Kernels* kernels_named(const char* name) {
    for (const auto& one : ALL)
        if (one.here() && (*name == '\0' || std::strcmp(name, one.kernels.name) == 0)) return &one.kernels;
    return nullptr;
}

}  // namespace scan

#pragma GCC diagnostic pop
