import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const ROOT = new URL('../..', import.meta.url).pathname;
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const serviceSchema = z.looseObject({
  environment: z.record(z.string(), z.unknown()).optional(),
  command: z.union([z.string(), z.array(z.string())]).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.unknown().optional(),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
});
const document: unknown = parse(read('docker-compose.yml'), { merge: true });
const { services } = z.object({ services: z.record(z.string(), serviceSchema) }).parse(document);
const schema: object = JSON.parse(read('test/fixtures/compose-spec/compose-spec.json'));
// `strict: false`: the schema has formats and keywords of its own. Formats are Compose's and not checked.
const validate = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).compile(schema);

describe('docker-compose.yml', () => {
  it("is valid by the Compose Specification's schema", () => {
    validate(document);
    expect(validate.errors).toBeNull();
  });

  it('would not be with a field that Compose does not know', () => {
    expect(validate({ services: { gateway: { image: 'x', helthcheck: {} } } })).toBe(false);
  });

  it('holds Temporal with its database and UI, the gateway and the worker', () => {
    expect(Object.keys(services)).toEqual(
      expect.arrayContaining(['postgresql', 'temporal', 'temporal-ui', 'gateway', 'worker']),
    );
  });

  it('waits only for what exists and can tell that it is ready', () => {
    const waits = Object.values(services).flatMap(({ depends_on }) => Object.entries(depends_on));
    const healthy = waits
      .filter(([, { condition }]) => condition === 'service_healthy')
      .map(([name]) => name);
    expect(Object.keys(services)).toEqual(expect.arrayContaining(waits.map(([name]) => name)));
    expect(healthy.filter((name) => services[name]?.healthcheck === undefined)).toEqual([]);
  });

  it('shows nothing but the gateway to other machines', () => {
    const open = Object.entries(services).flatMap(([name, { ports }]) =>
      ports.filter((port) => !port.startsWith('127.0.0.1:')).map((port) => `${name} ${port}`),
    );
    expect(open).toEqual(['gateway 8080:8080']);
  });

  it.each(['gateway', 'worker'])('starts a module that exists: %s', (name) => {
    const module = services[name]?.command?.at(-1) ?? '';
    expect(existsSync(join(ROOT, module.replace(/\.js$/, '.ts'))), module).toBe(true);
  });

  it('keeps what the worker writes, where the user of the image may write', () => {
    const { environment = {}, volumes = [] } = services['worker'] ?? {};
    const targets = volumes.filter((volume) => !volume.endsWith(':ro')).map((volume) => volume.split(':')[1]);
    expect(targets).toEqual(['/srv/retriever/artifacts', '/srv/retriever/.data/worker']);
    expect(environment).toMatchObject({ PROD_DOCS_DIR: 'artifacts/PROD', WORKER_METRICS_HOST: '0.0.0.0' });
    const owned = /mkdir -p (.*) && chown -R node:node/.exec(read('deploy/Dockerfile'))?.[1]?.split(' ');
    expect(owned).toEqual(['.data/gateway', '.data/worker', 'artifacts']);
  });

  it('starts with no secret that others know', () => {
    const secrets = read('deploy/compose/env.example').match(/^\w+_(TOKEN|PASSWORD)=.*$/gm);
    expect(secrets).toEqual(['POSTGRES_PASSWORD=', 'CONTROL_TOKEN=', 'INGEST_TOKEN=']);
    for (const name of ['POSTGRES_PASSWORD', 'CONTROL_TOKEN', 'INGEST_TOKEN'])
      expect(read('docker-compose.yml')).not.toMatch(new RegExp(`\\$\\{${name}(?!:\\?)`));
  });

  it('names each of its variables in the example', () => {
    const used = [...read('docker-compose.yml').matchAll(/\$\{(\w+)/g)].map(([, variable]) => variable);
    const given = [...read('deploy/compose/env.example').matchAll(/^(\w+)=/gm)].map(
      ([, variable]) => variable,
    );
    expect(new Set(given)).toEqual(new Set(used));
  });
});
