// Exact nearest rows by inner product, for a quarter of the memory traffic of reading every row.
//
// Beside each row x lies x' = scale * codes, with codes of 8 bits, and an upper bound of |x - x'|. For a query q and its
// own 8-bit form q':   |<q,x> - <q',x'>| <= |q-q'| |x| + |q'| |x-x'|   (Cauchy-Schwarz, twice).
// A scan reads the codes alone and keeps the k-th largest lower bound; only rows whose upper bound reaches it are then
// read as floats. What is left out can not belong to the k best, so the result is that of reading everything.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels.h"

namespace scan {

// Rows side by side, as an inverted list or a flat index holds them. `ids` null: row i has id i.
struct Rows {
    const float* vectors;
    const int64_t* ids;
    size_t count;
};

struct Found {
    int64_t id;
    float score;
};

class GuardedScan {
  public:
    // Encodes all rows of all lists, which must outlive this.
    GuardedScan(size_t dimension, std::vector<Rows> lists, const Kernels& kernels);

    // For each of n queries the k best rows of its lists (each at most once; a list number below 0 is none), best first,
    // equal scores by id; fewer where there are fewer. `excluded` holds ids, sorted.
    std::vector<std::vector<Found>> search(const float* queries, const std::vector<std::vector<int64_t>>& lists_of_query, size_t k,
                                           const std::vector<int64_t>& excluded) const;

    const Kernels& kernels() const { return kernels_; }
    // Bytes of the codes and their bounds.
    size_t bytes() const;

  private:
    struct Aligned {
        void operator()(uint8_t* memory) const;
    };
    struct Query;

    void encode(size_t list);
    void scan_list(size_t list, const std::vector<Query*>& queries, const std::vector<int64_t>& excluded) const;
    std::vector<Found> best_of(Query& query) const;
    int64_t id_of(size_t list, size_t row) const;

    size_t dimension_;
    size_t stride_;  // bytes from one row of codes to the next
    std::vector<Rows> lists_;
    std::vector<size_t> first_row_;  // of each list, in the arrays below
    const Kernels& kernels_;
    std::unique_ptr<uint8_t[], Aligned> codes_;
    std::vector<float> scales_;
    std::vector<float> errors_;  // upper bounds of |x - x'|
    double largest_norm_ = 0;
};

}  // namespace scan
