import { defineConfig } from 'vitest/config';

const ALONE = 'test/**/*.alone.test.ts';
/** Of many minutes each: `npm run test:long` alone runs them. */
const LONG = 'test/**/*.long.test.ts';

export default defineConfig({
  test: {
    // What measures a load runs last, with nothing beside it.
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: [ALONE, LONG],
          sequence: { groupOrder: 0 },
        },
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
