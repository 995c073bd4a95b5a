/** The whole application inside the test's process, on a database of its own and a port of the system's choice. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DynamicModule, Type } from '@nestjs/common';
import { AppModule } from '../../src/app.module.ts';
import { loadConfig } from '../../src/platform/config/index.ts';
import type { Config } from '../../src/platform/config/index.ts';
import { createApp } from '../../src/platform/http/index.ts';
import type { App } from '../../src/platform/http/index.ts';
import { MasterKey } from '../../src/platform/keys/index.ts';
import { createLog } from '../../src/platform/logging/index.ts';
import type { Ground } from '../../src/platform/platform.module.ts';
import { createTestDatabase } from './postgres.ts';
import type { TestDatabase } from './postgres.ts';

export interface TestApp {
  url: string;
  /** For supertest: `request(app.http)`. */
  http: Server;
  app: App;
  ground: Ground;
  config: Config;
  database: TestDatabase;
  /** Every line that was logged, parsed. */
  logged: Record<string, unknown>[];
  /** Closes the application and, unless `keep`, drops its database and removes its folder. */
  close(options?: { keep?: boolean }): Promise<void>;
}

export interface TestAppOptions {
  /** Settings beside the test's own. */
  env?: Record<string, string>;
  /** Controllers or modules that only the test needs. */
  controllers?: Type[];
  imports?: (Type | DynamicModule)[];
  /** Another replica on the same database and data folder. */
  beside?: TestApp;
}

export async function startTestApp({
  env = {},
  controllers = [],
  imports = [],
  beside,
}: TestAppOptions = {}): Promise<TestApp> {
  const database = beside?.database ?? (await createTestDatabase());
  const data = beside?.config.data ?? (await makeDataFolder());
  const config = loadConfig({
    MUNIMENT_DATA: data,
    MUNIMENT_PORT: '0',
    MUNIMENT_WORKER: 'false',
    MUNIMENT_LOG_LEVEL: 'debug',
    // A log grows by what a test writes alone; the map of a new log is made at once.
    MUNIMENT_MAP_INTERVAL_MS: '86400000',
    ...env,
  });
  const logged: Record<string, unknown>[] = [];
  const log = createLog(config, { write: (line) => void logged.push(JSON.parse(line) as Record<string, unknown>) });
  const ground: Ground = { config, log, database, masterKey: await MasterKey.load(config, log) };
  const whole = AppModule.forRoot(ground);
  const app = await createApp(
    {
      ...whole,
      imports: [...(whole.imports ?? []), ...imports],
      controllers: [...(whole.controllers ?? []), ...controllers],
    },
    config,
    log,
  );
  await app.nest.listen(0, '127.0.0.1');
  const { port } = app.fastify.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    http: app.fastify.server,
    app,
    ground,
    config,
    database,
    logged,
    close: async ({ keep = beside !== undefined } = {}) => {
      await app.close();
      if (keep) return;
      await database.drop();
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** A folder that the database's own user can reach even when the tests run as root. */
export async function makeDataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-test-'));
  await chmod(folder, 0o711);
  return folder;
}
