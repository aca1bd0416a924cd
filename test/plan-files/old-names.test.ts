import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseAlertRules } from '../../plan-files/parse-alert-rules.ts';
import { parsePlan } from '../../plan-files/parse-plan.ts';

const read = (file: string) => readFileSync(new URL(`../../plans/${file}`, import.meta.url), 'utf8');

/** A text in the names of the version before; each must occur. */
function inOldNames(text: string, names: Readonly<Record<string, string>>): string {
  return Object.entries(names).reduce((before, [now, old]) => {
    expect(before).toContain(now);
    return before.replaceAll(now, old);
  }, text);
}

const PLAN = {
  'decisionRule: sequentialTest': 'judge: sequential',
  'noTelemetryAfter:': 'blindAfter:',
  'noTelemetryMax:': 'blindMax:',
  'compareTo:': 'against:',
  'warnAbove:': 'warnOver:',
  'failAbove:': 'redOver:',
  'onFail:': 'onRed:',
  'useInterval: false': 'decide: point',
  'remediation:': 'ladder:',
  'dryRun:': 'informs:',
};
const ALERTS = { 'keepFiringFor:': 'clearAfter:', '\nnoTelemetry:': '\nblind:' };

describe('a file in the names of the version before', () => {
  it('is the same plan', () => {
    const text = read('runbook-48h.yaml');
    const old = parsePlan(parse(inOldNames(text, PLAN)));
    expect(old).toEqual(parsePlan(parse(text)));
    expect(old.ok ? [] : old.problems).toEqual([]);
  });

  it('has its values in other words as well', () => {
    const [rules, more] = ['judge: literal\nladderAtMost: 2', 'decide: interval, onRed: ladder'];
    const text = read('runbook-48h.yaml')
      .replace('decisionRule: sequentialTest', rules)
      .replace('warnAbove: 8ms', `warnAbove: 8ms, ${more}`);
    const result = parsePlan(parse(text));
    expect(result).toMatchObject({ ok: true, plan: { decisionRule: 'threshold', maxRemediations: 2 } });
    const row = result.ok ? result.plan.stages[0]?.rows[2] : null;
    expect(row).toMatchObject({ metric: 'retrievalP95', useInterval: true, onFail: 'remediate' });
  });

  it('is the same set of alert rules', () => {
    const text = read('alerts/runbook.yaml');
    const old = parseAlertRules(parse(inOldNames(text, ALERTS)));
    expect(old).toEqual(parseAlertRules(parse(text)));
    expect(old.ok ? [] : old.problems).toEqual([]);
  });

  it('is refused where it has a field by both names', () => {
    const plan = read('runbook-48h.yaml')
      .replace('decisionRule: sequentialTest', 'decisionRule: sequentialTest\njudge: literal')
      .replace('failAbove: 0.5 %,', 'failAbove: 0.5 %, redOver: 5 %,');
    expect(parsePlan(parse(plan))).toEqual({
      ok: false,
      problems: [
        'judge: is the old name of decisionRule, which is given as well; remove judge',
        'stages[0].rows[1].redOver: is the old name of failAbove, which is given as well; remove redOver',
      ],
    });
    const alerts = `${read('alerts/runbook.yaml')}\nclearAfter: 5m\n`;
    expect(parseAlertRules(parse(alerts))).toEqual({
      ok: false,
      problems: ['clearAfter: is the old name of keepFiringFor, which is given as well; remove clearAfter'],
    });
  });
});
