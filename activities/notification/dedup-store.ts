import { readJson, writeJson } from '../../platform/json-file.ts';
import { z } from 'zod';

export interface DedupStoreDeps {
  readonly log: (
    level: 'info' | 'warn' | 'error',
    message: string,
    attributes: Record<string, unknown>,
  ) => void;
  /** Where the newest keys are kept; null: in memory alone. */
  readonly sentFile: string | null;
}

/** Older ones are forgotten: nothing that was sent so many messages ago is tried again. */
const MOST = 1_000;
const kept = z.object({ sent: z.array(z.string()) });

/** Keys of messages that were sent, kept over a restart. A file that is lost or damaged costs a message sent twice. */
export function createDedupStore({ log, sentFile }: DedupStoreDeps) {
  let loading: Promise<Set<string>> | null = null;
  let writing: Promise<void> = Promise.resolve();
  const keys = () => (loading ??= load(sentFile, log));
  return {
    async has(key: string): Promise<boolean> {
      return (await keys()).has(key);
    },
    /** Never throws: the message is out, and trying it again would send it twice. */
    async add(key: string): Promise<void> {
      const sent = await keys();
      sent.add(key);
      const [oldest] = sent;
      if (sent.size > MOST && oldest !== undefined) sent.delete(oldest);
      if (sentFile === null) return;
      writing = writing
        .then(() => save(sentFile, sent))
        .catch((error: unknown) =>
          log('warn', `${sentFile} cannot be written: a restart may send a message again`, { error }),
        );
      await writing;
    },
  };
}

async function save(file: string, sent: ReadonlySet<string>): Promise<void> {
  await writeJson(file, { sent: [...sent] });
}

async function load(file: string | null, log: DedupStoreDeps['log']): Promise<Set<string>> {
  if (file === null) return new Set();
  try {
    return new Set(kept.parse(await readJson(file)).sent);
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!absent) log('warn', `${file} cannot be read: a message may be sent again`, { error });
    return new Set();
  }
}
