import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANY_PORTS, claimPorts, portsFromEnv } from '../../devstack/ports.ts';
import { nodeCommand, startProcess } from '../../devstack/process.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'process-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shell = (name: string, script: string) => ({
  name,
  command: ['bash', '-c', script],
  logFile: join(folder, `${name}.log`),
});

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie still answers to signal 0.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(20);
}

const pidOf = (line: string) => (line.startsWith('pid ') ? Number(line.slice(4)) : null);

describe('a process of the stack', () => {
  it('tells when it is ready, and keeps its output', async () => {
    const started = startProcess(shell('ready', 'echo starting; echo "port 7"; exec sleep 100'));
    expect(await started.firstLine((line) => line.match(/port (\d+)/)?.[1] ?? null, 5_000)).toBe('7');
    await started.stop();
    expect(readFileSync(join(folder, 'ready.log'), 'utf8')).toBe('starting\nport 7\n');
  });

  it('says what it said last when it ends while it starts', async () => {
    const started = startProcess(shell('broken', 'echo no such release >&2; exit 3'));
    await expect(started.firstLine(() => null, 5_000)).rejects.toThrow(
      /broken ended .*exit code 3[^]*no such release/,
    );
  });

  it('takes its whole group along when it does not end by itself', async () => {
    const started = startProcess(
      shell('deaf', 'trap "" TERM; sleep 100 & echo "pid $!"; while :; do sleep 0.1; done'),
    );
    const child = await started.firstLine(pidOf, 5_000);
    await started.stop(200);
    expect([lives(started.pid), lives(child)]).toEqual([false, false]);
  });

  it('ends when its parent is killed with kill -9', async () => {
    const [node, ...args] = nodeCommand('devstack/process');
    const [flags, module] = [args.slice(0, -1), args.at(-1)];
    const script = `
      const { startProcess } = await import(${JSON.stringify(module)});
      const started = startProcess({ name: 'x', command: ['sleep', '100'], logFile: ${JSON.stringify(join(folder, 'x.log'))} });
      console.log('pid ' + started.pid);`;
    const parent = spawn(node, [...flags, '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve) => {
      parent.stdout.on('data', (text: Buffer) => resolve(pidOf(text.toString().trim()) ?? 0));
    });
    expect(lives(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !lives(pid));
  });
});

describe('the ports of the stack', () => {
  it('names every port in use and the variable that moves it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await expect(claimPorts({ ...ANY_PORTS, gateway: port })).rejects.toThrow(
      `port ${port} (gateway) is in use: stop what listens there, or set GATEWAY_PORT to another port`,
    );
    await new Promise((resolve) => server.close(resolve));
    await expect(claimPorts({ ...ANY_PORTS, gateway: port })).resolves.toMatchObject({ gateway: port });
  });

  it('refuses a port that is none, by the name of its variable', () => {
    expect(() => portsFromEnv({ CONTROL_PORT: '80a' })).toThrow(
      'CONTROL_PORT: must be a port from 0 to 65535, not "80a"',
    );
  });
});
