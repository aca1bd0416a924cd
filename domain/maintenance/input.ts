/** Input of the workflow `weeklyMaintenance`, with its defaults filled in. */
export interface WeeklyInput {
  /** `whenChanged`: no release where neither corpus nor reranker nor lists changed. */
  readonly publish: 'always' | 'whenChanged';
}

/** The input, or every problem with it by field. Nothing, null and {} publish always. */
export function readWeeklyInput(
  raw: unknown,
): { readonly input: WeeklyInput } | { readonly problems: readonly string[] } {
  if (raw === undefined || raw === null) return { input: { publish: 'always' } };
  if (typeof raw !== 'object' || Array.isArray(raw))
    return { problems: ['the input must be an object like {"publish":"whenChanged"}'] };
  const given: Record<string, unknown> = { ...raw };
  const problems = Object.keys(given)
    .filter((name) => name !== 'publish')
    .map((name) => `${name}: unknown field; there is publish`);
  const { publish = 'always' } = given;
  if (publish !== 'always' && publish !== 'whenChanged')
    problems.push(`publish: must be always or whenChanged, not ${JSON.stringify(publish)}`);
  if (problems.length > 0) return { problems };
  return { input: { publish: publish === 'whenChanged' ? 'whenChanged' : 'always' } };
}
