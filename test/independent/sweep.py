"""What Python's faiss finds in an nprobe sweep: sweep.py IVF FLAT QUERIES.npy NPROBE... prints, as JSON, for each nprobe
how many of FLAT's ten each query found."""
import json
import sys

import faiss
import numpy as np

K = 10
ivf_file, flat_file, queries_file, *nprobes = sys.argv[1:]
ivf, flat = faiss.read_index(ivf_file), faiss.read_index(flat_file)
queries = np.load(queries_file)
truth = flat.search(queries, K)[1]
found = {}
for nprobe in nprobes:
    ivf.nprobe = int(nprobe)
    found[nprobe] = [len(set(a) & set(b)) for a, b in zip(truth.tolist(), ivf.search(queries, K)[1].tolist())]
print(json.dumps(found))
