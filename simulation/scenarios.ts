/** What a release does differently from stable, from some moment on. */
export interface Defect {
  /** Points of errors more, as a share. */
  readonly errors?: number;
  /** Latencies are so many times stable's. */
  readonly slower?: number;
  /** Share of queries whose proxy and whose labelled R@5 are lost. */
  readonly proxy?: number;
  /** Hours after T0; from the beginning where not given. */
  readonly fromHour?: number;
  /** Only while the candidate has at least this percent. */
  readonly fromPercent?: number;
  /** The candidate's requests, as a multiple of its share; 0: none come. */
  readonly split?: number;
  /** Whether metrics go dark for good. */
  readonly dark?: boolean;
}

export interface Scenario {
  readonly name: string;
  /** `tolerated`: worse than stable, but within what the runbook tolerates; either end is right, so it is shown and not counted. */
  readonly kind: 'good' | 'tolerated' | 'bad';
  readonly defect: Defect;
}

const bad = (name: string, defect: Defect): Scenario => ({ name, kind: 'bad', defect });

/** Good and bad releases. The runbook tolerates 0.2 points of errors, 15 % of P95 and 5 points of the proxy. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'as good as stable', kind: 'good', defect: {} },
  { name: 'a tenth faster', kind: 'good', defect: { slower: 0.9 } },
  { name: 'half of the errors, +2 points proxy', kind: 'good', defect: { errors: -0.0005, proxy: -0.02 } },
  { name: 'errors +0.05 points', kind: 'tolerated', defect: { errors: 0.0005 } },
  { name: 'P95 +10 %', kind: 'tolerated', defect: { slower: 1.1 } },
  { name: 'proxy -1 point', kind: 'tolerated', defect: { proxy: 0.01 } },
  { name: 'proxy -3 points', kind: 'tolerated', defect: { proxy: 0.03 } },
  bad('errors 0.4 %', { errors: 0.003 }),
  bad('errors 1 %', { errors: 0.009 }),
  bad('errors 5 %', { errors: 0.05 }),
  bad('errors 20 %', { errors: 0.2 }),
  bad('errors 50 %', { errors: 0.5 }),
  bad('P95 +30 %', { slower: 1.3 }),
  bad('P95 +50 %', { slower: 1.5 }),
  bad('P95 x2', { slower: 2 }),
  bad('P95 x5', { slower: 5 }),
  bad('proxy -6 points', { proxy: 0.06 }),
  bad('proxy -10 points', { proxy: 0.1 }),
  bad('proxy -20 points', { proxy: 0.2 }),
  bad('errors 5 % from 50 % on', { errors: 0.05, fromPercent: 50 }),
  bad('P95 x2 from 50 % on', { slower: 2, fromPercent: 50 }),
  bad('errors 1 % after 10 h', { errors: 0.009, fromHour: 10 }),
  bad('P95 x2 after 10 h', { slower: 2, fromHour: 10 }),
  bad('proxy -10 points after 10 h', { proxy: 0.1, fromHour: 10 }),
  bad('errors 5 % at 30 h', { errors: 0.05, fromHour: 30 }),
  bad('P95 x5 at 30 h', { slower: 5, fromHour: 30 }),
  bad('proxy -20 points at 30 h', { proxy: 0.2, fromHour: 30 }),
  bad('no traffic on the candidate', { split: 0 }),
  bad('half again its share of traffic', { split: 1.5 }),
  bad('no metrics after 1 h', { dark: true, fromHour: 1 }),
];
