"""What Python's faiss finds in an nprobe sweep: sweep.py IVF FLAT QUERIES.npy N NPROBE... prints, as JSON, for each nprobe
how many of FLAT's ten each query found. Queries are n x d, or contexts n x 5 x d of which the last chunk asks; N of them
are taken, evenly over the file."""
import json
import sys

import faiss
import numpy as np

K = 10
ivf_file, flat_file, queries_file, most, *nprobes = sys.argv[1:]
ivf, flat = faiss.read_index(ivf_file), faiss.read_index(flat_file)
queries = np.load(queries_file)
if queries.ndim == 3:
    queries = queries[:, -1, :]
count = min(int(most), len(queries))
queries = np.ascontiguousarray(queries[[i * len(queries) // count for i in range(count)]])
truth = flat.search(queries, K)[1]
found = {}
for nprobe in nprobes:
    ivf.nprobe = int(nprobe)
    found[nprobe] = [len(set(a) & set(b)) for a, b in zip(truth.tolist(), ivf.search(queries, K)[1].tolist())]
print(json.dumps(found))
