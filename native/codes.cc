#include "codes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>

#include "kernels.h"

namespace scan {
namespace {

// Of the file: a header, then from the first page on codes, scales and errors as they lie in memory.
constexpr char MAGIC[8] = {'R', 'C', 'O', 'D', 'E', 'S', '0', '1'};
constexpr size_t PAGE = 4096;
struct Header {
    char magic[8];
    uint64_t dimension, rows, stride;
    uint64_t fingerprint;
    double largest_norm, sum_of_norms;
};

float rounded_up(double value) { return std::nextafter(static_cast<float>(value), std::numeric_limits<float>::infinity()); }

// FNV-1a over the sizes of all lists and the first row of each: codes of another index must not pass for this one's.
uint64_t fingerprint_of(const std::vector<Rows>& lists, size_t dimension) {
    uint64_t hash = 0xcbf29ce484222325;
    const auto add = [&](const void* bytes, size_t count) {
        for (size_t i = 0; i < count; ++i) hash = (hash ^ static_cast<const uint8_t*>(bytes)[i]) * 0x100000001b3;
    };
    for (const Rows& list : lists) {
        const uint64_t count = list.count;
        add(&count, sizeof count);
        if (count > 0) add(list.vectors, dimension * sizeof(float));
    }
    return hash;
}

size_t rows_of(const std::vector<Rows>& lists) {
    size_t rows = 0;
    for (const Rows& list : lists) rows += list.count;
    return rows;
}

class File {
  public:
    File(const std::string& name, int flags) : name_(name), descriptor_(::open(name.c_str(), flags | O_CLOEXEC, 0644)) {
        if (descriptor_ < 0) fail();
    }
    ~File() { ::close(descriptor_); }
    int descriptor() const { return descriptor_; }
    [[noreturn]] void fail() const { throw std::runtime_error(name_ + ": " + std::strerror(errno)); }
    void write(const void* bytes, size_t count) const {
        const auto* from = static_cast<const char*>(bytes);
        while (count > 0) {
            const ssize_t written = ::write(descriptor_, from, std::min<size_t>(count, 1 << 30));
            if (written < 0 && errno != EINTR) fail();
            if (written > 0) from += written, count -= written;
        }
    }

  private:
    std::string name_;
    int descriptor_;
};

}  // namespace

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
template double quantize(const float*, size_t, int, float&, int8_t*);
template double quantize(const float*, size_t, int, float&, uint8_t*);

double norm_of(const float* vector, size_t dimension) {
    double sum = 0;
    for (size_t i = 0; i < dimension; ++i) sum += static_cast<double>(vector[i]) * vector[i];
    return std::sqrt(sum);
}

size_t Codes::stride(size_t dimension) { return (dimension + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT; }

size_t Codes::bytes() const { return rows * (stride(dimension) + 2 * sizeof(float)); }

void Codes::point_into(uint8_t* memory) {
    codes = memory;
    scales = reinterpret_cast<const float*>(memory + rows * stride(dimension));
    errors = scales + rows;
}

std::unique_ptr<const Codes> Codes::encode(size_t dimension, const std::vector<Rows>& lists) {
    std::unique_ptr<Codes> made(new Codes);
    made->dimension = dimension;
    made->rows = rows_of(lists);
    const size_t stride = Codes::stride(dimension);
    const size_t bytes = (made->bytes() + ROW_ALIGNMENT) / ROW_ALIGNMENT * ROW_ALIGNMENT;
    made->owned_ = std::aligned_alloc(ROW_ALIGNMENT, bytes);
    if (!made->owned_) throw std::bad_alloc();
    auto* memory = static_cast<uint8_t*>(made->owned_);
    made->point_into(memory);
    auto* scales = const_cast<float*>(made->scales);
    auto* errors = const_cast<float*>(made->errors);
    size_t at = 0;
    for (const Rows& list : lists)
        for (size_t row = 0; row < list.count; ++row, ++at) {
            const float* vector = list.vectors + row * dimension;
            uint8_t* codes = memory + at * stride;
            errors[at] = rounded_up(quantize(vector, dimension, CODE_ZERO, scales[at], codes));
            std::fill(codes + dimension, codes + stride, static_cast<uint8_t>(CODE_ZERO));
            const double norm = norm_of(vector, dimension);
            if (!std::isfinite(norm)) throw std::runtime_error("it holds a vector that is not finite");
            made->largest_norm = std::max(made->largest_norm, norm);
            made->sum_of_norms += norm;
        }
    return made;
}

void Codes::write(const std::string& name, const std::vector<Rows>& lists) const {
    const File file(name, O_WRONLY | O_CREAT | O_TRUNC);
    Header header{{}, dimension, rows, stride(dimension), fingerprint_of(lists, dimension), largest_norm, sum_of_norms};
    std::memcpy(header.magic, MAGIC, sizeof MAGIC);
    char page[PAGE] = {};
    std::memcpy(page, &header, sizeof header);
    file.write(page, PAGE);
    file.write(codes, bytes());
    if (::fsync(file.descriptor()) != 0) file.fail();
}

std::unique_ptr<const Codes> Codes::map(const std::string& name, size_t dimension, const std::vector<Rows>& lists) {
    const File file(name, O_RDONLY);
    struct stat info;
    if (::fstat(file.descriptor(), &info) != 0) file.fail();
    std::unique_ptr<Codes> made(new Codes);
    made->dimension = dimension;
    made->rows = rows_of(lists);
    const size_t size = info.st_size;
    if (size != PAGE + made->bytes()) throw std::runtime_error(name + " does not have the size of codes for this index");
    // Populated: the first queries shall not wait for a page fault each.
    void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file.descriptor(), 0);
    if (mapped == MAP_FAILED) file.fail();
    made->mapped_ = mapped;
    made->mapped_bytes_ = size;
    Header header;
    std::memcpy(&header, mapped, sizeof header);
    const bool ours = std::memcmp(header.magic, MAGIC, sizeof MAGIC) == 0 && header.dimension == dimension &&
            header.rows == made->rows && header.stride == stride(dimension);
    if (!ours || header.fingerprint != fingerprint_of(lists, dimension))
        throw std::runtime_error(name + " holds the codes of another index");
    made->largest_norm = header.largest_norm;
    made->sum_of_norms = header.sum_of_norms;
    made->point_into(static_cast<uint8_t*>(mapped) + PAGE);
    return made;
}

Codes::~Codes() {
    std::free(owned_);
    if (mapped_) ::munmap(mapped_, mapped_bytes_);
}

}  // namespace scan
