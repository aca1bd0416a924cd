import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { payloadConverterPath, workflowsPath } from '../worker/bundle.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Who may import whom, as in docs/architecture.md. `node` stands for every builtin, other words for npm packages. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  domain: ['domain'],
  workflows: ['workflows', 'domain', '@temporalio/workflow', '@temporalio/common'],
  native: ['native', 'node'],
  platform: ['platform', 'node', 'write-file-atomic'],
  retrieval: [
    'retrieval',
    'platform',
    'domain',
    'native',
    'node',
    'onnxruntime-node',
    'faiss-node',
    '@huggingface/tokenizers',
    'lru-cache',
    'onnx-proto',
    'piscina',
    'zod',
  ],
  clients: ['clients', 'platform', 'domain', 'retrieval', 'node', 'undici'],
  serving: [
    'serving',
    'platform',
    'clients',
    'domain',
    'retrieval',
    'node',
    'prom-client',
    'undici',
    'fastify',
    'pino',
    'zod',
  ],
  activities: [
    'activities',
    'platform',
    'clients',
    'domain',
    'plan-files',
    'retrieval',
    'node',
    'undici',
    '@temporalio/activity',
    '@temporalio/client',
    'pino',
    'zod',
  ],
  worker: [
    'worker',
    'activities',
    'platform',
    'domain',
    'node',
    '@temporalio/worker',
    '@temporalio/client',
    '@temporalio/common',
    '@temporalio/envconfig',
    'pino',
    'zod',
  ],
  'plan-files': ['plan-files', 'platform', 'domain', 'node', 'yaml', 'zod'],
  simulation: ['simulation', 'domain'],
  devstack: [
    'devstack',
    'platform',
    'clients',
    'domain',
    'retrieval',
    'node',
    '@temporalio/client',
    '@temporalio/envconfig',
    'undici',
    'yaml',
    'zod',
  ],
  scripts: [
    'scripts',
    'platform',
    'clients',
    'devstack',
    'simulation',
    'domain',
    'plan-files',
    'retrieval',
    'workflows',
    'node',
    '@temporalio/client',
    '@temporalio/envconfig',
    'undici',
    'yaml',
    'zod',
  ],
  bench: [
    'bench',
    'platform',
    'clients',
    'domain',
    'plan-files',
    'native',
    'retrieval',
    'scripts',
    'devstack',
    'simulation',
    'node',
    'faiss-node',
    'onnx-proto',
    'undici',
    'yaml',
    'zod',
  ],
};

/** The folders of domain/, each above those that it may import. */
const DOMAIN = [
  'core',
  'statistics',
  'control',
  'metrics',
  'rules',
  'check',
  'plan',
  'preflight',
  'notification',
  'evaluation',
  'gate',
  'guard',
  'power',
  'rollback',
  'tuning',
  'rollout',
  'audit',
  'alerts',
  'incident',
  'experiment',
  'maintenance',
  'contracts',
];
/** Of folders of domain/ that import one another in a row. */
const LONGEST_CHAIN = 7;
const MOST_FILES = 20;

const FORBIDDEN_NAMES = /^(utils?|common|shared|types|helpers?|misc)(\.ts)?$/;

interface Import {
  readonly file: string;
  readonly specifier: string;
  /** Folder of ours, `node`, or the package's name. */
  readonly target: string;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => ({
    file,
    specifier: fileName,
    target: targetOf(file, fileName),
  }));
}

function targetOf(file: string, specifier: string): string {
  if (specifier.startsWith('.')) return normalize(join(dirname(file), specifier)).split('/')[0] ?? specifier;
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return 'node';
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

describe('layout', () => {
  it.each(Object.entries(MAY_IMPORT))('%s imports only what it may', (folder, allowed) => {
    const files = sourceFiles(folder);
    expect(files.length).toBeGreaterThan(0);
    const wrong = files.flatMap(importsOf).filter(({ target }) => !allowed.includes(target));
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  it('only retrieval/index loads the native addon', () => {
    const outsiders = sourceFiles('retrieval')
      .flatMap(importsOf)
      .filter(({ target, file }) => target === 'native' && !file.startsWith('retrieval/index/'));
    expect(outsiders).toEqual([]);
  });

  it('nothing but worker imports activities', () => {
    const importers = Object.keys(MAY_IMPORT)
      .filter((folder) => folder !== 'worker' && folder !== 'activities')
      .flatMap((folder) => sourceFiles(folder).flatMap(importsOf))
      .filter(({ target }) => target === 'activities');
    expect(importers).toEqual([]);
  });

  it('each folder of domain/ imports those before it alone, in chains of at most seven', () => {
    const folderOf = (file: string) => file.split('/')[1] ?? file;
    const files = sourceFiles('domain');
    expect([...new Set(files.map(folderOf))].toSorted()).toEqual(DOMAIN.toSorted());
    const chains = new Map<string, number>();
    for (const folder of DOMAIN) {
      const imported = files
        .filter((file) => folderOf(file) === folder)
        .flatMap(importsOf)
        .map(({ file, specifier }) => folderOf(normalize(join(dirname(file), specifier))))
        .filter((other) => other !== folder);
      const unknown = imported.filter((other) => !chains.has(other));
      expect(unknown, `${folder} imports what comes after it`).toEqual([]);
      chains.set(folder, 1 + Math.max(0, ...imported.map((other) => chains.get(other) ?? 0)));
    }
    expect(Math.max(...chains.values())).toBeLessThanOrEqual(LONGEST_CHAIN);
  });

  it('no folder of domain/ has more files than a reader takes in at a glance', () => {
    const folders = sourceFiles('domain').map((file) => dirname(file));
    const large = folders.filter((folder) => folders.filter((one) => one === folder).length > MOST_FILES);
    expect([...new Set(large)]).toEqual([]);
  });

  it('no file imports itself by way of others', () => {
    const files = Object.keys(MAY_IMPORT).flatMap(sourceFiles);
    const imports = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .filter(({ specifier }) => specifier.startsWith('.'))
          .map(({ specifier }) => normalize(join(dirname(file), specifier))),
      ]),
    );
    // Whoever imports nothing that is left is in no circle.
    for (let done = true; done;) {
      const free = [...imports].filter(([, of]) => of.every((other) => !imports.has(other)));
      for (const [file] of free) imports.delete(file);
      done = free.length > 0;
    }
    // What is left is in a circle, or imports one.
    expect([...imports.keys()]).toEqual([]);
  });

  it('has no folder or file whose name says nothing', () => {
    const named = Object.keys(MAY_IMPORT).flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true })
        .map(String)
        .filter((path) => path.split('/').some((part) => FORBIDDEN_NAMES.test(part)))
        .map((path) => `${folder}/${path}`),
    );
    expect(named).toEqual([]);
  });

  it('bundles the workflows that ship, and each export of the entry is a workflow', async () => {
    const bundle = await bundleWorkflowCode({
      workflowsPath: workflowsPath(),
      payloadConverterPath: payloadConverterPath(),
      logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    });
    expect(bundle.code.length).toBeGreaterThan(100_000);
    const entry = await import('../workflows/index.ts');
    for (const [name, value] of Object.entries(entry)) expect(typeof value, name).toBe('function');
    expect(Object.keys(entry).toSorted()).toEqual([
      'evaluation',
      'monitor',
      'nprobeTuning',
      'page',
      'rerankerExperiment',
      'rollback',
      'rollout',
      'rolloutGuard',
      'weeklyMaintenance',
    ]);
  });
});
