import type { Sample } from './prometheus-text.ts';

type Labels = Readonly<Record<string, string>>;

/**
 * The one sample of that name and those labels.
 * @throws Error where it is not there, or is no finite number
 */
export function gauge(samples: readonly Sample[], name: string, labels: Labels = {}): number {
  const value = valueOf(samples, name, labels);
  if (value === null) throw new Error(`${name} is not there`);
  return finite(value, name);
}

/** The first sample of that name and those labels, also where it is NaN; null where there is none. */
export function valueOf(samples: readonly Sample[], name: string, labels: Labels = {}): number | null {
  return samples.find((sample) => isOf(sample, name, labels))?.value ?? null;
}

/**
 * Sum over all samples of that name which have those labels; 0 where a counter has no series yet.
 * @throws Error where one is no finite number
 */
export function sum(samples: readonly Sample[], name: string, labels: Labels = {}): number {
  return samples
    .filter((sample) => isOf(sample, name, labels))
    .reduce((total, { value }) => total + finite(value, name), 0);
}

/** @throws Error where `value` is no finite number */
export function finite(value: number, name: string): number {
  if (!Number.isFinite(value)) throw new Error(`${name} is not a finite number`);
  return value;
}

function isOf(sample: Sample, name: string, labels: Labels): boolean {
  return sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value);
}
