#include "scan.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>
#include <queue>
#include <stdexcept>

namespace scan {
namespace {

constexpr int LARGEST_CODE = 127;
// Codes that are scanned for one group of queries after the other while they lie in the cache.
constexpr size_t BLOCK_BYTES = 256 << 10;
// What float arithmetic may lose of an inner product of two vectors of norm 1 (up to 4,096 dimensions in any order of
// sums that the kernels use): rows that close to the limit are read as floats too.
constexpr double SLACK = 4e-6;

float rounded_up(double value) { return std::nextafter(static_cast<float>(value), std::numeric_limits<float>::infinity()); }

// Scale and codes (in -127..127) of a vector; returns the norm of what is lost.
template <typename Code>
double quantize(const float* vector, size_t dimension, int zero, float& scale, Code* codes) {
    float largest = 0;
    for (size_t i = 0; i < dimension; ++i) largest = std::max(largest, std::fabs(vector[i]));
    scale = largest / LARGEST_CODE;
    const float inverse = scale > 0 ? 1 / scale : 0;
    double lost = 0;
    for (size_t i = 0; i < dimension; ++i) {
        const float code = std::max<float>(-LARGEST_CODE, std::min<float>(LARGEST_CODE, std::rint(vector[i] * inverse)));
        codes[i] = static_cast<Code>(static_cast<int>(code) + zero);
        const double difference = static_cast<double>(vector[i]) - static_cast<double>(scale) * code;
        lost += difference * difference;
    }
    return std::sqrt(lost);
}

double norm_of(const float* vector, size_t dimension) {
    double sum = 0;
    for (size_t i = 0; i < dimension; ++i) sum += static_cast<double>(vector[i]) * vector[i];
    return std::sqrt(sum);
}

bool better(const Found& a, const Found& b) { return a.score != b.score ? a.score > b.score : a.id < b.id; }

}  // namespace

// A query under way: its codes, the k largest lower bounds so far, and the rows that may still be among the k best.
struct GuardedScan::Query {
    struct Candidate {
        double upper;
        size_t list;
        size_t row;
    };

    const float* vector = nullptr;
    size_t k = 0;
    std::unique_ptr<int8_t[], void (*)(int8_t*)> codes{nullptr, [](int8_t* memory) { std::free(memory); }};
    int32_t code_sum = 0;
    double scale = 0;
    double norm_of_codes = 0;  // |q'|
    double constant_radius = 0;  // |q-q'| |x| for the longest x, and the slack
    std::priority_queue<double, std::vector<double>, std::greater<>> lowest;
    double limit = -std::numeric_limits<double>::infinity();
    std::vector<Candidate> candidates;

