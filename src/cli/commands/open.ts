/** `muniment open`: reveals what was sealed, and with it that you knew it by then. */
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Context, Session } from '../context.ts';
import type { Opened } from '../seal.ts';
import type { Secret } from '../sealed-secret.ts';
import { fields } from '../table.ts';

export function define(program: Command, context: Context): void {
  program
    .command('open')
    .description('Reveal what you sealed: from then on a look-up shows that you knew it by the sealed entry.')
    .argument('<sealed>', 'id of the sealed record, or the file that was written when it was sealed')
    .option(
      '--field <name...>',
      'of a title: reveal these fields alone; all that are still sealed, where none is named',
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment open sealed_0123…\n  $ muniment open sealed_0123… --field owners weightDigest --json > opened.json\n\n' +
        'Whoever gets opened.json checks it alone, without a network: "muniment log verify opened.json".',
    )
    .action(async (sealed: string, options: { field?: string[] }) => {
      const { secretOf } = await import('../sealed-secret.ts');
      const { describeStated } = await import('../describe-possession.ts');
      const session = await context.session();
      const secret = await secretOf(context, session, sealed);
      const { receipt, opened } = await reveal(context, session, secret, options.field);
      const { subject, digests, stated } = opened;
      context.print({ sealed: secret.sealed, subject, digests, stated, receipt, opened }, () =>
        fields([
          ['opened', secret.sealed],
          ['what', subject],
          ['digests', digests.join('\n') || undefined],
          ['stated then', describeStated(stated) || undefined],
          ['on record', `entry ${receipt.index}`],
        ]),
      );
    });
}

async function reveal(
  context: Context,
  session: Session,
  secret: Secret,
  names: readonly string[] | undefined,
): Promise<Opened> {
  if (secret.subject === 'title') {
    const { openTitle } = await import('../seal-title.ts');
    return openTitle(context, session, secret, names);
  }
  if (names !== undefined) {
    throw new RegistryError(
      'usage',
      `${secret.sealed} is no title: what was sealed as ${secret.subject} opens whole.`,
      {
        field: 'field',
        fix: 'Leave out --field; "muniment seal" seals titles, which have fields.',
      },
    );
  }
  const { open } = await import('../seal.ts');
  return open(context, session, secret);
}
