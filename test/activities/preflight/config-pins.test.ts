import { beforeAll, describe, expect, it } from 'vitest';
import { brokenPins, configPins } from '../../../activities/preflight/config-pins.ts';
import type { ReleaseManifest } from '../../../retrieval/release/manifest.ts';
import { readManifest } from '../../../retrieval/release/manifest.ts';
import { smallRelease } from '../../fixtures/releases.ts';

let stable: ReleaseManifest;
beforeAll(async () => {
  stable = await readManifest(await smallRelease('small'));
}, 300_000);

const verdict = (change: Partial<ReleaseManifest>) => configPins({ ...stable, ...change }, stable);

describe('pre-flight of the pins', () => {
  it('[P3.2] passes a release that begins at nprobe 8, and names its values', () => {
    expect(stable.flags.nprobe).toBe(8);
    expect(verdict({})).toEqual([
      { name: 'config pins', verdict: 'pass', reason: expect.stringMatching(/384-D, nprobe 8, .*amn_v0/) },
    ]);
  });

  it.each<[string, () => Partial<ReleaseManifest>, string[]]>([
    [
      '[P3.2] a release that begins at nprobe 16',
      () => ({ flags: { ...stable.flags, nprobe: 16 } }),
      ['nprobe'],
    ],
    ['a release that begins at nprobe 4', () => ({ flags: { ...stable.flags, nprobe: 4 } }), ['nprobe']],
    [
      'a release of another encoder',
      () => ({ encoder: { ...stable.encoder, sha256: 'f'.repeat(64) } }),
      ['encoder'],
    ],
    ['a release of another dimension', () => ({ dimension: 768 }), ['dimension']],
    [
      'a release with two wrong pins, naming both',
      () => ({ dimension: 768, flags: { ...stable.flags, nprobe: 4 } }),
      ['dimension', 'nprobe'],
    ],
  ])('refuses %s', (_what, change, pins) => {
    expect(brokenPins({ ...stable, ...change() }, stable)).toEqual(pins);
    expect(verdict(change())).toMatchObject([{ name: 'config pins', verdict: 'fail' }]);
  });
});
