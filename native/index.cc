// Searches FAISS index files (IVF-Flat and flat, inner product) from Node, with a scan of our own over FAISS's lists. It exports functions on an opaque handle;
// native/index.ts checks every argument before it calls them and is their only caller.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <napi.h>

#include "loaded.h"

namespace {

using SharedIndex = std::shared_ptr<Loaded>;

struct Handle {
    SharedIndex loaded;
};

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
    OpenWorker(Napi::Env env, std::string file, std::string kernels, std::string codes)
            : PromiseWorker(env), file_(std::move(file)), kernels_(std::move(kernels)), codes_(std::move(codes)) {}

    void Execute() override {
        try {
            const auto* kernels = scan::kernels_named(kernels_.c_str());
            if (!kernels) throw std::runtime_error("this processor has no kernels named " + kernels_);
            loaded_ = std::make_shared<Loaded>(file_, codes_, *kernels);
        } catch (const std::exception& error) {
            SetError("cannot open the index " + file_ + ": " + error.what());
        }
    }

    void OnOK() override {
        const Napi::Env env = Env();
        const auto* ivf = loaded_->ivf();
        auto result = Napi::Object::New(env);
        result.Set("dimension", Napi::Number::New(env, static_cast<double>(loaded_->dimension())));
        result.Set("ntotal", Napi::Number::New(env, static_cast<double>(loaded_->ntotal())));
        result.Set("kernels", Napi::String::New(env, loaded_->scan().kernels().name));
        result.Set("nlist", ivf ? Napi::Number::New(env, static_cast<double>(ivf->nlist)) : env.Null());
        result.Set("handle", Napi::External<Handle>::New(env, new Handle{std::move(loaded_)},
                                                         [](Napi::Env, Handle* handle) { delete handle; }));
        deferred_.Resolve(result);
    }

  private:
    std::string file_;
    std::string kernels_;
    std::string codes_;
    SharedIndex loaded_;
};

class CodesWriter : public PromiseWorker {
  public:
    CodesWriter(Napi::Env env, SharedIndex loaded, std::string file)
            : PromiseWorker(env), loaded_(std::move(loaded)), file_(std::move(file)) {}

    void Execute() override {
        try {
            loaded_->codes().write(file_, loaded_->lists());
        } catch (const std::exception& error) {
            SetError(std::string("cannot write the codes: ") + error.what());
        }
    }

    void OnOK() override { deferred_.Resolve(Env().Undefined()); }

  private:
    SharedIndex loaded_;
    std::string file_;
};

class SearchWorker : public PromiseWorker {
  public:
    SearchWorker(Napi::Env env, SharedIndex loaded, const Napi::Float32Array& queries, size_t k, size_t nprobe,
                 const Napi::BigInt64Array& excluded, bool as_built, const Napi::Float32Array& centres, double radius)
            : PromiseWorker(env),
              loaded_(std::move(loaded)),
              // Copies: JavaScript may write to its arrays, or detach them, while the search runs.
              queries_(queries.Data(), queries.Data() + queries.ElementLength()),
              filter_{{excluded.Data(), excluded.Data() + excluded.ElementLength()},
                      as_built,
                      {centres.Data(), centres.Data() + centres.ElementLength()},
                      radius},
              k_(k),
              nprobe_(nprobe) {}

