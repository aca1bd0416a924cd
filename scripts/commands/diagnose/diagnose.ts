import { dirname, join } from 'node:path';
import { decisionFindings } from './decisions.ts';
import type { Finding } from './finding.ts';
import { gatewayFindings } from './gateway.ts';
import { machineFindings } from './machine.ts';
import { temporalFindings } from './temporal.ts';
import { decisionsFolder } from '../rollout/decision-files.ts';
import { onceWhereNothingRuns } from './stack-down.ts';
import { createGatewayClient, gatewayFromEnv } from '../../../clients/gateway-client.ts';
import { stateFolder } from '../../cli/paths.ts';
import { setting } from '../../cli/settings.ts';
import { command } from '../../cli/command.ts';

const MARKS = { ok: '✓', note: 'i', wrong: '✗', skipped: '-' } as const;

export const diagnose = command({
  example: '',
  options: {},
  async run() {
    const dataDir = stateFolder();
    const [gateway, temporal, ...rest] = await Promise.all([
      gatewayFindings(createGatewayClient(gatewayFromEnv(process.env))),
      temporalFindings(),
      decisionFindings(decisionsFolder()),
      machineFindings({
        artifactsDir: dirname(decisionsFolder()),
        dataDir,
        ingestLog: setting('INGEST_LOG') ?? join(dataDir, 'ingest/log.jsonl'),
      }),
    ]);
    const findings = [...onceWhereNothingRuns([...gateway, ...temporal]), ...rest.flat()];
    const bad = findings.filter(({ state }) => state === 'wrong');
    return {
      passed: bad.length === 0,
      lines: [
        ...findings.flatMap(lines),
        bad.length === 0
          ? 'nothing is wrong'
          : bad.length === 1
            ? 'one thing is wrong'
            : `${bad.length} things are wrong`,
      ],
      result: { findings },
    };
  },
});

function lines({ part, state, says, todo }: Finding): string[] {
  return [`${MARKS[state]} ${part}: ${says}`, ...(todo === null ? [] : [`    ${todo}`])];
}
