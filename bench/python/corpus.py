"""What both Python services serve: the release's index with its chunks' ids, one thread of FAISS for a worker."""
import json
import os
from pathlib import Path

import faiss

release = Path(os.environ["RELEASE_DIR"])
manifest = json.loads((release / "manifest.json").read_text())
faiss.omp_set_num_threads(1)
index = faiss.read_index(str(release / "p_ivf.faiss"))
index.nprobe = manifest["flags"]["nprobe"]

ids = []
articles = []
with open(release / "corpus.jsonl") as lines:
    for line in lines:
        chunk = json.loads(line)
        ids.append(chunk["id"])
        articles.append(chunk["article"])
