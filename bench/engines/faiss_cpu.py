"""faiss-cpu of PyPI, as a Python service would call it; one thread."""
import json
import sys
import time

import faiss
import numpy

faiss.omp_set_num_threads(1)
indexes = {}

for line in sys.stdin:
    task = json.loads(line)
    if task["index"] not in indexes:
        indexes[task["index"]] = faiss.read_index(task["index"])
    index = indexes[task["index"]]
    if hasattr(index, "nprobe"):
        index.nprobe = task["nprobe"]
    queries = numpy.load(task["queries"])
    width = len(queries) if task["batch"] else 1
    answer = {"microseconds": [], "ids": [], "scores": []}
    for start in range(0, len(queries), width):
        query = queries[start : start + width]
        started = time.perf_counter()
        scores, ids = index.search(query, task["k"])
        answer["microseconds"].append((time.perf_counter() - started) * 1e6)
        answer["ids"] += ids.ravel().tolist()
        answer["scores"] += scores.ravel().tolist()
    print(json.dumps(answer), flush=True)
