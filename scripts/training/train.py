"""Trains AMN and GRU on the next-chunk task: train.py VECTORS.npy QUERIES.npy SEED OUT_DIR

VECTORS float32 [rows, d], unit norm; QUERIES [n, 6], rows of five context chunks and of the next one, in
training articles only. Writes each weight of both models to OUT_DIR/<model>.<weight>.npy. Full softmax over all rows that queries name, Adam.
"""
import sys

import numpy as np

TEMPERATURE = 0.05
SHRINK = 5e-3  # weight decay: two thousand pairs are few, longer training overfits
EPOCHS = 2
CONTEXT = 5


def unit(x):
    norm = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / norm, norm


def unit_backward(grad, y, norm):
    return (grad - y * (grad * y).sum(-1, keepdims=True)) / norm


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Amn:
    """normalize(sum_i mix_i c_i + W2 tanh(W1 [c_1..c_5] + b1) + b2)"""

    def __init__(self, d, rng, hidden=64):
        self.weights = {
            "mix": np.array([0.02, 0.05, 0.1, 0.2, 0.8]),
            "w1": rng.normal(0, 0.02, (CONTEXT * d, hidden)),
            "b1": np.zeros(hidden),
            "w2": np.zeros((hidden, d)),
            "b2": np.zeros(d),
        }

    def forward(self, c):
        p = self.weights
        flat = c.reshape(len(c), -1)
        hidden = np.tanh(flat @ p["w1"] + p["b1"])
        y, norm = unit(np.einsum("i,nid->nd", p["mix"], c) + hidden @ p["w2"] + p["b2"])
        return y, (c, flat, hidden, y, norm)

    def backward(self, grad, cache):
        c, flat, hidden, y, norm = cache
        g = unit_backward(grad, y, norm)
        inner = (g @ self.weights["w2"].T) * (1 - hidden**2)
        return {
            "mix": np.einsum("nd,nid->i", g, c),
            "w1": flat.T @ inner,
            "b1": inner.sum(0),
            "w2": hidden.T @ g,
            "b2": g.sum(0),
        }


class Gru:
    """normalize(sum_i mix_i c_i + h_5 W + b), h by the GRU of the ONNX operator, gates in its order z, r, h"""

    def __init__(self, d, rng, hidden=96):
        self.hidden = hidden
        self.weights = {
            "mix": np.array([0.02, 0.05, 0.1, 0.2, 0.8]),
            "wx": rng.normal(0, 0.03, (d, 3 * hidden)),
            "wh": rng.normal(0, 0.05, (hidden, 3 * hidden)),
            "bx": np.zeros(3 * hidden),
            "w": np.zeros((hidden, d)),
            "b": np.zeros(d),
        }

    def forward(self, c):
        p, h = self.weights, self.hidden
        state, steps = np.zeros((len(c), h)), []
        for t in range(CONTEXT):
            x = c[:, t] @ p["wx"] + p["bx"]
            z = sigmoid(x[:, :h] + state @ p["wh"][:, :h])
            r = sigmoid(x[:, h : 2 * h] + state @ p["wh"][:, h : 2 * h])
            n = np.tanh(x[:, 2 * h :] + (r * state) @ p["wh"][:, 2 * h :])
            steps.append((state, z, r, n))
            state = (1 - z) * n + z * state
        y, norm = unit(np.einsum("i,nid->nd", p["mix"], c) + state @ p["w"] + p["b"])
        return y, (c, steps, state, y, norm)

    def backward(self, grad, cache):
        c, steps, last, y, norm = cache
        p, h = self.weights, self.hidden
        g = unit_backward(grad, y, norm)
        out = {k: np.zeros_like(v) for k, v in p.items()}
        out["mix"], out["w"], out["b"] = np.einsum("nd,nid->i", g, c), last.T @ g, g.sum(0)
        ds = g @ p["w"].T
        for t in reversed(range(CONTEXT)):
            s, z, r, n = steps[t]
            dn = ds * (1 - z) * (1 - n**2)
            dz = ds * (s - n) * z * (1 - z)
            drs = dn @ p["wh"][:, 2 * h :].T
            dr = drs * s * r * (1 - r)
            dx = np.concatenate([dz, dr, dn], 1)
            out["wx"] += c[:, t].T @ dx
            out["bx"] += dx.sum(0)
            out["wh"][:, : 2 * h] += s.T @ dx[:, : 2 * h]
            out["wh"][:, 2 * h :] += (r * s).T @ dn
            ds = ds * z + drs * r + dx[:, : 2 * h] @ p["wh"][:, : 2 * h].T
        return out


def gradient(model, vectors, batch, columns):
    """Mean cross-entropy of the next chunk among all `columns`; the context's own chunks are left out, as in search."""
    y, cache = model.forward(vectors[batch[:, :CONTEXT]])
    logits = y @ vectors[columns].T / TEMPERATURE
    place = {row: i for i, row in enumerate(columns)}
    where = np.array([[place[row] for row in line] for line in batch])
    np.put_along_axis(logits, where[:, :CONTEXT], -1e9, 1)
    logits -= logits.max(1, keepdims=True)
    share = np.exp(logits)
    share /= share.sum(1, keepdims=True)
    at = np.arange(len(batch)), where[:, CONTEXT]
    loss = -np.log(share[at] + 1e-12).mean()
    share[at] -= 1
    return loss, model.backward(share @ vectors[columns] / TEMPERATURE / len(batch), cache)


def train(model, vectors, queries, rng, epochs, rate=1e-3, batch_size=64):
    columns = np.unique(queries)
    first = {k: np.zeros_like(v) for k, v in model.weights.items()}
    second = {k: np.zeros_like(v) for k, v in model.weights.items()}
    step = 0
    for epoch in range(epochs):
        order, losses = rng.permutation(len(queries)), []
        for begin in range(0, len(order), batch_size):
            loss, grads = gradient(model, vectors, queries[order[begin : begin + batch_size]], columns)
            losses.append(loss)
            step += 1
            for name, value in model.weights.items():
                grad = grads[name] + SHRINK * value
                first[name] = 0.9 * first[name] + 0.1 * grad
                second[name] = 0.999 * second[name] + 0.001 * grad**2
                m, v = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
                value -= rate * m / (np.sqrt(v) + 1e-8)
        print(f"{type(model).__name__} epoch {epoch + 1} of {epochs}: loss {np.mean(losses):.4f}", flush=True)


def main():
    vectors_file, queries_file, seed, out = sys.argv[1:]
    vectors, queries = np.load(vectors_file).astype(np.float64), np.load(queries_file).astype(np.int64)
    rng = np.random.default_rng(int(seed))
    models = {"amn": Amn(vectors.shape[1], rng), "gru": Gru(vectors.shape[1], rng)}
    for name, model in models.items():
        train(model, vectors, queries, rng, EPOCHS)
        for key, value in model.weights.items():
            np.save(f"{out}/{name}.{key}.npy", value.astype("<f4"))


if __name__ == "__main__":
    main()
