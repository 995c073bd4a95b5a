/** `muniment new-log`: begins a log that follows one which cannot be continued. */
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import { formatDigest } from '../../core/digest.ts';
import type { Previous } from '../../core/trust/index.ts';
import type { Context } from '../context.ts';
import { digestOf, wholeNumberOf } from '../parse.ts';
import { readText } from '../settings.ts';
import { fields } from '../table.ts';

interface Options {
  checkpoint?: string;
  data?: string;
}

export function define(program: Command, context: Context): void {
  program
    .command('new-log')
    .description(
      'Begin a new record in an empty data folder or database, when the old one lost its end or its key leaked. Its first entry names the last known state of the old one.',
    )
    .argument(
      '[state...]',
      'name, number of entries and root of the old record, as the server told them when it refused',
    )
    .option('--checkpoint <file>', 'the last known state as it was signed ("muniment log checkpoint")')
    .option('--data <folder>', 'new data folder (MUNIMENT_DATA, .muniment)')
    .addHelpText(
      'after',
      '\nExample:\n  $ mv .muniment .muniment.old\n  $ muniment new-log muniment.local/697c… 4711 sha256:0123…',
    )
    .action(async (state: string[], { checkpoint, data }: Options) => {
      const previous = checkpoint === undefined ? previousOf(state) : await signedState(context, checkpoint);
      const { serverConfig, serverLog } = await import('../server-config.ts');
      const config = await serverConfig(context, data === undefined ? {} : { data });
      const [{ openGround }, { beginLog }] = await Promise.all([
        import('../../main.ts'),
        import('../../ledger/index.ts'),
      ]);
      const ground = await openGround(config, await serverLog(context, config));
      try {
        const begun = await beginLog(ground, previous);
        context.print({ ...begun, previous }, () =>
          fields([
            ['new log', begun.origin],
            ['its key', begun.verifierKey],
            ['follows', `${previous.origin} at ${previous.size} entries`],
            ['next', 'publish the key where your users look for it, then "muniment serve"'],
          ]),
        );
      } finally {
        await ground.database.close();
      }
    });
}

/** @throws RegistryError `usage`, `digest_malformed` */
function previousOf([origin, size, root, ...rest]: readonly string[]): Previous {
  const digest = root === undefined ? undefined : digestOf(root);
  if (origin === undefined || size === undefined || digest === undefined || rest.length > 0) {
    throw new RegistryError('usage', 'The old record is named by its name, its number of entries and its root.', {
      fix: 'Copy the command from what the server said when it refused, or use --checkpoint.',
    });
  }
  return { origin, size: wholeNumberOf(size), root: digest };
}

/** Under the pinned key of the old log where there is one. */
async function signedState(context: Context, file: string): Promise<Previous> {
  const { judgeCheckpoint } = await import('../verify.ts');
  const { origin, size, root } = await judgeCheckpoint(context, await readText(file));
  return { origin, size, root: formatDigest(root) };
}
