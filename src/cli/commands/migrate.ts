/** `muniment migrate`: brings the database up to date. A server does so at its start; this is for doing it beforehand. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';

export function define(program: Command, context: Context): void {
  program
    .command('migrate')
    .description('Bring the database up to date; safe to repeat, and to run from several machines.')
    .option('--data <folder>', 'data folder of the registry (MUNIMENT_DATA, .muniment)')
    .addHelpText('after', '\nExample:\n  $ DATABASE_URL=postgres://… muniment migrate')
    .action(async (flags: { data?: string }) => {
      const { serverConfig, serverLog } = await import('../server-config.ts');
      const config = await serverConfig(context, flags);
      const log = await serverLog(context, config);
      const { migrate, openDatabase } = await import('../../platform/database/index.ts');
      const database = await openDatabase(config, log);
      try {
        const ran = await migrate(database, log);
        context.print({ ran, version: database.version }, () =>
          ran.length === 0 ? 'The database is up to date.\n' : `Ran ${ran.join(', ')}.\n`,
        );
      } finally {
        await database.close();
      }
    });
}
