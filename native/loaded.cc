#include "loaded.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <faiss/IndexFlat.h>
#include <faiss/index_io.h>
#include <faiss/invlists/OnDiskInvertedLists.h>

namespace {

// Another order of sums may rank scores that close the other way round.
constexpr float ROUNDING = 1e-5f;

// FAISS maps the lists without looking whether the file reaches that far; touching what is beyond its end kills.
void check_mapped(const faiss::IndexIVFFlat& ivf) {
    const auto* mapped = dynamic_cast<const faiss::OnDiskInvertedLists*>(ivf.invlists);
    if (!mapped) return;
    for (const auto& list : mapped->lists) {
        if (list.size == 0) continue;
        const size_t bytes = list.capacity * (mapped->code_size + sizeof(faiss::Index::idx_t));
        if (list.size > list.capacity || list.offset > mapped->totsize || bytes > mapped->totsize - list.offset)
            throw std::runtime_error("it was cut off");
    }
}

// FAISS checks each field it reads, but not that the fields fit each other; a search trusts that they do.
void check_consistent(const faiss::Index& index) {
    if (index.d <= 0 || index.ntotal < 0) throw std::runtime_error("its header is damaged");
    if (index.metric_type != faiss::METRIC_INNER_PRODUCT) throw std::runtime_error("its metric is not inner product");
    const auto* ivf = dynamic_cast<const faiss::IndexIVFFlat*>(&index);
    if (!ivf) {
        if (!dynamic_cast<const faiss::IndexFlat*>(&index)) throw std::runtime_error("it is neither an IVF-Flat nor a flat index");
        return;
    }
    const bool whole = ivf->invlists && ivf->quantizer && ivf->quantizer->d == ivf->d &&
            ivf->quantizer->ntotal == static_cast<faiss::Index::idx_t>(ivf->nlist) && ivf->invlists->nlist == ivf->nlist &&
            ivf->invlists->code_size == ivf->d * sizeof(float);
    if (!whole) throw std::runtime_error("its lists do not fit its quantizer");
    faiss::Index::idx_t rows = 0;
    for (size_t list = 0; list < ivf->nlist; ++list) rows += ivf->invlists->list_size(list);
    if (rows != ivf->ntotal) throw std::runtime_error("its lists do not hold as many rows as its header says");
    check_mapped(*ivf);
}

}  // namespace

Loaded::Loaded(const std::string& file, const std::string& codes_file, const scan::Kernels& kernels) {
    read_lists(file);
    codes_ = codes_file.empty() ? scan::Codes::encode(dimension(), lists_) : scan::Codes::map(codes_file, dimension(), lists_);
    locate_rows();
    sum_of_norms_ = codes_->sum_of_norms;
    for (const auto& list : lists_) list_sizes_.push_back(list.count);
    additions_ = std::make_unique<scan::Additions>(dimension(), ntotal());
    scan_ = std::make_unique<scan::GuardedScan>(lists_, *codes_, *additions_, kernels);
}

void Loaded::read_lists(const std::string& file) {
    index_.reset(faiss::read_index(file.c_str(), faiss::IO_FLAG_MMAP));
    check_consistent(*index_);
    const auto* of = ivf();
    if (!of) {
        const auto& flat = static_cast<const faiss::IndexFlat&>(*index_);
        lists_ = {{flat.get_xb(), nullptr, ntotal()}};
        return;
    }
    for (size_t list = 0; list < of->nlist; ++list) {
        const size_t count = of->invlists->list_size(list);
        if (count == 0) lists_.push_back({nullptr, nullptr, 0});
        else lists_.push_back({reinterpret_cast<const float*>(of->invlists->get_codes(list)), of->invlists->get_ids(list), count});
    }
}

// Rows are known by their ids, which are lines of the corpus: each from 0 to ntotal-1 is there once.
void Loaded::locate_rows() {
    constexpr uint32_t NOWHERE = UINT32_MAX;
    places_.assign(ntotal(), {NOWHERE, 0});
    for (uint32_t list = 0; list < lists_.size(); ++list)
        for (uint32_t row = 0; row < lists_[list].count; ++row) {
            const int64_t id = lists_[list].id(row);
            if (id < 0 || id >= static_cast<int64_t>(ntotal()) || places_[id].list != NOWHERE)
                throw std::runtime_error("its row ids are not those from 0 to " + std::to_string(ntotal() - 1));
            places_[id] = {list, row};
        }
}

// FAISS's own quantizer uses no wide registers, and one query would spend a third of its time there. It decides where
// rounding could: a list more or less is not a tie between rows.
std::vector<int64_t> Loaded::nearest_lists(const float* query, size_t most) const {
    const auto* of = ivf();
    if (!of) return {0};
    const size_t nprobe = std::min(most, of->nlist);
    std::vector<int64_t> order(of->nlist);
    for (size_t list = 0; list < of->nlist; ++list) order[list] = list;
    if (const auto* flat = dynamic_cast<const faiss::IndexFlat*>(of->quantizer)) {
        std::vector<float> scores(of->nlist);
        const auto dot = scan_->kernels().dot_floats;
        for (size_t list = 0; list < of->nlist; ++list) scores[list] = dot(query, flat->get_xb() + list * of->d, of->d);
        const auto nearer = [&](int64_t a, int64_t b) { return scores[a] > scores[b]; };
        const size_t sorted = std::min(nprobe + 1, of->nlist);
        std::partial_sort(order.begin(), order.begin() + sorted, order.end(), nearer);
        const float last = scores[order[nprobe - 1]];
        const bool certain = sorted == nprobe || last - scores[order[nprobe]] > ROUNDING * (1 + std::fabs(last));
        order.resize(nprobe);
        if (certain && flat->metric_type == faiss::METRIC_INNER_PRODUCT) return order;
    }
    order.resize(nprobe);
    std::vector<float> similarities(nprobe);
    of->quantizer->search(1, query, nprobe, similarities.data(), order.data());
    return order;
}

size_t Loaded::add(const float* vector) {
    const double norm = scan::norm_of(vector, dimension());
    if (!std::isfinite(norm)) throw std::invalid_argument("a row holds a number that is not finite");
    const auto list = static_cast<uint32_t>(nearest_lists(vector, 1).front());
    const size_t id = additions_->add(vector, list);
    ++list_sizes_[list];
    sum_of_norms_ += norm;
    return id;
}

bool Loaded::remove(size_t id) {
    const float* gone = vector(id);
    if (!gone || !additions_->remove(static_cast<int64_t>(id))) return false;
    --list_sizes_[list_of(id)];
    sum_of_norms_ -= scan::norm_of(gone, dimension());
    ++removed_;
    return true;
}

double Loaded::mean_norm() const {
    const size_t rows = ntotal() + added() - removed_;
    return rows == 0 ? 0 : sum_of_norms_ / static_cast<double>(rows);
}

uint32_t Loaded::list_of(size_t id) const { return id < ntotal() ? places_[id].list : additions_->list(id - ntotal()); }

const float* Loaded::vector(size_t id) const {
    if (id < ntotal()) return lists_[places_[id].list].vectors + places_[id].row * dimension();
    return id - ntotal() < added() ? additions_->vector(id - ntotal()) : nullptr;
}
