/** Every kind of statement that the log takes, and the one way to judge them. */
import type { Digest } from '../digest.ts';
import { adverseClaim } from './adverse-claim.ts';
import { adverseClaimAct } from './adverse-claim-act.ts';
import { apiKey, apiKeyRevocation } from './api-key.ts';
import { authorityReads, requireAuthority, requireOrigin } from './authority.ts';
import { behaviour, behaviourSeed } from './behaviour.ts';
import { commitmentReads, erasure, makeCommitments } from './commitment.ts';
import { dataRights } from './data-rights.ts';
import { dataset } from './dataset.ts';
import { requireNotEnded } from './ended-party.ts';
import { documentTimestamp } from './document-timestamp.ts';
import { fieldOpening } from './field-opening.ts';
import { fingerprint } from './fingerprint.ts';
import { grant } from './grant.ts';
import { grantAct } from './grant-act.ts';
import { grantNotice } from './grant-notice.ts';
import { license, licenseWithdrawal } from './license.ts';
import { instrument } from './instrument.ts';
import { instrumentAct } from './instrument-act.ts';
import { key, keyRevocation } from './key.ts';
import type { InnerSignature, Kind, Rows, Spoken } from './kind.ts';
import { visibilityOf } from './kind.ts';
import { log } from './log.ts';
import { logKey, logKeyRetirement } from './log-key.ts';
import { mapAudit } from './map-audit.ts';
import { mapRoot } from './map-root.ts';
import { marketRecord } from './market-record.ts';
import { modelSignature } from './model-signature.ts';
import { spendOneTimeKey, vouchersOf } from './one-time-key.ts';
import { party } from './party.ts';
import { protectionRecord } from './protection-record.ts';
import { quota } from './quota.ts';
import { lineageCheck } from './lineage-check.ts';
import { registration } from './registration.ts';
import { replay } from './replay.ts';
import { revocation } from './revocation.ts';
import { run } from './run.ts';
import { opening, sealed } from './sealed.ts';
import { succession } from './succession.ts';
import { successionAct } from './succession-act.ts';
import type { RowKey } from './row-keys.ts';
import type { RowChange } from './tables.ts';
import { accessBatch, tokenBatch, tokenKey, tokenKeyRetirement } from './token.ts';

const ALL = [
  log,
  logKey,
  logKeyRetirement,
  party,
  key,
  keyRevocation,
  apiKey,
  apiKeyRevocation,
  dataset,
  quota,
  run,
  replay,
  registration,
  fingerprint,
  lineageCheck,
  modelSignature,
  instrument,
  instrumentAct,
  succession,
  successionAct,
  documentTimestamp,
  adverseClaim,
  adverseClaimAct,
  license,
  licenseWithdrawal,
  grant,
  grantAct,
  grantNotice,
  revocation,
  tokenKey,
  tokenKeyRetirement,
  tokenBatch,
  accessBatch,
  erasure,
  sealed,
  opening,
  fieldOpening,
  protectionRecord,
  dataRights,
  marketRecord,
  mapRoot,
  mapAudit,
  behaviourSeed,
  behaviour,
];

/** By predicate type. */
export const KINDS: ReadonlyMap<string, Kind<never>> = new Map(
  ALL.map((kind) => [kind.predicateType, kind as unknown as Kind<never>]),
);

/** The rows to load before `judge`; ask again with what was loaded until it names nothing new. */
export function readsOf(spoken: Spoken, rows: Rows): readonly RowKey[] {
  const own = spoken.kind.reads(spoken, rows);
  if (spoken.kind.kind === 'log') return own;
  const ended: RowKey[] = spoken.kind.aboutTitle === true ? [['ended_party', spoken.common.maker]] : [];
  return [...authorityReads(spoken), ...registryOf(spoken, rows), ...commitmentReads(spoken), ...ended, ...own];
}

/**
 * The rows that a statement changes when it is recorded at `index`.
 * @throws RegistryError when it may not be recorded
 */
export function judge(spoken: Spoken, rows: Rows, index: number, origin: string): readonly RowChange[] {
  requireOrigin(spoken, origin);
  if (spoken.kind.kind !== 'log') requireAuthority(spoken, rows);
  if (spoken.kind.aboutTitle === true) requireNotEnded(rows, spoken.common.maker, 'maker');
  const place = { statement: spoken.payloadDigest, recordedIndex: index };
  return [
    ...spendOneTimeKey(spoken, rows, place),
    ...makeCommitments(spoken, rows, place),
    ...spoken.kind.judge(spoken, rows, place),
  ];
}

/** Where the registry attests, its own party row is judged too. */
function registryOf({ speaker }: Spoken, rows: Rows): readonly RowKey[] {
  const signer = rows.get('party_key', speaker.fingerprint);
  return signer === undefined ? [] : [['party', signer.partyId]];
}

/** The parties that may read the statement besides registrar and auditors; null when everybody may. */
export const readersOf = ({ kind, body, common }: Pick<Spoken, 'body' | 'common' | 'kind'>): string[] | null =>
  visibilityOf(kind) === 'public' ? null : [common.maker, ...(kind.readers?.(body) ?? [])];

/** The digests under which a public statement stands in the map; none of one that not everybody may read. */
export const namedBy = (spoken: Spoken): readonly Digest[] =>
  readersOf(spoken) === null ? (spoken.kind.names?.(spoken.body) ?? []) : [];

/** The kinds of statement that stand in the map. */
export const NAMING_KINDS: readonly string[] = ALL.flatMap((kind) => (kind.names === undefined ? [] : [kind.kind]));

/** Signatures that the statement itself carries. */
export const innerSignaturesOf = (spoken: Spoken): readonly InnerSignature[] => [
  ...vouchersOf(spoken),
  ...(spoken.kind.signatures?.(spoken) ?? []),
];

export type { InnerSignature, Kind, Rows, Spoken, Visibility } from './kind.ts';
export { visibilityOf } from './kind.ts';
export { commitmentsOf } from './commitment.ts';
export {
  accessBatch,
  adverseClaim,
  adverseClaimAct,
  apiKey,
  apiKeyRevocation,
  behaviour,
  behaviourSeed,
  dataRights,
  dataset,
  documentTimestamp,
  erasure,
  fieldOpening,
  fingerprint,
  grant,
  grantAct,
  grantNotice,
  instrument,
  instrumentAct,
  key,
  keyRevocation,
  license,
  licenseWithdrawal,
  log,
  logKey,
  logKeyRetirement,
  mapAudit,
  mapRoot,
  marketRecord,
  modelSignature,
  opening,
  party,
  protectionRecord,
  lineageCheck,
  quota,
  registration,
  replay,
  revocation,
  run,
  sealed,
  succession,
  successionAct,
  tokenBatch,
  tokenKey,
  tokenKeyRetirement,
};
