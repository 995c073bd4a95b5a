/**
 * Tables of the schema `registry` that no fold of statements makes, each with the check that holds it against the log by
 * other means, such as the root of a batch that a statement commits to. Together with the folded tables these are all
 * tables of the schema: a test compares the lists with the database, so that no table escapes.
 */
import type { Sha256 } from '../../core/digest.ts';
import { checkArtifactAccesses } from './artifact-accesses.ts';
import { checkDisclosures } from './disclosures.ts';
import type { Snapshot } from './snapshot.ts';
import { checkTokenIssuances } from './token-issuances.ts';
import type { Findings } from './report.ts';

export interface SideTable {
  /** Without its schema */
  readonly table: string;
  /** Runs when all statements are folded; names each row at fault. */
  readonly check: (sha256: Sha256, snapshot: Snapshot, findings: Findings) => Promise<void>;
}

export const SIDE_TABLES: readonly SideTable[] = [
  { table: 'artifact_access', check: checkArtifactAccesses },
  { table: 'disclosure', check: checkDisclosures },
  { table: 'token_issuance', check: checkTokenIssuances },
];
