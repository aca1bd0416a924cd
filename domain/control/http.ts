import type { Flags, LaneStatus } from './state.ts';
import type { AnyLane } from './state.ts';

/**
 * JSON body of `POST /search`: exactly one of `text`, `vector` (d numbers), `vector_b64` or `context` (5 texts or 5
 * vectors). A body of `application/octet-stream` is a vector, or a context with `?kind=context`, as little-endian
 * float32; it takes `k` and `explain` from the address.
 */
export interface SearchRequest {
  readonly text?: string;
  readonly vector?: readonly number[];
  /** d little-endian float32 as base64: a fifth of the time that parsing their digits takes. */
  readonly vector_b64?: string;
  readonly context?: readonly string[] | readonly (readonly number[])[];
  /** 1..50, default 10. */
  readonly k?: number;
  /** Up to 100 chunk ids to leave out of the results. */
  readonly exclude?: readonly string[];
  readonly explain?: boolean;
  /** Answers from the release's own corpus, without what was ingested since: as its probes were made. */
  readonly asBuilt?: boolean;
}

export interface SearchResult {
  readonly id: string;
  /** Cosine of query and chunk, also after reranking (the order is the reranker's). */
  readonly score: number;
  readonly article: string;
  /** With `explain`. */
  readonly text?: string;
  /** With `explain`, for the first five. */
  readonly why?: Explanation;
}

/** A query's candidates by id, best first. */
export interface Orders {
  /** By cosine. */
  readonly plain: readonly string[];
  /** Null where nothing was reranked. */
  readonly reranked: readonly string[] | null;
}

/** Why a result is where it is: what the reranker knows of it, which are all its features. */
export interface Explanation {
  readonly cosine: number;
  /** Cosine of the best candidate minus this one's. */
  readonly margin: number;
  /** Mean cosine with the context's chunks; null for a query without context. */
  readonly articleContext: number | null;
  /** One minus the cosine with the centre of all candidates. */
  readonly diversity: number;
  /** What the reranker made of these; null where it did not run. */
  readonly rerankScore: number | null;
  /** Place by cosine alone, from 1. */
  readonly rankBefore: number;
}

export interface SearchResponse {
  readonly requestId: string;
  readonly release: string;
  readonly lane: AnyLane;
  readonly results: readonly SearchResult[];
  /** Milliseconds; a step that did not run is null. */
  readonly timings: StepTimings;
}

export interface StepTimings {
  readonly encodeMs: number | null;
  readonly predictMs: number | null;
  readonly searchMs: number;
  readonly rerankMs: number | null;
}

/** RFC 9457 problem document, `application/problem+json`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The field that is wrong, where there is one. */
  readonly field?: string;
}

export interface PartHealth {
  readonly ok: boolean;
  readonly lastOkMs: number | null;
}

/** `GET /health`. `version` is stable's release below 100 %, the candidate's at 100 %. */
export interface Health {
  readonly version: string;
  readonly releases: { readonly stable: string; readonly candidate: string | null };
  readonly percent: number;
  readonly flags: { readonly stable: Flags; readonly candidate: Flags | null };
  readonly lanes: { readonly [lane in AnyLane]: LaneStatus['state'] | null };
  readonly ingest: PartHealth;
  readonly encode: PartHealth;
  readonly search: PartHealth;
  readonly rerank: PartHealth;
  /** The control state: not ok while what is in force is not on disk. */
  readonly state: PartHealth;
  /** The epoch's holder: not ok while a candidate has users and nobody was seen to watch it. */
  readonly holder: PartHealth;
}

/**
 * Headers between gateway and lane. The gateway holds the flags and passes them with each request, so a lane keeps
 * no state that could differ; the lane answers with what the gateway counts, so no body is parsed on the way.
 */
export const LANE_HEADERS = {
  /** to the lane, and to the control listener's search in place of the lane's own: `impl=amn_v0;reranker=on;nprobe=8` */
  flags: 'x-lane-flags',
  /** to the lane: the name it serves under, for the answer's `lane` */
  lane: 'x-lane',
  requestId: 'x-request-id',
  /** sticky key of the user; the gateway draws one where it is absent and returns it */
  requestKey: 'x-request-key',
  /** from the lane: text | vector | context */
  kind: 'x-kind',
  release: 'x-release',
  /**
   * from the lane, RFC-style: `encode;dur=2.1, model;dur=2.1, predict;dur=0.2, search;dur=0.4, rerank;dur=0.3` (ms); `model` is encoding
   * where a text was not in the cache
   */
  timing: 'server-timing',
  /** to the user, while an experiment runs: `<experiment>/on`, or `off` */
  arm: 'x-arm',
  /** from the lane: hit | miss, whether a result has cosine >= the release's tau */
  quality: 'x-quality',
  /** from the lane: yes | no, whether reranking changed rank 1; absent while it is off */
  rank1Changed: 'x-rank1-changed',
  /** to the lane: milliseconds from now after which nobody waits for the answer any more */
  timeout: 'x-timeout-ms',
  /** to the lane: any value asks for the candidates' ids in both orders, in the body's `orders` */
  sample: 'x-sample',
  /** from a prober with its token, and on to the lane: any value keeps the request out of everything that gates judge */
  synthetic: 'x-synthetic',
} as const;

/** `impl=amn_v0;reranker=on;nprobe=8` */
export function formatFlags(flags: Flags): string {
  return `impl=${flags.impl};reranker=${flags.reranker};nprobe=${flags.nprobe}`;
}

/** The flags of such a text; null where it is none. */
export function parseFlags(text: string): Flags | null {
  const match = /^impl=(amn_v0|gru_v0);reranker=(on|off);nprobe=(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) === 0) return null;
  const [, impl, reranker, nprobe] = match;
  return {
    impl: impl === 'gru_v0' ? 'gru_v0' : 'amn_v0',
    reranker: reranker === 'on' ? 'on' : 'off',
    nprobe: Number(nprobe),
  };
}
