// What became of an index since it was opened: rows that came and rows that went. One thread changes it; searches read
// it meanwhile and see each row whole or not at all.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace scan {

class Additions {
  public:
    // Beyond this many rows the index has to be rebuilt.
    static constexpr size_t CAPACITY = 1 << 20;

    // Ids below `first_id` are the index's own; what is added gets the next ones.
    Additions(size_t dimension, size_t first_id);
    ~Additions();

    size_t first_id() const { return first_id_; }
    size_t size() const { return count_.load(std::memory_order_acquire); }
    const float* vector(size_t i) const { return segment(i).vectors.get() + i % SEGMENT * dimension_; }
    uint32_t list(size_t i) const { return segment(i).lists[i % SEGMENT]; }
    bool removed(int64_t id) const {
        return any_removed_.load(std::memory_order_relaxed) &&
                (removed_[id / 64].load(std::memory_order_relaxed) >> (id % 64) & 1) != 0;
    }

    // The row's id. Throws std::length_error beyond CAPACITY.
    size_t add(const float* vector, uint32_t list);
    // False where it was gone already.
    bool remove(int64_t id);

  private:
    static constexpr size_t SEGMENT = 1024;
    struct Segment {
        std::unique_ptr<float[]> vectors;
        std::array<uint32_t, SEGMENT> lists;
    };
    const Segment& segment(size_t i) const { return *segments_[i / SEGMENT].load(std::memory_order_acquire); }

    size_t dimension_;
    size_t first_id_;
    std::atomic<size_t> count_{0};
    std::atomic<bool> any_removed_{false};
    std::vector<std::atomic<Segment*>> segments_;
    std::vector<std::atomic<uint64_t>> removed_;
};

}  // namespace scan
