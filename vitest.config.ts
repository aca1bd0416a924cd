import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';
import { defineConfig } from 'vitest/config';

const ALONE = 'test/**/*.alone.test.ts';
/** Decisions are pure: their files share one process, since to start one costs more than most of them take. */
const PURE = ['test/domain/**/*.test.ts', 'test/plan-files/**/*.test.ts', 'test/recordings/**/*.test.ts'];
/** Of many minutes each: `npm run test:long` alone runs them. */
const LONG = 'test/**/*.long.test.ts';

/** Whole stacks, which wait for minutes, begin first; the short files fill up the other process at the end. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- no array's: it is vitest's, and returns another array
    const byDefault = await super.sort(files);
    return byDefault.toSorted((a, b) => place(a) - place(b));
  }
}

function place({ moduleId, project }: TestSpecification): number {
  if (moduleId.includes('/test/e2e/')) return 0;
  return project.name === 'pure' ? 2 : 1;
}

export default defineConfig({
  test: {
    sequence: { sequencer: SlowFirst },
    // What measures a load runs last, with nothing beside it.
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: [ALONE, LONG, ...PURE],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'pure', include: PURE, isolate: false, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: process.env['LONG'] === 'yes' ? [ALONE, LONG] : [ALONE],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    // A process for each file: the native addons and Temporal's core are not made to share one.
    pool: 'forks',
    // Tests start real servers: with three files side by side on two cores some wait for each other for too long.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
