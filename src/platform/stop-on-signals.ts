import type { Log } from './logging/index.ts';

/** Calls `close` once on the first SIGTERM or SIGINT and ends the process; a second signal ends it at once. */
export function stopOnSignals(close: () => Promise<void>, log: Log): void {
  const stop = (signal: NodeJS.Signals): void => {
    process.once(signal, () => process.exit(1));
    log.info(`Stopping on ${signal}.`);
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'The stop failed.');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop(signal));
}
