// An index file that was opened: FAISS's lists, and what the scan keeps beside them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <faiss/Index.h>
#include <faiss/IndexIVFFlat.h>

#include "additions.h"
#include "codes.h"
#include "scan.h"

// Searches under way share it: closing drops one reference, and the last search frees the memory.
class Loaded {
  public:
    // Maps the lists, and the codes where `codes_file` names some; else they are computed. Throws what is wrong.
    Loaded(const std::string& file, const std::string& codes_file, const scan::Kernels& kernels);

    size_t dimension() const { return index_->d; }
    size_t ntotal() const { return index_->ntotal; }
    // Null for a flat index.
    const faiss::IndexIVFFlat* ivf() const { return dynamic_cast<const faiss::IndexIVFFlat*>(index_.get()); }
    const scan::GuardedScan& scan() const { return *scan_; }
    const scan::Codes& codes() const { return *codes_; }
    const std::vector<scan::Rows>& lists() const { return lists_; }

    // The lists of the nprobe nearest centroids, nearest first; the one list of a flat index.
    std::vector<int64_t> nearest_lists(const float* query, size_t nprobe) const;

    // The three below change or read what changes: for one thread, searches may run meanwhile.
    size_t add(const float* vector);
    bool remove(size_t id);
    size_t added() const { return additions_->size(); }
    size_t removed() const { return removed_; }
    // Rows that can be found, in each list.
    const std::vector<uint32_t>& list_sizes() const { return list_sizes_; }
    double mean_norm() const;
    // Null beyond the last row.
    const float* vector(size_t id) const;
    uint32_t list_of(size_t id) const;

  private:
    struct Place {
        uint32_t list, row;
    };
    void read_lists(const std::string& file);
    void locate_rows();

    std::unique_ptr<faiss::Index> index_;
    std::vector<scan::Rows> lists_;
    std::vector<Place> places_;  // of each id
    std::unique_ptr<const scan::Codes> codes_;
    std::unique_ptr<scan::Additions> additions_;
    std::unique_ptr<const scan::GuardedScan> scan_;
    std::vector<uint32_t> list_sizes_;
    double sum_of_norms_ = 0;
    size_t removed_ = 0;
};
