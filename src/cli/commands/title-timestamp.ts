/** `muniment title timestamp` and `timestamp-verify`: that a document existed before a time, by an authority outside. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { describeTime } from '../outside-time.ts';
import { fields } from '../table.ts';

export function defineTitleTimestamps(title: Command, context: Context): void {
  title
    .command('timestamp')
    .description('Put on record that a timestamp authority (RFC 3161) stamped a document.')
    .argument('<document>', 'the file that was stamped; its digest alone goes on record')
    .argument('<reply>', 'what the authority answered, such as agreement.tsr; it goes on record whole')
    .addHelpText(
      'after',
      '\nExample:\n  $ openssl ts -query -data agreement.pdf -sha256 -cert -out agreement.tsq\n  $ curl -H "content-type: application/timestamp-query" --data-binary @agreement.tsq https://tsa.example > agreement.tsr\n  $ muniment title timestamp agreement.pdf agreement.tsr',
    )
    .action(async (document: string, reply: string) => {
      const { recordTimestamp } = await import('../document-timestamps.ts');
      const { digestOfFile } = await import('../seal.ts');
      const made = await recordTimestamp(context, await digestOfFile(document), reply);
      context.print(made, () =>
        fields([
          ['timestamp', made.id],
          ['document', made.documentDigest],
          ['existed before', `${made.time}, attested by ${made.authority}`],
          ['older than', `entry ${made.firstAfter} and all that follow`],
          ['on record', `entry ${made.receipt.index}`],
        ]),
      );
    });

  title
    .command('timestamp-verify')
    .description('Judge a recorded timestamp by the roots in your own trust file.')
    .argument('<timestamp>', 'its id, as a claim names it')
    .option('--document <file>', 'the document that it has to be over')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment title timestamp-verify documenttimestamp_0123… --document agreement.pdf',
    )
    .action(async (id: string, { document }: { document?: string }) => {
      const { judgeDocumentTimestamp } = await import('../document-timestamps.ts');
      const judged = await judgeDocumentTimestamp(context, id, document);
      context.print(judged, () =>
        fields([
          ['timestamp', judged.id],
          ['document', judged.documentDigest],
          ['existed before', describeTime(judged) ?? ''],
          ['older than', `entry ${judged.firstAfter} and all that follow, by the registry's clock`],
          ['on record', `entry ${judged.receipt.index}`],
        ]),
      );
    });
}
