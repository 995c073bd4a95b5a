/** `muniment market`: states of a model what the disclosures of a market ask, and shows what is stated. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { recordText, statedText } from '../rights-text.ts';
import type { MarketOptions } from '../rights.ts';

export function define(program: Command, context: Context): void {
  const market = program
    .command('market')
    .description('State what the disclosures of a market ask about your model, or show what is stated.');

  market
    .command('add')
    .description('State it anew, or for the first time; your earlier record stays readable.')
    .argument('<model>', 'the model that you own, by the id of its registration, a digest, or its file')
    .option('--file <file>', 'what you state, in YAML or JSON; the other options count before it')
    .option('--in <country>', 'two-letter country code, or EU')
    .option('--name <name>', 'by which the model is known there')
    .option('--placed-on <day>', 'when it came on the market there, as in 2025-01-31')
    .option('--filing-number <number>', 'under which an authority filed it')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment market add model.safetensors --in EU --name "Digits 2" --placed-on 2026-01-31\n  $ muniment market add model.safetensors --file eu.yaml',
    )
    .action(async (model: string, options: MarketOptions) => {
      const { addMarketRecord } = await import('../rights.ts');
      const { body, receipt } = await addMarketRecord(context, model, options);
      context.print({ id: receipt.id, ...body, receipt }, () => statedText(body, receipt));
    });

  market
    .command('list')
    .description('Show what the owners of a model state.')
    .argument('<model>', 'the id of its registration, a digest, or its file')
    .option('--history', 'with the records that were superseded')
    .addHelpText('after', '\nExample:\n  $ muniment market list model.safetensors')
    .action(async (model: string, { history }: { history?: boolean }) => {
      const { listMarketRecords } = await import('../rights.ts');
      const found = await listMarketRecords(context, model, history === true);
      context.print(found, () => found.map(recordText).join('\n') || 'Nothing is stated.\n');
    });
}
