import type { Log } from './logging/index.ts';

/**
 * Calls `close` once on the first SIGTERM or SIGINT and ends the process; a second signal ends it at once. The listeners
 * stay: without one, even for a moment, a signal would end the process before it has stopped the database.
 */
export function stopOnSignals(close: () => Promise<void>, log: Log): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info(`Stopping on ${signal}.`);
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'The stop failed.');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
}
