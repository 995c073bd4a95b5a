/**
 * The checks of `muniment doctor`: whether what was acknowledged can be lost, forged or misdated on this machine. Reads
 * only, and makes nothing: a registry that was never started is reported as such.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RegistryError } from '../core/errors.ts';
import type { Config } from '../platform/config/index.ts';
import type { Database } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import type { Context } from './context.ts';
import type { DatabaseFacts, HeadFacts } from './doctor.store.ts';
import { isPkcs11Uri } from './pkcs11/uri.ts';

export interface Finding {
  check: string;
  state: 'ok' | 'warning' | 'wrong';
  /** One sentence. */
  says: string;
  fix?: string;
}

const MAX_CLOCK_SKEW_MS = 2000;

export async function examine(config: Config, log: Log): Promise<Finding[]> {
  const findings: Finding[] = [ok('configuration', `Read without fault; data folder ${config.data}.`)];
  findings.push(...(await keyFindings(config)));
  if (config.databaseUrl === undefined && !(await exists(join(config.data, 'postgres')))) {
    findings.push(
      warning('database', 'The embedded database is not set up yet.', 'Start the registry: "muniment serve".'),
    );
    return [...findings, ...(await backendFindings(config))];
  }
  const { openDatabase } = await import('../platform/database/index.ts');
  let database: Database;
  try {
    database = await openDatabase(config, log);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    findings.push(wrong('database', error.message, error.fix));
    return [...findings, ...(await backendFindings(config))];
  }
  try {
    findings.push(...(await databaseFindings(config, database)));
  } finally {
    await database.close();
  }
  return [...findings, ...(await backendFindings(config))];
}

/** Whether the token with one's own signing key can be reached; its PIN is not used up for that. */
export async function examineOwnKey(context: Pick<Context, 'io' | 'settings'>): Promise<Finding[]> {
  try {
    const { keyFile } = await context.settings();
    if (keyFile === undefined || !isPkcs11Uri(keyFile)) return [];
    const { examineTokenKey } = await import('./pkcs11/token-key.ts');
    const { says, warning: flag } = await examineTokenKey(keyFile, context.io);
    if (flag === undefined) return [ok('hardware key', says)];
    return [warning('hardware key', says, `It says: ${flag}. Make sure of the PIN before you use it.`)];
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return [wrong('hardware key', error.message, error.fix)];
  }
}

async function databaseFindings(config: Config, database: Database): Promise<Finding[]> {
  const [{ pendingMigrations }, store] = await Promise.all([
    import('../platform/database/index.ts'),
    import('./doctor.store.ts'),
  ]);
  const url = database.appUrl.reveal();
  const asked = Date.now();
  const facts = await store.readDatabaseFacts(url);
  const pending = await pendingMigrations(database);
  return [
    ...judgeDatabase(facts, database),
    judgeClock(facts.now, asked, Date.now()),
    pending.length === 0
      ? ok('migrations', 'The database is up to date.')
      : warning('migrations', `${pending.length} migrations are pending.`, 'Run "muniment migrate".'),
    ...(pending.length === 0 ? [await anchorFinding(config, await store.readHeadFacts(url))] : []),
  ];
}

/** Settings under which an acknowledged write could be lost are wrong, whatever else works. */
export function judgeDatabase(
  facts: DatabaseFacts,
  { mode, version, separateRoles }: Pick<Database, 'mode' | 'separateRoles' | 'version'>,
): Finding[] {
  const findings: Finding[] = [];
  findings.push(
    facts.versionNumber >= 140_000
      ? ok('database', `PostgreSQL ${version} (${mode}).`)
      : wrong('database', `PostgreSQL ${version} is too old.`, 'Use PostgreSQL 14 or newer.'),
  );
  for (const [name, value] of [
    ['fsync', facts.fsync],
    ['synchronous_commit', facts.synchronousCommit],
    ['full_page_writes', facts.fullPageWrites],
  ] as const) {
    findings.push(
      value === 'off'
        ? wrong(
            name,
            `The database runs with ${name} off: a crash can lose what was acknowledged.`,
            `Set ${name} to on.`,
          )
        : ok(name, `${name} is ${value}.`),
    );
  }
  if (facts.inRecovery)
    findings.push(wrong('primary', 'The database is a standby.', 'Point DATABASE_URL at the primary.'));
  if (facts.standbys > 0 && facts.synchronousStandbys === '') {
    findings.push(
      warning(
        'standbys',
        'The standbys follow asynchronously: a failover can lose what was acknowledged.',
        'Set synchronous_standby_names, and fail over to no other standby.',
      ),
    );
  }
  findings.push(
    separateRoles
      ? ok('roles', 'The application can add to the ledger and read it, and nothing else.')
      : warning(
          'roles',
          'One login serves application and migrations: only triggers guard the ledger.',
          'Set MUNIMENT_MIGRATION_DATABASE_URL.',
        ),
  );
  if (facts.superuser) {
    findings.push(
      wrong('superuser', 'The application logs in as a superuser.', 'Give it a login of its own in DATABASE_URL.'),
    );
  }
  return findings;
}

