import type { AppendLog } from '../../platform/append-log.ts';
import { openAppendLog } from '../../platform/append-log.ts';

/**
 * The log of chunks that came and went, which lanes read and the gateway alone writes; opened at once. Searching does not
 * need it: a failure to open is reported, and each append tries again.
 */
export async function keepIngestLog(file: string, onFault: (error: unknown) => void): Promise<AppendLog> {
  let log: Promise<AppendLog> | null = null;
  const opened = () =>
    (log ??= openAppendLog(file).catch((error: unknown) => {
      log = null;
      throw error;
    }));
  await opened().catch(onFault);
  return {
    append: async (record) => (await opened()).append(record),
    bytes: async () => (await opened()).bytes(),
    close: async () => (await log?.catch(() => null))?.close(),
  };
}
