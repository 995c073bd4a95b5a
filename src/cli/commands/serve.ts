/** `muniment serve`: the registry itself, on its embedded database or the one that `DATABASE_URL` names. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import type { ServerFlags } from '../server-config.ts';
import { fields } from '../table.ts';

export function define(program: Command, context: Context): void {
  program
    .command('serve')
    .description('Start a registry on this machine, with its own database. Ends on Ctrl-C.')
    .option('--port <n>', 'port to listen on (MUNIMENT_PORT, 3000)')
    .option('--host <address>', 'address to listen on (MUNIMENT_HOST, 127.0.0.1)')
    .option('--data <folder>', 'where it keeps everything (MUNIMENT_DATA, .muniment)')
    .addHelpText('after', '\nExample:\n  $ muniment serve --port 8080 --data /var/lib/muniment')
    .action(async (flags: ServerFlags) => {
      const { serverConfig, serverLog } = await import('../server-config.ts');
      const config = await serverConfig(context, flags);
      const log = await serverLog(context, config);
      const { startServer, stopOnSignals } = await import('../../main.ts');
      const starting = startServer(config, log);
      // From the first moment: a signal during the start must not leave a database server behind.
      stopOnSignals(async () => (await starting).close(), log);
      // Whoever started the registry over a channel takes it along, however it ends.
      if (process.channel) process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
      const { url } = await starting;
      const keyFile = join(config.data, 'registrar.key');
      const hasKeyFile = await stat(keyFile).then(
        () => true,
        () => false,
      );
      context.print({ url, data: config.data, registrarKeyFile: hasKeyFile ? keyFile : null }, () =>
        fields([
          ['Muniment', `is ready on ${url}`],
          ['API', `${url}/docs`],
          ['data', config.data],
          ['registrar', hasKeyFile ? `its API key is in ${keyFile}` : undefined],
          ['next', hasKeyFile ? `muniment login --url ${url} --api-key @${keyFile}` : undefined],
        ]),
      );
    });
}
