/** `muniment log`: the record as an outsider checks it. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Digest } from '../../core/digest.ts';
import type { Receipt } from '../../core/statement/receipt.ts';
import type { Context } from '../context.ts';
import { digestArgument, numberOf, wholeNumberOf } from '../parse.ts';
import { fields } from '../table.ts';
import { describeWitnessed, noteVerdict } from '../witnessed.ts';
import { defineAuditMap } from './audit-map.ts';

export function define(program: Command, context: Context): void {
  const log = program.command('log').description('Check the record from outside: nothing changed, nothing removed.');

  log
    .command('checkpoint')
    .description('Print the newest signed state of the record, after holding it against the last one seen.')
    .addHelpText('after', '\nExample:\n  $ muniment log checkpoint > today.checkpoint')
    .action(async () => {
      const { readLog } = await import('../read-log.ts');
      const { judged } = await readLog(context);
      const { origin, size, root, witnessed } = judged;
      noteVerdict(context, judged.verdict);
      const rootText = Buffer.from(root).toString('base64');
      context.print(
        { verdict: judged.verdict, witnessed, origin, treeSize: size, root: rootText, checkpoint: judged.note },
        () => judged.note,
      );
    });

  defineAuditMap(log, context);

  log
    .command('prove')
    .description('Print the proof that an entry is on record, as a file that others can check (c2sp.org/tlog-proof).')
    .argument(
      '<index|digest|file>',
      'place of the entry, digest of a signed record or of a model, or a file: a receipt or a model',
    )
    .option('--out <file>', 'write the proof there')
    .option('--entry <file>', 'write the entry that is proved there')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment log prove 12 --out entry12.tlog-proof --entry entry12.json\n  $ muniment log prove model.safetensors --out model.tlog-proof --entry model.json',
    )
    .action(async (text: string, { out, entry }: { out?: string; entry?: string }) => {
      const { proveEntry } = await import('../read-log.ts');
      const proved = await proveEntry(context, text);
      noteVerdict(context, proved.verdict);
      if (out !== undefined) await writeFile(out, proved.proof);
      if (entry !== undefined) await writeFile(entry, proved.entry);
      const { verdict, index, treeSize, origin, proof } = proved;
      context.print({ verdict, origin, index, treeSize, proof, entry: proved.entryText }, () =>
        out === undefined ? proof : `Entry ${index} of ${origin} is proved in ${out}.\n`,
      );
    });

  log
    .command('verify')
    .description('Check that the record has only grown since you last looked; or check one receipt, without a network.')
    .argument('[file]', 'a receipt, a look-up or an opening, as --json prints it, or a proof file (with --entry)')
    .option('--entry <file>', 'the entry that the proof file is about')
    .addHelpText('after', '\nExample:\n  $ muniment log verify\n  $ muniment log verify receipt.json')
    .action(async (file: string | undefined, { entry }: { entry?: string }) => {
      if (file !== undefined) {
        const [{ verifyFile }, { describeTime }, { describePossession }] = await Promise.all([
          import('../verify-file.ts'),
          import('../outside-time.ts'),
          import('../describe-possession.ts'),
        ]);
        const judged = await verifyFile(context, file, entry);
        noteVerdict(context, judged.verdict);
        context.print(judged, () =>
          [
            ...(judged.opened ?? []).map((opened) => `${describePossession(opened)}\n`),
            fields([
              ['log', judged.origin],
              ['entry', `${judged.index} of ${judged.treeSize}`],
              ['record', judged.kind === undefined ? undefined : `${judged.kind} ${judged.id}`],
              ['maker', judged.maker],
              ['existed before', describeTime(judged.time ?? null)],
              [
                'absent',
                judged.absent && `${judged.absent.join('\n')}\nfrom all public records below entry ${judged.asOf}`,
              ],
              ['receipts', judged.receipts === 1 ? undefined : judged.receipts],
              ['witnesses', describeWitnessed(judged.witnessed)],
              ['verdict', judged.verdict],
            ]),
          ].join(''),
        );
        return;
      }
      const { readLog } = await import('../read-log.ts');
      const { judged, newest, since } = await readLog(context);
      noteVerdict(context, judged.verdict);
      const { origin, size: treeSize, verdict, witnessed } = judged;
      context.print({ verdict, witnessed, origin, treeSize, newest, since }, () =>
        fields([
          ['log', origin],
          ['entries', treeSize === newest ? String(treeSize) : `${treeSize} witnessed, of ${newest}`],
          [
            'since then',
            since === null ? 'seen for the first time' : `grew from ${since} entries, none of them changed`,
          ],
          ['witnesses', describeWitnessed(witnessed)],
          ['verdict', verdict],
        ]),
      );
    });

  log
    .command('watch')
    .description(
      'Follow the record: check that it only grows, and report new entries that speak of a digest or a party; every public entry where none is named.',
    )
    .option('--digest <digest...>', 'a model, a file, a signed record', digestArgument)
    .option('--party <party...>', 'a party, by id or name')
    .option('--since <index>', 'begin there, instead of where this watch was last', wholeNumberOf)
    .option('--once', 'look once, then end')
    .option('--every <seconds>', 'time between two looks', seconds, 10)
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment log watch --digest sha256:0123… --party "Acme Labs"\n  $ muniment log watch --once --json\n\n' +
        'With --json each event is a document of its own on one line. Ctrl-C ends the watch; the next one goes on from there.\n' +
        'A record that was rolled back or forked ends it with exit code 1; both signed states are kept as evidence.',
    )
    .action(async (options: { digest?: Digest[]; party?: string[]; since?: number; once?: boolean; every: number }) => {
      const { watchLog } = await import('../watch.ts');
      await watchLog(context, options);
    });

  log
    .command('rotate-key')
    .description(
      'Announce the next key that signs the record; both sign until the present one is retired. Registrar only.',
    )
    .addHelpText('after', '\nExample:\n  $ muniment log rotate-key')
    .action(async () => {
      const client = await context.client();
      const receipt = await client.post<Receipt>('/v1/log-keys', {});
      context.print(receipt, () => `The next key is announced, on record as entry ${receipt.index}.\n`);
    });

  log
    .command('retire-key')
    .description('End the older of two keys that sign the record, when the overlap is over. Registrar only.')
    .option('--reason <text>', 'why', '')
    .addHelpText('after', '\nExample:\n  $ muniment log retire-key --reason "yearly change"')
    .action(async ({ reason }: { reason: string }) => {
      const client = await context.client();
      const receipt = await client.post<Receipt>('/v1/log-keys/retire', { reason });
      context.print(receipt, () => `The older key is retired, on record as entry ${receipt.index}.\n`);
    });
}

function seconds(text: string): number {
  const value = numberOf(text);
  if (value >= 0.1 && value <= 86_400) return value;
  throw new RegistryError('usage', 'The time between two looks is 0.1 seconds to one day.', { field: 'every' });
}
