/** `scripts/setup.js` in a folder of its own, with an npm that only writes down how it was called. */
import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

let folder: string;
const at = (path: string) => join(folder, path);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-setup-'));
  for (const made of ['scripts', 'bin', 'node_modules/typescript']) await mkdir(at(made), { recursive: true });
  await copyFile(fileURLToPath(new URL('../../../../scripts/setup.js', import.meta.url)), at('scripts/setup.js'));
  await writeFile(at('package.json'), '{"type":"module"}');
  await writeFile(at('package-lock.json'), '{}');
  await writeFile(at('bin/npm'), '#!/bin/sh\necho "$@" > "$(dirname "$0")/called"\n');
  await chmod(at('bin/npm'), 0o755);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** @returns how npm was called, if it was */
async function setUp(): Promise<string | undefined> {
  const env = { ...process.env, PATH: `${at('bin')}:${process.env['PATH']}` };
  const { status, stderr } = spawnSync(process.execPath, [at('scripts/setup.js')], { env, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  return readFile(at('bin/called'), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** npm's own record of what it has installed. */
async function installed(seconds: number): Promise<void> {
  await writeFile(at('node_modules/.package-lock.json'), '{}');
  const time = new Date(Date.now() + seconds * 1000);
  await utimes(at('node_modules/.package-lock.json'), time, time);
}

it('installs what the lockfile names where nothing is installed', async () => {
  expect(await setUp()).toMatch(/^ci /);
});

it('leaves alone what somebody has installed, with scripts or without', async () => {
  await installed(5);
  expect(await setUp()).toBeUndefined();
});

it('installs again when the lockfile is newer, and when the packages for building are left out', async () => {
  await installed(-3600);
  expect(await setUp()).toMatch(/^ci /);
  await rm(at('bin/called'));
  await installed(5);
  await rm(at('node_modules/typescript'), { recursive: true });
  expect(await setUp()).toMatch(/^ci /);
});
