/** A TypeScript program of somebody else that puts the built gate in front of its server: it is told what it does wrong. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

// A compiler takes its time on a machine that has other work.
jest.setTimeout(240_000);

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-types-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(root, join(folder, 'node_modules/muniment'), 'dir');
  await symlink(join(root, 'node_modules/@types'), join(folder, 'node_modules/@types'), 'dir');
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** @returns the errors that the compiler finds, by the strictest that a program may ask for */
async function compile(module: string, resolution: string): Promise<string[]> {
  const options = [
    ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--target', 'es2022'],
    ...['--skipLibCheck', 'false', '--types', 'node', '--module', module, '--moduleResolution', resolution],
  ];
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const text = await new Promise<string>((resolve) => {
    execFile(process.execPath, [tsc, ...options, 'right.ts', 'wrong.ts'], { cwd: folder }, (_, stdout) =>
      resolve(stdout),
    );
  });
  return text.split('\n').filter((line) => line.includes('error TS'));
}

const program = (model: string) => [
  `import { createServer } from 'node:http';`,
  `import { expressGate, fastifyGate, Gate, nestGate } from 'muniment/gate';`,
  `import type { Admission, GateOptions, Licensed, Purpose } from 'muniment/gate';`,
  `const purpose = (): Purpose => ({ action: 'infer', commercial: false });`,
  `const options: GateOptions = { registry: 'https://r.example', audience: 'https://i.example', model: ${model}, purpose };`,
  `const gate = new Gate({ ...options, usage: { apiKey: 'key', journal: 'usage.jsonl', blockCalls: 10 } });`,
  `const check = expressGate(gate);`,
  `createServer((request, response) => check(request, response, () => {`,
  `  const { license } = request as Licensed;`,
  `  const admitted: Admission = license!;`,
  `  response.end(admitted.claims.authorization_details[0]!.model.id + admitted.status.toUpperCase());`,
  `}));`,
  `export const hooks = [fastifyGate(gate), nestGate(gate, class extends Error { constructor(_: object, __: number) { super(); } })];`,
];

it.each([
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
])('compiles against the built package, and is refused what is wrong: %s, %s', async (module, resolution) => {
  await writeFile(join(folder, 'right.ts'), program(`{ id: 'registration_1' }`).join('\n'));
  await writeFile(join(folder, 'wrong.ts'), program(`{ name: 'my model' }`).join('\n'));
  expect(await compile(module, resolution)).toEqual([
    expect.stringMatching(/^wrong\.ts\(5,\d+\): error TS2353: .*'name' does not exist in type 'ServedModel'/),
  ]);
});
