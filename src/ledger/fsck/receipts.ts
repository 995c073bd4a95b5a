/**
 * The receipts that were given and that the database still knows of: each idempotency key stands for a statement, which
 * must be there. A receipt itself says that its statement stands at its index in the tree of a batch, of any size. The
 * walk over every leaf shows what stands at every index and that all trees are the beginnings of one, so a receipt whose
 * statement is there is kept; a checkpoint out of somebody's receipt is held against the log with `since`.
 */
import type { Findings } from './report.ts';
import * as attestations from './attestations.store.ts';
import type { Snapshot } from './snapshot.ts';

const LIMIT = 1000;
const TABLE = 'ops.idempotency';

export async function checkReceipts(snapshot: Snapshot, size: number, findings: Findings): Promise<void> {
  findings.checked.receipts += await attestations.countReceipts(snapshot);
  for (const { partyId, key, index } of await attestations.receiptsWithoutStatement(snapshot, size, LIMIT)) {
    const message = `A receipt was given for statement ${index} (${partyId}, key ${key}), which is not in the log.`;
    findings.add('receipt_lost', TABLE, `${partyId} ${key}`, message);
  }
}
