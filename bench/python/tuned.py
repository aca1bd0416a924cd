"""The tuned service: bytes of the body parsed without a model class, orjson both ways, binary bodies as well."""
import corpus
import numpy
import orjson
from fastapi import FastAPI, Request, Response

app = FastAPI()
version = corpus.manifest["version"]


@app.get("/health")
async def health() -> dict[str, str]:
    return {"version": version}


@app.post("/search")
async def search(request: Request) -> Response:
    body = await request.body()
    if request.headers.get("content-type") == "application/octet-stream":
        vector = numpy.frombuffer(body, dtype="<f4")
        k = int(request.query_params.get("k", 10))
    else:
        query = orjson.loads(body)
        vector = numpy.array(query["vector"], dtype="float32")
        k = query.get("k", 10)
    if vector.shape != (corpus.index.d,) or not 1 <= k <= 50:
        return Response(status_code=400)
    norm = numpy.linalg.norm(vector)
    scores, rows = corpus.index.search((vector / norm)[None], k)
    results = [
        {"id": corpus.ids[row], "score": score, "article": corpus.articles[row]}
        for row, score in zip(rows[0].tolist(), scores[0].tolist())
    ]
    return Response(orjson.dumps({"release": version, "results": results}), media_type="application/json")


print('{"event":"ready"}', flush=True)
