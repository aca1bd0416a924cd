/** Plans and alert rules with the names of the version before. They are read for one version (docs/upgrade.md). */

type Mapping = Readonly<Record<string, unknown>>;

/** A field's new name, and its values' where they have other names as well. */
interface Renamed {
  readonly to: string;
  readonly values?: Readonly<Record<string, unknown>>;
}

/** Old names of a mapping's fields, and what its fields hold: mappings, or lists of them. */
interface OldNames {
  readonly renamed: Readonly<Record<string, Renamed>>;
  readonly within?: Readonly<Record<string, OldNames>>;
}

const ROW: OldNames = {
  renamed: {
    against: { to: 'compareTo' },
    warnOver: { to: 'warnAbove' },
    redOver: { to: 'failAbove' },
    onRed: { to: 'onFail', values: { ladder: 'remediate' } },
    decide: { to: 'useInterval', values: { interval: true, point: false } },
    ladder: { to: 'remediation' },
    informs: { to: 'dryRun' },
  },
};

const PLAN: OldNames = {
  renamed: {
    judge: { to: 'decisionRule', values: { sequential: 'sequentialTest', literal: 'threshold' } },
    ladderAtMost: { to: 'maxRemediations' },
  },
  within: {
    guard: { renamed: { blindAfter: { to: 'noTelemetryAfter' }, blindMax: { to: 'noTelemetryMax' } } },
    stages: { renamed: {}, within: { rows: ROW } },
  },
};

const ALERT_RULES: OldNames = {
  renamed: { clearAfter: { to: 'keepFiringFor' }, blind: { to: 'noTelemetry' } },
};

/** What a file holds, with the names of today; and each field that it has by both names. */
export interface Renaming {
  readonly value: unknown;
  readonly problems: string[];
}

export const withPlanNames = (raw: unknown): Renaming => rename(raw, PLAN, '');
export const withAlertNames = (raw: unknown): Renaming => rename(raw, ALERT_RULES, '');

function rename(raw: unknown, names: OldNames, path: string): Renaming {
  if (Array.isArray(raw)) return renameEach(raw, names, path);
  if (typeof raw !== 'object' || raw === null) return { value: raw, problems: [] };
  const problems: string[] = [];
  const entries = Object.entries(raw as Mapping).map(([field, value]) => {
    const where = path === '' ? field : `${path}.${field}`;
    const to = own(names.renamed, field);
    if (to !== undefined) {
      if (Object.hasOwn(raw, to.to))
        problems.push(`${where}: is the old name of ${to.to}, which is given as well; remove ${field}`);
      return [to.to, newValue(value, to)] as const;
    }
    const inner = own(names.within ?? {}, field);
    if (inner === undefined) return [field, value] as const;
    const renamed = rename(value, inner, where);
    problems.push(...renamed.problems);
    return [field, renamed.value] as const;
  });
  return { value: Object.fromEntries(entries), problems };
}

function renameEach(list: readonly unknown[], names: OldNames, path: string): Renaming {
  const renamed = list.map((entry, i) => rename(entry, names, `${path}[${i}]`));
  return { value: renamed.map(({ value }) => value), problems: renamed.flatMap(({ problems }) => problems) };
}

function newValue(value: unknown, { values = {} }: Renamed): unknown {
  return typeof value === 'string' ? (own(values, value) ?? value) : value;
}

function own<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}
