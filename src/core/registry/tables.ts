/**
 * The rows of the registry: what the statements of the log add up to. Each row names the statement that made it and
 * that statement's index. The tables of the schema `registry` hold exactly these rows, in snake case.
 */
import type { Digest } from '../digest.ts';
import type { FingerprintDocument } from '../fingerprint/document.ts';
import type { GrantAct, GrantStage } from '../licensing/grant-states.ts';
import type { Relation, Standing } from '../licensing/relations.ts';
import type { ClaimAct, ClaimState } from '../title/claim-states.ts';
import type { InstrumentAct, InstrumentState } from '../title/instrument-states.ts';
import type { SuccessionAct, SuccessionState } from '../title/succession-states.ts';
import type { InstrumentType, InterestKind, Quorums } from '../title/terms.ts';
import type { GrantNotice } from './grant-notice.ts';
import type { EndReason } from './key.ts';
import type { CheckFinding, CheckMethod } from './lineage-check.ts';
import type { ReplayOutcome } from './replay.ts';
import type { SuccessionType } from './succession.ts';

interface Recorded {
  /** Payload digest of the statement that made the row */
  statement: Digest;
  /** Its index in the log */
  recordedIndex: number;
}

export interface Tables {
  party: Recorded & {
    id: string;
    kind: 'organization' | 'person';
    roles: string[];
    nameCommitment: Digest;
    /** Whether the party has a key of its own; from then on the registry never signs for it. */
    keyed: boolean;
  };
  /** Every commitment to a personal value, the party that may have it erased, and where that was done. */
  commitment: Recorded & { commitment: Digest; partyId: string; erasedIndex: number | null };
  party_key: Recorded & {
    fingerprint: Digest;
    partyId: string;
    spki: string;
    /** Null while the key is in force, as are the two that tell of its end. */
    revokedIndex: number | null;
    revokedReason: EndReason | null;
    /** The key that goes on in its place, where the party named one. */
    successor: Digest | null;
  };
  /** Keys that signed one statement that is not public, and sign no other. */
  one_time_key: Recorded & { fingerprint: Digest };
  api_key: Recorded & {
    id: string;
    partyId: string;
    secretDigest: Digest;
    label: string;
    scopes: string[];
    expiresAt: string | null;
    revokedIndex: number | null;
  };
  /** Keys that sign checkpoints */
  log_key: Recorded & { verifierKey: string; retiredIndex: number | null };
  token_key: Recorded & { kid: string; spki: string; notBefore: string; retiredIndex: number | null };
  dataset: Recorded & {
    id: string;
    /** Digest over the canonical list of the files: the same files are the same dataset version. */
    manifestDigest: Digest;
    maker: string;
    name: string;
    document: object;
  };
  /** One party's one dataset of a name and version: what the pair means does not change. */
  dataset_version: Recorded & { maker: string; name: string; version: string; datasetId: string };
  run: Recorded & {
    id: string;
    owner: string;
    weightDigest: Digest;
    fileDigest: Digest;
    document: object;
    /** The registration that came out of the run; a run registers once. */
    registrationId: string | null;
  };
  /** What one worker spent on a run that is on record. */
  compute: Recorded & {
    runId: string;
    /** Among the workers of the run, in the order in which they took it */
    position: number;
    /** Whose worker it was */
    provider: string;
    /** Who started the run */
    consumer: string;
    coreMs: number;
    /** Null where no graphics device was held */
    deviceMs: number | null;
    backend: string;
    device: string;
  };
  /** Every quota that was set; of a party's the newest holds. */
  quota: Recorded & {
    id: string;
    partyId: string;
    coreSeconds: number | null;
    deviceSeconds: number | null;
    runsAtOnce: number | null;
  };
  registration: Recorded & {
    id: string;
    /** By which the model is known: its weight digest, or its file digest where the container cannot be read */
    modelDigest: Digest;
    namelessDigest: Digest | null;
    fileDigest: Digest;
    maker: string;
    name: string;
    licenseExpression: string;
    licenseTextDigest: Digest | null;
    runId: string | null;
    /** The first registration of the same weights or file, under whatever tensor names, if it is not this one. */
    precededBy: string | null;
    /** By relation, each by its log index, or by the digest that was named where it was not on record before */
    parents: Partial<Record<Relation, (Digest | number)[]>>;
    /** Those of its digests of which it is the first registration, and which were named as a parent's before */
    awaited: Digest[];
  };
  /** Who holds which share of a model or dataset; 0 of who held one before. Made or changed last by its statement. */
  title: Recorded & {
    assetId: string;
    partyId: string;
    shareNum: number;
    shareDen: number;
    /** The latest effective date of what made the share what it is, `YYYY-MM-DD` */
    effectiveFrom: string;
  };
  instrument: Recorded & {
    id: string;
    type: InstrumentType;
    assetId: string;
    maker: string;
    counterparties: string[];
    state: InstrumentState;
    document: object;
    /** Those of the counterparties that accepted, and the others whose consent is on record */
    accepted: string[];
    consented: string[];
    /** The place of the statement that brought it into force; null while nothing has */
    inForceIndex: number | null;
    /** The place of the statement that ended it without effect, or released what it made */
    endedIndex: number | null;
  };
  instrument_act: Recorded & { id: string; instrumentId: string; act: InstrumentAct; maker: string };
  /** What rests on a title beside the shares; known by the instrument that made it. */
  interest: Recorded & {
    id: string;
    assetId: string;
    kind: InterestKind;
    grantor: string;
    holder: string;
    terms: object;
    /** Of the grantor's share as much as it rests on; null where it rests on the whole asset */
    shareNum: number | null;
    shareDen: number | null;
    endedIndex: number | null;
    /** The day from which it does not stand any more; null while it stands, or ends by its terms alone */
    endedOn: string | null;
  };
  /** From a transmission on: in whose hands an interest is, and on whose share it rests. */
  interest_passage: Recorded & {
    interestId: string;
    /** The transmission */
    instrumentId: string;
    grantor: string;
    holder: string;
    formerHolder: string;
  };
  /** The interests that rest on one party's share, in the order of their recording. */
  encumbrance: Recorded & { assetId: string; partyId: string; interests: string[] };
  /** What the owners of an asset agreed on, and the exclusive licenses on it, in the order of their recording. */
  asset_terms: Recorded & { assetId: string; quorums: Quorums | null; exclusive: string[] };
  succession: Recorded & {
    id: string;
    type: SuccessionType;
    predecessor: string;
    /** In the order in which they are named */
    successors: string[];
    /** The predecessor, or the registrar */
    maker: string;
    state: SuccessionState;
    document: object;
    accepted: string[];
    /** The place of the last acceptance; null while one is missing */
    inForceIndex: number | null;
    /** The place of the statement that ended it without effect */
    endedIndex: number | null;
  };
  succession_act: Recorded & { id: string; successionId: string; act: SuccessionAct; maker: string };
  /** A party that is no more, and the succession that ended it. */
  ended_party: Recorded & { partyId: string; successionId: string };
  /** Who contributed to a model, apart from who owns it. */
  contributor: Recorded & { registrationId: string; partyId: string; role: string };
  /** What somebody says to own of an asset; it stands beside title and changes none. */
  adverse_claim: Recorded & {
    id: string;
    assetId: string;
    claimant: string;
    /** The instrument in force, or the first record of the asset, that it goes against */
    contested: string;
    state: ClaimState;
    document: object;
    /** The owners that acknowledged it */
    acknowledged: string[];
    endedIndex: number | null;
  };
  /** That a document existed before a time, as an authority outside the registry attested and the registrar verified. */
  document_timestamp: Recorded & {
    id: string;
    documentDigest: Digest;
    /** RFC 3339, UTC */
    time: string;
    /** The first entry that was recorded after it, by the registry's clock */
    firstAfter: number;
  };
  /** What came out when a run was trained again from its record. */
  replay: Recorded & {
    id: string;
    runId: string;
    maker: string;
    outcome: ReplayOutcome;
    throughEpoch: number;
    firstDifference: number | null;
  };
  /** What a party stated as the fingerprint of a model, and what a search takes from it. */
  fingerprint: Recorded & {
    registrationId: string;
    scheme: string;
    maker: string;
    shape: string;
    /** `simHash` of the retrieval vector, 512 bits as `0` and `1` */
    simhash: string;
    /** As the statement has it, and so are the layers and outputs */
    retrieval: string;
    layers: FingerprintDocument['layers'];
    outputs: FingerprintDocument['outputs'];
  };
  adverse_claim_act: Recorded & { id: string; claimId: string; act: ClaimAct; maker: string };
  relation: Recorded & {
    registrationId: string;
    position: number;
    relation: Relation;
    digest: Digest;
    /** The log index of the first registration of the digest; null where it was not on record before this one */
    parentIndex: number | null;
    /** As it was registered; what was found since is in `lineage_standing` */
    standing: Standing;
  };
  /** What somebody found who compared a model with a parent that its registration names. */
  lineage_check: Recorded & {
    id: string;
    registrationId: string;
    relation: Relation;
    /** As `registration.parents` has it: a log index, or a digest */
    parent: string;
    maker: string;
    method: CheckMethod;
    finding: CheckFinding;
  };
  /** What the registry found last of an edge of a lineage. */
  lineage_standing: Recorded & { registrationId: string; relation: Relation; parent: string; standing: Standing };
  /** The datasets that a registration names. */
  trained_on: Recorded & { registrationId: string; position: number; datasetId: string };
  model_signature: Recorded & { id: string; registrationId: string; maker: string };
  /** Terms that an owner offers; ended when they were replaced or withdrawn. */
  license: Recorded & {
    id: string;
    assetId: string;
    licensor: string;
    document: object;
    version: number;
    endedIndex: number | null;
  };
  license_grant: Recorded & {
    id: string;
    registrationId: string;
    licensor: string;
    licensee: string;
    document: object;
    /** The grants of which it is a part, the owner's first; none for one that an owner gave */
    above: string[];
    stage: GrantStage;
    /** Null unless it is suspended */
    suspendedBy: string | null;
    expiresAt: string | null;
    /** When a termination takes effect, RFC 3339 in UTC; null while there is none */
    endsAt: string | null;
    renewedBy: string | null;
    /** The place of the statement that changed it last */
    changedIndex: number;
  };
  grant_act: Recorded & { id: string; grantId: string; act: GrantAct; maker: string; endsAt: string | null };
  grant_notice: Recorded & { grantId: string; notice: GrantNotice };
  /** What a party sealed; of its content the commitment alone. */
  sealed: Recorded & {
    maker: string;
    id: string;
    subject: 'dataset' | 'evidence' | 'model' | 'title';
    commitment: Digest;
    /** Of the first opening, where there are several */
    openedIndex: number | null;
  };
  /** A digest that an opening revealed, and the place in the log before which its maker knew it. */
  possession: Recorded & {
    digest: Digest;
    maker: string;
    sealedId: string;
    subject: 'dataset' | 'evidence' | 'model' | 'title';
    sealedIndex: number;
  };
  /** A field of a sealed title that is open; `value` in canonical JSON, as it was committed to. */
  sealed_field: Recorded & { maker: string; sealedId: string; field: string; value: string };
  /** Every protection record, market record and record of data rights, superseded or not. */
  rights_record: Recorded & {
    id: string;
    /** A registration, or a dataset */
    about: string;
    maker: string;
    respect: string;
    supersedes: string | null;
  };
  /** Which of a maker's records about an asset in one respect stands. */
  rights_standing: Recorded & { about: string; maker: string; respect: string; recordId: string };
  token_revocation: Recorded & { jti: string; grantId: string };
  token_batch: Recorded & { id: string; size: number; root: Digest };
  access_batch: Recorded & { id: string; size: number; root: Digest };
  /** Maps of the log's first `size` entries, known by their roots. */
  map_root: Recorded & { root: Digest; size: number; logRoot: Digest; keys: number };
  map_audit: Recorded & { id: string; auditor: string; size: number; root: Digest; found: Digest };
  /** From which a model's challenges follow, with the owner's secret. A registration has one. */
  behaviour_seed: Recorded & {
    registrationId: string;
    /** Of the statement, as is that of the answers */
    id: string;
    /** Of whose training pictures the challenges are mixed */
    datasetId: string;
    challenges: number;
    secretCommitment: Digest;
    /** What the registry drew, in hex */
    value: string;
  };
  /** What a model answers to its challenges, as a commitment. */
  behaviour: Recorded & { registrationId: string; id: string; maker: string; answersCommitment: Digest };
}

export type TableName = keyof Tables;

/** A row as it stands after the statement: a new one, or the whole changed one. */
export type RowChange = { [T in TableName]: { table: T; row: Tables[T] } }[TableName];

export const put = <T extends TableName>(table: T, row: Tables[T]): RowChange => ({ table, row }) as RowChange;
