import { createServer } from 'node:http';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createExperiment } from '../../../activities/experiment/experiment.ts';
import type { Arms } from '../../../domain/experiment/analysis.ts';
import type { ExperimentReport } from '../../../domain/experiment/report.ts';
import { effectsOf } from '../../../domain/experiment/report.ts';

const NONE = Array.from({ length: 11 }, () => 0);
const ARMS: Arms = {
  on: { requests: 9000, errors: 1, ranks: NONE.with(0, 600).with(10, 300), keys: 900 },
  off: { requests: 1000, errors: 0, ranks: NONE.with(0, 50).with(10, 50), keys: 100 },
};
const DESIGN = { metric: 'mrr', detect: 0.03, offPercent: 10, units: 40_000 } as const;
const REPORT: ExperimentReport = {
  name: 'reranker-12345678',
  run: 'rerankerExperiment/retriever/1',
  release: 'retriever_v0',
  input: {
    service: 'retriever',
    name: 'reranker',
    offPercent: 10,
    metric: 'mrr',
    detectPoints: 3,
    maxHours: 168,
    lookMinutes: 10,
  },
  design: DESIGN,
  outcome: 'stopped',
  recommendation: 'undecided',
  why: { code: 'stopped', signal: 'stop' },
  reason: 'signal stop',
  startedMs: 0,
  endedMs: 3_600_000,
  arms: ARMS,
  effects: effectsOf(DESIGN, ARMS),
  splitP: 1,
  restarts: 0,
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'experiment-'));
});
afterAll(() => rm(folder, { recursive: true }));

const activitiesOf = (gatewayUrl: string) =>
  createExperiment({ service: 'retriever', gatewayUrl, artifactsDir: folder });

it('writes the report for programs and for people, and again is the same', async () => {
  const { writeExperimentReport } = activitiesOf('http://127.0.0.1:1');
  const { files } = await writeExperimentReport(REPORT);
  const [json = '', markdown = ''] = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  expect(JSON.parse(json)).toEqual(REPORT);
  expect(markdown).toContain('# Reranker experiment reranker-12345678: undecided');
  expect(markdown).toContain('| without | 1000 | 0 | 100 | 100 |');
  expect(markdown).toMatch(
    /- mrr by 16\.7 points \(.* points to .* points\): 0\.667 with it, 0\.500 without/,
  );
  await writeExperimentReport(REPORT);
  expect((await readdir(join(folder, 'experiments'))).toSorted()).toEqual([
    'reranker-12345678.json',
    'reranker-12345678.md',
  ]);
});

it.each([
  ['nobody answers', null, /no metrics from the gateway/],
  ['the answer is an error', [500, ''], /answered 500/],
  ['the process start is not there', [200, 'gateway_epoch 1\n'], /process_start_time_seconds is not there/],
  [
    'a counter is not a number',
    [
      200,
      'process_start_time_seconds 1\ngateway_uptime_seconds 1\ngateway_epoch 1\ngateway_arm_requests_total{arm="on",outcome="ok"} NaN\n',
    ],
    /gateway_arm_requests_total is not a finite number/,
  ],
] as const)('does not know the arms when %s', async (_, answer, reason) => {
  const [status, text] = answer ?? [0, ''];
  const server = createServer((_request, response) => response.writeHead(status).end(text));
  if (answer !== null) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 1;
  const reading = await activitiesOf(`http://127.0.0.1:${port}`).readArms();
  server.close();
  expect(reading).toEqual({ kind: 'missing', reason: expect.stringMatching(reason) });
});
