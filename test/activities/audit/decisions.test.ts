import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDecisions } from '../../../activities/audit/decisions.ts';
import type { DecisionLine } from '../../../domain/audit/hash-chain.ts';
import { chainProblem } from '../../../domain/audit/hash-chain.ts';
import type { DecisionRecord } from '../../../domain/rollout/decision-record.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'decisions-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = () => join(folder, 'decisions/r-2.jsonl');
const lines = (): DecisionLine[] =>
  readFileSync(file(), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

function record(number: number, reason = 'all rows pass', runId = 'run'): DecisionRecord {
  return {
    workflowId: 'rollout/retriever',
    runId,
    number,
    candidate: 'r-2',
    plan: { name: 'demo', digest: 'd' },
    atMs: number,
    stage: 'canary-5',
    percent: 5,
    kind: 'verdict',
    who: 'judge',
    verdict: 'pass',
    reason,
    action: 'waits for the next raise',
    gate: null,
  };
}

describe('decision records', () => {
  it('[D2] are appended once each, however often the call comes, and chained over runs and workers', async () => {
    const one = createDecisions(folder);
    await one.record({ candidate: 'r-2', records: [record(1)] });
    await Promise.all([
      one.record({ candidate: 'r-2', records: [record(1), record(2)] }),
      one.record({ candidate: 'r-2', records: [record(2), record(3)] }),
    ]);
    // Another worker, another run of the same release.
    await createDecisions(folder).record({ candidate: 'r-2', records: [record(1, 'again', 'second')] });
    expect(lines().map(({ record: { runId, number } }) => `${runId}/${number}`)).toEqual([
      'run/1',
      'run/2',
      'run/3',
      'second/1',
    ]);
    expect(chainProblem(lines(), sha256)).toBeNull();
  });

  it('survive a worker that died within a line: the half is cut off, and the call that comes again writes it whole', async () => {
    await createDecisions(folder).record({ candidate: 'r-2', records: [record(1)] });
    appendFileSync(file(), '{"prev":"0000","hash":"12');
    await createDecisions(folder).record({ candidate: 'r-2', records: [record(2)] });
    expect(lines()).toHaveLength(2);
    expect(chainProblem(lines(), sha256)).toBeNull();
  });

  it.each([
    ['a changed reason', (all: string[]) => all.map((line) => line.replace('all rows', 'no rows')), /line 1/],
    ['a line less', (all: string[]) => all.toSpliced(1, 1), /line 2 does not follow/],
    ['two lines exchanged', ([a = '', b = '', c = '']: string[]) => [b, a, c], /line 1 does not follow/],
  ])('show %s', async (_what, change, says) => {
    const records = [1, 2, 3].map((number) => record(number));
    await createDecisions(folder).record({ candidate: 'r-2', records });
    const written = readFileSync(file(), 'utf8').split('\n').slice(0, -1);
    writeFileSync(file(), `${change(written).join('\n')}\n`);
    expect(chainProblem(lines(), sha256)).toMatch(says);
  });
});
