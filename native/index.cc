// Searches FAISS index files (IVF-Flat and flat, inner product) from Node, with a scan of our own over FAISS's lists. It exports functions on an opaque handle;
// native/index.ts checks every argument before it calls them and is their only caller.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/impl/FaissException.h>
#include <faiss/index_io.h>
#include <napi.h>

#include "scan.h"

namespace {

using idx_t = faiss::Index::idx_t;
// An index in memory: FAISS's lists, and what the scan keeps beside them.
struct Loaded {
    std::unique_ptr<const faiss::Index> index;
    std::unique_ptr<const scan::GuardedScan> scan;
};
using SharedIndex = std::shared_ptr<const Loaded>;

// Searches under way hold the index too: closing it drops this reference, and the last search frees the memory.
struct Handle {
    SharedIndex loaded;
};

const faiss::IndexIVFFlat* as_ivf(const faiss::Index* index) {
    return dynamic_cast<const faiss::IndexIVFFlat*>(index);
}

// FAISS checks each field it reads, but not that the fields fit each other; a search trusts that they do.
void check_consistent(const faiss::Index& index) {
    if (index.d <= 0 || index.ntotal < 0) throw std::runtime_error("its header is damaged");
    if (index.metric_type != faiss::METRIC_INNER_PRODUCT) throw std::runtime_error("its metric is not inner product");
    const auto* ivf = as_ivf(&index);
    if (!ivf) {
        if (!dynamic_cast<const faiss::IndexFlat*>(&index)) throw std::runtime_error("it is neither an IVF-Flat nor a flat index");
        return;
    }
    const bool whole = ivf->invlists && ivf->quantizer && ivf->quantizer->d == ivf->d &&
            ivf->quantizer->ntotal == static_cast<idx_t>(ivf->nlist) && ivf->invlists->nlist == ivf->nlist &&
            ivf->invlists->code_size == ivf->d * sizeof(float);
    if (!whole) throw std::runtime_error("its lists do not fit its quantizer");
    idx_t rows = 0;
    for (size_t list = 0; list < ivf->nlist; ++list) rows += ivf->invlists->list_size(list);
    if (rows != ivf->ntotal) throw std::runtime_error("its lists do not hold as many rows as its header says");
}

std::vector<scan::Rows> lists_of(const faiss::Index& index) {
    const auto* ivf = as_ivf(&index);
    if (!ivf) return {{static_cast<const faiss::IndexFlat&>(index).get_xb(), nullptr, static_cast<size_t>(index.ntotal)}};
    std::vector<scan::Rows> lists;
    for (size_t list = 0; list < ivf->nlist; ++list)
        lists.push_back({reinterpret_cast<const float*>(ivf->invlists->get_codes(list)), ivf->invlists->get_ids(list),
                         ivf->invlists->list_size(list)});
    return lists;
}

class PromiseWorker : public Napi::AsyncWorker {
  public:
    explicit PromiseWorker(Napi::Env env) : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)) {}
    Napi::Promise promise() const { return deferred_.Promise(); }

  protected:
    void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }
    Napi::Promise::Deferred deferred_;
};

class OpenWorker : public PromiseWorker {
  public:
    OpenWorker(Napi::Env env, std::string file, std::string kernels)
            : PromiseWorker(env), file_(std::move(file)), kernels_(std::move(kernels)) {}

    void Execute() override {
        try {
            const auto* kernels = scan::kernels_named(kernels_.c_str());
            if (!kernels) throw std::runtime_error("this processor has no kernels named " + kernels_);
            std::unique_ptr<const faiss::Index> index(faiss::read_index(file_.c_str()));
            check_consistent(*index);
            auto scan = std::make_unique<scan::GuardedScan>(index->d, lists_of(*index), *kernels);
            loaded_ = std::make_shared<Loaded>(Loaded{std::move(index), std::move(scan)});
        } catch (const std::exception& error) {
            SetError("cannot open the index " + file_ + ": " + error.what());
        }
    }

