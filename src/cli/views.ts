/** What the registry answers, as far as the commands read it. Types alone: nothing here is loaded at run time. */
import type {
  dataRights,
  dataset,
  grant,
  marketRecord,
  protectionRecord,
  registration,
} from '../core/registry/index.ts';
import type { Digest } from '../core/digest.ts';
import type { FingerprintDocument } from '../core/fingerprint/document.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Said } from '../core/registry/sealed-title.ts';
import type { Contributor } from '../core/registry/contributor.ts';
import type { AdverseClaimBody } from '../core/registry/adverse-claim.ts';
import type { Kind } from '../core/registry/kind.ts';
import type { ReplayOutcome } from '../core/registry/replay.ts';
import type { GrantState } from '../core/licensing/grant-states.ts';
import type { ClaimState } from '../core/title/claim-states.ts';
import type { LicenseBody } from '../core/registry/license.ts';
import type { InstrumentBody } from '../core/registry/instrument.ts';
import type { SuccessionBody } from '../core/registry/succession.ts';
import type { StandingInterest } from '../core/title/abstract.ts';
import type { Lineage } from '../core/licensing/lineage.ts';
import type { Relation, Standing } from '../core/licensing/relations.ts';
import type { CheckFinding, LineageCheckBody } from '../core/registry/lineage-check.ts';
import type { LicenseText, Release, ReleaseBasis } from '../core/licensing/release.ts';
import type { IntendedUse, Obligations } from '../core/licensing/judgement.ts';
import type { Moment, Owned } from '../core/title/chain.ts';
import type { ReplayedEpoch } from '../training/index.ts';
import type { InstrumentAct, InstrumentState } from '../core/title/instrument-states.ts';
import type { SuccessionAct, SuccessionState } from '../core/title/succession-states.ts';
import type { Quorums } from '../core/title/terms.ts';

type BodyOf<K> = K extends Kind<infer Body> ? Body : never;
export type DatasetBody = BodyOf<typeof dataset>;
export type RegistrationBody = BodyOf<typeof registration>;
export type GrantBody = BodyOf<typeof grant>;
export type ProtectionBody = BodyOf<typeof protectionRecord>;
export type MarketBody = BodyOf<typeof marketRecord>;
export type DataRightsBody = BodyOf<typeof dataRights>;

/** What stands on record, and where. */
interface Recorded {
  id: string;
  statement: Digest;
  recordedIndex: number;
}

/** With the name of the rights-holder, which is kept apart from the record; null when it was erased. */
export type DatasetView = Omit<DatasetBody, 'holder'> &
  Recorded & { maker: string; holder: DatasetBody['holder'] & { name: string | null } };

export type ModelView = RegistrationBody & Recorded & { maker: string; precededBy: string | null; modelDigest: Digest };

export interface Provenance {
  query: { digest: Digest };
  checkpoint: string;
  treeSize: number;
  matches: ProvenanceMatch[];
  possessions: Possession[];
}

/** What was sealed about a digest, and opened since. */
export interface Possession {
  sealed: string;
  maker: string;
  subject: string;
  sealedIndex: number;
  openedIndex: number;
  stated: Stated[];
  receipts: { sealed: Receipt; opening: Receipt; others: Receipt[] };
}

/** A field of a sealed title that is open, and where it was opened. */
export type Stated = Said & { openedIndex: number };

export interface ProvenanceMatch {
  matched: 'file' | 'nameless' | 'root' | 'weight';
  model: ModelView;
  parents: { relation: Relation; digest: Digest; standing: Standing }[];
  owners: { party: string; name: string | null; share: string }[];
  contributors?: (Contributor & { name: string | null })[];
  datasets: Pick<DatasetView, 'holder' | 'id'>[];
  precededBy: string | null;
  recordedAt?: string;
  receipts: { registration: Receipt; run: Receipt | null; datasets: Receipt[]; transfers: Receipt[][] | null };
}

export interface RunProgress {
  epoch: number;
  epochs: number;
  batch: number;
  batches: number;
  loss: number | null;
  accuracy: number;
  imagesPerSecond: number;
  etaSeconds: number;
}

export interface RunEpoch {
  epoch: number;
  loss: number;
  trainAccuracy: number;
  testAccuracy: number;
  weightDigest: Digest;
  seconds: number;
}

export interface ReplayView extends Recorded {
  run: string;
  maker: string;
  outcome: ReplayOutcome;
  throughEpoch: number;
  firstDifference: number | null;
}

export interface ReplayJobView {
  id: string;
  state: 'cancelled' | 'failed' | 'queued' | 'recorded' | 'running';
  run: string;
  throughEpoch: number;
  epochs: (RunEpoch & { validationAccuracy: number | null; differing: ReplayedEpoch['differing'] })[];
  statement: Digest | null;
  error: RunView['error'];
}

