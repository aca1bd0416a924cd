import type { StackPorts } from './ports.ts';

export interface StackOptions {
  /** Temporal's database, the gateway's state, the control token and the logs. */
  readonly dataDir: string;
  readonly releasesDir: string;
  readonly artifactsDir: string;
  readonly plansDir: string;
  /** Where the worker writes for people; docs/PROD where it is not said. */
  readonly prodDocsDir?: string;
  /** What stable serves at the first boot. */
  readonly stableRelease: string;
  readonly ports: StackPorts;
  /** Environment that takes precedence, such as the worker's GATEWAY_URL where something stands in between. */
  readonly env?: { readonly [part in Part]?: Readonly<Record<string, string>> };
  /** Called for each part as it is ready, e.g. to print a line. */
  readonly onProgress?: (text: string) => void;
  /** A part ended that nobody stopped. */
  readonly onUnexpectedExit?: (reason: string, part: Part) => void;
}

export type Part = 'temporal' | 'gateway' | 'worker';
