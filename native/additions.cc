#include "additions.h"

#include <algorithm>
#include <stdexcept>

namespace scan {

Additions::Additions(size_t dimension, size_t first_id)
        : dimension_(dimension),
          first_id_(first_id),
          segments_(CAPACITY / SEGMENT),
          removed_((first_id + CAPACITY) / 64 + 1) {}

Additions::~Additions() {
    for (auto& segment : segments_) delete segment.load();
}

size_t Additions::add(const float* vector, uint32_t list) {
    const size_t i = count_.load(std::memory_order_relaxed);
    if (i == CAPACITY) throw std::length_error("too many rows were added; rebuild the index");
    auto& place = segments_[i / SEGMENT];
    if (!place.load(std::memory_order_relaxed)) {
        auto segment = std::make_unique<Segment>();
        segment->vectors = std::make_unique<float[]>(SEGMENT * dimension_);
        place.store(segment.release(), std::memory_order_release);
    }
    Segment& segment = *place.load(std::memory_order_relaxed);
    std::copy(vector, vector + dimension_, segment.vectors.get() + i % SEGMENT * dimension_);
    segment.lists[i % SEGMENT] = list;
    // Only now searches see it.
    count_.store(i + 1, std::memory_order_release);
    return first_id_ + i;
}

bool Additions::remove(int64_t id) {
    any_removed_.store(true, std::memory_order_relaxed);
    const uint64_t bit = uint64_t{1} << (id % 64);
    return (removed_[id / 64].fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
}

}  // namespace scan
