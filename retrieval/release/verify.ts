import { join } from 'node:path';
import { loadEvaluationSet, loadHits, loadProbes } from '../evaluation/set.ts';
import { readChecksums, sha256Of } from './checksums.ts';
import type { ReleaseManifest } from './manifest.ts';
import { readText } from '../../platform/text/utf8.ts';
import { readManifest, RELEASE_FILES, ReleaseError } from './manifest.ts';
import { openReleaseIndex, openServingParts } from './parts.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

export interface ReleaseProblem {
  readonly file: string;
  readonly reason: string;
}

export interface ReleaseVerification {
  readonly ok: boolean;
  readonly problems: readonly ReleaseProblem[];
  /** Null where manifest.json itself is missing or wrong. */
  readonly manifest: ReleaseManifest | null;
}

/**
 * Whether a release's files are all there, unchanged, readable and of one size: checksums, dimensions, row counts,
 * JSON. All problems with the files at once; what they hold is looked at only where the checksums are right.
 */
export async function verifyRelease(dir: string): Promise<ReleaseVerification> {
  let manifest: ReleaseManifest;
  try {
    manifest = await readManifest(dir);
  } catch (error) {
    return { ok: false, problems: [problemOf(error)], manifest: null };
  }
  let problems = await fileProblems(dir, manifest);
  if (problems.length === 0) problems = await contentProblems(dir, manifest);
  return { ok: problems.length === 0, problems, manifest };
}

/** Files that are missing, changed or unknown to manifest.json or checksums.txt. */
export async function fileProblems(dir: string, manifest: ReleaseManifest): Promise<ReleaseProblem[]> {
  const listed = await readChecksums(dir).catch(() => null);
  if (!listed) return [{ file: 'checksums.txt', reason: 'is missing' }];
  const problems: ReleaseProblem[] = [];
  for (const file of new Set([...RELEASE_FILES, ...Object.keys(manifest.files)])) {
    const expected = manifest.files[file];
    const found = await sha256Of(join(dir, file)).catch(() => null);
    if (found === null) problems.push({ file, reason: 'is missing' });
    else if (expected === undefined) problems.push({ file, reason: 'is not listed in manifest.json' });
    else if (found !== expected)
      problems.push({
        file,
        reason: `has sha256 ${found.slice(0, 12)}…, manifest.json says ${expected.slice(0, 12)}…`,
      });
    else if (listed[file] !== expected)
      problems.push({ file: 'checksums.txt', reason: `does not agree with manifest.json on ${file}` });
  }
  if (listed['manifest.json'] !== (await sha256Of(join(dir, 'manifest.json'))))
    problems.push({ file: 'manifest.json', reason: 'is not the one that checksums.txt lists' });
  return problems;
}

async function contentProblems(dir: string, manifest: ReleaseManifest): Promise<ReleaseProblem[]> {
  const checks = [
    async () => (await openServingParts(dir, manifest)).close(),
    async () => (await openReleaseIndex(dir, 'p_flat_ip.faiss', manifest)).close(),
    () => checkEvaluation(dir, manifest),
    () => loadHits(dir, 'hits_plain.jsonl'),
    () => loadHits(dir, 'hits_reranked.jsonl'),
    () => checkNames(dir, manifest),
  ];
  const problems: ReleaseProblem[] = [];
  for (const check of checks) {
    try {
      await check();
    } catch (error) {
      problems.push(problemOf(error));
    }
  }
  return problems;
}

async function checkEvaluation(dir: string, manifest: ReleaseManifest): Promise<void> {
  const { dimension } = await loadEvaluationSet(dir);
  if (dimension !== manifest.dimension)
    throw new ReleaseError(
      'eval_queries.npy',
      `has dimension ${dimension}, manifest.json says ${manifest.dimension}`,
    );
  await loadProbes(dir);
}

async function checkNames(dir: string, { version }: ReleaseManifest): Promise<void> {
  const metrics: unknown = JSON.parse(await readText(join(dir, 'metrics.json')));
  const release =
    metrics !== null && typeof metrics === 'object' && 'release' in metrics ? metrics.release : null;
  if (release !== version)
    throw new ReleaseError('metrics.json', `is of release ${String(release)}, manifest.json of ${version}`);
  const [named] = (await readText(join(dir, 'VERSION'))).split(/\r?\n/);
  if (named !== version) throw new ReleaseError('VERSION', `names ${named}, manifest.json ${version}`);
}

function problemOf(error: unknown): ReleaseProblem {
  if (error instanceof ReleaseError) return { file: error.file, reason: error.reason };
  return { file: 'manifest.json', reason: errorMessage(error) };
}
