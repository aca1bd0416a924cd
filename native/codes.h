// The 8-bit codes of an index's rows: computed in memory, or mapped from a file that lies beside the index, so that
// processes which serve the same index share them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace scan {

// Rows side by side, as an inverted list or a flat index holds them. `ids` null: row i has id i.
struct Rows {
    const float* vectors;
    const int64_t* ids;
    size_t count;

    int64_t id(size_t row) const { return ids ? ids[row] : static_cast<int64_t>(row); }
};

constexpr int LARGEST_CODE = 127;

// Scale and codes (in -127..127, plus `zero`) of a vector; returns the norm of what is lost.
template <typename Code>
double quantize(const float* vector, size_t dimension, int zero, float& scale, Code* codes);

double norm_of(const float* vector, size_t dimension);

class Codes {
  public:
    // Encodes all rows of all lists, one list after the other. Throws where a vector is not finite.
    static std::unique_ptr<const Codes> encode(size_t dimension, const std::vector<Rows>& lists);
    // Maps a file of `write`. Throws where it is damaged, or was written for other lists.
    static std::unique_ptr<const Codes> map(const std::string& file, size_t dimension, const std::vector<Rows>& lists);
    // Writes and syncs the file; whoever wants it whole or not at all renames it.
    void write(const std::string& file, const std::vector<Rows>& lists) const;
    ~Codes();

    // Bytes from one row of codes to the next.
    static size_t stride(size_t dimension);

    const uint8_t* codes = nullptr;
    const float* scales = nullptr;
    const float* errors = nullptr;  // upper bounds of |x - x'|
    size_t rows = 0;
    size_t dimension = 0;
    double largest_norm = 0;
    double sum_of_norms = 0;

  private:
    Codes() = default;
    void point_into(uint8_t* memory);
    size_t bytes() const;

    void* owned_ = nullptr;   // of aligned_alloc
    void* mapped_ = nullptr;  // of mmap
    size_t mapped_bytes_ = 0;
};

}  // namespace scan
