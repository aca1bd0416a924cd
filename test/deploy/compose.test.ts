import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

// Read as Compose and the classic builder of Docker do; both are run by hand, as docs/operations.md says.
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

/** Variables that a service gets as .env has them. */
function passedOn({ environment = {} }: z.infer<typeof serviceSchema>): string[] {
  return Object.entries(environment).flatMap(([name, value]) => (value === null ? [name] : []));
}

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
    expect(environment).toMatchObject({
      PROD_DOCS_DIR: 'artifacts/PROD',
      WORKER_METRICS_HOST: '0.0.0.0',
      WORKER_HEALTH_HOST: '0.0.0.0',
    });
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
    const used = [
      ...[...read('docker-compose.yml').matchAll(/\$\{(\w+)/g)].map(([, variable]) => variable),
      ...Object.values(services).flatMap(passedOn),
    ];
    const given = [...read('deploy/compose/env.example').matchAll(/^(\w+)=/gm)].map(
      ([, variable]) => variable,
    );
    expect(new Set(given)).toEqual(new Set(used));
  });
});

/** Settings that the containers do not take from outside, and why. */
const FIXED: Readonly<Record<string, string>> = {
  GATEWAY_PORT: 'the port inside; `ports` says where it is outside',
  CONTROL_PORT: 'the same',
  TEMPORAL_PORT: 'the same',
  TEMPORAL_UI_PORT: 'the same',
  WORKER_METRICS_PORT: 'the same',
  WORKER_HEALTH_PORT: 'the same',
  DATA_DIR: 'of npm start',
  MODELS_DIR: 'is mounted where it lies in a clone',
  INGEST_LOG: 'lies in the volume that gateway and worker share',
  INGEST_TOKEN_FILE: 'the token itself is in .env',
  CONTROL_TOKEN_FILE: 'the token itself is in .env',
  ROLLBACK_SCRIPT: 'the one in the image',
  TEMPORAL_NAMESPACE: 'temporal-namespace makes the default one',
  NOTIFY_SENT_FILE: 'lies in a volume',
  WORKER_HEALTH_URL: 'of a tool',
  RETRIEVER_ENCODER: 'of set-up',
  RETRIEVER_CACHE: 'of set-up',
  XDG_CACHE_HOME: 'of set-up',
  TEMPORAL_CLI: 'of set-up',
  TEMPORAL_TEST_SERVER: 'of the tests',
};

describe('the settings', () => {
  const table = /^## Settings\n([^]*?)^## /m.exec(read('docs/operations.md'))?.[1] ?? '';
  const settings = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name = '']) => name),
  );

  it('of docs/operations.md all reach the gateway or the worker of docker-compose.yml', () => {
    expect(settings).toEqual(expect.arrayContaining(['NOTIFY_WEBHOOK_URL', 'CANARY_PERCENT', 'DRAIN_MS']));
    const reach = Object.values(services).flatMap(({ environment = {} }) => Object.keys(environment));
    expect(settings.filter((name) => !reach.includes(name) && FIXED[name] === undefined)).toEqual([]);
  });

  it.each(['gateway', 'worker'])('that %s takes are all of its own', (name) => {
    const { environment = {} } = services[name] ?? {};
    const known = read(`${name === 'gateway' ? 'serving/gateway' : 'worker'}/config.ts`);
    const own = Object.keys(environment).filter((variable) => variable !== 'TEMPORAL_ADDRESS');
    expect(own.filter((variable) => !known.includes(`'${variable}'`))).toEqual([]);
  });
});

describe('the image', () => {
  const dockerfile = read('deploy/Dockerfile');
  const ignore = read('.dockerignore').split('\n');
  /** What the last stage takes over from the build, as paths of a clone. */
  const copied = [...dockerfile.matchAll(/^COPY --from=build \/build\/(\S+) \.\/(\S*)$/gm)].map(
    ([, from = '']) => from,
  );
  const compiled: string[] = JSON.parse(read('tsconfig.build.json')).include;

  it('holds every file that a process opens by its path in a clone', () => {
    const sources = compiled
      .filter((folder) => folder !== 'scripts')
      .flatMap((folder) => sourcesOf(folder))
      .map((file) => ({ file, text: read(file) }));
    expect(sources.length).toBeGreaterThan(100);
    const named = sources.flatMap(({ text }) =>
      [...text.matchAll(/'((?:scripts|plans|native|bench|deploy)(?:\/[\w./-]+)?)'/g)].map(
        ([, path = '']) => path,
      ),
    );
    expect(named).toEqual(expect.arrayContaining(['scripts/rollback_retriever.sh', 'plans']));
    const isThere = (path: string) =>
      copied.some((from) => path === from || path.startsWith(`${from}/`)) ||
      compiled.some((folder) => path.startsWith(`${folder}/`) && /\.[jt]s$/.test(path));
    expect([...new Set(named)].filter((path) => !isThere(path))).toEqual([]);
  });

  it('holds the plans, the alert rules and the command of an emergency', () => {
    expect(copied).toEqual(
      expect.arrayContaining(['dist', 'node_modules', 'native/build', 'package.json', 'plans']),
    );
    expect(copied).toContain('scripts/rollback_retriever.sh');
    expect(compiled).toContain('scripts');
  });

  it('is built of what is named and of nothing else, so that no secret reaches it', () => {
    expect(ignore.filter((line) => line !== '' && !line.startsWith('#'))[0]).toBe('*');
    const allowed = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(allowed).toEqual(
      expect.arrayContaining([...compiled, 'plans', 'package.json', 'tsconfig.build.json']),
    );
    expect(allowed.filter((path) => /env|data|artifacts|^\.git|token|docs/.test(path))).toEqual([]);
    expect(ignore.indexOf('**/.env*')).toBeGreaterThan(ignore.findLastIndex((line) => line.startsWith('!')));
  });
});

/** Sources of that folder as paths from the root. */
function sourcesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`);
}
