import { describe, expect, it } from 'vitest';
import { missingName, missingProof, strayKeys, unread } from './known-names.ts';
import { readRows, runbookRows } from './runbook-table.ts';

const rows = runbookRows();

describe('docs/runbook.md', () => {
  it.each(rows.map((row) => [row.key, row.line, row] as const))('%s: %s', (_key, _line, row) => {
    expect(row.doneBy.length, 'what does it').toBeGreaterThan(0);
    expect(row.provenBy.length, 'what proves it').toBeGreaterThan(0);
    expect(row.doneBy.map(missingName).filter((wrong) => wrong !== null)).toEqual([]);
    const wrongProofs = row.provenBy.map((file) => missingProof(row.key, file));
    expect(wrongProofs.filter((wrong) => wrong !== null)).toEqual([]);
    expect(unread(row), 'metrics that no proof reads').toEqual([]);
  });

  it('has a key for each line, once', () => {
    const keys = rows.map(({ key }) => key);
    expect(keys.length).toBeGreaterThan(50);
    expect([...new Set(keys)]).toEqual(keys);
  });

  it('names the file of each test whose title carries a key', () => {
    expect(strayKeys(rows)).toEqual([]);
  });
});

describe('a row', () => {
  it.each([
    ['`workflow rollOut`', 'there is no workflow "rollOut"'],
    ['`activity fly`', 'there is no activity "fly"'],
    ['`metric errorrate`', 'there is no metric "errorrate"'],
    ['`alert nobody cares`', 'there is no alert "nobody cares"'],
    ['`trigger happy`', 'there is no trigger "happy"'],
    ['`command make-coffee`', 'there is no command "make-coffee"'],
    ['`command npm run fly`', 'there is no command "npm run fly"'],
    ['`step back`', 'there is no step "back"'],
    ['`file docs/nothing.md`', 'there is no file "docs/nothing.md"'],
    ['`wish upon a star`', '"wish" is no kind of thing'],
  ])('that names %s is found out', (name, why) => {
    const [row] = readRows(`| X1 | a line | ${name} | \`test/layout.test.ts\` |`);
    expect(row?.doneBy.map(missingName)).toEqual([expect.stringContaining(why)]);
  });

  it.each([
    ['`test/nothing.test.ts`', 'there is no test/nothing.test.ts'],
    ['`docs/runbook.md`', '"docs/runbook.md" is no test file'],
    ['`test/layout.test.ts`', 'test/layout.test.ts has no test whose title begins with [X1]'],
  ])('that is proven by %s is found out', (proof, why) => {
    const [row] = readRows(`| X1 | a line | \`workflow rollout\` | ${proof} |`);
    expect(row?.provenBy.map((file) => missingProof(row.key, file))).toEqual([why]);
  });
});
