import { createServer } from 'node:net';
import { readSettings } from '../domain/core/settings.ts';

/** Port of each listener of the stack; 0 stands for any free one. */
export interface StackPorts {
  readonly temporal: number;
  readonly temporalUi: number;
  readonly gateway: number;
  readonly control: number;
  readonly workerMetrics: number;
  readonly workerHealth: number;
}

/** What listens there, and the setting that moves it. */
const USES = {
  temporal: ['Temporal', 'TEMPORAL_PORT'],
  temporalUi: ["Temporal's web UI", 'TEMPORAL_UI_PORT'],
  gateway: ['gateway', 'GATEWAY_PORT'],
  control: ["gateway's control listener", 'CONTROL_PORT'],
  workerMetrics: ["worker's metrics", 'WORKER_METRICS_PORT'],
  workerHealth: ["worker's health", 'WORKER_HEALTH_PORT'],
} as const;

type PortName = keyof typeof USES;
const NAMES: readonly PortName[] = [
  'temporal',
  'temporalUi',
  'gateway',
  'control',
  'workerMetrics',
  'workerHealth',
];

/** Any free port for each listener, as tests take them. */
export const ANY_PORTS: StackPorts = {
  temporal: 0,
  temporalUi: 0,
  gateway: 0,
  control: 0,
  workerMetrics: 0,
  workerHealth: 0,
};

/**
 * Ports from the environment, with their defaults.
 * @throws SettingsError that names the variable which is wrong
 */
export function portsFromEnv(env: NodeJS.ProcessEnv): StackPorts {
  const read = readSettings(env, ...NAMES.map((name) => USES[name][1]));
  const ports = { ...ANY_PORTS };
  for (const name of NAMES) ports[name] = read[USES[name][1]];
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

/** Below the ports that Linux gives to outgoing connections (from 32768 on): between the look and the use none of those takes it. */
const FIRST = 20_000;
const PORTS = 12_000;

/**
 * A port that nobody listens on. Asked for up front, because Temporal's server cannot pick a free port itself, and a restart must
 * find the same; drawn, so that two stacks that start at the same moment do not find the same one.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = FIRST + Math.floor(Math.random() * PORTS);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${FIRST} to ${FIRST + PORTS - 1}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