    void OnOK() override {
        const Napi::Env env = Env();
        const auto* ivf = as_ivf(loaded_->index.get());
        auto result = Napi::Object::New(env);
        result.Set("dimension", Napi::Number::New(env, loaded_->index->d));
        result.Set("ntotal", Napi::Number::New(env, static_cast<double>(loaded_->index->ntotal)));
        result.Set("kernels", Napi::String::New(env, loaded_->scan->kernels().name));
        result.Set("nlist", ivf ? Napi::Number::New(env, static_cast<double>(ivf->nlist)) : env.Null());
        result.Set("handle", Napi::External<Handle>::New(env, new Handle{std::move(loaded_)},
                                                         [](Napi::Env, Handle* handle) { delete handle; }));
        deferred_.Resolve(result);
    }

  private:
    std::string file_;
    std::string kernels_;
    std::shared_ptr<const Loaded> loaded_;
};

class SearchWorker : public PromiseWorker {
  public:
    SearchWorker(Napi::Env env, SharedIndex loaded, const Napi::Float32Array& queries, size_t k, size_t nprobe,
                 const Napi::BigInt64Array& excluded)
            : PromiseWorker(env),
              loaded_(std::move(loaded)),
              // Copies: JavaScript may write to its arrays, or detach them, while the search runs.
              queries_(queries.Data(), queries.Data() + queries.ElementLength()),
              excluded_(excluded.Data(), excluded.Data() + excluded.ElementLength()),
              k_(k),
              nprobe_(nprobe) {}

    void Execute() override {
        try {
            std::sort(excluded_.begin(), excluded_.end());
            const auto lists = lists_to_probe();
            const auto results = loaded_->scan->search(queries_.data(), lists, k_, excluded_);
            ids_.assign(results.size() * k_, -1);
            scores_.assign(results.size() * k_, std::numeric_limits<float>::lowest());
            for (size_t i = 0; i < results.size(); ++i)
                for (size_t j = 0; j < results[i].size(); ++j) {
                    ids_[i * k_ + j] = results[i][j].id;
                    scores_[i * k_ + j] = results[i][j].score;
                }
        } catch (const std::exception& error) {
            SetError(error.what());
        }
    }

    void OnOK() override {
        const Napi::Env env = Env();
        auto ids = Napi::BigInt64Array::New(env, ids_.size());
        auto scores = Napi::Float32Array::New(env, scores_.size());
        std::memcpy(ids.Data(), ids_.data(), ids_.size() * sizeof(int64_t));
        std::memcpy(scores.Data(), scores_.data(), scores_.size() * sizeof(float));
        auto result = Napi::Object::New(env);
        result.Set("ids", ids);
        result.Set("scores", scores);
        deferred_.Resolve(result);
    }

  private:
    // Of each query, the lists of the nprobe nearest centroids, nearest first.
    std::vector<std::vector<int64_t>> lists_to_probe() const {
        const size_t n = queries_.size() / loaded_->index->d;
        const auto* ivf = as_ivf(loaded_->index.get());
        if (!ivf) return {n, {0}};
        std::vector<std::vector<int64_t>> lists(n);
        for (size_t i = 0; i < n; ++i) lists[i] = nearest_lists(*ivf, queries_.data() + i * ivf->d);
        return lists;
    }

