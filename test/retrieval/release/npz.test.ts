import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatNpy, parseNpy, readNpy } from '../../../retrieval/release/npy.ts';
import { readNpz } from '../../../retrieval/release/npz.ts';
import { pythonPackages } from '../../../scripts/setup/python-packages.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Writes what numpy can write and read; prints name, shape and values of each array that numpy reads as float32. */
const PYTHON = `
import json, os, struct, sys, zipfile
import numpy as np
os.chdir(sys.argv[1])
a = (np.arange(24, dtype='<f4') / 7).reshape(2, 3, 4)
def raw(name, version, header, data):
    body = header.encode('utf8' if version == 3 else 'latin1')
    size = struct.pack('<H' if version == 1 else '<I', len(body))
    open(name, 'wb').write(b'\\x93NUMPY' + bytes([version, 0]) + size + body + data)
np.save('plain.npy', a)
np.save('big-endian.npy', a.astype('>f4'))
np.save('fortran.npy', np.asfortranarray(a))
np.save('fortran-big.npy', np.asfortranarray(a.astype('>f4')))
np.save('scalar.npy', np.float32(1.5))
np.save('none.npy', np.zeros((0, 4), '<f4'))
for version in (1, 2, 3):
    raw(f'v{version}.npy', version, "{'descr':'<f4','fortran_order':False,'shape':(2,3,4)}\\n", a.tobytes())
raw('quotes.npy', 1, '{ "shape" :(2, 3 ,4,) ,\\n "fortran_order": False, "descr": "<f4"}   \\n', a.tobytes())
raw('python2.npy', 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L, 4L), }\\n", a.tobytes())
raw('one.npy', 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (24,), }\\n", a.tobytes())
raw('named.npy', 1, "{'descr': 'float32', 'fortran_order': False, 'shape': (24,), }\\n", a.tobytes())
np.savez('stored.npz', a)
np.savez_compressed('deflated.npz', vectors=a)
read = {}
for name in sorted(os.listdir('.')):
    array = np.load(name)
    if name.endswith('.npz'): array = array[array.files[0]]
    read[name] = [list(array.shape), array.astype('<f4').ravel('C').tolist()]
print(json.dumps(read))
`;

let folder = '';
let byNumpy: Record<string, [number[], number[]]> = {};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'numpy-'));
  const packages = await pythonPackages(
    join(ROOT, 'test/independent/requirements.txt'),
    join(ROOT, '.data/test'),
  );
  const { stdout } = await promisify(execFile)('python3', ['-c', PYTHON, folder], {
    env: { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' },
  });
  byNumpy = JSON.parse(stdout);
}, 300_000);
afterAll(() => rm(folder, { recursive: true }));

const read = (name: string) => {
  const file = join(folder, name);
  return name.endsWith('.npz') ? readNpz(file) : readNpy(file);
};

describe('a file that numpy reads', () => {
  it('holds the same array here: versions, quotes, spacing, orders, stored and deflated', async () => {
    const ours: typeof byNumpy = {};
    for (const name of await readdir(folder)) {
      const { shape, data } = await read(name);
      ours[name] = [[...shape], Array.from(data)];
    }
    expect(ours).toEqual(byNumpy);
    expect(Object.keys(ours)).toHaveLength(15);
  });
});

describe('a damaged .npz', () => {
  it.each(['stored.npz', 'deflated.npz'])(
    '%s is refused by file and member where a flipped byte of its data changes a value',
    async (name) => {
      const bytes = await readFile(join(folder, name));
      const damaged = join(folder, `damaged-${name}`);
      const whole = await readNpz(join(folder, name));
      const begin = 30 + bytes.readUInt16LE(26) + bytes.readUInt16LE(28);
      const end = bytes.indexOf('PK\x01\x02', 'latin1');
      const member = bytes.toString('latin1', 30, 30 + bytes.readUInt16LE(26));
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: begin, max: end - 1 }),
          fc.integer({ min: 1, max: 255 }),
          async (at, flip) => {
            const copy = Buffer.from(bytes);
            copy[at] = (copy[at] ?? 0) ^ flip;
            await writeFile(damaged, copy);
            // The last byte of a deflated member has bits that stand for nothing.
            await readNpz(damaged).then(
              (array) => expect(array).toEqual(whole),
              (error: Error) =>
                expect(error.message).toContain(`${damaged} has the member ${member}, which is damaged: `),
            );
          },
        ),
        { numRuns: 60 },
      );
      await rm(damaged);
    },
  );
});

describe('a .npy header', () => {
  const withHeader = (header: string) => {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(header.length);
    return Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
      length,
      Buffer.from(header),
      Buffer.alloc(8),
    ]);
  };

  it.each([
    [
      'of bool',
      "{'descr': '|b1', 'fortran_order': False, 'shape': (8,)}",
      "does not hold little-endian float32, nor big-endian: its descr is '|b1'",
    ],
    [
      'of objects',
      "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
      "does not hold little-endian float32, nor big-endian: its descr is '|O'",
    ],
    [
      'of doubles',
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}",
      "does not hold little-endian float32, nor big-endian: its descr is '<f8'",
    ],
    [
      'of a structure',
      "{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (1,)}",
      'does not hold little-endian float32, nor big-endian: its descr is that of a structure',
    ],
    [
      'without a shape',
      "{'descr': '<f4', 'fortran_order': False}",
      'has a header with descr, fortran_order, not',
    ],
    [
      'of another order',
      "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
      'fortran_order that is neither',
    ],
    ['of no tuple', "{'descr': '<f4', 'fortran_order': False, 'shape': 2}", 'has a shape that is no tuple'],
    [
      'of a negative size',
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
      'has a shape that is no tuple',
    ],
    ['that is no literal', "{'descr': '<f4', 'shape': open('x')}", 'cannot be read from " open'],
    ['that calls', "__import__('os')", 'has a header that cannot be read'],
    [
      'with too few values',
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
      'holds 2 floats, its shape (3) says 3',
    ],
  ])('%s is refused with the cause', (_name, header, message) => {
    expect(() => parseNpy(withHeader(header))).toThrow(message);
  });

  it.each([
    [8, 'is cut off: 8 bytes, shorter than a header'],
    [9, 'is cut off: 9 bytes, shorter than a header'],
    [40, 'is cut off: 40 bytes, shorter than a header of 128'],
    [0, 'is not a .npy'],
  ])('that ends after %i bytes is refused with file and cause', async (length, message) => {
    const file = join(folder, 'six.npy');
    await writeFile(file, formatNpy({ shape: [2], data: Float32Array.of(1, 2) }).subarray(0, length));
    await expect(readNpy(file)).rejects.toThrow(`${file} ${message}`);
    await rm(file);
  });

  it('of any bytes is read or refused with a sentence, never by a fault', () => {
    const good = formatNpy({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        expect(lengthOrFault(bytes)).toMatch(/^(4 floats|Error: (is|has|holds|does) )/);
      }),
      { numRuns: 3_000 },
    );
  });
});

function lengthOrFault(bytes: Buffer): string {
  try {
    return `${parseNpy(bytes).data.length} floats`;
  } catch (error) {
    return String(error);
  }
}
