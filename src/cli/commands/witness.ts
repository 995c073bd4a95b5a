/** `muniment witness`: a log witness (c2sp.org/tlog-witness) for the logs of others. It needs no database. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Context } from '../context.ts';
import { wholeNumberOf } from '../parse.ts';
import { readPrivate } from '../profile.ts';
import { readText } from '../settings.ts';
import { fields } from '../table.ts';

interface Options {
  logs: string;
  key?: string;
  data: string;
  host: string;
  port: string;
  name?: string;
}

export function define(program: Command, context: Context): void {
  program
    .command('witness')
    .description(
      'Watch the logs of others and cosign what they show, as long as they only grow. Ends on Ctrl-C.\n' +
        'Its key comes from "muniment keygen --witness NAME", and is named with --key. Keep its folder: a witness that\n' +
        'forgets what it has cosigned is worth nothing.',
    )
    .requiredOption('--logs <file>', 'the logs to cosign, a trust file as "muniment trust add --trust FILE" writes it')
    .requiredOption('--data <folder>', 'where it remembers what it cosigned; for this witness alone')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on; 0 lets the system choose', '7380')
    .option('--name <name>', 'refuse to start unless the key bears this name')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment keygen --witness witness.example.org/w1 --out w1.key\n' +
        '  $ muniment trust add "log.example.org/muniment/1a2b3c4d+5e6f7a8b+Ab12…" --trust logs.json\n' +
        '  $ muniment witness --logs logs.json --key w1.key --data /var/lib/witness --port 7380',
    )
    .action(async (options: Options) => {
      const [{ parseTrust }, { sha256 }, { createLog }, { readWitnessKey, startWitness }, { stopOnSignals }] =
        await Promise.all([
          import('../../core/trust/index.ts'),
          import('../../platform/crypto.ts'),
          import('../../platform/logging/index.ts'),
          import('../../witness/index.ts'),
          import('../../platform/stop-on-signals.ts'),
        ]);
      const key = readWitnessKey(await keyText((await context.settings()).keyFile));
      if (options.name !== undefined && options.name !== key.name) {
        throw new RegistryError(
          'configuration_invalid',
          `The key is that of "${key.name}", not of "${options.name}".`,
          {
            field: 'name',
          },
        );
      }
      const logs = parseTrust(sha256, await readText(options.logs));
      if (logs.logs.length === 0) {
        throw new RegistryError('configuration_invalid', 'The file names no log.', {
          field: 'logs',
          fix: 'Add one: "muniment trust add KEY --trust FILE".',
        });
      }
      const log = createLog({ logLevel: context.io.watched ? 'warn' : 'info' });
      const folder = resolve(options.data);
      const { host } = options;
      const port = portOf(options.port);
      const starting = startWitness({ host, port, folder, key, logs, log, now: Date.now });
      stopOnSignals(async () => (await starting).close(), log);
      const { url } = await starting;
      const { verifierKey } = key;
      context.print({ url, verifierKey, data: folder, logs: logs.logs.map(({ origin }) => origin) }, () =>
        fields([
          ['witness', `is ready on ${url}`],
          ['key', verifierKey],
          ['data', folder],
          ['logs', logs.logs.map(({ origin }) => origin).join('\n')],
        ]),
      );
    });
}

async function keyText(file: string | undefined): Promise<string> {
  const text = file === undefined ? undefined : await readPrivate(file);
  if (text !== undefined) return text;
  throw new RegistryError('usage', file === undefined ? 'The key is missing.' : `There is no key file "${file}".`, {
    field: 'key',
    fix: 'Make a key with "muniment keygen --witness NAME --out FILE", and name it with --key.',
  });
}

function portOf(text: string): number {
  const port = wholeNumberOf(text);
  if (port <= 65_535) return port;
  throw new RegistryError('usage', `There is no port ${port}.`, { field: 'port' });
}