    void Execute() override {
        const auto began = std::chrono::steady_clock::now();
        try {
            std::sort(filter_.excluded.begin(), filter_.excluded.end());
            const size_t dimension = loaded_->dimension();
            std::vector<std::vector<int64_t>> lists(queries_.size() / dimension);
            for (size_t i = 0; i < lists.size(); ++i) lists[i] = loaded_->nearest_lists(queries_.data() + i * dimension, nprobe_);
            const auto results = loaded_->scan().search(queries_.data(), lists, k_, filter_);
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
        milliseconds_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
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
        result.Set("scanMs", Napi::Number::New(env, milliseconds_));
        deferred_.Resolve(result);
    }

  private:
    SharedIndex loaded_;
    std::vector<float> queries_;
    scan::Filter filter_;
    size_t k_;
    size_t nprobe_;
    double milliseconds_ = 0;
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
    return queue(new OpenWorker(info.Env(), info[0].As<Napi::String>(), info[1].As<Napi::String>(), info[2].As<Napi::String>()));
}

Napi::Value write_codes(const Napi::CallbackInfo& info) {
    return queue(new CodesWriter(info.Env(), index_of(info), info[1].As<Napi::String>()));
}

Napi::Value search(const Napi::CallbackInfo& info) {
    return queue(new SearchWorker(info.Env(), index_of(info), info[1].As<Napi::Float32Array>(),
                                  info[2].As<Napi::Number>().Int64Value(), info[3].As<Napi::Number>().Uint32Value(),
                                  info[4].As<Napi::BigInt64Array>(), info[5].As<Napi::Boolean>(),
                                  info[6].As<Napi::Float32Array>(), info[7].As<Napi::Number>()));
}

Napi::Value vectors(const Napi::CallbackInfo& info) {
    const auto& loaded = index_of(info);
    const auto ids = info[1].As<Napi::Uint32Array>();
    const size_t dimension = loaded->dimension();
    auto rows = Napi::Float32Array::New(info.Env(), ids.ElementLength() * dimension);
    for (size_t i = 0; i < ids.ElementLength(); ++i) {
        const float* row = loaded->vector(ids[i]);
        if (!row) throw Napi::RangeError::New(info.Env(), "there is no row " + std::to_string(ids[i]));
        std::memcpy(rows.Data() + i * dimension, row, dimension * sizeof(float));
    }
    return rows;
}

Napi::Value lists(const Napi::CallbackInfo& info) {
    const auto& loaded = index_of(info);
    const auto ids = info[1].As<Napi::Uint32Array>();
    auto result = Napi::Uint32Array::New(info.Env(), ids.ElementLength());
    for (size_t i = 0; i < ids.ElementLength(); ++i) {
        if (!loaded->vector(ids[i])) throw Napi::RangeError::New(info.Env(), "there is no row " + std::to_string(ids[i]));
        result[i] = loaded->list_of(ids[i]);
    }
    return result;
}

Napi::Value add(const Napi::CallbackInfo& info) {
    try {
        return Napi::Number::New(info.Env(), static_cast<double>(index_of(info)->add(info[1].As<Napi::Float32Array>().Data())));
    } catch (const std::exception& error) {
        throw Napi::RangeError::New(info.Env(), error.what());
    }
}

Napi::Value remove(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), index_of(info)->remove(info[1].As<Napi::Number>().Uint32Value()));
}

Napi::Value statistics(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto& loaded = index_of(info);
    const auto& sizes = loaded->list_sizes();
    auto result = Napi::Object::New(env);
    result.Set("added", Napi::Number::New(env, static_cast<double>(loaded->added())));
    result.Set("removed", Napi::Number::New(env, static_cast<double>(loaded->removed())));
    result.Set("meanNorm", Napi::Number::New(env, loaded->mean_norm()));
    if (loaded->ivf()) {
        auto of_lists = Napi::Uint32Array::New(env, sizes.size());
        std::copy(sizes.begin(), sizes.end(), of_lists.Data());
        result.Set("listSizes", of_lists);
    } else {
        result.Set("listSizes", env.Null());
    }
    return result;
}

// glibc keeps what is freed between two blocks in use; musl and others give it back by themselves.
void trim(const Napi::CallbackInfo&) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void close(const Napi::CallbackInfo& info) { handle_of(info).loaded.reset(); }

Napi::Object init(Napi::Env env, Napi::Object exports) {
    exports.Set("open", Napi::Function::New(env, open));
    exports.Set("search", Napi::Function::New(env, search));
    exports.Set("vectors", Napi::Function::New(env, vectors));
    exports.Set("lists", Napi::Function::New(env, lists));
    exports.Set("add", Napi::Function::New(env, add));
    exports.Set("remove", Napi::Function::New(env, remove));
    exports.Set("statistics", Napi::Function::New(env, statistics));
    exports.Set("writeCodes", Napi::Function::New(env, write_codes));
    exports.Set("trim", Napi::Function::New(env, trim));
    exports.Set("close", Napi::Function::New(env, close));
    return exports;
}

}  // namespace

NODE_API_MODULE(retriever_index, init)
