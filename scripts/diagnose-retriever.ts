import { dirname, join } from 'node:path';
import { decisionFindings } from './diagnose/decisions.ts';
import type { Finding } from './diagnose/finding.ts';
import { gatewayFindings } from './diagnose/gateway.ts';
import { machineFindings } from './diagnose/machine.ts';
import { temporalFindings } from './diagnose/temporal.ts';
import { decisionsFolder } from './rollout/decision-files.ts';
import { onceWhereNothingRuns } from './diagnose/nothing.ts';
import { createGatewayClient, gatewayFromEnv } from '../devstack/gateway-client.ts';
import { stateFolder } from './tool/places.ts';
import { setting } from './tool/settings.ts';
import { runTool } from './tool/tool.ts';

const MARKS = { ok: '✓', note: 'i', wrong: '✗', skipped: '-' } as const;

await runTool({
  name: 'diagnose-retriever',
  summary:
    'looks at everything that runs, says what is wrong and what to do; met where nothing is. Settings as the worker and the gateway have them.',
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
      met: bad.length === 0,
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
