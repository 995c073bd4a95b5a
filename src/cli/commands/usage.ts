/** `muniment usage`: how often a model was used under a license, reported by who counts it and shown to both sides. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { instantOf, useArgument } from '../parse.ts';
import { columns, count, fields } from '../table.ts';
import type { UsageCounts, UsageReport } from '../usage.ts';

export function define(program: Command, context: Context): void {
  const usage = program
    .command('usage')
    .description('Uses of a model under a license: report them, show what is left.');

  usage
    .command('report')
    .description('Report uses. A report counts once, however often it is sent with the same id and time.')
    .argument('<grant>', 'id of the license')
    .requiredOption(
      '--use <action=calls>',
      'how often it was used for what, e.g. infer=120; may be repeated',
      useArgument,
    )
    .option('--jti <id>', 'id of the license token that they were made with (token_…)')
    .option('--token <token>', 'a license token, @FILE or -, from who is no side of the license')
    .option('--from <time>', 'when the first of them was made; now where none is given', instantOf)
    .option('--to <time>', 'when the last of them was made; now where none is given', instantOf)
    .option('--id <id>', 'that of a report whose answer was lost (usagereport_…)')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment usage report grant_0123… --use infer=120 --use host=1 --from 2026-11-01T00:00:00Z',
    )
    .action(async (grant: string, report: UsageReport) => {
      const { reportUsage } = await import('../usage.ts');
      const counted = await reportUsage(context, grant, report);
      context.print(counted, () => fields([['report', counted.report], ...describe(counted)]));
    });

  usage
    .command('show')
    .description('Show what was used under a license, and what is left.')
    .argument('<grant>', 'id of the license')
    .addHelpText('after', '\nExample:\n  $ muniment usage show grant_0123…')
    .action(async (grant: string) => {
      const { showUsage } = await import('../usage.ts');
      const found = await showUsage(context, grant);
      const rows = (cells: readonly (readonly [string, number])[]) => cells.map(([of, calls]) => [of, count(calls)]);
      context.print(found, () =>
        [
          fields(describe(found)),
          columns(['ACTION', 'CALLS'], rows(Object.entries(found.byAction))),
          columns(['DAY', 'CALLS'], rows(found.byDay.map(({ day, calls }) => [day, calls]))),
        ].join('\n'),
      );
    });
}

const describe = ({ grant, maxCalls, calls, leased, left }: UsageCounts): (readonly [string, string])[] => [
  ['license', grant],
  ['used', count(calls)],
  ['leased', count(leased)],
  ['quota', maxCalls === null ? 'none' : count(maxCalls)],
  ['left', left === null ? 'any number' : count(left)],
];
