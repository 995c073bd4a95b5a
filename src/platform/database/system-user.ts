/**
 * PostgreSQL refuses to run as root, so root starts it as the system user `postgres`, which is made when the machine
 * has none. Any other user runs it as itself.
 */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { RegistryError } from '../../core/errors.ts';
import type { Log } from '../logging/index.ts';

const run = promisify(execFile);

export interface SystemUser {
  uid: number;
  gid: number;
}

/** Where programs and data go that `postgres` could not reach where they are. */
export const SYSTEM_HOME = '/var/lib/muniment';

/** The user to run PostgreSQL as; `undefined`: as the present one. */
export async function unprivilegedUser(log: Log): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const known = await lookUp();
  if (known) return known;
  log.info('PostgreSQL refuses to run as root: making the system user "postgres".');
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres']);
  } catch (cause) {
    throw new RegistryError(
      'database_unavailable',
      'PostgreSQL refuses to run as root and no other user can be made.',
      {
        fix: 'Start Muniment as an ordinary user, or set DATABASE_URL.',
        cause,
      },
    );
  }
  const made = await lookUp();
  if (!made) throw new RegistryError('database_unavailable', 'The new system user "postgres" cannot be found.');
  return made;
}

/** Whether a user may pass through all folders above a path (by the permission bits alone). */
export async function canReach(path: string, { uid, gid }: SystemUser): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    const entry = await stat(folder);
    const bit = entry.uid === uid ? 0o100 : entry.gid === gid ? 0o010 : 0o001;
    if ((entry.mode & bit) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

async function lookUp(): Promise<SystemUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch (error) {
    if ((error as { code?: unknown }).code === 1) return undefined;
    throw error;
  }
}
