/**
 * One PostgreSQL for a whole test run, and a database of its own for each test file: cloned from a migrated template,
 * which takes 30 to 50 ms, where migrating afresh would take half a second.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { Secret } from '../../src/platform/config/index.ts';
import type { Database } from '../../src/platform/database/index.ts';

export const TEMPLATE = 'muniment_template';

export interface TestDatabase extends Database {
  name: string;
  /** For tests that tamper behind the application's back. */
  superuserUrl: string;
  /** Drops the database, whoever is still connected. */
  drop(): Promise<void>;
}

export interface TestServer {
  port: number;
  passwords: { superuser: string; owner: string; app: string };
}

/** Set by the global setup for the workers of Jest, which are processes of their own. */
export const SERVER_VARIABLE = 'TEST_POSTGRES';

export async function describeServer(dataFolder: string, port: number): Promise<TestServer> {
  const passwords = JSON.parse(await readFile(join(dataFolder, 'database.json'), 'utf8')) as TestServer['passwords'];
  return { port, passwords };
}

export function testServer(): TestServer {
  const described = process.env[SERVER_VARIABLE];
  if (!described) throw new Error('This test needs the global setup of the e2e project.');
  return JSON.parse(described) as TestServer;
}

export const urlOf = (
  { port, passwords }: TestServer,
  login: keyof TestServer['passwords'],
  database: string,
): string => `postgres://muniment_${login}:${passwords[login]}@127.0.0.1:${port}/${database}`;

/**
 * A fresh database. `empty`: without schemas, for tests of the migrations themselves. `template`: the name of the
 * database to copy, which nobody may be connected to.
 */
export async function createTestDatabase({
  empty = false,
  template = empty ? 'template0' : TEMPLATE,
}: { empty?: boolean; template?: string } = {}): Promise<TestDatabase> {
  const server = testServer();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asSuperuser(server, `CREATE DATABASE ${name} OWNER muniment_owner TEMPLATE ${template}`);
  return {
    name,
    mode: 'external',
    appUrl: new Secret(urlOf(server, 'app', name)),
    ownerUrl: new Secret(urlOf(server, 'owner', name)),
    superuserUrl: urlOf(server, 'superuser', name),
    separateRoles: true,
    version: '18',
    close: () => Promise.resolve(),
    drop: () => asSuperuser(server, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

/** One statement, or one query's rows, on a connection that is closed again. */
export async function query<T extends object>(url: string, sql: string, values?: unknown[]): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

async function asSuperuser(server: TestServer, sql: string): Promise<void> {
  // Two clones of one template at a time are refused (55006): the other one takes some 40 ms.
  for (let attempt = 1; ; attempt++) {
    try {
      await query(urlOf(server, 'superuser', 'postgres'), sql);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== '55006' || attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
