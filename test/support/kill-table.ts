import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../../platform/node-command.ts';
import type { Kill } from './kills.ts';
import { PROCESSES } from './kills.ts';

/** Where the table goes; absent: nothing is written. It holds all that was ever recorded. */
export const TABLE = process.env['KILL_TABLE'];
const KILLS_FILE = join(ROOT, '.data/kills.jsonl');
const PHASES_FILE = join(ROOT, '.data/kill-phases.jsonl');

/** A rollback that was asked for as the worker was killed: times from the kill on. */
interface KilledPhase {
  readonly phase: string;
  readonly safeMs: number;
  /** Until the worker runs again. */
  readonly startMs: number;
}

/** Kept as soon as it is known: a run that is cut short loses nothing. */
export function recordKills(kills: readonly Kill[]): void {
  keep(KILLS_FILE, kills);
}

/** The same for one phase, which is printed in any case. */
export function recordPhase(killed: KilledPhase): void {
  console.info(`killed in ${killed.phase}: ${phaseCells(killed).join(' s, ')}`);
  keep(PHASES_FILE, [killed]);
}

function keep(file: string, records: readonly object[]): void {
  if (TABLE === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const command = `KILL_TABLE=${TABLE} npx vitest run test/e2e/random-kills.test.ts test/e2e/kill-phases.test.ts`;
  const text = [...killTable(read<Kill>(KILLS_FILE), command), ...phaseTable(read<KilledPhase>(PHASES_FILE))];
  writeFileSync(join(ROOT, TABLE), `${text.join('\n')}\n`);
}

function read<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}

/** The slowest of each phase, in the order in which a rollout has them. */
function phaseTable(killed: readonly KilledPhase[]): string[] {
  if (killed.length === 0) return [];
  const names = [...new Set(killed.map(({ phase }) => phase))];
  const rows = names.map((name) => {
    const [worst] = killed.filter(({ phase }) => phase === name).toSorted((a, b) => net(b) - net(a));
    return worst === undefined ? '' : `| ${name} | ${phaseCells(worst).join(' | ')} |`;
  });
  return [
    '',
    '## A rollback asked for as the worker is killed',
    '',
    'The signal `rollback` is sent at the moment of the kill, and the worker is started again at once. Safe: the gateway has the',
    "candidate's share at 0, or before T0 the rollout has ended. The slowest of each phase, by what is left without the worker's start.",
    '',
    '| killed in phase | to safe (s) | worker runs again (s) | without its start (s) |',
    '| --- | --- | --- | --- |',
    ...rows,
  ];
}

const net = ({ safeMs, startMs }: KilledPhase) => Math.max(0, safeMs - startMs);

function phaseCells(killed: KilledPhase): string[] {
  return [killed.safeMs, killed.startMs, net(killed)].map((ms) => (ms / 1000).toFixed(1));
}

/** The kills as markdown: process x stage -> how it ended, what users saw, how long it took. */
function killTable(kills: readonly Kill[], command: string): string[] {
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
  ];
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
