import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { Lineage1700000000029 } from '../../migrations/0029-lineage.ts';
import { ResolvedParents1700000000035 } from '../../migrations/0035-resolved-parents.ts';
import { ParentsByRelation1700000000040 } from '../../migrations/0040-parents-by-relation.ts';
import { MIGRATIONS } from '../../migrations/index.ts';
import { ENTITIES } from '../../src/entities.ts';
import { loadConfig } from '../../src/platform/config/index.ts';
import { dataSourceOptions, migrate, openDatabase, pendingMigrations } from '../../src/platform/database/index.ts';
import { migrationOptions } from '../../src/platform/database/options.ts';
import { createLog } from '../../src/platform/logging/index.ts';
import { createTestDatabase, query } from '../support/postgres.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { cleanEnvironment } from '../support/server.ts';
import { everyKind, TestLedger } from './ledger/fixture.ts';

jest.setTimeout(60_000);

const log = createLog({ logLevel: 'silent' });
const SCHEMAS = ['ledger', 'registry', 'ops'];
const open: TestDatabase[] = [];
const database = async (options?: { empty: boolean }) => {
  const made = await createTestDatabase(options);
  open.push(made);
  return made;
};
afterEach(async () => {
  for (const made of open.splice(0)) await made.drop();
});

/** Everything a migration can make in our schemas, as text. */
const shape = (url: string) =>
  query(
    url,
    `SELECT n.nspname || '.' || c.relname || ' ' || c.relkind::text || ' ' || coalesce(c.relacl::text, '') AS object
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY($1)
     UNION ALL SELECT n.nspname || '.' || p.proname || '()' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
       WHERE n.nspname = ANY($1)
     UNION ALL SELECT t.tgrelid::regclass || ' ' || pg_get_triggerdef(t.oid) FROM pg_trigger t
       JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY($1)
     UNION ALL SELECT c.conrelid::regclass || ' ' || pg_get_constraintdef(c.oid) FROM pg_constraint c
       JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = ANY($1)
     UNION ALL SELECT attrelid::regclass || ' ' || attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute a
       JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = ANY($1) AND attnum > 0 AND NOT attisdropped
     UNION ALL SELECT 'schema ' || nspname || ' ' || nspacl::text FROM pg_namespace WHERE nspname = ANY($1)
     ORDER BY 1`,
    [SCHEMAS],
  );

const owner = async (target: TestDatabase) => {
  const source = new DataSource({
    ...dataSourceOptions(target.ownerUrl.reveal(), ENTITIES, 2),
    migrations: MIGRATIONS,
  });
  return source.initialize();
};

describe('migrations', () => {
  it('run once, however many processes start at the same time', async () => {
    const target = await database({ empty: true });
    const ran = await Promise.all(Array.from({ length: 5 }, () => migrate(target, log)));
    expect(ran.filter((names) => names.length > 0)).toEqual([MIGRATIONS.map(({ name }) => name)]);
    expect(await pendingMigrations(target)).toEqual([]);
  });

  it('go down one by one and up again to the same tables, rights and triggers', async () => {
    const target = await database({ empty: true });
    const source = await owner(target);
    try {
      const shapes: unknown[] = [await shape(target.superuserUrl)];
      for (let applied = 1; applied <= MIGRATIONS.length; applied++) {
        const one = new DataSource({ ...source.options, migrations: MIGRATIONS.slice(0, applied) });
        await one.initialize();
        await one.runMigrations();
        await one.destroy();
        shapes.push(await shape(target.superuserUrl));
      }
      for (let left = MIGRATIONS.length; left > 0; left--) {
        await source.undoLastMigration();
        expect(await shape(target.superuserUrl)).toEqual(shapes[left - 1]);
      }
      await source.runMigrations();
      expect(await shape(target.superuserUrl)).toEqual(shapes.at(-1));
    } finally {
      await source.destroy();
    }
  });

  it('fill what a lineage is read from out of the statements on record', async () => {
    const recorded = await TestLedger.create();
    try {
      const process = await recorded.open();
      await everyKind(process);
      await process.close();
      const rows = async () => [
        await query(recorded.database.superuserUrl, `SELECT * FROM registry.registration ORDER BY id`),
        await query(recorded.database.superuserUrl, `SELECT * FROM registry.trained_on ORDER BY registration_id`),
        await query(
          recorded.database.superuserUrl,
          `SELECT registration_id, position, parent_index FROM registry.relation ORDER BY parent_index`,
        ),
      ];
      const before = await rows();
      expect(before.map(({ length }) => length > 0)).toEqual([true, true, true]);
      expect(before[2]).toEqual([
        expect.objectContaining({ parent_index: expect.stringMatching(/^\d+$/) as unknown }),
        expect.objectContaining({ parent_index: null }),
      ]);
      expect(before[0]).toContainEqual(expect.objectContaining({ awaited: [expect.any(String)] }));
      const source = await owner(recorded.database);
      const runner = source.createQueryRunner();
      try {
        const migrations = [
          new Lineage1700000000029(),
          new ResolvedParents1700000000035(),
          new ParentsByRelation1700000000040(),
        ];
        for (const migration of migrations.toReversed()) await migration.down(runner);
        for (const migration of migrations) await migration.up(runner);
      } finally {
        await runner.release();
        await source.destroy();
      }
      expect(await rows()).toEqual(before);
    } finally {
      await recorded.drop();
    }
  });

  it('leave nothing half done when one of them fails', async () => {
    const target = await database({ empty: true });
    await query(target.superuserUrl, 'CREATE SCHEMA registry');
    await expect(migrate(target, log)).rejects.toThrow(/registry/);
    expect(
      await query(target.superuserUrl, "SELECT nspname FROM pg_namespace WHERE nspname IN ('ledger', 'ops')"),
    ).toEqual([]);
    await query(target.superuserUrl, 'DROP SCHEMA registry');
    expect(await migrate(target, log)).toHaveLength(MIGRATIONS.length);
  });

  it('may take longer than any request', async () => {
    const source = new DataSource(migrationOptions((await database()).ownerUrl.reveal(), []));
    await source.initialize();
    try {
      expect(await source.query('SHOW statement_timeout')).toEqual([{ statement_timeout: '0' }]);
    } finally {
      await source.destroy();
    }
  });

  it('have names by which TypeORM sorts them in the order of the list', () => {
    const numbers = MIGRATIONS.map(({ name }) => Number(/17000000\d{5}$/.exec(name)?.[0]));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(Math.max(...numbers)).toBeLessThan(1_700_000_010_000);
  });
});

