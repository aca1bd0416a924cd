/** Seeded uniform numbers in [0, 1): mulberry32, so that one seed sends the same users in the same order. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Users with a few heavy ones among them: Zipf's law with exponent `skew` over `users` keys.
 * Returns a function that draws a user's number, 0 the heaviest.
 */
export function zipfUsers(users: number, skew: number, random: () => number): () => number {
  const cumulative = new Float64Array(users);
  let total = 0;
  for (let rank = 0; rank < users; rank++) {
    total += 1 / (rank + 1) ** skew;
    cumulative[rank] = total;
  }
  return () => {
    const target = random() * total;
    let low = 0;
    let high = users - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) > target) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/**
 * Calls `send(dueMs)` at the times of a Poisson process, open loop: a late answer delays no later request, and one
 * that is sent late is still counted from when it was due (no coordinated omission). Resolves when `signal` aborts.
 */
export async function poisson(
  ratePerSecond: number,
  random: () => number,
  send: (dueMs: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let dueMs = performance.now();
  while (!signal.aborted) {
    const nowMs = performance.now();
    while (dueMs <= nowMs) {
      send(dueMs);
      dueMs += (-Math.log(1 - random()) / ratePerSecond) * 1000;
    }
    await pause(Math.max(1, dueMs - nowMs), signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
