import { expect, it } from 'vitest';
import { formatKept } from '../../../scripts/demo/keep-running.ts';

const addresses = {
  temporal: '127.0.0.1:7233',
  temporalUi: 'http://127.0.0.1:8233',
  gateway: 'http://127.0.0.1:8080',
  control: 'http://127.0.0.1:8081',
  workerMetrics: 'http://127.0.0.1:9464/metrics',
  workerHealth: 'http://127.0.0.1:9465/health',
};

it('says how to stop a stack that was kept, and where the tools find its tokens and state', () => {
  const words = formatKept({ pid: 42, addresses }, '/clone/.data/demo');
  expect(words).toContain('kill 42');
  expect(words).toContain('export CONTROL_TOKEN_FILE=/clone/.data/demo/run/control-token');
  expect(words).toContain('STATE_DIR=/clone/.data/demo/gateway');
  expect(words).toContain('ARTIFACTS_DIR=/clone/.data/demo/artifacts');
  expect(words).toContain('/clone/.data/demo/run/ingest-token');
  expect(words).not.toContain('CONTROL_URL');
});

it('and where it is, if that is not where they look', () => {
  const moved = { ...addresses, control: 'http://127.0.0.1:9001', temporal: '127.0.0.1:9003' };
  const words = formatKept({ pid: 42, addresses: moved }, '/d');
  expect(words).toContain('export CONTROL_URL=http://127.0.0.1:9001');
  expect(words).toContain('export TEMPORAL_ADDRESS=127.0.0.1:9003');
  expect(words).not.toContain('GATEWAY_URL');
});
