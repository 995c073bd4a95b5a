/** `muniment log`: the record as an outsider checks it. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
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
    .argument('<index|digest>', 'place of the entry, or the digest of a signed record')
    .option('--out <file>', 'write the proof there')
    .option('--entry <file>', 'write the entry that is proved there')
    .addHelpText('after', '\nExample:\n  $ muniment log prove 12 --out entry12.tlog-proof --entry entry12.json')
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
    .argument('[file]', 'a receipt or a look-up, as --json prints it, or a proof file (with --entry)')
    .option('--entry <file>', 'the entry that the proof file is about')
    .addHelpText('after', '\nExample:\n  $ muniment log verify\n  $ muniment log verify receipt.json')
    .action(async (file: string | undefined, { entry }: { entry?: string }) => {
      if (file !== undefined) {
        const [{ verifyFile }, { describeTime }] = await Promise.all([
          import('../verify-file.ts'),
          import('../outside-time.ts'),
        ]);
        const judged = await verifyFile(context, file, entry);
        noteVerdict(context, judged.verdict);
        context.print(judged, () =>
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
}
