/**
 * Keeps one worker process beside a server: training in a process of its own never blocks an answer. A worker that dies
 * is started again, soon at first and then less eagerly; one whose server dies notices that the channel between them
 * broke, and ends.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { Config } from '../../platform/config/index.ts';
import type { Log } from '../../platform/logging/index.ts';
import { LOG } from '../../platform/logging/index.ts';

const PROGRAM = fileURLToPath(new URL('../../worker.js', import.meta.url));
/** Connections: one run at a time needs few. */
const WORKER_POOL = '4';
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** A worker that lived for this long did not die of its start. */
const HEALTHY_MS = 10_000;

@Injectable()
export class WorkerSupervisor implements OnApplicationBootstrap, OnModuleDestroy {
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #pause = FIRST_PAUSE_MS;
  #stopping = false;

  constructor(
    private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.worker) this.#start();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    const cut = setTimeout(() => {
      this.log.warn('The worker did not stop in time and is killed.');
      child.kill('SIGKILL');
    }, this.config.stopTimeoutMs);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(cut);
  }

  #start(): void {
    const child = fork(PROGRAM, [], {
      env: environmentOf(this.config, process.env),
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const startedAt = performance.now();
    this.#child = child;
    child.once('error', (err) => this.log.error({ err }, 'The worker process cannot be started.'));
    child.once('spawn', () => this.log.info({ pid: child.pid }, 'Started the worker process.'));
    child.once('close', (code, signal) => {
      this.#child = undefined;
      if (this.#stopping) return;
      this.#pause =
        performance.now() - startedAt > HEALTHY_MS ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, this.#pause * 2);
      this.log.warn({ pid: child.pid }, `The worker process ended with ${signal ?? code}; another one is started.`);
      this.#restart = setTimeout(() => this.#start(), this.#pause);
    });
  }
}

/** The server's own settings in the worker's environment, wherever the server had them from: both work on the same data. */
export function environmentOf(config: Config, inherited: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const masterKey = config.masterKey?.reveal();
  return {
    ...inherited,
    MUNIMENT_DATA: config.data,
    DATABASE_URL: config.databaseUrl?.reveal(),
    MUNIMENT_MIGRATION_DATABASE_URL: config.migrationDatabaseUrl?.reveal(),
    MUNIMENT_DATABASE_POOL: WORKER_POOL,
    MUNIMENT_MASTER_KEY: masterKey && Buffer.from(masterKey).toString('base64'),
    MUNIMENT_LOG_LEVEL: config.logLevel,
    MUNIMENT_LOG_NAME: config.logName,
    MUNIMENT_BACKEND: config.backend,
    MUNIMENT_THREADS: String(config.threads),
    MUNIMENT_CHECKPOINT_INTERVAL_MS: String(config.checkpointIntervalMs),
    MUNIMENT_ANCHOR_DIR: config.anchorDir,
    MUNIMENT_ARTIFACT_DIR: config.artifactDir,
    MUNIMENT_STOP_TIMEOUT_MS: String(config.stopTimeoutMs),
  };
}
