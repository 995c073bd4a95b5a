/** What was sealed and opened since, as text for people. */
import type { JudgedPossession } from './judge-possession.ts';
import { fields, inOneLine } from './table.ts';
import type { Stated } from './views.ts';

export const describePossession = ({
  sealed,
  maker,
  subject,
  sealedIndex,
  openedIndex,
  stated,
}: JudgedPossession): string =>
  fields([
    ['sealed', `${subject}, ${sealed}`],
    ['known to', maker],
    ['before', `entry ${sealedIndex}; told at entry ${openedIndex}`],
    ['stated then', stated.length === 0 ? undefined : describeStated(stated)],
    [
      'note',
      stated.length === 0
        ? 'proves that its maker knew the digest by then, and gives no title'
        : 'proves that its maker knew and stated this by then, not that it is true, and gives no title',
    ],
  ]);

/** One line for each field, or for each of its items. */
export const describeStated = (stated: readonly Stated[]): string =>
  stated.flatMap((each) => linesOf(each).map((line) => `${each.field}: ${inOneLine(line)}`)).join('\n');

function linesOf(stated: Stated): string[] {
  if (stated.value === null) return ['(nothing)'];
  if (stated.field === 'owners') return stated.value.map(({ party, share }) => `${share}  ${party}`);
  if (stated.field === 'parents') return stated.value.map(({ relation, digest }) => `${relation} ${digest}`);
  if (stated.field === 'license') return [stated.value.expression];
  return stated.field === 'datasets' ? stated.value : [stated.value];
}
