/** `muniment protection`: states by which right a model is protected in a jurisdiction, and shows what is stated. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { recordText, statedText } from '../rights-text.ts';
import type { ProtectionOptions } from '../rights.ts';

export function define(program: Command, context: Context): void {
  const protection = program
    .command('protection')
    .description('State by which right your model is protected, country by country, or show what is stated.');

  protection
    .command('add')
    .description('State it anew, or for the first time; your earlier record stays readable.')
    .argument('<model>', 'the model that you own, by the id of its registration, a digest, or its file')
    .option('--file <file>', 'what you state, in YAML or JSON; the other options count before it')
    .option('--in <country>', 'two-letter country code, or EU')
    .option(
      '--basis <right>',
      'copyright, patent, trademark, trade-secret, unfair-competition, database-right or contract',
    )
    .option('--status <status>', 'asserted, contested, upheld or rejected')
    .option('--authority <reference>', 'number of the patent or registration, or the case')
    .option('--contribution <text>', 'what people contributed')
    .option('--first-disclosed <day>', 'when the model was first made known, as in 2025-01-31')
    .option('--secrecy <level>', 'open, confidential or secret')
    .option('--nda <file>', 'the agreement that binds those who know it; its digest goes on record')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment protection add model.safetensors --in DE --basis copyright --status asserted\n  $ muniment protection add model.safetensors --in CN --basis trade-secret --status upheld --authority "(2023) Jing 73 Min Zhong 3802"',
    )
    .action(async (model: string, options: ProtectionOptions) => {
      const { addProtection } = await import('../rights.ts');
      const { body, receipt } = await addProtection(context, model, options);
      context.print({ id: receipt.id, ...body, receipt }, () => statedText(body, receipt));
    });

  protection
    .command('list')
    .description('Show what the owners of a model state.')
    .argument('<model>', 'the id of its registration, a digest, or its file')
    .option('--history', 'with the records that were superseded')
    .addHelpText('after', '\nExample:\n  $ muniment protection list model.safetensors')
    .action(async (model: string, { history }: { history?: boolean }) => {
      const { listProtections } = await import('../rights.ts');
      const found = await listProtections(context, model, history === true);
      context.print(found, () => found.map(recordText).join('\n') || 'Nothing is stated.\n');
    });
}