describe('the entities', () => {
  it('say the same as the migrations: no drift', async () => {
    const target = await database();
    const source = await owner(target);
    try {
      const { upQueries } = await source.driver.createSchemaBuilder().log();
      expect(upQueries.map(({ query: sql }) => sql)).toEqual([]);
    } finally {
      await source.destroy();
    }
  });

  it('cover every table of ledger, registry and ops', async () => {
    const target = await database();
    const source = await owner(target);
    try {
      const known = source.entityMetadatas.map(({ tablePath }) => tablePath);
      const tables = await query<{ path: string }>(
        target.superuserUrl,
        `SELECT schemaname || '.' || tablename AS path FROM pg_tables WHERE schemaname = ANY($1)`,
        [SCHEMAS],
      );
      expect(tables.map(({ path }) => path).filter((path) => !known.includes(path))).toEqual([]);
    } finally {
      await source.destroy();
    }
  });
});

describe('TypeORM’s command line on the built data source', () => {
  const typeorm = (target: TestDatabase, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['node_modules/typeorm/cli.js', ...args, '-d', 'dist/src/data-source.js'],
      {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        env: cleanEnvironment({ MUNIMENT_MIGRATION_DATABASE_URL: target.ownerUrl.reveal() }),
        encoding: 'utf8',
      },
    );
    return { status, said: stdout + stderr };
  };

  it('runs, shows and reverts the migrations and finds no drift', async () => {
    const target = await database({ empty: true });
    expect(typeorm(target, 'migration:run')).toMatchObject({ status: 0 });
    expect(typeorm(target, 'migration:generate', '--check', 'migrations/drift')).toMatchObject({ status: 0 });
    const shown = typeorm(target, 'migration:show').said;
    for (const { name } of MIGRATIONS) expect(shown).toMatch(new RegExp(`\\[X\\].*${name}`));
    expect(typeorm(target, 'migration:revert')).toMatchObject({ status: 0 });
    expect(await pendingMigrations({ appUrl: target.ownerUrl })).toEqual([MIGRATIONS.at(-1)?.name]);
  });

  it('finds drift when a table differs from its entity', async () => {
    const target = await database({ empty: true });
    expect(typeorm(target, 'migration:run')).toMatchObject({ status: 0 });
    const [column] = await query<{ path: string; name: string }>(
      target.superuserUrl,
      `SELECT c.oid::regclass::text AS path, attname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE relnamespace = 'registry'::regnamespace AND relkind = 'r' AND attnum > 1 AND NOT attisdropped LIMIT 1`,
    );
    await query(target.superuserUrl, `ALTER TABLE ${column?.path} RENAME COLUMN "${column?.name}" TO drifted`);
    expect(typeorm(target, 'migration:generate', '--check', 'migrations/drift').status).not.toBe(0);
  });
});

