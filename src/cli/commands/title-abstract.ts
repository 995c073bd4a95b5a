/** `muniment title abstract` and `verify`: the chain of title with its proofs, and the same again without a network. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Context } from '../context.ts';
import { RegistryError } from '../../core/errors.ts';
import type { NameOf } from '../describe-title.ts';
import type { JudgedAbstract } from '../title-abstract.ts';
import { noteVerdict } from '../witnessed.ts';
import { ASSET } from './title-offers.ts';

interface Options {
  out?: string;
  format?: 'json' | 'pdf' | 'text';
}

export function defineTitleAbstract(title: Command, context: Context): void {
  title
    .command('abstract')
    .description(
      'Prove the chain of title, from the first record to now, with every instrument and what it leaves open.',
    )
    .argument('<asset>', ASSET)
    .option('-o, --out <file>', 'write it there')
    .addOption(
      new Option(
        '--format <format>',
        'json holds all proofs; the default for a file, but pdf for one named so; else text',
      ).choices(['text', 'json', 'pdf']),
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment title abstract model.safetensors -o abstract.json\n  $ muniment title abstract model.safetensors -o abstract.pdf\n  $ muniment title verify abstract.json --trust trust.json',
    )
    .action(async (asset: string, { out, format = formatOf(out) }: Options) => {
      if (format === 'pdf' && out === undefined) {
        throw new RegistryError('usage', 'A PDF is written to a file.', { field: 'out', fix: 'Give -o FILE.' });
      }
      const [{ fetchAbstract }, { describeAbstract, namesOf, partiesOf }] = await load();
      const { judged, owners } = await fetchAbstract(context, asset);
      noteVerdict(context, judged.verdict);
      const json = () => `${JSON.stringify({ abstract: judged.abstract, receipts: judged.receipts }, null, 2)}\n`;
      // Names are the registry's word, and stand beside the ids.
      const shown = format === 'json' || (out === undefined && context.json) ? [] : partiesOf(judged.abstract);
      const name = await namesOf(await context.client(), shown, owners);
      const text = () => (format === 'json' ? json() : describeAbstract(judged, name));
      if (out === undefined) return context.print(judged, text);
      if (format === 'pdf') await writePdf(judged, name, out);
      else await writeFile(out, text());
      const { verdict, witnessed, origin, abstract } = judged;
      context.print(
        { verdict, witnessed, origin, file: out, abstract },
        () => `The chain of title is proved in ${out}: ${verdict}.\n`,
      );
    });

  title
    .command('verify')
    .description('Check an abstract of title that was kept as JSON, without a network.')
    .argument('<file>', 'as "muniment title abstract ASSET -o FILE" wrote it')
    .option('--pdf <file>', 'write what was verified as a PDF, too')
    .addHelpText('after', '\nExample:\n  $ muniment title verify abstract.json --trust trust.json')
    .action(async (file: string, { pdf }: { pdf?: string }) => {
      const [{ verifyAbstract }, { describeAbstract }] = await load();
      const judged = await verifyAbstract(context, file);
      noteVerdict(context, judged.verdict);
      const { verdict, witnessed, origin, abstract } = judged;
      context.note(
        `This is title with the first ${abstract.known} entries of the log; whether anything followed, tells "muniment title show".`,
      );
      context.print({ verdict, witnessed, origin, abstract }, () => describeAbstract(judged, String));
      if (pdf !== undefined) await writePdf(judged, String, pdf);
    });
}

/** What a file is called says what it is. */
const formatOf = (out: string | undefined): NonNullable<Options['format']> =>
  out === undefined ? 'text' : out.toLowerCase().endsWith('.pdf') ? 'pdf' : 'json';

const writePdf = async (judged: JudgedAbstract, name: NameOf, file: string): Promise<void> =>
  (await import('../abstract-document.ts')).writeAbstractPdf(judged, name, file);

const load = () => Promise.all([import('../title-abstract.ts'), import('../describe-title.ts')]);
