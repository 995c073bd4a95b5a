/**
 * The table of what may be erased: each value and salt opens a commitment that some statement makes, and no other row is
 * there. A commitment without its opening was erased, which is allowed and is counted.
 */
import type { Sha256 } from '../../core/digest.ts';
import { commit, disclosureSchema } from '../../core/registry/party.ts';
import type { Snapshot } from './fsck.store.ts';
import type { Findings } from './report.ts';

const PAGE = 1000;
const TABLE = 'registry.disclosure';

/** @param snapshot has been told every commitment */
export async function checkDisclosures(sha256: Sha256, snapshot: Snapshot, findings: Findings): Promise<void> {
  for (let page = await snapshot.disclosures('', PAGE); page.length > 0;) {
    for (const row of page) {
      findings.checked.disclosures++;
      if (opens(sha256, row)) continue;
      const message = `Value and salt of ${row.commitment} in ${TABLE} do not open that commitment.`;
      findings.add('disclosure_wrong', TABLE, row.commitment, message);
    }
    page = await snapshot.disclosures(page.at(-1)!.commitment, PAGE);
  }
  for (const { commitment } of await snapshot.disclosuresWithoutStatement(PAGE)) {
    const message = `No statement makes the commitment ${commitment} in ${TABLE}.`;
    findings.add('disclosure_extra', TABLE, commitment, message);
  }
  findings.erased += await snapshot.countErased();
}

function opens(sha256: Sha256, { commitment, value, salt }: { commitment: string; value: string; salt: string }) {
  if (!disclosureSchema.safeParse({ value, salt }).success) return false;
  return commit(sha256, salt, value) === commitment;
}
