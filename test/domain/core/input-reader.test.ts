import { describe, expect, it } from 'vitest';
import { aBoolean, aText, orNull, readFields } from '../../../domain/core/input-reader.ts';

const read = (raw: unknown) =>
  readFields(raw, { fields: ['who', 'loud', 'why'], example: '{"who":"ada"}' }, (field) => ({
    who: field('who', aText),
    loud: field('loud', aBoolean, false),
    why: field('why', orNull(aText), null),
  }));

const NO_OBJECT = 'the input must be an object like {"who":"ada"}';

describe('the input of a workflow', () => {
  it.each<[string, unknown, object]>([
    ['has its defaults', { who: 'ada' }, { who: 'ada', loud: false, why: null }],
    ['has what is given', { who: '', loud: true, why: 'so' }, { who: '', loud: true, why: 'so' }],
    [
      'may have null where null is a value',
      { who: 'ada', why: null },
      { who: 'ada', loud: false, why: null },
    ],
  ])('%s', (_, raw, input) => {
    expect(read(raw)).toEqual({ input });
  });

  it.each<[string, unknown, readonly string[]]>([
    ['nothing is no object where a field is needed', undefined, [NO_OBJECT]],
    ['null is no object where a field is needed', null, [NO_OBJECT]],
    ['no field is one too few', {}, ['who: is missing']],
    ['null is no text', { who: null }, ['who: must be a text, not null']],
    ['null is no default', { who: 'ada', loud: null }, ['loud: must be true or false, not null']],
    ['a list is no object', [], [NO_OBJECT]],
    ['a text is no object', 'ada', [NO_OBJECT]],
    [
      'all problems are named at once',
      { loud: 'yes', how: 1 },
      [
        'how: unknown field; there are who, loud, why',
        'who: is missing',
        'loud: must be true or false, not "yes"',
      ],
    ],
  ])('is refused: %s', (_, raw, problems) => {
    expect(read(raw)).toEqual({ problems });
  });
});
