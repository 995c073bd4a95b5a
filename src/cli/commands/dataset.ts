/** `muniment dataset`: puts a version of a dataset on record by the digests of its files, and shows what is. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { RegistryError } from '../../core/errors.ts';
import type { EraseOptions } from '../erase.ts';
import { recordText, statedText } from '../rights-text.ts';
import type { DataRightsOptions } from '../rights.ts';
import { bytes, columns, fields } from '../table.ts';
import type { DatasetView } from '../views.ts';

interface AddOptions {
  name?: string;
  version?: string;
  license?: string;
  granted?: boolean;
  origin?: string;
  holder?: string;
  collection?: string;
  upload?: boolean;
}

export function define(program: Command, context: Context): void {
  const dataset = program.command('dataset').description('Put a dataset on record, or show what is.');

  dataset
    .command('add')
    .description('Put a version of a dataset on record: its files, where it came from, whose it is, on which license.')
    .argument('<path>', 'folder with the data, or "mnist" for the one that comes with Muniment')
    .option('--name <name>', "its name; the folder's where none is given")
    .option('--version <version>', 'which version of it', '1')
    .option('--license <id>', 'SPDX license expression, or NOASSERTION')
    .option('--granted', 'you hold the rights and grant this license, rather than pass on what the source says')
    .option('--origin <url>', 'where the data came from')
    .option('--holder <party>', 'who holds the rights: a party on record, or just a name')
    .option('--collection <text>', 'how the data was collected')
    .option('--upload', 'send the files, so that the registry can train on them (the default; every worker has MNIST)')
    .option('--no-upload', 'keep the files here')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment dataset add mnist\n  $ muniment dataset add ./faces --license CC-BY-4.0 --origin https://example.org/faces --holder "Acme Labs"',
    )
    .action(async (path: string, options: AddOptions) => {
      const { addDataset } = await import('../add-dataset.ts');
      const { body, holderName, receipt, uploaded, known, changed, trainable } = await addDataset(
        context,
        path,
        options,
      );
      if (known) context.note(`You have these files on record already, as ${receipt.id}: nothing was added.`);
      if (changed.length > 0) {
        context.note(`The record says something else of ${changed.join(', ')}, and stays so: name another --version.`);
      }
      if (!trainable) context.note('These are not the four IDX files of a picture dataset: no worker can train on it.');
      const holder = { ...body.holder, name: holderName };
      context.print({ id: receipt.id, ...body, holder, uploaded, known, trainable, receipt }, () =>
        fields([
          ['dataset', receipt.id],
          ['name', `${body.name}, version ${body.version}`],
          ['files', `${body.files.length}, ${bytes(body.files.reduce((sum, file) => sum + file.bytes, 0))}`],
          ['license', `${body.license.expression} (${body.license.status})`],
          ['holder', holderName ?? '(erased)'],
          ['uploaded', uploaded ? 'yes' : 'no'],
          ['on record', `entry ${receipt.index}`],
        ]),
      );
    });

  dataset
    .command('list')
    .description('Show the datasets on record.')
    .addHelpText('after', '\nExample:\n  $ muniment dataset list')
    .action(async () => {
      const found = await (await context.client()).get<DatasetView[]>('/v1/datasets');
      context.print(found, () =>
        columns(
          ['dataset', 'name', 'license'],
          found.map(({ id, name, version, license }) => [id, `${name} ${version}`, license.expression]),
        ),
      );
    });

  dataset
    .command('show')
    .description('Show one dataset.')
    .argument('<dataset>', 'id or name')
    .addHelpText('after', '\nExample:\n  $ muniment dataset show mnist')
    .action(async (text: string) => {
      const { findDataset } = await import('../find.ts');
      const { apiKey } = await context.settings();
      // Whoever is nobody to the registry may look, too.
      const own = apiKey === undefined ? undefined : (await context.session()).me.party.id;
      const found = await findDataset(await context.client(), text, own);
      context.print(found, () =>
        fields([
          ['dataset', found.id],
          ['name', `${found.name}, version ${found.version}`],
          ['from', found.originUrl],
          ['license', `${found.license.expression} (${found.license.status})`],
          ['holder', found.holder.name ?? '(erased)'],
          ['collected', found.collection ?? undefined],
          ['files', found.files.map((file) => `${file.name}  ${file.digest}`).join('\n')],
          ['on record', `entry ${found.recordedIndex}`],
        ]),
      );
    });

  dataset
    .command('rights')
    .description('State where your dataset comes from and by which right; with no option, show what is stated.')
    .argument('<dataset>', 'id or name')
    .option('--file <file>', 'what you state, in YAML or JSON; the other options count before it')
    .option('--category <category>', 'public, licensed, private, crawled, user, synthetic or other')
    .option('--collected-from <day>', 'when the collection began, as in 2025-01-31')
    .option('--collected-to <day>', 'when it ended; "now" while it goes on')
    .option('--authorization <file>', 'the document that permits the use; its digest goes on record')
    .option('--opt-out <text>', 'how those are heeded who do not want their data used')
    .option('--personal-data', 'there is personal data in it')
    .option('--no-personal-data', 'there is none')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment dataset rights faces --category licensed --authorization contract.pdf --personal-data\n  $ muniment dataset rights faces --file rights.yaml',
    )
    .action(async (text: string, options: DataRightsOptions) => {
      const { showDataRights, stateDataRights } = await import('../rights.ts');
      if (Object.keys(options).length > 0) {
        const { body, receipt } = await stateDataRights(context, text, options);
        context.print({ id: receipt.id, ...body, receipt }, () => statedText(body, receipt));
        return;
      }
      const found = await showDataRights(context, text);
      context.print(found, () => found.map(recordText).join('\n') || 'Nothing is stated.\n');
    });

  dataset
    .command('erase-holder')
    .description('Erase the name of a rights-holder who is not on record, for good. What was signed stays provable.')
    .argument('<dataset>', 'your dataset, by id or name; as the registrar any')
    .option('--reason <reason>', 'asked-by-subject, consent-withdrawn, legal-order, …', 'asked-by-subject')
    .option('--yes', 'this cannot be undone, and you know it')
    .addHelpText('after', '\nExample:\n  $ muniment dataset erase-holder faces --yes')
    .action(async (text: string, options: EraseOptions) => {
      const session = await context.session();
      const { findDataset } = await import('../find.ts');
      const { id, statement, holder } = await findDataset(session.client, text, session.me.party.id);
      if (holder.nameCommitment === null) {
        throw new RegistryError('state_conflict', `The holder of ${id} is the party ${holder.party}.`, {
          fix: `That party erases its own name: "muniment party erase".`,
        });
      }
      const { eraseValue } = await import('../erase.ts');
      const receipt = await eraseValue(context, holder.nameCommitment, statement, options);
      context.print(
        { dataset: id, receipt },
        () => `The name of the holder of ${id} is erased, on record as entry ${receipt.index}.\n`,
      );
    });
}
