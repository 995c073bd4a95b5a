/** `muniment license`: offers licenses, grants one to a licensee, and takes both back. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { wholeNumberOf } from '../parse.ts';
import { defineLicenseOffers } from './license-offers.ts';
import { columns, fields } from '../table.ts';
import type { GrantView } from '../views.ts';

interface GrantOptions {
  model?: string;
  to: string;
  action?: string[];
  license?: string;
  commercial?: boolean;
  territory?: string[];
  fieldOfUse?: string;
  maxCalls?: number;
  terms?: string;
  from?: string;
  until?: string;
}

export function define(program: Command, context: Context): void {
  const license = program.command('license').description('Offer licenses, give somebody one, or take it back.');

  defineLicenseOffers(license, context);

  license
    .command('grant')
    .description('Give one party a license on a model that you own.')
    .requiredOption('--to <party>', 'the licensee, by id or name')
    .option('--license <license>', 'under this license, by id: what is not stated is as it says')
    .option('--model <model>', 'the model that you own, by the id of its registration, a digest, or its file')
    .option('--action <action...>', 'infer, fine-tune, distill, redistribute, host')
    .option('--commercial', 'also for commercial use')
    .option('--territory <country...>', 'two-letter country codes; everywhere where none is given')
    .option('--field-of-use <text>', 'for this purpose only')
    .option('--max-calls <n>', 'at most so many uses', wholeNumberOf)
    .option('--terms <file>', 'the agreed terms; their digest goes on record')
    .option('--from <when>', 'when it begins; now where none is given')
    .option('--until <when>', 'when it ends')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment license grant --license license_0123… --to "Beta Corp"\n  $ muniment license grant --model model.safetensors --to "Beta Corp" --action infer host --until 2027-12-31T00:00:00Z',
    )
    .action(async (options: GrantOptions) => {
      const { grantLicense } = await import('../licenses.ts');
      const { body, receipt } = await grantLicense(context, options);
      context.print({ id: receipt.id, ...body, receipt }, () =>
        fields([
          ['grant', receipt.id],
          ['model', body.registration],
          ['under', body.license],
          ['licensee', body.licensee],
          ['may', body.actions.join(', ')],
          ['until', body.expiresAt ?? 'revoked'],
          ['on record', `entry ${receipt.index}`],
        ]),
      );
    });

  license
    .command('revoke')
    .description('Take a license back; every token under it is refused from then on.')
    .argument('<grant>', 'its id')
    .option('--reason <text>', 'why', '')
    .addHelpText('after', '\nExample:\n  $ muniment license revoke grant_0123… --reason "contract ended"')
    .action(async (id: string, { reason }: { reason: string }) => {
      const { revokeGrant } = await import('../licenses.ts');
      const receipt = await revokeGrant(context, id, reason);
      context.print(receipt, () => `The license ${id} is revoked, on record as entry ${receipt.index}.\n`);
    });

  license
    .command('list')
    .description('Show the grants that you gave or got.')
    .addHelpText('after', '\nExample:\n  $ muniment license list')
    .action(async () => {
      const { client } = await context.session();
      const found = await client.get<GrantView[]>('/v1/grants');
      context.print(found, () =>
        columns(
          ['grant', 'licensee', 'may', 'state'],
          found.map(({ id, licensee, actions, revokedIndex, expiresAt }) => [
            id,
            licensee,
            actions.join(', '),
            revokedIndex === null ? `until ${expiresAt ?? 'revoked'}` : 'revoked',
          ]),
        ),
      );
    });
}
