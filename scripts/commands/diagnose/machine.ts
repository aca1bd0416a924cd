import { readFile, stat, statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import type { Finding } from './finding.ts';
import { note, ok, skipped, wordsOf, wrong } from './finding.ts';

const GB = 1024 ** 3;
/** Less than this share of a disk, or so much, is too little for another release and its logs. */
const FREE_SHARE = 0.05;
const FREE_BYTES = 1 * GB;
const FREE_MEMORY_SHARE = 0.1;
/** Each lane replays the log at its start. */
const LONG_LOG_BYTES = 0.5 * GB;

export interface Places {
  readonly artifactsDir: string;
  readonly dataDir: string;
  readonly ingestLog: string;
}

/** Disk, memory and the log that only grows. */
export async function machineFindings({ artifactsDir, dataDir, ingestLog }: Places): Promise<Finding[]> {
  return [
    await diskFinding(artifactsDir),
    await diskFinding(dataDir),
    await logFinding(ingestLog),
    memoryFinding(await availableBytes()),
  ];
}

async function diskFinding(folder: string): Promise<Finding> {
  const part = `disk ${folder}`;
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    const [free, all] = [bavail * bsize, blocks * bsize];
    const says = `${(free / GB).toFixed(1)} of ${(all / GB).toFixed(0)} GB are free`;
    return free < FREE_BYTES || free < FREE_SHARE * all
      ? wrong(
          part,
          says,
          'a full disk stops ingest, state and decision records: remove old logs and releases, never the last two',
        )
      : ok(part, says);
  } catch (error) {
    const there = (error as NodeJS.ErrnoException).code !== 'ENOENT';
    return skipped(part, there ? wordsOf(error) : 'there is no such folder yet');
  }
}

async function logFinding(file: string): Promise<Finding> {
  const part = 'ingest log';
  const size = await stat(file).then(
    ({ size: bytes }) => bytes,
    () => null,
  );
  if (size === null) return skipped(part, `there is no ${file}`);
  const says = `${(size / 1024 ** 2).toFixed(1)} MB in ${file}`;
  return size > LONG_LOG_BYTES
    ? note(part, says, 'weekly maintenance merges it into a release; lanes start faster then')
    : ok(part, says);
}

function memoryFinding(available: number): Finding {
  const says = `${(available / GB).toFixed(1)} of ${(totalmem() / GB).toFixed(1)} GB of memory are available`;
  return available < FREE_MEMORY_SHARE * totalmem()
    ? wrong(
        'memory',
        says,
        'see which process grows; a lane can be drained and started again by loading it as a new candidate',
      )
    : ok('memory', says);
}

/** Linux counts caches that it would give up as available. */
async function availableBytes(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kB = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  return kB === undefined ? freemem() : Number(kB) * 1024;
}
