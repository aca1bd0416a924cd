/** Names that the recordings have, and what they are called by now, in the order in which they were given. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  // An alert that is about no evaluation says so.
  [/"why":null,"toldEvaluationMs":null/g, '"why":null,"evaluationMs":null,"toldEvaluationMs":null'],
  // The canary of nprobe has the verdicts of a gate.
  ...(
    [
      ['fine', 'pass'],
      ['worse', 'fail'],
      ['doubt', 'inconclusive'],
    ] as const
  ).map(
    ([from, to]) =>
      [new RegExp(`("canary":\\d+,"verdict":\\{"verdict":)"${from}"`, 'g'), `$1"${to}"`] as const,
  ),
  // What was sent at each poll of the alert rules, and advice in plain words.
  [/"to[l]d":/g, '"notified":'],
  [/train it ane[w]/g, 'retrain it'],
  // Verdicts have the field's names, in values and in sentences.
  ...(
    [
      ['green', 'pass'],
      ['red', 'fail'],
      ['unknown', 'inconclusive'],
    ] as const
  ).flatMap(
    ([from, to]) =>
      [
        [new RegExp(`("verdict":|"RolloutVerdict":)"${from}"`, 'g'), `$1"${to}"`],
        [new RegExp(`(?<="|: )${from}(?=: )`, 'g'), to],
        [new RegExp(`\\b${from}(?= at \\d+ (more|fewer))`, 'g'), to],
      ] as const,
  ),
  [/(rows|checks) are green/g, '$1 pass'],
  [/unknown after/g, 'inconclusive after'],
  [/can [n]ot/g, 'cannot'],
  // Experiments.
  [/"kind":"goOn"/g, '"kind":"continue"'],
  [/below the (\S+ points) that were looked for/g, 'below $1, the least worth having'],
  // A metric's sentence names no lane: it is of a gate with stable as the control, or with an earlier window.
  [/, stable ([\d.]+ ms), limit/g, ' against $1, limit'],
  [/no requests of the candidate/g, 'no requests'],
  [/measured against stable/g, 'measured by comparison'],
  // Rules of guard and monitor have the verdicts of a gate, and so has the need for tuning.
  ...(
    [
      ['breach', 'fail'],
      ['clear', 'pass'],
      ['few', 'inconclusive'],
    ] as const
  ).flatMap(
    ([from, to]) =>
      [
        [new RegExp(`"standing":"${from}"`, 'g'), `"verdict":"${to}"`],
        [new RegExp(`(?<!"kind":)(?<=":)"${from}"`, 'g'), `"${to}"`],
      ] as const,
  ),
  ...(
    [
      ['tune', 'fail'],
      ['none', 'pass'],
      ['unknown', 'inconclusive'],
    ] as const
  ).map(([from, to]) => [new RegExp(`"need":"${from}"`, 'g'), `"verdict":"${to}"`] as const),
  // Events of guard and monitor.
  [/\btoldMs\b/g, 'notifiedMs'],
  [/\btoldEvaluationMs\b/g, 'notifiedEvaluationMs'],
  [/blind for (\d+ s)/g, 'no telemetry for $1'],
  ...(
    [
      ['kind', 'again', 'repeated'],
      ['kind', 'ended', 'stale'],
      ['(?:kind|why)', 'blind', 'noTelemetry'],
      ['kind', 'blindTooLong', 'noTelemetryTimeout'],
      ['(?:kind|why)', 'bothLanes', 'baselineAlsoFailing'],
    ] as const
  ).map(([field, from, to]) => [new RegExp(`(?<="${field}":)"${from}"`, 'g'), `"${to}"`] as const),
  // Phases and what they do.
  [/"next":\{"do":"look"/g, '"next":{"do":"readFlags"'],
  [/"next":\{"do":"step"/g, '"next":{"do":"applyRemediation"'],
  [/"next":\{"do":"zero"/g, '"next":{"do":"withdrawTraffic"'],
  [/choosing a step of the ladder/g, 'choosing a remediation'],
  [/taking a step of the ladder/g, 'applying a remediation'],
];

/** A recorded line in today's words. */
export function asNow(line: string): string {
  return RENAMED.reduce((text, [from, to]) => text.replaceAll(from, to), line);
}
