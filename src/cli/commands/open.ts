/** `muniment open`: reveals what was sealed, and with it that you knew it by then. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { fields } from '../table.ts';

export function define(program: Command, context: Context): void {
  program
    .command('open')
    .description('Reveal what you sealed: from then on a look-up shows that you knew it by the sealed entry.')
    .argument('<sealed>', 'id of the sealed record, or the file that "muniment register --sealed" wrote')
    .addHelpText('after', '\nExample:\n  $ muniment open sealed_0123…')
    .action(async (sealed: string) => {
      const { open } = await import('../seal.ts');
      const { receipt, secret } = await open(context, sealed);
      const { subject, digests } = secret;
      context.print({ sealed: secret.sealed, subject, digests, receipt }, () =>
        fields([
          ['opened', secret.sealed],
          ['what', subject],
          ['digests', digests.join('\n')],
          ['on record', `entry ${receipt.index}`],
        ]),
      );
    });
}
