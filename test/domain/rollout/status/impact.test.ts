import { describe, expect, it } from 'vitest';
import type { BlastRadius } from '../../../../domain/rollout/status/impact.ts';
import { NO_BLAST, formatBlastRadius, addImpact } from '../../../../domain/rollout/status/impact.ts';
import type { Snapshot, SnapshotResult } from '../../../../domain/metrics/snapshot.ts';
import { aPlan } from '../../../support/a-plan.ts';
import type { LaneDelta } from '../../../support/lane-traffic.ts';
import { counters, snapshot } from '../../../support/lane-traffic.ts';

const QUALITY = { release: 'v0', tau: 0.5, expectedShare: 0.95, rAt5: 0.6, queries: 800 };
const NONE = Array.from({ length: 11 }, () => 0);

/** A reading at which the candidate had done this, out of so many requests of all kinds. */
function reading(
  { requests = 0, failed = 0, seen = 0 },
  candidate: LaneDelta = {},
  stable: LaneDelta = {},
  more: Partial<Snapshot> = {},
): SnapshotResult {
  return snapshot(
    0,
    counters({ release: 'v-1', requests: 1000, ...stable }),
    counters({ release: 'v0', requests, ...candidate }),
    { touched: { release: 'v0', requests, failed, seen }, ...more },
  );
}

const none = reading({});

function radiusOf(...readings: readonly SnapshotResult[]): BlastRadius {
  return readings.reduce(
    (track, next, i) => addImpact(track, later(next, i), 'v0', aPlan(), QUALITY),
    NO_BLAST,
  ).radius;
}

/** Read when the gateway had run so long. */
function later(result: SnapshotResult, uptimeMs: number): SnapshotResult {
  return result.kind === 'missing' ? result : { ...result, snapshot: { ...result.snapshot, uptimeMs } };
}

describe('the blast radius', () => {
  it.each<[string, readonly SnapshotResult[], Partial<BlastRadius>]>([
    ['is nothing without a reading', [], { requests: 0, failed: 0 }],
    [
      'is what came between the first reading and the last',
      [none, reading({ requests: 80 })],
      { requests: 80 },
    ],
    [
      'leaves out what an earlier try of the same release left in the counters',
      [reading({ requests: 500, failed: 90 }), reading({ requests: 530, failed: 91 })],
      { requests: 30, failed: 1 },
    ],
    [
      '[D2.1] tells what failed from what users saw of it',
      [none, reading({ requests: 100, failed: 40, seen: 2 })],
      { failed: 40, seen: 2 },
    ],
    [
      'passes over a reading that is missing',
      [none, { kind: 'missing', reason: 'connection refused' }, reading({ requests: 60 })],
      { requests: 60 },
    ],
    [
      'goes on behind a restart of the gateway, and says that there was one',
      [
        none,
        reading({ requests: 60, failed: 6 }),
        reading({ requests: 10, failed: 1 }, {}, {}, { processStartMs: 2 }),
      ],
      { requests: 70, failed: 7, restarts: 1 },
    ],
    [
      'does not grow by another release in the lane',
      [
        none,
        snapshot(0, null, counters({ release: 'v1' }), {
          touched: { release: 'v1', requests: 9, failed: 9, seen: 9 },
        }),
      ],
      { requests: 0, failed: 0, missed: 0, slower: 0 },
    ],
    [
      "is slow where it is slower than 1.15 x stable's P95 of the same time",
      [
        reading({}, {}, { requests: 0, latencies: [] }),
        reading(
          { requests: 200 },
          {
            latencies: [
              [0.9, 2],
              [0.1, 9],
            ],
          },
          {
            requests: 1000,
            latencies: [
              [0.98, 2],
              [0.02, 9],
            ],
          },
        ),
      ],
      { slower: 20, slowerExpected: 4 },
    ],
    [
      "is slow beyond the plan's limit while stable has no users",
      [
        reading({}, {}, { requests: 0, latencies: [] }),
        reading(
          { requests: 200 },
          {
            latencies: [
              [0.95, 9],
              [0.05, 11],
            ],
          },
          { requests: 0, latencies: [] },
        ),
      ],
      { slower: 10, slowerExpected: 0 },
    ],
    [
      'counts misses beside those that the release itself foretells',
      [none, reading({ requests: 400 }, { qualityShare: 0.75 })],
      { missed: 100, missedExpected: 20 },
    ],
    [
      'counts the shadowed queries that hit with stable alone',
      [
        none,
        reading(
          { requests: 10 },
          {},
          {},
          {
            shadow: {
              release: 'v0',
              against: 'v-1',
              both: 90,
              onlyStable: 7,
              onlyCandidate: 1,
              neither: 2,
              overlap: NONE,
              selfOverlap: NONE,
            },
          },
        ),
      ],
      { shadowed: 100, lost: 7 },
    ],
  ])('%s', (_, readings, expected) => {
    const radius = radiusOf(...readings);
    expect(radius).toMatchObject(
      Object.fromEntries(Object.entries(expected).map(([name, count]) => [name, expect.closeTo(count, 6)])),
    );
  });

  it('is a sentence', () => {
    const said = formatBlastRadius(
      radiusOf(none, reading({ requests: 100, failed: 4, seen: 1 }, { qualityShare: 0.9 })),
    );
    expect(said).toMatch(
      /touched 100 requests: 4 failed, of which users saw 1; .*10 found nothing above tau \(5 expected\)/,
    );
  });
});
