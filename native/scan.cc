#include "scan.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <queue>
#include <stdexcept>

namespace scan {
namespace {

// Codes that are scanned for one group of queries after the other while they lie in the cache.
constexpr size_t BLOCK_BYTES = 256 << 10;
// What float arithmetic may lose of an inner product of two vectors of norm 1 (up to 4,096 dimensions in any order of
// sums that the kernels use): rows that close to the limit are read as floats too.
constexpr double SLACK = 4e-6;

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
    double reach = 0;            // how far a row's score may be from that of the centre of a ball which it is in
    std::vector<double> centre_scores;
    std::priority_queue<double, std::vector<double>, std::greater<>> lowest;
    double limit = -std::numeric_limits<double>::infinity();
    std::vector<Candidate> candidates;
    std::vector<Found> best;  // a heap with the worst on top

    void keep(int64_t id, float score) {
        best.push_back({id, score});
        std::push_heap(best.begin(), best.end(), better);
        if (best.size() <= k) return;
        std::pop_heap(best.begin(), best.end(), better);
        best.pop_back();
    }

    void raise_limit(double lower) {
        lowest.push(lower);
        if (lowest.size() > k) lowest.pop();
        if (lowest.size() == k) limit = lowest.top();
    }
};

GuardedScan::GuardedScan(const std::vector<Rows>& lists, const Codes& codes, const Additions& additions, const Kernels& kernels)
        : lists_(lists),
          codes_(codes),
          additions_(additions),
          kernels_(kernels),
          dimension_(codes.dimension),
          stride_(Codes::stride(codes.dimension)) {
    size_t rows = 0;
    for (const Rows& list : lists_) {
        first_row_.push_back(rows);
        rows += list.count;
    }
}

void GuardedScan::prepare(Query& query, const float* vector, size_t k, const Filter& filter) const {
    query.vector = vector;
    const double norm = norm_of(vector, dimension_);
    if (!std::isfinite(norm)) throw std::invalid_argument("a query holds a number that is not finite");
    query.k = k;
    query.codes.reset(static_cast<int8_t*>(std::aligned_alloc(ROW_ALIGNMENT, stride_)));
    if (!query.codes) throw std::bad_alloc();
    float scale = 0;
    const double lost = quantize(vector, dimension_, 0, scale, query.codes.get());
    std::fill(query.codes.get() + dimension_, query.codes.get() + stride_, int8_t{0});
    int64_t squares = 0;
    for (size_t j = 0; j < dimension_; ++j) {
        query.code_sum += query.codes[j];
        squares += int32_t{query.codes[j]} * query.codes[j];
    }
    query.scale = scale;
    query.norm_of_codes = scale * std::sqrt(static_cast<double>(squares));
    query.constant_radius = (lost + SLACK * norm) * codes_.largest_norm;
    // |<q,x> - <q,c>| <= |q| |x-c|
    query.reach = norm * (filter.radius + SLACK);
    for (size_t at = 0; at < filter.centres.size(); at += dimension_)
        query.centre_scores.push_back(kernels_.dot_floats(vector, filter.centres.data() + at, dimension_));
}

std::vector<std::vector<Found>> GuardedScan::search(const float* queries, const std::vector<std::vector<int64_t>>& lists_of_query,
                                                    size_t k, const Filter& filter) const {
    std::vector<Query> all(lists_of_query.size());
    for (size_t i = 0; i < all.size(); ++i) {
        prepare(all[i], queries + i * dimension_, k, filter);
        scan_additions(all[i], lists_of_query[i], filter);
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
    for (const size_t list : order) scan_list(list, queries_of_list[list], filter);

    std::vector<std::vector<Found>> results;
    for (auto& query : all) results.push_back(best_of(query));
    return results;
}

bool GuardedScan::out(int64_t id, const Filter& filter) const {
    if (!filter.as_built && additions_.removed(id)) return true;
    return !filter.excluded.empty() && std::binary_search(filter.excluded.begin(), filter.excluded.end(), id);
}

bool GuardedScan::in_a_ball(const Query& query, double score, double error, const float* row, const Filter& filter) const {
    for (size_t ball = 0; ball < query.centre_scores.size(); ++ball) {
        if (std::fabs(score - query.centre_scores[ball]) > query.reach + error) continue;
        const float* centre = filter.centres.data() + ball * dimension_;
        const double most = filter.radius * filter.radius;
        double squares = 0;
        // Of two rows that differ, the first few numbers are far enough apart.
        for (size_t j = 0; j < dimension_ && squares <= most; ++j) squares += (row[j] - centre[j]) * (row[j] - centre[j]);
        if (squares <= most) return true;
    }
    return false;
}

// Few, and their scores are exact: they come first and raise the limit for all others.
void GuardedScan::scan_additions(Query& query, std::vector<int64_t> lists, const Filter& filter) const {
    const size_t count = additions_.size();
    if (count == 0 || filter.as_built) return;
    std::sort(lists.begin(), lists.end());
    for (size_t i = 0; i < count; ++i) {
        if (!std::binary_search(lists.begin(), lists.end(), static_cast<int64_t>(additions_.list(i)))) continue;
        const auto id = static_cast<int64_t>(additions_.first_id() + i);
        if (out(id, filter)) continue;
        const float score = kernels_.dot_floats(query.vector, additions_.vector(i), dimension_);
        if (in_a_ball(query, score, 0, additions_.vector(i), filter)) continue;
        query.keep(id, score);
        if (score > query.limit) query.raise_limit(score);
    }
}

void GuardedScan::scan_list(size_t list, const std::vector<Query*>& queries, const Filter& filter) const {
    const auto consider = [&](Query& query, size_t row, int32_t dot) {
        const size_t at = first_row_[list] + row;
        const double score = query.scale * codes_.scales[at] * dot;
        const double radius = query.constant_radius + query.norm_of_codes * codes_.errors[at];
        if (score + radius < query.limit) return;
        if (out(lists_[list].id(row), filter)) return;
        if (in_a_ball(query, score, radius, lists_[list].vectors + row * dimension_, filter)) return;
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
                kernels_.dot_codes_of_many(codes_.codes + (first_row_[list] + row) * stride_, codes, code_sums, stride_, dots);
                for (size_t i = 0; i < QUERIES_AT_ONCE; ++i) consider(*queries[first + i], row, dots[i]);
            }
        }
        for (; first < queries.size(); ++first) {
            Query& query = *queries[first];
            for (size_t row = from; row < to; ++row)
                consider(query, row,
                         kernels_.dot_codes(codes_.codes + (first_row_[list] + row) * stride_, query.codes.get(), query.code_sum, stride_));
        }
    }
}

std::vector<Found> GuardedScan::best_of(Query& query) const {
    auto& candidates = query.candidates;
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(), [&](const auto& one) { return one.upper < query.limit; }),
                     candidates.end());
    // Most promising first: once the k-th score is out of reach for one, it is for all behind it.
    std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) { return a.upper > b.upper; });
    for (const auto& [upper, list, row] : candidates) {
        if (query.best.size() == query.k && upper < query.best.front().score) break;
        query.keep(lists_[list].id(row), kernels_.dot_floats(query.vector, lists_[list].vectors + row * dimension_, dimension_));
    }
    std::sort_heap(query.best.begin(), query.best.end(), better);
    return std::move(query.best);
}

}  // namespace scan