    void raise_limit(double lower) {
        lowest.push(lower);
        if (lowest.size() > k) lowest.pop();
        if (lowest.size() == k) limit = lowest.top();
    }
};

void GuardedScan::Aligned::operator()(uint8_t* memory) const { std::free(memory); }

GuardedScan::GuardedScan(size_t dimension, std::vector<Rows> lists, const Kernels& kernels)
        : dimension_(dimension),
          stride_((dimension + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT),
          lists_(std::move(lists)),
          kernels_(kernels) {
    size_t rows = 0;
    for (const auto& list : lists_) {
        first_row_.push_back(rows);
        rows += list.count;
    }
    codes_.reset(static_cast<uint8_t*>(std::aligned_alloc(ROW_ALIGNMENT, std::max<size_t>(rows, 1) * stride_)));
    if (!codes_) throw std::bad_alloc();
    scales_.resize(rows);
    errors_.resize(rows);
    for (size_t list = 0; list < lists_.size(); ++list) encode(list);
}

void GuardedScan::encode(size_t list) {
    for (size_t i = 0; i < lists_[list].count; ++i) {
        const float* vector = lists_[list].vectors + i * dimension_;
        const size_t row = first_row_[list] + i;
        uint8_t* codes = codes_.get() + row * stride_;
        errors_[row] = rounded_up(quantize(vector, dimension_, CODE_ZERO, scales_[row], codes));
        std::fill(codes + dimension_, codes + stride_, static_cast<uint8_t>(CODE_ZERO));
        const double norm = norm_of(vector, dimension_);
        if (!std::isfinite(norm)) throw std::runtime_error("it holds a vector that is not finite");
        largest_norm_ = std::max(largest_norm_, norm);
    }
}

size_t GuardedScan::bytes() const { return scales_.size() * (stride_ + 2 * sizeof(float)); }

int64_t GuardedScan::id_of(size_t list, size_t row) const {
    const Rows& rows = lists_[list];
    return rows.ids ? rows.ids[row] : static_cast<int64_t>(row);
}

std::vector<std::vector<Found>> GuardedScan::search(const float* queries, const std::vector<std::vector<int64_t>>& lists_of_query,
                                                    size_t k, const std::vector<int64_t>& excluded) const {
    std::vector<Query> all(lists_of_query.size());
    for (size_t i = 0; i < all.size(); ++i) {
        Query& query = all[i];
        query.vector = queries + i * dimension_;
        const double norm = norm_of(query.vector, dimension_);
        if (!std::isfinite(norm)) throw std::invalid_argument("a query holds a number that is not finite");
        query.k = k;
        query.codes.reset(static_cast<int8_t*>(std::aligned_alloc(ROW_ALIGNMENT, stride_)));
        if (!query.codes) throw std::bad_alloc();
        float scale = 0;
        const double lost = quantize(query.vector, dimension_, 0, scale, query.codes.get());
        std::fill(query.codes.get() + dimension_, query.codes.get() + stride_, int8_t{0});
        int64_t squares = 0;
        for (size_t j = 0; j < dimension_; ++j) {
            query.code_sum += query.codes[j];
            squares += int32_t{query.codes[j]} * query.codes[j];
        }
        query.scale = scale;
        query.norm_of_codes = scale * std::sqrt(static_cast<double>(squares));
        query.constant_radius = (lost + SLACK * norm) * largest_norm_;
    }
    // Each list once, for all queries that look into it; in the order in which queries name them, best first.
    std::vector<std::vector<Query*>> queries_of_list(lists_.size());
    std::vector<size_t> order;
    for (size_t i = 0; i < all.size(); ++i)
        for (const int64_t list : lists_of_query[i]) {
            if (list < 0) continue;
            if (queries_of_list[list].empty()) order.push_back(list);
            queries_of_list[list].push_back(&all[i]);
        }
    for (const size_t list : order) scan_list(list, queries_of_list[list], excluded);

    std::vector<std::vector<Found>> results;
    for (auto& query : all) results.push_back(best_of(query));
    return results;
}

void GuardedScan::scan_list(size_t list, const std::vector<Query*>& queries, const std::vector<int64_t>& excluded) const {
    const auto consider = [&](Query& query, size_t row, int32_t dot) {
        const size_t at = first_row_[list] + row;
        const double score = query.scale * scales_[at] * dot;
        const double radius = query.constant_radius + query.norm_of_codes * errors_[at];
        if (score + radius < query.limit) return;
        if (!excluded.empty() && std::binary_search(excluded.begin(), excluded.end(), id_of(list, row))) return;
        query.candidates.push_back({score + radius, list, row});
        if (score - radius > query.limit) query.raise_limit(score - radius);
    };
    const size_t rows = lists_[list].count;
    const size_t block = std::max<size_t>(1, BLOCK_BYTES / stride_);
    for (size_t from = 0; from < rows; from += block) {
        const size_t to = std::min(rows, from + block);
        size_t first = 0;
        for (; first + QUERIES_AT_ONCE <= queries.size(); first += QUERIES_AT_ONCE) {
            const int8_t* codes[QUERIES_AT_ONCE];
            int32_t code_sums[QUERIES_AT_ONCE], dots[QUERIES_AT_ONCE];
            for (size_t i = 0; i < QUERIES_AT_ONCE; ++i) {
                codes[i] = queries[first + i]->codes.get();
                code_sums[i] = queries[first + i]->code_sum;
            }
            for (size_t row = from; row < to; ++row) {
                kernels_.dot_codes_of_many(codes_.get() + (first_row_[list] + row) * stride_, codes, code_sums, stride_, dots);
                for (size_t i = 0; i < QUERIES_AT_ONCE; ++i) consider(*queries[first + i], row, dots[i]);
            }
        }
        for (; first < queries.size(); ++first) {
            Query& query = *queries[first];
            for (size_t row = from; row < to; ++row)
                consider(query, row,
                         kernels_.dot_codes(codes_.get() + (first_row_[list] + row) * stride_, query.codes.get(), query.code_sum, stride_));
        }
    }
}

std::vector<Found> GuardedScan::best_of(Query& query) const {
    auto& candidates = query.candidates;
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(), [&](const auto& one) { return one.upper < query.limit; }),
                     candidates.end());
    // Most promising first: once the k-th score is out of reach for one, it is for all behind it.
    std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) { return a.upper > b.upper; });
    std::vector<Found> best;  // a heap with the worst on top
    for (const auto& [upper, list, row] : candidates) {
        if (best.size() == query.k && upper < best.front().score) break;
        const float score = kernels_.dot_floats(query.vector, lists_[list].vectors + row * dimension_, dimension_);
        best.push_back({id_of(list, row), score});
        std::push_heap(best.begin(), best.end(), better);
        if (best.size() > query.k) {
            std::pop_heap(best.begin(), best.end(), better);
            best.pop_back();
        }
    }
    std::sort_heap(best.begin(), best.end(), better);
    return best;
}

}  // namespace scan
