/**
 * Starts the server from its settings: database (embedded or given), migrations, master key, application, port. The
 * `serve` command calls `startServer`; run by itself, this file is the same server, stopped by SIGTERM or SIGINT.
 */
import 'reflect-metadata';
import { realpathSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { AppModule } from './app.module.ts';
import { RegistryError } from './core/errors.ts';
import { loadConfig } from './platform/config/index.ts';
import type { Config } from './platform/config/index.ts';
import { migrate, openDatabase, pendingMigrations } from './platform/database/index.ts';
import { createApp } from './platform/http/index.ts';
import type { App } from './platform/http/index.ts';
import { MasterKey } from './platform/keys/index.ts';
import { createLog } from './platform/logging/index.ts';
import type { Log } from './platform/logging/index.ts';
import type { Ground } from './platform/platform.module.ts';
import { stopOnSignals } from './platform/stop-on-signals.ts';

export { stopOnSignals };

export interface RunningServer {
  url: string;
  app: App;
  ground: Ground;
  /** Finishes requests in flight, then closes application and database. Safe to call twice. */
  close(): Promise<void>;
}

/** Opens database and keys; what `serve`, `worker` and the tests all begin with. The caller closes the database. */
export async function openGround(config: Config, log: Log = createLog(config)): Promise<Ground> {
  const database = await openDatabase(config, log);
  try {
    if ((await pendingMigrations(database)).length > 0) await migrate(database, log);
    return { config, log, database, masterKey: await MasterKey.load(config, log) };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** @throws RegistryError `configuration_invalid`, `database_unavailable` */
export async function startServer(config: Config, log: Log = createLog(config)): Promise<RunningServer> {
  const ground = await openGround(config, log);
  let app: App | undefined;
  try {
    app = await createApp(AppModule.forRoot(ground), config, log);
    await app.nest.listen(config.port, config.host);
  } catch (error) {
    await app?.close();
    await ground.database.close();
    throw portTaken(error, config);
  }
  const { port } = app.fastify.server.address() as AddressInfo;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  const running = app;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${host}:${port}`,
    app,
    ground,
    close: () => {
      closed ??= running.close().finally(() => ground.database.close());
      return closed;
    },
  };
}

function portTaken(error: unknown, { host, port }: Config): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return error;
  return new RegistryError('configuration_invalid', `Another program listens on ${host}:${port} already.`, {
    field: 'MUNIMENT_PORT',
    fix: 'Choose another port.',
    cause: error,
  });
}

async function main(): Promise<void> {
  let log = createLog({ logLevel: 'info' });
  try {
    const config = loadConfig();
    log = createLog(config);
    const starting = startServer(config, log);
    // From the first moment: a signal during the start must not leave a database server behind.
    stopOnSignals(async () => (await starting).close(), log);
    const { url } = await starting;
    log.info({ url }, `Muniment is ready on ${url}.`);
  } catch (error) {
    const known = error instanceof RegistryError;
    const details = known
      ? { code: error.code, field: error.field, fix: error.fix, cause: error.cause }
      : { err: error };
    log.fatal(details, (error as Error).message);
    process.exit(1);
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
