// Searches FAISS indexes (IVF-Flat and flat, inner product) from Node. It exports functions on an opaque handle;
// native/index.ts checks every argument before it calls them and is their only caller.
#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <cblas.h>
#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/impl/FaissException.h>
#include <faiss/index_io.h>
#include <napi.h>
#include <omp.h>

namespace {

using idx_t = faiss::Index::idx_t;
using SharedIndex = std::shared_ptr<const faiss::Index>;

// Searches under way hold the index too: closing it drops this reference, and the last search frees the memory.
struct Handle {
    SharedIndex index;
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
    OpenWorker(Napi::Env env, std::string file) : PromiseWorker(env), file_(std::move(file)) {}

    void Execute() override {
        try {
            std::unique_ptr<faiss::Index> index(faiss::read_index(file_.c_str()));
            check_consistent(*index);
            index_ = std::move(index);
        } catch (const std::exception& error) {
            SetError("cannot open the index " + file_ + ": " + error.what());
        }
    }

    void OnOK() override {
        const Napi::Env env = Env();
        const auto* ivf = as_ivf(index_.get());
        auto result = Napi::Object::New(env);
        result.Set("dimension", Napi::Number::New(env, index_->d));
        result.Set("ntotal", Napi::Number::New(env, static_cast<double>(index_->ntotal)));
        result.Set("nlist", ivf ? Napi::Number::New(env, static_cast<double>(ivf->nlist)) : env.Null());
        result.Set("handle", Napi::External<Handle>::New(env, new Handle{std::move(index_)},
                                                         [](Napi::Env, Handle* handle) { delete handle; }));
        deferred_.Resolve(result);
    }

  private:
    std::string file_;
    SharedIndex index_;
};

class SearchWorker : public PromiseWorker {
  public:
    SearchWorker(Napi::Env env, SharedIndex index, const Napi::Float32Array& queries, idx_t k, size_t nprobe)
            : PromiseWorker(env),
              index_(std::move(index)),
              // A copy: JavaScript may write to its array, or detach it, while the search runs.
              queries_(queries.Data(), queries.Data() + queries.ElementLength()),
              k_(k),
              nprobe_(nprobe) {}

    void Execute() override {
        omp_set_num_threads(1);  // holds for this pool thread alone; searches run side by side instead
        const idx_t n = static_cast<idx_t>(queries_.size()) / index_->d;
        scores_.resize(n * k_);
        ids_.resize(n * k_);
        if (const auto* ivf = as_ivf(index_.get())) {
            search_lists(*ivf, n);
        } else {
            index_->search(n, queries_.data(), k_, scores_.data(), ids_.data());
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
    // IndexIVF::search in its two steps, because that one adds to statistics all threads share, without a lock.
    void search_lists(const faiss::IndexIVFFlat& ivf, idx_t n) {
        faiss::SearchParametersIVF parameters;
        parameters.nprobe = std::min(nprobe_, ivf.nlist);
        std::vector<idx_t> lists(n * parameters.nprobe);
        std::vector<float> similarities(n * parameters.nprobe);
        ivf.quantizer->search(n, queries_.data(), parameters.nprobe, similarities.data(), lists.data());
        faiss::IndexIVFStats stats;
        ivf.search_preassigned(n, queries_.data(), k_, lists.data(), similarities.data(), scores_.data(), ids_.data(),
                               false, &parameters, &stats);
    }

    SharedIndex index_;
    std::vector<float> queries_;
    idx_t k_;
    size_t nprobe_;
    std::vector<float> scores_;
    std::vector<idx_t> ids_;
};

Handle& handle_of(const Napi::CallbackInfo& info) { return *info[0].As<Napi::External<Handle>>().Data(); }

const SharedIndex& index_of(const Napi::CallbackInfo& info) {
    const SharedIndex& index = handle_of(info).index;
    if (!index) throw Napi::Error::New(info.Env(), "the index is closed");
    return index;
}

Napi::Value queue(PromiseWorker* worker) {
    const auto promise = worker->promise();
    worker->Queue();  // deletes the worker when it is done
    return promise;
}

Napi::Value open(const Napi::CallbackInfo& info) {
    return queue(new OpenWorker(info.Env(), info[0].As<Napi::String>()));
}

Napi::Value search(const Napi::CallbackInfo& info) {
    return queue(new SearchWorker(info.Env(), index_of(info), info[1].As<Napi::Float32Array>(),
                                  info[2].As<Napi::Number>().Int64Value(), info[3].As<Napi::Number>().Uint32Value()));
}

Napi::Value reconstruct(const Napi::CallbackInfo& info) {
    const SharedIndex& index = index_of(info);
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
    const auto* ivf = as_ivf(index_of(info).get());
    if (!ivf) return info.Env().Null();
    auto sizes = Napi::Uint32Array::New(info.Env(), ivf->nlist);
    for (size_t list = 0; list < ivf->nlist; ++list) sizes[list] = static_cast<uint32_t>(ivf->invlists->list_size(list));
    return sizes;
}

void close(const Napi::CallbackInfo& info) { handle_of(info).index.reset(); }

Napi::Object init(Napi::Env env, Napi::Object exports) {
    openblas_set_num_threads(1);  // a batch's matrix product must not take the cores of the searches beside it
    exports.Set("open", Napi::Function::New(env, open));
    exports.Set("search", Napi::Function::New(env, search));
    exports.Set("reconstruct", Napi::Function::New(env, reconstruct));
    exports.Set("listSizes", Napi::Function::New(env, list_sizes));
    exports.Set("close", Napi::Function::New(env, close));
    return exports;
}

}  // namespace

NODE_API_MODULE(retriever_index, init)
