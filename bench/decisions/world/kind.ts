import type { Effect } from './effects.ts';
import { HOUR } from './effects.ts';

/**
 * `good` ships; `env` is a good release in bad surroundings: it ships or holds and is never rolled back; `tolerated` loses within
 * the plan's margins; `bad` must not ship; `blind` has no evidence.
 */
export const CLASSES = ['good', 'env', 'tolerated', 'bad', 'blind'] as const;
export type Class = (typeof CLASSES)[number];

export interface Kind {
  readonly name: string;
  readonly class: Class;
  readonly effects: (random: () => number) => readonly Effect[];
  /** Of a bad release: when its fault begins, from T0, and from which percent. */
  readonly fault: { readonly fromMs: number; readonly fromPercent: number } | null;
}

export const FOREVER = { fromMs: 0, toMs: 1_000 * HOUR } as const;

/** What a release does to its own lane. */
export const release = (what: Partial<Effect>): Effect => ({ ...FOREVER, lane: 'candidate', ...what });

export const ofClass =
  (name: Class) =>
  (kind: string, effects: Kind['effects'] | Partial<Effect>): Kind => {
    const of = typeof effects === 'function' ? effects : () => [release(effects)];
    const first = of(() => 0.5)[0];
    const fault =
      name === 'bad' && first !== undefined
        ? { fromMs: first.fromMs, fromPercent: first.fromPercent ?? 0 }
        : null;
    return { name: kind, class: name, effects: of, fault };
  };
