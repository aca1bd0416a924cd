"""Reproduces a release's metrics.json from its files with other tools than ours: evaluate.py RELEASE_DIR

Reads both indexes with Python's faiss and the models with onnxruntime, asks every labelled query again, and compares
all shares with metrics.json; also how far IVF at the release's nprobe agrees with FLAT. Prints JSON; ends with 1 where
something differs. Sums of floats end differently in another BLAS, so a score is known to within TIE: each query's rank
is then known to within the results that score as much, and each share to within what those ranks allow. What
metrics.json claims has to lie there, exactly.
"""
import json
import sys
from pathlib import Path

import faiss
import numpy as np
import onnxruntime as ort

DEPTH = 50
CUTS = (1, 3, 5, 10, 20, 50)
# Differences of scores that are no difference: of cosines, of the reranker's outputs, and of shares in JSON.
TIE, RERANKED_TIE, SHARE_TIE = 2e-6, 2e-5, 1e-9
# A result behind the last candidate may be the last one: so many more are looked at.
MORE = 10
LEAST_OVERLAP = 0.95
SAME_CHUNK = 1 - 1e-5


def session(file):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(file), options)


def run(model, x):
    return model.run(None, {model.get_inputs()[0].name: x.astype(np.float32)})[0]


def json_lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


class Release:
    def __init__(self, folder):
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.metrics = json.loads((folder / "metrics.json").read_text())
        self.ids = [line["id"] for line in json_lines(folder / "corpus.jsonl")]
        self.flat = faiss.read_index(str(folder / "p_flat_ip.faiss"))
        self.ivf = faiss.read_index(str(folder / "p_ivf.faiss"))
        self.nprobe_in_file = self.ivf.nprobe
        self.ivf.nprobe = self.manifest["flags"]["nprobe"]
        self.rows = self.flat.reconstruct_n(0, self.flat.ntotal)
        self.queries = json_lines(folder / "eval_queries.jsonl")
        self.context = np.load(folder / "eval_queries.npy")
        self.reranker = session(folder / "reranker.onnx")
        self.predictor = session(folder / f"{self.manifest['flags']['impl']}.onnx")

    def candidates(self, i, vector):
        """Rows and cosines of the best 50 and a few more that are neither excluded nor in the context."""
        exclude, context = set(self.queries[i]["exclude"]), self.context[i]
        scores, rows = self.ivf.search(vector[None], DEPTH + MORE + len(exclude) + len(context))
        kept = [
            (row, score)
            for row, score in zip(rows[0], scores[0])
            if row >= 0 and self.ids[row] not in exclude and (self.rows[row] @ context.T).max() < SAME_CHUNK
        ][: DEPTH + MORE]
        return np.array([row for row, _ in kept]), np.array([score for _, score in kept])

    def reranked(self, i, rows, cosines):
        """The reranker's outputs for the best 50, beside their rows."""
        rows, cosines = rows[:DEPTH], cosines[:DEPTH]
        vectors = self.rows[rows]
        centre = unit(vectors.mean(0))
        features = np.stack(
            [cosines, cosines[0] - cosines, vectors @ self.context[i].mean(0), 1 - vectors @ centre], axis=1
        )
        return rows, run(self.reranker, features)[:, 0]

    def ranks(self, i, rows, scores, tie):
        """Best and worst rank that the wanted chunk can have, given that scores are known to within the tie; None: not found."""
        at = [n for n, row in enumerate(rows) if self.ids[row] == self.queries[i]["gold_id"]]
        if not at:
            return None, None
        mine = scores[at[0]]
        best = 1 + int((scores > mine + tie).sum())
        worst = int((scores >= mine - tie).sum())
        return (best if best <= DEPTH else None), (worst if worst <= DEPTH else None)


def shares(ranks):
    n = len(ranks)
    out = {f"R_at_{cut}": sum(r is not None and r <= cut for r in ranks) / n for cut in CUTS}
    out["MRR"] = sum(1 / r for r in ranks if r) / n
    out["Contain_at_50"] = out["R_at_50"]
    return out


def evaluate(release):
    predicted = np.concatenate([run(release.predictor, c[None]) for c in release.context])
    ranks = {"plain": [], "reranked": [], "last_chunk": [], "mean": []}
    hits = [0, 0]
    for i in range(len(release.queries)):
        rows, cosines = release.candidates(i, predicted[i])
        tau = release.manifest["tau"]
        hits = [hits[0] + (cosines[0] >= tau + TIE), hits[1] + (cosines[0] >= tau - TIE)]
        ranks["plain"].append(release.ranks(i, rows, cosines, TIE))
        # Which chunk is the fiftieth candidate may be a tie as well; then the plain ranks say so, and this one is left open.
        best, worst = release.ranks(i, *release.reranked(i, rows, cosines), RERANKED_TIE)
        edge = len(cosines) > DEPTH and cosines[DEPTH - 1] - cosines[DEPTH] < TIE
        ranks["reranked"].append((1, None) if edge else (best, worst))
        for name, vector in (("last_chunk", release.context[i][-1]), ("mean", unit(release.context[i].sum(0)))):
            ranks[name].append(release.ranks(i, *release.candidates(i, vector), TIE))
    low = {name: shares([worst for _, worst in values]) for name, values in ranks.items()}
    high = {name: shares([best for best, _ in values]) for name, values in ranks.items()}
    for found in (low, high):
        found["served"] = found["reranked" if release.manifest["flags"]["reranker"] == "on" else "plain"]
    queries = len(release.queries)
    return low, high, [count / queries for count in hits]


def main():
    release = Release(Path(sys.argv[1]))
    low, high, expected = evaluate(release)
    claimed = {**release.metrics, "served": release.metrics}
    problems = [
        f"{section}.{name}: metrics.json says {claimed[section][name]:.4f}, found {value:.4f} to {high[section][name]:.4f}"
        for section, values in low.items()
        for name, value in values.items()
        if not value - SHARE_TIE <= claimed[section][name] <= high[section][name] + SHARE_TIE
    ]
    if not expected[0] - SHARE_TIE <= release.metrics["expectedShare"] <= expected[1] + SHARE_TIE:
        problems.append(f"expectedShare: metrics.json says {release.metrics['expectedShare']}, found {expected}")
    last = np.ascontiguousarray(release.context[:100, -1])
    truth, served = release.flat.search(last, 10)[1], release.ivf.search(last, 10)[1]
    overlap = float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(truth, served)]))
    if overlap < LEAST_OVERLAP:
        problems.append(f"overlap@10 of IVF and FLAT is {overlap}")
    if release.nprobe_in_file != release.manifest["flags"]["nprobe"]:
        problems.append(f"p_ivf.faiss has nprobe {release.nprobe_in_file}")
    # How much the ties leave open: near 0, or this proves little.
    spread = max(high[section][name] - value for section, values in low.items() for name, value in values.items())
    numbers = {"queries": len(release.queries), "overlap": overlap, "spread": spread, "expectedShare": expected, **low}
    print(json.dumps({"problems": problems, "numbers": numbers}))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
