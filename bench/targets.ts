/** What was promised of a number, and what it is. */
export interface Target {
  readonly what: string;
  readonly limit: number;
  readonly sense: 'at least' | 'at most';
  /** Null where it could not be measured. */
  readonly value: number | null;
  readonly unit: string;
}

/** One line for each: met, or by how much it was missed. */
export function printTargets(targets: readonly Target[]): void {
  console.log('');
  for (const target of targets) console.log(sentenceOf(target));
}

function sentenceOf({ what, limit, sense, value, unit }: Target): string {
  const promise = `${what} ${sense} ${numberOf(limit)}${unit}`;
  if (value === null || Number.isNaN(value)) return `NOT MEASURED  ${promise}`;
  const met = sense === 'at least' ? value >= limit : value <= limit;
  const by = Math.abs(value - limit);
  const missed = met ? '' : `, missed by ${numberOf(by)}${unit}`;
  return `${met ? 'met           ' : 'MISSED        '}${promise}: ${numberOf(value)}${unit}${missed}`;
}

function numberOf(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}
