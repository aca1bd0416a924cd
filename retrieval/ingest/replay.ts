import { followLog } from './follow.ts';
import type { IngestRecord } from './record.ts';
import { parseRecord } from './record.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

/** A part of the ingest log, in bytes: lines that begin at `from` or behind it and before `until`. */
export interface LogPart {
  readonly file: string;
  readonly from: number;
  readonly until: number;
}

/**
 * Hands on each record of a part of the log, in its order. A line that is none, or that `onRecord` refuses, is passed
 * over, as a lane does: it must not keep the ones behind it out.
 * @returns the reasons of what was passed over
 * @throws Error if the log is not the one that `from` is an offset of
 */
export async function replayLog(
  { file, from, until }: LogPart,
  onRecord: (record: IngestRecord) => Promise<void> | void,
): Promise<string[]> {
  const passedOver: string[] = [];
  const follower = followLog(file, from, async (line) => {
    if (follower.offset >= until) return;
    try {
      await onRecord(parseRecord(line));
    } catch (error) {
      const reason = errorMessage(error);
      passedOver.push(`byte ${follower.offset}: ${reason}`);
    }
  });
  await follower.catchUp();
  if (follower.offset < until)
    throw new Error(`${file} ends at byte ${follower.offset}, before byte ${until}: it is another log`);
  return passedOver;
}

/** The end of the log's last whole line, and how many there are from that byte on. */
export async function logEnd(file: string, from: number): Promise<{ until: number; lines: number }> {
  let lines = 0;
  const follower = followLog(file, from, async () => void lines++);
  await follower.catchUp();
  return { until: follower.offset, lines };
}
