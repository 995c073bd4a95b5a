/**
 * The table of issued license tokens. No statement names a single token: the log holds, batch by batch, the root over
 * their records, so the rows of a batch are formatted again and must lead to the root that was signed. A root says that a
 * batch is not what it was, not which of its rows was changed; where a row contradicts its grant or its place, it is
 * named itself. Tokens that wait for their batch are held against their grants alone.
 */
import type { Sha256 } from '../../core/digest.ts';
import { ISSUANCE_TYPE, issuanceLeaves, issuanceRecordSchema } from '../../core/licensing/issuance-record.ts';
import { batchRoot } from '../../core/licensing/row-batch.ts';
import type { IssuanceRow } from './side-tables.store.ts';
import type { Findings } from './report.ts';
import * as side from './side-tables.store.ts';
import type { Snapshot } from './snapshot.ts';

const PAGE = 1000;
const TABLE = 'registry.token_issuance';

export async function checkTokenIssuances(sha256: Sha256, snapshot: Snapshot, findings: Findings): Promise<void> {
  for (let page = await side.batches(snapshot, 'token_batch', '', PAGE); page.length > 0;) {
    for (const batch of page) {
      // One row more than there should be is enough to tell that there are too many.
      const rows = await side.batchedIssuances(snapshot, batch.id, batch.size + 1);
      const sound = rows.map((row, position) => judgeRow(row, position, findings)).every(Boolean);
      if (
        rows.length === batch.size &&
        sound &&
        batchRoot(sha256, issuanceLeaves(sha256, rows.map(recordOf))) === batch.root
      ) {
        continue;
      }
      const message = `The tokens of the batch ${batch.id} in ${TABLE} do not lead to the root that the log holds.`;
      findings.add('token_batch_wrong', TABLE, batch.id, message);
    }
    page = await side.batches(snapshot, 'token_batch', page.at(-1)!.id, PAGE);
  }
  for (let page = await side.otherIssuances(snapshot, '', PAGE); page.length > 0;) {
    for (const row of page) judgeRow(row, null, findings);
    page = await side.otherIssuances(snapshot, page.at(-1)!.jti, PAGE);
  }
}

/** @param position in its batch; null for a token that has none @returns whether the row has the form of a record */
function judgeRow(row: IssuanceRow, position: number | null, findings: Findings): boolean {
  findings.checked.tokens++;
  const wrong: string[] = [];
  const formed = issuanceRecordSchema.safeParse({ ...recordOf(row), type: ISSUANCE_TYPE }).success;
  if (!formed) wrong.push('it is not formed as a record');
  if (row.grantedTo === null) wrong.push(`there is no grant ${row.grant}`);
  else if (row.grantedTo !== row.licensee) wrong.push(`the grant ${row.grant} is another party's`);
  if (!row.keyKnown) wrong.push(`the key ${row.kid} is not on record`);
  if (position === null && row.batchId !== null) wrong.push(`there is no batch ${row.batchId}`);
  if (position !== null && row.position !== position) wrong.push(`its place is ${row.position}, not ${position}`);
  if (wrong.length > 0) {
    findings.add('token_issuance_wrong', TABLE, row.jti, `The token ${row.jti} in ${TABLE}: ${wrong.join('; ')}.`);
  }
  return formed;
}

const recordOf = ({
  jti,
  grant,
  licensee,
  kid,
  claimsDigest,
  issuedAt,
  expiresAt,
  salt,
  statusList,
  statusIndex,
}: IssuanceRow) => ({
  jti,
  grant,
  licensee,
  kid,
  claimsDigest,
  issuedAt,
  expiresAt,
  salt,
  statusList,
  statusIndex,
});
