/** `muniment disclosure MODEL`: what a law asks about a model, answered from what is on record. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Context } from '../context.ts';
import { fields } from '../table.ts';

interface Options {
  for: 'ca-ab-2013' | 'cn-filing' | 'eu-training-summary';
  format: 'json' | 'md';
  out?: string;
}

export function define(program: Command, context: Context): void {
  program
    .command('disclosure')
    .description('Fill a form from what is on record about a model and its data; what nobody stated stays open.')
    .argument('<model>', 'the id of its registration, a digest, or its file')
    .addOption(
      new Option('--for <form>', 'which form')
        .choices(['eu-training-summary', 'ca-ab-2013', 'cn-filing'])
        .makeOptionMandatory(),
    )
    .addOption(new Option('--format <format>', 'to read, or for programs').choices(['md', 'json']).default('md'))
    .option('-o, --out <file>', 'write it to a file')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment disclosure model.safetensors --for eu-training-summary -o summary.md',
    )
    .action(async (model: string, { for: form, format, out }: Options) => {
      const { discloseModel } = await import('../disclose.ts');
      const { formatMarkdown } = await import('../../core/disclosure.ts');
      const { disclosure, statements, open } = await discloseModel(context, model, form);
      const text = format === 'md' ? formatMarkdown(disclosure) : `${JSON.stringify(disclosure, null, 2)}\n`;
      if (out === undefined) {
        context.print(disclosure, () => text);
        return;
      }
      await writeFile(out, text);
      context.print({ file: out, edition: disclosure.edition, statements, open }, () =>
        fields([
          ['file', out],
          ['follows', disclosure.edition],
          ['rests on', `${statements} statements, each with its proof`],
          ['open', open.length === 0 ? 'nothing' : open.join('\n')],
        ]),
      );
    });
}
