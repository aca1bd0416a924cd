import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatTrialIntervals } from '../../domain/tuning/describe-choice.ts';
import { appendSynced } from '../../platform/append-log.ts';
import type { TuningActivities, TuningRecord } from '../../domain/contracts/tuning-activities.ts';

const HEAD = '# Decisions about nprobe\n\nOne line each, by the workflow `nprobeTuning`, oldest first.\n\n';

/** Appends to `<prodDocsDir>/nprobe_tuning.md`: the runbook's line, with when, where and why. */
export function createTuningLog(prodDocsDir: string): Pick<TuningActivities, 'recordTuning'> {
  return {
    async recordTuning(record) {
      const file = join(prodDocsDir, 'nprobe_tuning.md');
      const mark = `<!-- ${record.key} -->`;
      const before = await readFile(file, 'utf8').catch(() => '');
      if (before.includes(mark)) return;
      await appendSynced(file, `${before === '' ? HEAD : ''}${lineOf(record)} ${mark}\n`);
    },
  };
}

function lineOf({
  atMs,
  service,
  lane,
  release,
  before,
  outcome,
  nprobe,
  chosen,
  reason,
  file,
}: TuningRecord): string {
  const when = new Date(atMs).toISOString().slice(0, 16).replace('T', ' ');
  const what = chosen === null ? `nprobe=${nprobe ?? before}` : formatTrialIntervals(chosen);
  const sweep = file === null ? '' : `; sweep: ${file}`;
  return `- ${when} UTC, ${service}, ${lane} ${release}, was nprobe=${before}, ${outcome}: ${what}; ${oneLine(reason)}${sweep}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('-->', '->');
}