    // FAISS's own quantizer uses no wide registers, and one query would spend a third of its time there. It decides
    // where rounding could: a list more or less is not a tie between rows.
    std::vector<int64_t> nearest_lists(const faiss::IndexIVFFlat& ivf, const float* query) const {
        const size_t nprobe = std::min(nprobe_, ivf.nlist);
        std::vector<int64_t> order(ivf.nlist);
        for (size_t list = 0; list < ivf.nlist; ++list) order[list] = list;
        if (const auto* flat = dynamic_cast<const faiss::IndexFlat*>(ivf.quantizer)) {
            std::vector<float> scores(ivf.nlist);
            const auto dot = loaded_->scan->kernels().dot_floats;
            for (size_t list = 0; list < ivf.nlist; ++list) scores[list] = dot(query, flat->get_xb() + list * ivf.d, ivf.d);
            const auto nearer = [&](int64_t a, int64_t b) { return scores[a] > scores[b]; };
            const size_t sorted = std::min(nprobe + 1, ivf.nlist);
            std::partial_sort(order.begin(), order.begin() + sorted, order.end(), nearer);
            const float last = scores[order[nprobe - 1]];
            const bool certain = sorted == nprobe || last - scores[order[nprobe]] > ROUNDING * (1 + std::fabs(last));
            order.resize(nprobe);
            if (certain && flat->metric_type == faiss::METRIC_INNER_PRODUCT) return order;
        }
        order.resize(nprobe);
        std::vector<float> similarities(nprobe);
        ivf.quantizer->search(1, query, nprobe, similarities.data(), order.data());
        return order;
    }

    static constexpr float ROUNDING = 1e-5f;

    SharedIndex loaded_;
    std::vector<float> queries_;
    std::vector<int64_t> excluded_;
    size_t k_;
    size_t nprobe_;
    std::vector<float> scores_;
    std::vector<int64_t> ids_;
};

Handle& handle_of(const Napi::CallbackInfo& info) { return *info[0].As<Napi::External<Handle>>().Data(); }

const SharedIndex& index_of(const Napi::CallbackInfo& info) {
    const SharedIndex& index = handle_of(info).loaded;
    if (!index) throw Napi::Error::New(info.Env(), "the index is closed");
    return index;
}

Napi::Value queue(PromiseWorker* worker) {
    const auto promise = worker->promise();
    worker->Queue();  // deletes the worker when it is done
    return promise;
}

Napi::Value open(const Napi::CallbackInfo& info) {
    return queue(new OpenWorker(info.Env(), info[0].As<Napi::String>(), info[1].As<Napi::String>()));
}

Napi::Value search(const Napi::CallbackInfo& info) {
    return queue(new SearchWorker(info.Env(), index_of(info), info[1].As<Napi::Float32Array>(),
                                  info[2].As<Napi::Number>().Int64Value(), info[3].As<Napi::Number>().Uint32Value(),
                                  info[4].As<Napi::BigInt64Array>()));
}

Napi::Value reconstruct(const Napi::CallbackInfo& info) {
    const auto& index = index_of(info)->index;
    const idx_t from = info[1].As<Napi::Number>().Int64Value();
    const idx_t count = info[2].As<Napi::Number>().Int64Value();
    auto rows = Napi::Float32Array::New(info.Env(), count * index->d);
    try {
        index->reconstruct_n(from, count, rows.Data());
    } catch (const faiss::FaissException& error) {
        throw Napi::Error::New(info.Env(), error.what());
    }
    return rows;
}

Napi::Value list_sizes(const Napi::CallbackInfo& info) {
    const auto* ivf = as_ivf(index_of(info)->index.get());
    if (!ivf) return info.Env().Null();
    auto sizes = Napi::Uint32Array::New(info.Env(), ivf->nlist);
    for (size_t list = 0; list < ivf->nlist; ++list) sizes[list] = static_cast<uint32_t>(ivf->invlists->list_size(list));
    return sizes;
}

void close(const Napi::CallbackInfo& info) { handle_of(info).loaded.reset(); }

Napi::Object init(Napi::Env env, Napi::Object exports) {
    exports.Set("open", Napi::Function::New(env, open));
    exports.Set("search", Napi::Function::New(env, search));
    exports.Set("reconstruct", Napi::Function::New(env, reconstruct));
    exports.Set("listSizes", Napi::Function::New(env, list_sizes));
    exports.Set("close", Napi::Function::New(env, close));
    return exports;
}

}  // namespace

NODE_API_MODULE(retriever_index, init)
