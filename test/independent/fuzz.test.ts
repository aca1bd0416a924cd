import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pythonPackages } from '../../scripts/setup/python-packages.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway } from '../support/gateway-process.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Of each route, beside the boundary cases that the fuzzer makes of the document. */
const EXAMPLES = 40;
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'ignored_auth',
];

let packages = '';
let releases = '';
let folder = '';
let gateway: TestGateway;
beforeAll(async () => {
  packages = await pythonPackages(join(HERE, 'fuzz-requirements.txt'), join(HERE, '../../.data/test'));
  folder = await mkdtemp(join(tmpdir(), 'fuzz-'));
  releases = await releasesFolder(await smallRelease('v-1'));
  gateway = await createTestGateway(releases);
  await gateway.start();
}, 300_000);
afterAll(async () => {
  await gateway.close();
  await Promise.all([releases, folder].map(async (dir) => rm(dir, { recursive: true })));
});

it(
  'a fuzzer of APIs finds no fault of ours, and no answer that /openapi.json does not name',
  { timeout: 300_000 },
  async () => {
    const token = (await readFile(join(gateway.folder, 'ingest-token'), 'utf8')).trim();
    const options = {
      '--header': `Authorization: Bearer ${token}`,
      '--checks': CHECKS.join(','),
      '--phases': 'coverage,fuzzing',
      '--max-examples': String(EXAMPLES),
      '--seed': '1',
      '--generation-database': 'none',
    };
    const document = `${gateway.url()}/openapi.json`;
    const { said, failed } = await promisify(execFile)(
      'python3',
      ['-m', 'schemathesis.cli', 'run', document, '--no-color', ...Object.entries(options).flat()],
      { cwd: folder, env: { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' } },
    ).then(
      ({ stdout }) => ({ said: stdout, failed: false }),
      (error: { stdout?: string; message: string }) => ({
        said: error.stdout || error.message,
        failed: true,
      }),
    );
    // What it says names the request that does it again.
    expect(failed ? said : '').toBe('');
    // All but the document itself.
    expect(said).toMatch(/Operations: +8 selected/);
  },
);
