/** What a look-up proves, for people: of what log, whether it is all there is, and who but the registry has looked. */
import type { JudgedAudit, JudgedCheckpoint, JudgedMap, Verdict } from '../core/trust/index.ts';

/** @param what the subject of the sentence, e.g. `The record` */
export function describeVerdict(
  { origin, size, verdict }: Pick<JudgedCheckpoint, 'origin' | 'size' | 'verdict'>,
  what: string,
): string {
  const told: Record<Verdict, string> = {
    proved: `${what} stands in the log ${origin} (${size} entries), whose key you pinned.`,
    'signed by the log, witness quorum not met':
      `${what} stands in the log ${origin} (${size} entries), but fewer operators\n` +
      'of witnesses have seen it than your trust file demands. A fresh record is cosigned within moments: ask again.',
    'follows a log that you trust, origin unproven':
      `${what} stands in the log ${origin} (${size} entries), which names a log that you trust as the one that it\n` +
      'follows: get its key from a source you trust, then "muniment trust add KEY".',
    'consistent, origin unproven':
      `Everything fits together, but you have pinned no key of ${origin}:\n` +
      'get its key from a source you trust, then "muniment trust add KEY" ("muniment trust pin" believes the server itself).',
  };
  return `${verdict}. ${told[verdict]}`;
}

export const describeComplete = ({ asOf, statedAt, audit }: JudgedMap): string =>
  `complete: all public records of it among the first ${asOf} entries (${statedAt}); sealed ones may exist.\n` +
  `audited: ${describeAudit(audit)}\n`;

/** Whether somebody else than the registry has built the map anew. */
export function describeAudit(audit: JudgedAudit | null): string {
  if (audit === null) return 'by nobody but the registry yet ("muniment log audit-map")';
  const { verdict, name, auditor, size, statedAt } = audit;
  return `${verdict} by ${name ?? '(erased)'} ${auditor}, who read ${size} entries, ${statedAt}`;
}
