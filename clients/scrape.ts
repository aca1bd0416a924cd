import { request } from 'undici';
import type { Sample } from '../domain/metrics/prometheus-text.ts';
import { parseMetricsText } from '../domain/metrics/prometheus-text.ts';

export interface ScrapeOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The text of `GET <address>/metrics`.
 * @throws Error where it is not a 200 within 5 s, or `signal` aborts
 */
export async function scrapeText(
  address: string,
  { timeoutMs = 5_000, signal }: ScrapeOptions = {},
): Promise<string> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const answer = await request(`${address}/metrics`, {
    signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
  });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`GET /metrics answered ${answer.statusCode}`);
  return text;
}

/**
 * The samples of a process's metrics.
 * @throws Error as `scrapeText`, and on a line that cannot be read
 */
export async function scrape(address: string, options: ScrapeOptions = {}): Promise<Sample[]> {
  return parseMetricsText(await scrapeText(address, options));
}
