/** A share of 0..1 in percent, or a difference of shares in points, without zeros at the end. */
export function hundredths(share: number, digits = 2): number {
  return Number((share * 100).toFixed(digits));
}

/** A limit: `0.1 %`. */
export function formatPercent(share: number): string {
  return `${hundredths(share)} %`;
}

/** A measured share: `0.10 %`, since those that stand beside each other have the same digits. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/** A difference of shares: `0.1 points`. */
export function formatPoints(share: number, digits?: number): string {
  return `${hundredths(share, digits)} points`;
}

/** A measured latency: `5.10 ms`. */
export function formatMs(ms: number): string {
  return `${ms.toFixed(2)} ms`;
}
