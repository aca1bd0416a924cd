import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, readdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RolloutActivities } from '../domain/contract.ts';
import type { Postmortem } from '../domain/postmortem.ts';
import { postmortemMarkdown } from '../domain/postmortem.ts';

/**
 * Writes drafts to `<prodDocsDir>/postmortems/YYYYMMDD_incident.md` (the day in UTC; _2, _3 where that is taken): one
 * for each run, whole or not at all, and never over a file that is there.
 */
export function createPostmortems(prodDocsDir: string): Pick<RolloutActivities, 'writePostmortem'> {
  const folder = join(prodDocsDir, 'postmortems');
  return {
    async writePostmortem(incident) {
      await mkdir(folder, { recursive: true });
      const marker = `<!-- run ${incident.workflowId} ${incident.runId} -->`;
      const existing = await draftWith(folder, marker);
      if (existing !== null) return { file: existing };
      const text = `${postmortemMarkdown(incident, (ms) => `${new Date(ms).toISOString().slice(0, 19)}Z`)}\n${marker}\n`;
      return { file: await place(folder, incident, text) };
    },
  };
}

async function draftWith(folder: string, marker: string): Promise<string | null> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.md')) continue;
    const file = join(folder, name);
    if ((await readFile(file, 'utf8')).includes(marker)) return file;
  }
  return null;
}

/** A link is made whole and fails where the name is taken, which a rename would not. */
async function place(folder: string, { endedMs }: Postmortem, text: string): Promise<string> {
  const aside = join(folder, `.${randomUUID()}`);
  await writeFile(aside, text, { flush: true });
  try {
    const day = new Date(endedMs).toISOString().slice(0, 10).replaceAll('-', '');
    for (let number = 1; ; number++) {
      const file = join(folder, `${day}_incident${number === 1 ? '' : `_${number}`}.md`);
      try {
        await link(aside, file);
        return file;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  } finally {
    await unlink(aside);
  }
}
