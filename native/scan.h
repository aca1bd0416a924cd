// Exact nearest rows by inner product, for a quarter of the memory traffic of reading every row.
//
// Beside each row x lies x' = scale * codes, with codes of 8 bits, and an upper bound of |x - x'|. For a query q and its
// own 8-bit form q':   |<q,x> - <q',x'>| <= |q-q'| |x| + |q'| |x-x'|   (Cauchy-Schwarz, twice).
// A scan reads the codes alone and keeps the k-th largest lower bound; only rows whose upper bound reaches it are then
// read as floats. What is left out cannot belong to the k best, so the result is that of reading everything.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "additions.h"
#include "codes.h"
#include "kernels.h"

namespace scan {

struct Found {
    int64_t id;
    float score;
};

// What a search must not find.
struct Filter {
    std::vector<int64_t> excluded;  // ids, sorted
    bool as_built = false;          // as if no row had come or gone since the index was opened
    std::vector<float> centres;     // of balls in which no row is found: vectors, one after the other
    double radius = 0;              // of each ball
};

class GuardedScan {
  public:
    // The lists, their codes and what was added must outlive this.
    GuardedScan(const std::vector<Rows>& lists, const Codes& codes, const Additions& additions, const Kernels& kernels);

    // For each of n queries the k best rows of its lists (each at most once; a list number below 0 is none), best first,
    // equal scores by id; fewer where there are fewer. Removed rows are never found, unless `as_built`.
    std::vector<std::vector<Found>> search(const float* queries, const std::vector<std::vector<int64_t>>& lists_of_query, size_t k,
                                           const Filter& filter) const;

    const Kernels& kernels() const { return kernels_; }

  private:
    struct Query;

    void prepare(Query& query, const float* vector, size_t k, const Filter& filter) const;
    bool out(int64_t id, const Filter& filter) const;
    // `score`: the row's, within `error`.
    bool in_a_ball(const Query& query, double score, double error, const float* row, const Filter& filter) const;
    void scan_additions(Query& query, std::vector<int64_t> lists, const Filter& filter) const;
    void scan_list(size_t list, const std::vector<Query*>& queries, const Filter& filter) const;
    std::vector<Found> best_of(Query& query) const;

    const std::vector<Rows>& lists_;
    const Codes& codes_;
    const Additions& additions_;
    const Kernels& kernels_;
    size_t dimension_;
    size_t stride_;
    std::vector<size_t> first_row_;  // of each list, among the codes
};

}  // namespace scan