describe('the two logins', () => {
  it('let the application add to the ledger and read it, and nothing else', async () => {
    const target = await database();
    await query(target.ownerUrl.reveal(), 'CREATE TABLE ledger.probe (id int PRIMARY KEY)');
    await query(target.ownerUrl.reveal(), 'CREATE TABLE registry.probe (id int PRIMARY KEY)');
    const app = target.appUrl.reveal();
    await query(app, 'INSERT INTO ledger.probe VALUES (1)');
    expect(await query(app, 'SELECT * FROM ledger.probe')).toEqual([{ id: 1 }]);
    for (const sql of [
      'UPDATE ledger.probe SET id = 2',
      'DELETE FROM ledger.probe',
      'TRUNCATE ledger.probe',
      'DROP TABLE ledger.probe',
      'ALTER TABLE ledger.probe DISABLE TRIGGER ALL',
      'CREATE TABLE ledger.mine ()',
      'CREATE TABLE registry.mine ()',
      'TRUNCATE registry.probe',
      'SET ROLE muniment_owner',
      'DELETE FROM muniment_migrations',
    ]) {
      await expect(query(app, sql)).rejects.toMatchObject({ code: '42501' });
    }
    await query(app, 'INSERT INTO registry.probe VALUES (1)');
    await query(app, 'UPDATE registry.probe SET id = 2');
    await query(app, 'DELETE FROM registry.probe');
  });

  it('let the application use the job queues but not make them', async () => {
    const target = await database();
    const app = target.appUrl.reveal();
    expect(await query(app, "SELECT name FROM pgboss.queue WHERE name = 'training'")).toHaveLength(1);
    await expect(query(app, "SELECT pgboss.create_queue('mine', '{}')")).rejects.toMatchObject({ code: '42501' });
  });
});

describe('a database that somebody else runs', () => {
  const settings = (app: string, migrations?: string) =>
    loadConfig({ DATABASE_URL: app, MUNIMENT_MIGRATION_DATABASE_URL: migrations });

  it('works with two logins, and with one, which is flagged', async () => {
    const target = await database();
    const [app, migrations] = [target.appUrl.reveal(), target.ownerUrl.reveal()];
    expect(await openDatabase(settings(app, migrations), log)).toMatchObject({ mode: 'external', separateRoles: true });
    expect(await openDatabase(settings(app), log)).toMatchObject({ separateRoles: true });
    expect(await openDatabase(settings(migrations), log)).toMatchObject({ separateRoles: false });
    expect(await openDatabase(settings(target.superuserUrl, migrations), log)).toMatchObject({ separateRoles: false });
  });

  it('is migrated and used by one login alone', async () => {
    const target = await database({ empty: true });
    const single = await openDatabase(settings(target.ownerUrl.reveal()), log);
    expect(single.separateRoles).toBe(false);
    expect(await migrate(single, log)).toHaveLength(MIGRATIONS.length);
    await query(single.appUrl.reveal(), 'CREATE TABLE ledger.probe (id int)');
  });

  it('is not migrated by the application’s login, which is told what to do', async () => {
    const target = await database({ empty: true });
    const app = await openDatabase(settings(target.appUrl.reveal()), log);
    await expect(migrate(app, log)).rejects.toMatchObject({
      code: 'configuration_invalid',
      field: 'MUNIMENT_MIGRATION_DATABASE_URL',
      fix: expect.stringContaining('muniment migrate'),
    });
    expect(await pendingMigrations(app)).toHaveLength(MIGRATIONS.length);
  });

  it('gives a login of another name its rights', async () => {
    const target = await database({ empty: true });
    const role = `app_${target.name}`;
    await query(target.superuserUrl, `CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    try {
      const url = new URL(target.appUrl.reveal());
      [url.username, url.password] = [role, 'x'];
      const opened = await openDatabase(settings(url.href, target.superuserUrl), log);
      expect(opened.separateRoles).toBe(true);
      await migrate(opened, log);
      expect(await query(url.href, 'SELECT count(*)::int AS n FROM pgboss.job')).toEqual([{ n: 0 }]);
    } finally {
      await query(target.superuserUrl, `DROP ROLE ${role}`);
    }
  });

  it('is refused by name when two variables lead to two databases, the password is wrong or nobody answers', async () => {
    const [one, two] = [await database(), await database()];
    await expect(openDatabase(settings(one.appUrl.reveal(), two.ownerUrl.reveal()), log)).rejects.toMatchObject({
      code: 'configuration_invalid',
      field: 'MUNIMENT_MIGRATION_DATABASE_URL',
    });
    const wrong = one.appUrl.reveal().replace(/:[^:@]+@/, ':hunter2@');
    const refusal = await openDatabase(settings(wrong), log).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'database_unavailable', field: 'DATABASE_URL' });
    expect((refusal as Error).message).not.toContain('hunter2');
  });
});
