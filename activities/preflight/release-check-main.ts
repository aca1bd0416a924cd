/**
 * Child process of pre-flight: `release-check-main DIR RELEASE files-only|with-smoke-tests`. Prints one PreflightCheck
 * as JSON a line. Smoke tests are left out where the files are already wrong.
 */
import { SMOKE_TESTS } from '../../retrieval/smoke.ts';
import { verifyRelease } from '../../retrieval/release/verify.ts';
import { endWithParent } from '../../platform/subprocess.ts';
import type { PreflightCheck } from '../../domain/preflight/report.ts';

const [dir = '', release = '', what = 'files-only'] = process.argv.slice(2);

endWithParent();

function print(check: PreflightCheck): void {
  process.stdout.write(`${JSON.stringify(check)}\n`);
}

const { ok, problems, manifest } = await verifyRelease(dir);
const files = Object.keys(manifest?.files ?? {}).length;
print({
  name: `files of ${release}`,
  verdict: ok ? 'pass' : 'fail',
  reason: ok
    ? `${files} files are there with their checksums`
    : problems.map(({ file, reason }) => `${file}: ${reason}`).join('; '),
});
if (ok && what === 'with-smoke-tests') {
  for (const smoke of SMOKE_TESTS) {
    const { name, ok: passed, reason } = await smoke(dir);
    print({ name, verdict: passed ? 'pass' : 'fail', reason });
  }
}