export interface RunView {
  id: string;
  state: string;
  owner: string;
  name: string | null;
  dataset: string;
  hyperparameters: object;
  owners: RegistrationBody['owners'] | null;
  /** Null: those that the record of the run proposes */
  contributors: Contributor[] | null;
  license: RegistrationBody['license'] | null;
  progress: RunProgress | null;
  epochs: RunEpoch[];
  result: {
    weightDigest: Digest;
    namelessDigest: Digest;
    fileDigest: Digest;
    bytes: number;
    tensors: number;
    parameters: number;
  } | null;
  environment: object | null;
  registrationId: string | null;
  statement: Digest | null;
  error: { code: string; detail: string; fix?: string } | null;
}

export interface LicenseView extends LicenseBody, Recorded {
  licensor: string;
  version: number;
  state: 'ended' | 'offered';
  endedIndex: number | null;
}
/** What somebody found who compared a model with a parent. */
export interface LineageJobView {
  id: string;
  state: 'failed' | 'queued' | 'recorded' | 'running' | 'unexplained';
  registration: string;
  relation: Relation;
  parents: Digest[];
  progress: { bytesRead: number; bytes: number } | null;
  finding: CheckFinding | null;
  because: string | null;
  statements: Digest[];
  error: RunView['error'];
}

export type LineageCheckView = Omit<LineageCheckBody, 'compared'> & Recorded & { maker: string; counts: boolean };

/** A model and what it came from, or what came from it; without name and license what is not on record. */
export interface LineageView extends Lineage {
  model: string;
  direction: 'ancestors' | 'descendants';
  nodes: { id: string; name: string | null; license: string | null }[];
}
/** What flows down to a model. */
export interface ObligationsView extends Obligations {
  model: string;
  use: IntendedUse;
  nodes: LineageView['nodes'];
}
/** The texts that go with a model when it is released, and what they are made of. */
export interface ReleaseView extends Release {
  texts: LicenseText[];
  basis: ReleaseBasis;
}
export type GrantView = GrantBody &
  Recorded & { licensor: string; state: GrantState; endsAt: string | null; renewedBy: string | null };

/** A rights record of whatever kind. */
export type RightsView<Body> = Body & Recorded & { maker: string; supersedes: string | null; standing: boolean };
export interface ContributionView {
  registration: string;
  name: string;
  roles: string[];
  recordedIndex: number;
}

interface ComputeTotal {
  runs: number;
  coreSeconds: number;
  deviceSeconds: number;
}

export interface ComputeView {
  party: string;
  contributed: ComputeTotal;
  consumed: ComputeTotal;
  entries: {
    run: string;
    provider: string;
    consumer: string;
    coreSeconds: number;
    deviceSeconds: number | null;
    backend: string;
    device: string;
  }[];
}

export interface QuotaView {
  party: string;
  coreSeconds: number | null;
  deviceSeconds: number | null;
  runsAtOnce: number | null;
  setBy: 'default' | 'registrar';
  used: { coreSeconds: number; deviceSeconds: number; runs: number };
  renewsAt: string;
  recordedIndex: number | null;
}
export type ClaimView = Omit<AdverseClaimBody, 'evidence' | 'timestamps'> &
  Recorded & {
    claimant: string;
    state: ClaimState;
    evidence: { sealed: string; digest: Digest; sealedIndex: number; sealedAt: string }[];
    timestamps: (Recorded & { time: string; authority: string; root: Digest; firstAfter: number })[];
  };
export type InstrumentView = InstrumentBody &
  Recorded & {
    maker: string;
    state: InstrumentState;
    accepted: string[];
    consented: string[];
    inForceIndex: number | null;
    endedIndex: number | null;
    acts: { act: InstrumentAct; maker: string; statement: Digest; recordedIndex: number }[];
  };

export type SuccessionView = SuccessionBody &
  Recorded & {
    maker: string;
    state: SuccessionState;
    accepted: string[];
    inForceIndex: number | null;
    acts: { act: SuccessionAct; maker: string; statement: Digest; recordedIndex: number }[];
  };

export interface TitleView extends Moment {
  asset: string;
  existsFrom: string;
  owners: (Owned & { name: string | null })[];
  interests: StandingInterest[];
  quorums: Quorums | null;
}

export interface Portfolio extends Moment {
  party: string;
  titles: { asset: string; name: string; share: string }[];
  interests: (StandingInterest & { asset: string; name: string })[];
}

/** A fingerprint on record, as the registry lists it. */
export interface FingerprintView {
  registration: string;
  /** Who states it */
  maker: string;
  statement: Digest;
  recordedIndex: number;
  fingerprint: FingerprintDocument;
}

export interface SimilarView {
  by: 'hnsw' | 'scan';
  /** The nearest first */
  candidates: (FingerprintView & { nearness: number; name: string; modelDigest: Digest })[];
  /** On record before the two models that are compared, and declared related to neither */
  unrelated: (FingerprintView & { registrant: string; strangerTo: string[] })[];
}
