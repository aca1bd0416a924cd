import { describe, expect, it } from 'vitest';
import { ok, skipped, wrong } from '../../../../scripts/commands/diagnose/finding.ts';
import { onceWhereNothingRuns } from '../../../../scripts/commands/diagnose/stack-down.ts';
import { freePort } from '../../../../devstack/ports.ts';
import { toolIn } from '../../../support/tool-process.ts';

const down = ['gateway', 'control', 'worker process', 'Temporal'].map((part) =>
  wrong(part, 'is away', 'start it'),
);

describe('diagnose', () => {
  it('says once that nothing runs, and how it is started', async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    const env = {
      GATEWAY_URL: `http://${nobody}`,
      CONTROL_URL: `http://${nobody}`,
      TEMPORAL_ADDRESS: nobody,
      WORKER_HEALTH_URL: `http://${nobody}/health`,
      STATE_DIR: '/nowhere',
    };
    const { code, stdout } = await toolIn({ env }, 'diagnose');
    expect(stdout.match(/^✗/gm)).toHaveLength(1);
    expect(stdout).toMatch(/✗ stack: nothing runs here: .*\n +npm start/);
    expect(stdout).toMatch(/- disk \/nowhere: there is no such folder yet/);
    expect(code).toBe(1);
  });

  it.each(down.map(({ part }) => part))('names each part that is away where one is there: %s', (part) => {
    const findings = [
      ...down.filter((finding) => finding.part !== part),
      ok(part, 'answers'),
      skipped('lanes', '-'),
    ];
    expect(onceWhereNothingRuns(findings)).toEqual(findings);
  });
});
