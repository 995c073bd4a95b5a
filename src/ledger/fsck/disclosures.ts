/**
 * The table of what may be erased, held against the commitments that the fold has judged: each value and salt opens a
 * commitment that some statement makes and none has erased, and each commitment that was not erased is opened. A value
 * that is gone without an erasure on record was lost; one that came back after it, out of a backup perhaps, is named.
 */
import type { Sha256 } from '../../core/digest.ts';
import { commit, disclosureSchema } from '../../core/registry/commitment.ts';
import type { DisclosureRow } from './side-tables.store.ts';
import type { FindingCode, Findings } from './report.ts';
import * as side from './side-tables.store.ts';
import type { Snapshot } from './snapshot.ts';

const PAGE = 1000;
const TABLE = 'registry.disclosure';

export async function checkDisclosures(sha256: Sha256, snapshot: Snapshot, findings: Findings): Promise<void> {
  for (let page = await side.disclosures(snapshot, '', PAGE); page.length > 0;) {
    for (const row of page) {
      findings.checked.disclosures++;
      const fault = faultOf(sha256, row);
      if (fault !== undefined) findings.add(fault[0], TABLE, row.commitment, fault[1]);
    }
    page = await side.disclosures(snapshot, page.at(-1)!.commitment, PAGE);
  }
  for (let page = await side.undisclosed(snapshot, '', PAGE); page.length > 0;) {
    for (const { commitment, recordedIndex } of page) {
      const message = `Value and salt of ${commitment}, made at ${recordedIndex}, are gone from ${TABLE}, and no statement erased them.`;
      findings.add('disclosure_missing', TABLE, commitment, message);
    }
    page = await side.undisclosed(snapshot, page.at(-1)!.commitment, PAGE);
  }
  findings.erased += await side.countErased(snapshot);
}

function faultOf(sha256: Sha256, row: DisclosureRow): [FindingCode, string] | undefined {
  const { commitment, made, erasedIndex } = row;
  if (!made) return ['disclosure_extra', `No statement makes the commitment ${commitment} in ${TABLE}.`];
  if (erasedIndex !== null) {
    return ['disclosure_returned', `The value of ${commitment} was erased at ${erasedIndex} and is back in ${TABLE}.`];
  }
  if (opens(sha256, row)) return undefined;
  return ['disclosure_wrong', `Value and salt of ${commitment} in ${TABLE} do not open that commitment.`];
}

function opens(sha256: Sha256, { commitment, value, salt }: DisclosureRow): boolean {
  if (!disclosureSchema.safeParse({ value, salt }).success) return false;
  return commit(sha256, salt, value) === commitment;
}
