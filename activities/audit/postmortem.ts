import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, readdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import { incidentMarkdown } from '../../domain/incident/incident-markdown.ts';
import type { MonitorActivities } from '../../domain/contracts/monitor-activities.ts';
import { postmortemMarkdown } from '../../domain/incident/postmortem.ts';

/**
 * Writes drafts to `<prodDocsDir>/postmortems/YYYYMMDD_incident.md` (the day in UTC; _2, _3 where that is taken): one
 * for each time that a run took users back and each incident, whole or not at all, and never over a file that is there.
 */
export function createPostmortems(
  prodDocsDir: string,
): Pick<RolloutActivities, 'writePostmortem'> & Pick<MonitorActivities, 'writeIncident'> {
  const folder = join(prodDocsDir, 'postmortems');
  return {
    async writePostmortem(postmortem) {
      const { workflowId, runId, triggeredMs, endedMs } = postmortem;
      const about = `run ${workflowId} ${runId} ${triggeredMs ?? endedMs}`;
      const text = postmortemMarkdown(postmortem, utc);
      return { file: await once(folder, about, endedMs, text) };
    },
    async writeIncident(draft) {
      const { workflowId, incident, endedMs } = draft;
      const text = incidentMarkdown(draft, utc);
      return { file: await once(folder, `incident ${workflowId} ${incident.id}`, endedMs, text) };
    },
  };
}

function utc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The file that is about this already, whatever a person made of it, or a new one. */
async function once(folder: string, about: string, endedMs: number, text: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const marker = `<!-- ${about} -->`;
  return (await draftWith(folder, marker)) ?? place(folder, endedMs, `${text}\n${marker}\n`);
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
async function place(folder: string, endedMs: number, text: string): Promise<string> {
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
