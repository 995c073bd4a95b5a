/**
 * The embedded database: PostgreSQL in the data folder, with three logins whose random passwords rest in `database.json`
 * (mode 0600): a superuser that only sets up roles, the owner for migrations, and `muniment_app` for the application.
 * One process owns the server; any other process on the same folder joins as a client.
 *
 *   <data>/owner.lock/    who owns the server (owner-lock.ts)
 *   <data>/database.json  logins
 *   <data>/postgres/      PostgreSQL's own folder, or a link to it
 */
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, realpath, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { RegistryError } from '../../core/errors.ts';
import { Secret } from '../config/index.ts';
import type { Log } from '../logging/index.ts';
import { findBinaries } from './binaries.ts';
import type { Database } from './database.ts';
import { takeOwnerLock } from './owner-lock.ts';
import type { OwnerLock } from './owner-lock.ts';
import { initialize, start, stopOrphan } from './postmaster.ts';
import type { Cluster, Server } from './postmaster.ts';
import { canReach, SYSTEM_HOME, unprivilegedUser } from './system-user.ts';
import type { SystemUser } from './system-user.ts';

const JOIN_TIMEOUT_MS = 90_000;
export const DATABASE_NAME = 'muniment';
export const APP_ROLE = 'muniment_app';
const OWNER_ROLE = 'muniment_owner';
const SUPERUSER = 'muniment_superuser';

const logins = z.strictObject({ superuser: z.string(), owner: z.string(), app: z.string() });
type Logins = z.output<typeof logins>;

/** Opens the embedded database of a data folder, as its owner or as a client of the process that owns it. */
export async function openEmbedded(dataFolder: string, log: Log): Promise<Database> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  // The data folder's real path: PostgreSQL records it, and a link on the way must not make two folders of one.
  const folder = await realpath(dataFolder);
  for (const end = Date.now() + JOIN_TIMEOUT_MS; Date.now() < end; await sleep(50)) {
    const state = await takeOwnerLock(folder);
    if ('lock' in state) return own(folder, state.lock, log);
    if (state.port !== undefined) {
      log.info({ owner: state.heldBy }, `Joining the database that process ${state.heldBy} runs.`);
      return database(await readLogins(folder), state.port, () => Promise.resolve());
    }
  }
  throw new RegistryError('database_unavailable', `The process that starts the database in ${folder} does not finish.`);
}

async function own(folder: string, lock: OwnerLock, log: Log): Promise<Database> {
  let server: Server | undefined;
  try {
    const user = await unprivilegedUser(log);
    // Other users may pass through to the database's own folder, and list nothing.
    if (user) await chmod(folder, 0o711);
    const binaries = await findBinaries(user);
    const passwords = await loginsOf(folder);
    const cluster: Cluster = {
      binaries,
      folder: await placeOf(folder, user, log),
      user,
      superuser: SUPERUSER,
      password: passwords.superuser,
      log,
    };
    const version = await versionIn(cluster.folder);
    if (version === undefined) {
      log.info(`Setting up the embedded PostgreSQL ${binaries.major} in ${cluster.folder} (once).`);
      await initialize(cluster);
    } else if (version !== binaries.major) {
      throw new RegistryError(
        'database_unavailable',
        `The database in ${cluster.folder} is of PostgreSQL ${version}, the embedded one is ${binaries.major}.`,
        { fix: 'Move the data with pg_dump and pg_restore, as docs/operations.md describes.' },
      );
    } else {
      await stopOrphan(cluster.folder, log);
    }
    const running = (server = await start(cluster));
    await setUpRoles(running.port, passwords);
    await lock.publish(running.port);
    log.info({ port: running.port }, 'The embedded database is ready.');

    let closed: Promise<void> | undefined;
    return await database(passwords, running.port, () => {
      closed ??= running.stop().then(() => lock.release());
      return closed;
    });
  } catch (error) {
    await server?.stop();
    await lock.release();
    throw error;
  }
}

async function database(passwords: Logins, port: number, close: () => Promise<void>): Promise<Database> {
  const appUrl = urlOf(APP_ROLE, passwords.app, port);
  const client = new pg.Client({ connectionString: appUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return {
      mode: 'embedded',
      appUrl: new Secret(appUrl),
      ownerUrl: new Secret(urlOf(OWNER_ROLE, passwords.owner, port)),
      separateRoles: true,
      version: rows[0]?.server_version ?? '',
      close,
    };
  } finally {
    await client.end();
  }
}

/** Brings logins and database to the recorded state: idempotent, so a start that was cut short is simply repeated. */
async function setUpRoles(port: number, passwords: Logins): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(SUPERUSER, passwords.superuser, port, 'postgres') });
  await client.connect();
  try {
    const { rows } = await client.query<{ rolname: string }>('SELECT rolname FROM pg_roles');
    const roles = new Set(rows.map(({ rolname }) => rolname));
    for (const [role, password, rights] of [
      [OWNER_ROLE, passwords.owner, 'CREATEROLE CREATEDB'],
      [APP_ROLE, passwords.app, ''],
    ] as const) {
      const verb = roles.has(role) ? 'ALTER' : 'CREATE';
      await client.query(`${verb} ROLE ${role} LOGIN NOSUPERUSER ${rights} PASSWORD ${pg.escapeLiteral(password)}`);
    }
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE_NAME]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE_NAME} OWNER ${OWNER_ROLE}`);
  } finally {
    await client.end();
  }
}

/** Where PostgreSQL's own folder is: below the data folder, or linked from there when its user cannot reach it. */
async function placeOf(dataFolder: string, user: SystemUser | undefined, log: Log): Promise<string> {
  const natural = join(dataFolder, 'postgres');
  const entry = await lstat(natural).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  if (entry?.isSymbolicLink()) return join(await realpath(natural), 'data');
  if (entry || !user || (await canReach(dataFolder, user))) return natural;
  const home = join(SYSTEM_HOME, randomBytes(8).toString('hex'));
  log.info(`The system user "postgres" cannot reach ${dataFolder}; the database's own files go to ${home}.`);
  await mkdir(home, { recursive: true, mode: 0o711 });
  await symlink(home, natural);
  return join(home, 'data');
}

async function versionIn(folder: string): Promise<string | undefined> {
  return (await readIfThere(join(folder, 'PG_VERSION')))?.trim();
}

const loginsFile = (dataFolder: string) => join(dataFolder, 'database.json');

async function loginsOf(dataFolder: string): Promise<Logins> {
  if ((await readIfThere(loginsFile(dataFolder))) !== undefined) return readLogins(dataFolder);
  const password = () => randomBytes(32).toString('base64url');
  const made: Logins = { superuser: password(), owner: password(), app: password() };
  const draft = `${loginsFile(dataFolder)}.new`;
  await writeFile(draft, JSON.stringify(made), { mode: 0o600 });
  await rename(draft, loginsFile(dataFolder));
  return made;
}

async function readLogins(dataFolder: string): Promise<Logins> {
  try {
    return logins.parse(JSON.parse(await readFile(loginsFile(dataFolder), 'utf8')));
  } catch (error) {
    // The parser's message would repeat what the file holds.
    const reason = (error as NodeJS.ErrnoException).code ?? 'not the expected JSON';
    throw new RegistryError('database_unavailable', `${loginsFile(dataFolder)} cannot be read: ${reason}.`, {
      fix: 'Restore it from a backup of the data folder; it holds the logins of the embedded database.',
    });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const urlOf = (role: string, password: string, port: number, name = DATABASE_NAME) =>
  `postgres://${role}:${password}@127.0.0.1:${port}/${name}`;
