/**
 * A worker process: takes trainings and lineage checks from their queues, on any machine that reaches database and
 * artifacts. `serve` starts this file beside itself; `muniment worker` calls `startWorker`. It ends on SIGTERM or SIGINT
 * after it gave what it has in hand back, and at once when the server that started it is gone.
 */
import 'reflect-metadata';
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { RegistryError } from './core/errors.ts';
import { ENTITIES } from './entities.ts';
import { openGround, stopOnSignals } from './main.ts';
import { loadConfig } from './platform/config/index.ts';
import type { Config } from './platform/config/index.ts';
import { createLog, NestLog } from './platform/logging/index.ts';
import type { Log } from './platform/logging/index.ts';
import { WorkerModule } from './training/worker/worker.module.ts';

export interface RunningWorker {
  /** Gives a run in hand back and closes the database. Safe to call twice. */
  close(): Promise<void>;
}

/** @throws RegistryError `configuration_invalid`, `database_unavailable`, `ledger_refuses_to_sign` */
export async function startWorker(config: Config, log: Log = createLog(config)): Promise<RunningWorker> {
  const ground = await openGround(config, log);
  try {
    const app = await NestFactory.createApplicationContext(WorkerModule.forRoot(ground, ENTITIES), {
      logger: new NestLog(log),
      abortOnError: false,
    });
    let closed: Promise<void> | undefined;
    return {
      close: () => {
        closed ??= app.close().finally(() => ground.database.close());
        return closed;
      },
    };
  } catch (error) {
    await ground.database.close();
    throw error;
  }
}

async function main(): Promise<void> {
  // The channel to the server that started this process; it breaks when that one dies, however it dies.
  process.once('disconnect', () => process.exit(1));
  // It may have died while this one was loading.
  if (process.send !== undefined && !process.connected) process.exit(1);
  let log = createLog({ logLevel: 'info' });
  try {
    const config = loadConfig();
    log = createLog(config).child({ worker: process.pid });
    const starting = startWorker(config, log);
    stopOnSignals(async () => (await starting).close(), log);
    await starting;
    log.info('The worker is ready.');
  } catch (error) {
    const known = error instanceof RegistryError;
    const details = known ? { code: error.code, field: error.field, fix: error.fix } : { err: error };
    log.fatal(details, (error as Error).message);
    process.exit(1);
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
