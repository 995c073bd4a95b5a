/** `muniment worker`: takes training jobs, any number of workers on any machines that reach database and artifacts. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';

export function define(program: Command, context: Context): void {
  program
    .command('worker')
    .description('Take training jobs on this machine until Ctrl-C. "muniment serve" starts one by itself.')
    .option('--data <folder>', 'data folder of the registry (MUNIMENT_DATA, .muniment)')
    .addHelpText('after', '\nExample:\n  $ DATABASE_URL=postgres://… muniment worker')
    .action(async (flags: { data?: string }) => {
      const { serverConfig, serverLog } = await import('../server-config.ts');
      const config = await serverConfig(context, flags);
      const log = await serverLog(context, config);
      const [{ startWorker }, { stopOnSignals }] = await Promise.all([
        import('../../worker.ts'),
        import('../../main.ts'),
      ]);
      const starting = startWorker(config, log);
      stopOnSignals(async () => (await starting).close(), log);
      await starting;
      context.print({ ready: true }, () => 'The worker is ready.\n');
    });
}
