/**
 * The table of accesses to stored weights. As with issued tokens, no statement names a single one: the rows of a batch are
 * formatted again and must lead to the root that was signed, and where a row contradicts its grant or its place, it is
 * named itself.
 */
import type { Sha256 } from '../../core/digest.ts';
import { ACCESS_TYPE, accessLeaves, accessRecordSchema } from '../../core/licensing/access-record.ts';
import { batchRoot } from '../../core/licensing/row-batch.ts';
import type { Findings } from './report.ts';
import type { AccessRow } from './side-tables.store.ts';
import * as side from './side-tables.store.ts';
import type { Snapshot } from './snapshot.ts';

const PAGE = 1000;
const TABLE = 'registry.artifact_access';
const recordSchema = accessRecordSchema.strip();

export async function checkArtifactAccesses(sha256: Sha256, snapshot: Snapshot, findings: Findings): Promise<void> {
  for (let page = await side.batches(snapshot, 'access_batch', '', PAGE); page.length > 0;) {
    for (const batch of page) {
      // One row more than there should be is enough to tell that there are too many.
      const rows = await side.batchedAccesses(snapshot, batch.id, batch.size + 1);
      const sound = rows.map((row, position) => judgeRow(row, position, findings)).every(Boolean);
      if (rows.length === batch.size && sound && batchRoot(sha256, accessLeaves(sha256, rows)) === batch.root) continue;
      const message = `The accesses of the batch ${batch.id} in ${TABLE} do not lead to the root that the log holds.`;
      findings.add('access_batch_wrong', TABLE, batch.id, message);
    }
    page = await side.batches(snapshot, 'access_batch', page.at(-1)!.id, PAGE);
  }
  for (let page = await side.otherAccesses(snapshot, 0, PAGE); page.length > 0;) {
    for (const row of page) judgeRow(row, null, findings);
    page = await side.otherAccesses(snapshot, page.at(-1)!.number, PAGE);
  }
}

/** @param position in its batch; null for an access that has none @returns whether the row has the form of a record */
function judgeRow(row: AccessRow, position: number | null, findings: Findings): boolean {
  findings.checked.accesses++;
  const wrong: string[] = [];
  const formed = recordSchema.safeParse({ ...row, type: ACCESS_TYPE }).success;
  if (!formed) wrong.push('it is not formed as a record');
  if (row.grant !== null && row.grantedTo !== row.party) wrong.push(`there is no grant ${row.grant} to that party`);
  if (position === null && row.batchId !== null) wrong.push(`there is no batch ${row.batchId}`);
  if (position !== null && row.position !== position) wrong.push(`its place is ${row.position}, not ${position}`);
  if (wrong.length > 0) {
    const message = `The access ${row.number} in ${TABLE}: ${wrong.join('; ')}.`;
    findings.add('artifact_access_wrong', TABLE, String(row.number), message);
  }
  return formed;
}
