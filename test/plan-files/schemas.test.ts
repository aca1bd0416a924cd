import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { alertRulesSchema } from '../../plan-files/parse-alert-rules.ts';
import { planSchema } from '../../plan-files/parse-plan.ts';

/** JSON schemas for editors; `npm run schemas` writes them. */
const SCHEMAS = [
  { folder: 'plans', file: 'plan.schema.json', schema: planSchema, limit: /warnAbove: 8ms/g },
  { folder: 'plans/alerts', file: 'alert-rules.schema.json', schema: alertRulesSchema, limit: /over: 20ms/g },
];

describe.each(SCHEMAS)('the JSON schema $folder/$file', ({ folder, file, schema, limit }) => {
  const path = (name: string) => new URL(`../../${folder}/${name}`, import.meta.url);
  const made = z.toJSONSchema(schema, { io: 'input', target: 'draft-7', reused: 'ref' });
  const yaml = readdirSync(path('')).filter((name) => name.endsWith('.yaml'));

  it('says what the parser reads', () => {
    if (process.env['WRITE_SCHEMAS'] === '1') writeFileSync(path(file), `${JSON.stringify(made, null, 2)}\n`);
    expect(JSON.parse(readFileSync(path(file), 'utf8')), 'write it by: npm run schemas').toEqual(made);
  });

  it.each(yaml)('is named in %s, accepts it, and refuses a limit in another unit', (name) => {
    const text = readFileSync(path(name), 'utf8');
    expect(text.split('\n')[0]).toBe(`# yaml-language-server: $schema=${file}`);
    const validate = new Ajv({ strict: false }).compile(made);
    const accepts = (of: string) => validate(parse(of, { merge: true }));
    expect(accepts(text), JSON.stringify(validate.errors?.slice(0, 3))).toBe(true);
    expect(accepts(text.replace(limit, (field) => field.replace(/\d+ms/, '8 %')))).toBe(false);
  });
});
