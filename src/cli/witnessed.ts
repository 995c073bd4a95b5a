/** What the witnesses of a checkpoint add to its verdict, for people. */
import type { JudgedCheckpoint, Verdict, WitnessLevel } from '../core/trust/index.ts';
import { SUCCEEDED, UNPROVEN, UNWITNESSED } from '../core/trust/index.ts';
import type { Context } from './context.ts';

/** Undefined where nobody wants witnesses and none is known. */
export function describeWitnessed(level: WitnessLevel | null): string | undefined {
  if (level === null || (level.quorum === 0 && level.witnesses.length === 0)) return undefined;
  const { operators, quorum, witnesses } = level;
  return [
    quorum === 0 ? `${operators} operators, none demanded` : `${operators} of ${quorum} operators`,
    ...witnesses.map(({ name, operator, time }) => `${name} (${operator}), ${instant(time)}`),
  ].join('\n');
}

/** A result that nothing vouches for, or too little, ends with exit code 1. */
export function noteVerdict(context: Context, verdict: Verdict): void {
  if (verdict === UNPROVEN || verdict === SUCCEEDED) {
    context.refuse();
    context.note(
      'You have pinned no key of this log: get its key from a source you trust, then "muniment trust add KEY".',
    );
  } else if (verdict === UNWITNESSED) {
    context.refuse();
    context.note(
      'The log has signed, but fewer operators of witnesses than your trust file demands have seen it: others may be ' +
        'shown another log. A fresh record is cosigned within moments; fetch its receipt again.',
    );
  }
}

/** The weakest verdict of several; one log gives at most two different ones. */
export const weakest = <Judged extends Pick<JudgedCheckpoint, 'verdict'>>(judged: readonly Judged[]): Judged =>
  judged.find(({ verdict }) => verdict === UNPROVEN) ??
  judged.find(({ verdict }) => verdict === SUCCEEDED) ??
  judged.find(({ verdict }) => verdict === UNWITNESSED) ??
  judged[0]!;

/** A time that no calendar holds is told in seconds. */
function instant(time: number): string {
  const date = new Date(1000 * time);
  return Number.isNaN(date.getTime()) ? `${time} s` : date.toISOString();
}
