import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPlans } from '../../../activities/gateway/plans.ts';

let plansDir: string;
beforeAll(async () => {
  plansDir = await mkdtemp(join(tmpdir(), 'plans-'));
  await writeFile(join(plansDir, 'half.yaml'), 'plan: [');
  await writeFile(join(plansDir, 'wrong.yaml'), 'plan: wrong');
});
afterAll(async () => rm(plansDir, { recursive: true }));

describe('the activity that reads a plan', () => {
  it.each([
    ['nope', 'there is no plan "nope"; there are: half, wrong'],
    ['../plans', 'there is no plan "../plans"'],
    ['half', 'plan half is not YAML: '],
    ['wrong', 'plan wrong: describes: is missing'],
  ])('gives up on %s, since no retry can mend it', async (name, words) => {
    const { loadPlan } = createPlans({ plansDir, searchAttributes: false });
    await expect(loadPlan({ plan: name })).rejects.toMatchObject({
      nonRetryable: true,
      type: 'WrongPlan',
      message: expect.stringContaining(words),
    });
  });

  it('is tried again where its folder cannot be read', async () => {
    const { loadPlan } = createPlans({ plansDir: join(plansDir, 'gone'), searchAttributes: false });
    await expect(loadPlan({ plan: 'half' })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
