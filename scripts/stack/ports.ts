import { createServer } from 'node:net';

/** Port of each listener of the stack; 0 stands for any free one. */
export interface StackPorts {
  readonly temporal: number;
  readonly temporalUi: number;
  readonly gateway: number;
  readonly control: number;
  readonly workerMetrics: number;
}

/** What listens there, the variable that moves it, and the default that documents and tools expect. */
const USES = {
  temporal: ['Temporal', 'TEMPORAL_PORT', 7233],
  temporalUi: ["Temporal's web UI", 'TEMPORAL_UI_PORT', 8233],
  gateway: ['gateway', 'GATEWAY_PORT', 8080],
  control: ["gateway's control listener", 'CONTROL_PORT', 8081],
  workerMetrics: ["worker's metrics", 'WORKER_METRICS_PORT', 9464],
} as const;

type PortName = keyof typeof USES;
const NAMES: readonly PortName[] = ['temporal', 'temporalUi', 'gateway', 'control', 'workerMetrics'];

/** Any free port for each listener, as tests take them. */
export const ANY_PORTS: StackPorts = { temporal: 0, temporalUi: 0, gateway: 0, control: 0, workerMetrics: 0 };

/** Ports from the environment, with their defaults. Throws an error that names the variable which is wrong. */
export function portsFromEnv(env: NodeJS.ProcessEnv): StackPorts {
  const ports = { ...ANY_PORTS };
  for (const name of NAMES) {
    const [, variable, fallback] = USES[name];
    const value = Number(env[variable] ?? fallback);
    if (!Number.isInteger(value) || value < 0 || value > 65_535)
      throw new Error(`${variable} must be a port from 0 to 65535, not ${env[variable]}`);
    ports[name] = value;
  }
  return ports;
}

/**
 * The ports with each 0 replaced by one that is free. Throws an error that names every port in use together with
 * the variable which changes it.
 */
export async function claimPorts(ports: StackPorts): Promise<StackPorts> {
  const claimed = { ...ports };
  const problems: string[] = [];
  for (const name of NAMES) {
    const [what, variable] = USES[name];
    const port = ports[name];
    if (port === 0) claimed[name] = await freePort();
    else if (!(await isFree(port)))
      problems.push(
        `port ${port} (${what}) is in use: stop what listens there, or set ${variable} to another port`,
      );
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return claimed;
}

/** Asked for up front, because Temporal's server can not be told to take any, and a restart must find the same. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
