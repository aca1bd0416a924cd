// Arithmetic of the scan, for the best instruction set that this processor has.
#pragma once
#include <cstddef>
#include <cstdint>

namespace scan {

// Rows of codes begin at multiples of this many bytes, filled up with the code of 0: no kernel has a rest to handle.
constexpr size_t ROW_ALIGNMENT = 64;
// A code is its int8 value plus this: dpbusd multiplies unsigned by signed bytes.
constexpr int CODE_ZERO = 128;
// Queries that one pass over the codes serves.
constexpr size_t QUERIES_AT_ONCE = 4;

struct Kernels {
    const char* name;
    // Sum of (code - CODE_ZERO)*query over `length` bytes (a multiple of ROW_ALIGNMENT); all values in -127..127, and
    // `query_sum` is the sum of the query's.
    int32_t (*dot_codes)(const uint8_t* codes, const int8_t* query, int32_t query_sum, size_t length);
    // The same for QUERIES_AT_ONCE queries.
    void (*dot_codes_of_many)(const uint8_t* codes, const int8_t* const* queries, const int32_t* query_sums, size_t length,
                              int32_t* sums);
    // Inner product of two float vectors of any length.
    float (*dot_floats)(const float* a, const float* b, size_t length);
};

// The kernels of that name ("avx512-vnni", "avx2", "portable"), or the best with an empty one. Null where this
// processor does not have them, or the name is none.
const Kernels* kernels_named(const char* name);

}  // namespace scan