/** The database's clock must lie between the moments of asking and of the answer, give or take. */
export function judgeClock(now: number, asked: number, answered: number): Finding {
  const skew = Math.max(asked - now, now - answered, 0);
  return skew <= MAX_CLOCK_SKEW_MS
    ? ok('clock', 'The clocks of this machine and of the database agree.')
    : wrong(
        'clock',
        `The clocks of this machine and of the database differ by ${(skew / 1000).toFixed(1)} s.`,
        'Synchronize them (NTP).',
      );
}

async function keyFindings(config: Config): Promise<Finding[]> {
  if (config.masterKey !== undefined) return [ok('keys', 'The master key comes from MUNIMENT_MASTER_KEY.')];
  const file = join(config.data, 'master.key');
  if (!(await exists(file)))
    return [warning('keys', 'There is no master key yet.', 'Start the registry: "muniment serve".')];
  const open = process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0;
  return [
    open
      ? wrong('keys', `The master key in "${file}" can be read by others.`, `Run: chmod 600 "${file}"`)
      : ok('keys', `The master key is in "${file}"; keep a copy apart from the backups.`),
  ];
}

async function anchorFinding({ anchorDir }: Config, head: HeadFacts | undefined): Promise<Finding> {
  if (head === undefined)
    return warning('anchor', 'The log was not started yet.', 'Start the registry: "muniment serve".');
  const logId = head.origin.split('/').at(-1) ?? '';
  const names = (await exists(anchorDir)) ? await readdir(anchorDir) : [];
  const files = names.filter((name) => name.startsWith(`${logId}.`) && name.endsWith('.anchor'));
  const heads = await Promise.all(
    files.map(async (name) => (await readFile(join(anchorDir, name), 'utf8')).split('\n') as [string, string]),
  );
  return judgeAnchor(
    head,
    heads.map(([size, root]) => ({ size: Number(size), root })),
  );
}

/** What is anchored outside the database must still be in it. Whether it extends it is for `muniment fsck` to say. */
export function judgeAnchor(
  head: Pick<HeadFacts, 'root' | 'size'>,
  anchors: readonly { size: number; root: string }[],
): Finding {
  const newest = anchors.reduce((most, { size }) => Math.max(most, size), -1);
  if (newest === -1)
    return warning('anchor', 'No state of the log is anchored outside the database.', 'Check MUNIMENT_ANCHOR_DIR.');
  if (newest > head.size) {
    return wrong(
      'anchor',
      `The database holds ${head.size} entries, but ${newest} are anchored: its end is missing.`,
      'Restore the newest database.',
    );
  }
  const root = head.root.replaceAll('\n', '');
  if (anchors.some((anchor) => anchor.size === head.size && anchor.root !== root)) {
    return wrong(
      'anchor',
      'The database holds another log than the anchored one.',
      'Restore the database that belongs to the anchor.',
    );
  }
  return ok('anchor', `${newest} of ${head.size} entries are anchored outside the database.`);
}

async function backendFindings({ backend, threads }: Config): Promise<Finding[]> {
  const { BACKENDS, chooseBackend } = await import('../training/index.ts');
  const findings: Finding[] = [];
  let usable = false;
  for (const name of Object.keys(BACKENDS) as (keyof typeof BACKENDS)[]) {
    try {
      const { info, dispose } = await chooseBackend(name, { threads });
      dispose();
      usable ||= backend === 'auto' || backend === name;
      findings.push(
        info.isFallbackAdapter
          ? ok(`training: ${name}`, `Works on ${info.device}, an emulation: taken only by name.`)
          : ok(`training: ${name}`, `Works on ${info.device}.`),
      );
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      findings.push(
        backend === name
          ? wrong(`training: ${name}`, error.message, error.fix)
          : { check: `training: ${name}`, state: 'ok', says: `Not here. ${error.message}` },
      );
    }
  }
  if (!usable)
    findings.push(wrong('training', 'No backend can train on this machine.', 'Install the npm packages again.'));
  return findings;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}

const ok = (check: string, says: string): Finding => ({ check, state: 'ok', says });
const warning = (check: string, says: string, fix: string): Finding => ({ check, state: 'warning', says, fix });
const wrong = (check: string, says: string, fix?: string): Finding => ({
  check,
  state: 'wrong',
  says,
  ...(fix === undefined ? {} : { fix }),
});
