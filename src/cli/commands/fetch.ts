/** `muniment fetch MODEL`: the weights that the registry keeps, for who owns the model or has a license on it. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import type { FetchFacts } from '../fetch-model.ts';
import { fields } from '../table.ts';

export function define(program: Command, context: Context): void {
  program
    .command('fetch')
    .description('Get the weights of a model that the registry keeps. Given again, it goes on where it broke off.')
    .argument('<model>', 'id, digest, or a model file')
    .requiredOption('--out <file>', 'where to; what has come of it is in FILE.part until it is whole')
    .option('--grant <grant>', 'id of your license: a token is asked for under it')
    .option('--token <token>', 'a license token for the registry itself: the token, @FILE, or - for standard input')
    .option('--holder-key <file>', 'the key that the token is bound to; with --grant made where there is none')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment fetch registration_0123… --grant grant_0123… --out model.safetensors\nOwners of the model need their API key alone. The license must allow to fine-tune, redistribute or host.',
    )
    .action(async (model: string, facts: FetchFacts) => {
      const { fetchModel } = await import('../fetch-model.ts');
      const fetched = await fetchModel(context, model, facts);
      context.print(fetched, () =>
        fields([
          ['fetched', fetched.model],
          ['to', fetched.out],
          ['file digest', `${fetched.fileDigest}, as on record`],
          ['bytes', String(fetched.bytes)],
          ['of them here before', fetched.resumedAt === 0 ? undefined : String(fetched.resumedAt)],
        ]),
      );
    });
}
