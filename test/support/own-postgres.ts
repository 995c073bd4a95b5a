/** A PostgreSQL server of a test's own, which may fail without taking the other tests with it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate, openDatabase } from '../../src/platform/database/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { createLog } from '../../src/platform/logging/index.ts';
import type { TestDatabase } from './postgres.ts';
import { describeServer, query, urlOf } from './postgres.ts';
import { isAlive } from './server.ts';

const log = createLog({ logLevel: 'silent' });

export class OwnPostgres {
  private constructor(
    private readonly data: string,
    private opened: Database,
    readonly database: TestDatabase,
  ) {}

  /** @param data an empty folder that others may pass through, where the tests run as root */
  static async start(data: string): Promise<OwnPostgres> {
    const opened = await open(data);
    await migrate(opened, log);
    const server = await describeServer(data, Number(new URL(opened.appUrl.reveal()).port));
    const database = {
      ...opened,
      name: 'muniment',
      superuserUrl: urlOf(server, 'superuser', 'muniment'),
      close: () => Promise.resolve(),
      drop: () => Promise.resolve(),
    };
    return new OwnPostgres(data, opened, database);
  }

  /** As a power cut ends it: at once, nothing written out. The next start recovers from the write-ahead log. */
  async crash(): Promise<void> {
    const pid = await this.pid();
    if (pid === undefined) return;
    process.kill(pid, 'SIGQUIT');
    while (isAlive(pid)) await sleep(10);
  }

  /** On the same port, so that processes which use it go on. */
  async restart(): Promise<void> {
    await this.crash();
    await this.opened.close();
    this.opened = await open(this.data);
  }

  /** Whether it takes queries, once a recovery that is under way is over. */
  async answers(): Promise<boolean> {
    for (;;) {
      try {
        await query(this.database.superuserUrl, 'SELECT 1');
        return true;
      } catch (error) {
        if ((await this.pid()) === undefined) return false;
        if (!/recovery|starting up|not yet accepting|ECONN|terminated/.test(String(error))) throw error;
        await sleep(50);
      }
    }
  }

  close(): Promise<void> {
    return this.opened.close();
  }

  private async pid(): Promise<number | undefined> {
    const text = await readFile(join(this.data, 'postgres/postmaster.pid'), 'utf8').catch(() => '');
    const pid = Number(text.split('\n')[0]);
    return pid > 0 && isAlive(pid) ? pid : undefined;
  }
}

const open = (data: string): Promise<Database> =>
  openDatabase({ data, databaseUrl: undefined, migrationDatabaseUrl: undefined }, log);
