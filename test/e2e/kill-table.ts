import type { Kill } from './kills.ts';
import { PROCESSES } from './kills.ts';

/** The kills as markdown: process x stage -> how it ended, what users saw, how long it took. */
export function killTable(kills: readonly Kill[], command: string): string {
  const worker = kills.filter(({ process }) => process === 'worker').length;
  const rows = PROCESSES.flatMap((process) =>
    stagesOf(kills).flatMap((stage) => {
      const here = kills.filter((kill) => kill.process === process && kill.stage === stage);
      return here.length === 0 ? [] : [row(process, stage, here)];
    }),
  );
  return [
    '# Processes killed at random moments',
    '',
    `${kills.length} times kill -9, ${worker} of them of the worker, in compressed rollouts (\`test/fixtures/plans/compressed.yaml\`) of a good`,
    'and of a bad release (`bad-ids`) on the real stack, with 80 requests a second. The good one has to be shipped, the bad one rolled',
    'back and verified; where the candidate was killed in the same rollout, it may be rolled back whatever else was, and where the gateway was',
    'before T0, the pre-flight may refuse it. The outcome stands beside each',
    'kill of its rollout; `held` counts those of rollouts that a person had to `resume`. Without the gateway there is no service.',
    'Written by',
    '',
    '```',
    command,
    '```',
    '',
    '| process | killed in stage | kills | outcome of the good release | of the bad one | held | errors that users saw | slowest back (s) | slowest to safe (s) |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function row(process: string, stage: string, kills: readonly Kill[]): string {
  const outcomes = (release: Kill['release']) =>
    counted(kills.flatMap((kill) => (kill.release === release ? [endOf(kill)] : [])));
  const cells = [
    process,
    stage,
    kills.length,
    outcomes('good'),
    outcomes('bad'),
    kills.filter(({ held }) => held.length > 0).length,
    kills.reduce((sum, { userErrors }) => sum + userErrors, 0),
    slowest(kills.map(({ backAfterMs }) => backAfterMs)),
    slowest(kills.flatMap(({ safeAfterMs }) => safeAfterMs ?? [])),
  ];
  return `| ${cells.join(' | ')} |`;
}

function endOf({ outcome, release, candidateKilled }: Kill): string {
  const excused = release === 'good' && outcome !== 'shipped' && candidateKilled;
  return `${outcome ?? 'none'}${excused ? ' (candidate killed too)' : ''}`;
}

function counted(words: readonly string[]): string {
  return [...new Set(words)]
    .toSorted()
    .map((word) => `${words.filter((other) => other === word).length} ${word}`)
    .join(', ');
}

function slowest(times: readonly number[]): string {
  return times.length === 0 ? '' : (Math.max(...times) / 1000).toFixed(1);
}

/** In the order of a rollout. */
function stagesOf(kills: readonly Kill[]): string[] {
  const order = ['before T0', 'canary-10', 'ramp-50', 'full-100', 'rolling back', 'unknown'];
  return [...new Set(kills.map(({ stage }) => stage))].toSorted(
    (a, b) => order.indexOf(a) - order.indexOf(b),
  );
}
