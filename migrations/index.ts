/**
 * All migrations, in the order in which they run. A list and not a glob, so that it works built and under Jest
 * alike. A class is named after what it does and ends with 1700000000000 plus its number, by which TypeORM sorts.
 */
import type { MigrationInterface } from 'typeorm';
import { SchemasAndRoles1700000000001 } from './0001-schemas-and-roles.ts';
import { Ledger1700000000002 } from './0002-ledger.ts';
import { Registry1700000000003 } from './0003-registry.ts';
import { TokenIssuance1700000000004 } from './0004-token-issuance.ts';
import { Runs1700000000005 } from './0005-runs.ts';
import { ArtifactAccess1700000000006 } from './0006-artifact-access.ts';
import { HandedInFiles1700000000007 } from './0007-handed-in-files.ts';
import { CheckpointChain1700000000008 } from './0008-checkpoint-chain.ts';
import { Cosignatures1700000000009 } from './0009-cosignatures.ts';
import { OutsideTime1700000000010 } from './0010-outside-time.ts';
import { Visibility1700000000011 } from './0011-visibility.ts';
import { AbsenceMap1700000000012 } from './0012-absence-map.ts';
import { WebhooksAndLogKeys1700000000013 } from './0013-webhooks-and-log-keys.ts';
import { NoIndexOnMakers1700000000014 } from './0014-no-index-on-makers.ts';
import { RegistrationsByDigest1700000000015 } from './0015-registrations-by-digest.ts';
import { BundlesAsTheyAre1700000000016 } from './0016-bundles-as-they-are.ts';
import { Title1700000000017 } from './0017-title.ts';
import { KeyRevocations1700000000018 } from './0018-key-revocations.ts';
import { RightsRecords1700000000019 } from './0019-rights-records.ts';
import { Contributors1700000000020 } from './0020-contributors.ts';
import { SealedFields1700000000021 } from './0021-sealed-fields.ts';
import { AdverseClaims1700000000022 } from './0022-adverse-claims.ts';
import { Successions1700000000023 } from './0023-successions.ts';
import { DeviceQuotas1700000000024 } from './0024-device-quotas.ts';
import { DocumentTimestamps1700000000025 } from './0025-document-timestamps.ts';
import { Licenses1700000000027 } from './0027-licenses.ts';
import { GrantActs1700000000028 } from './0028-grant-acts.ts';
import { Lineage1700000000029 } from './0029-lineage.ts';
import { DpopProofs1700000000030 } from './0030-dpop-proofs.ts';
import { UsageAndSeats1700000000031 } from './0031-usage-and-seats.ts';
import { StatusLists1700000000032 } from './0032-status-lists.ts';
import { ArtifactDeliveries1700000000033 } from './0033-artifact-deliveries.ts';
import { AccessBatches1700000000034 } from './0034-access-batches.ts';
import { ResolvedParents1700000000035 } from './0035-resolved-parents.ts';
import { UsageSums1700000000036 } from './0036-usage-sums.ts';
import { EndedClaims1700000000038 } from './0038-ended-claims.ts';
import { TokenRefusals1700000000039 } from './0039-token-refusals.ts';
import { ParentsByRelation1700000000040 } from './0040-parents-by-relation.ts';
import { Replays1700000000041 } from './0041-replays.ts';
import { WhoSuspended1700000000042 } from './0042-who-suspended.ts';
import { Fingerprints1700000000043 } from './0043-fingerprints.ts';
import { Behaviours1700000000044 } from './0044-behaviours.ts';
import { ReplayJobs1700000000047 } from './0047-replay-jobs.ts';
import { LineageChecks1700000000048 } from './0048-lineage-checks.ts';
import { LineageCheckJobs1700000000049 } from './0049-lineage-check-jobs.ts';

export const MIGRATIONS: (new () => MigrationInterface)[] = [
  SchemasAndRoles1700000000001,
  Ledger1700000000002,
  Registry1700000000003,
  TokenIssuance1700000000004,
  Runs1700000000005,
  ArtifactAccess1700000000006,
  HandedInFiles1700000000007,
  CheckpointChain1700000000008,
  Cosignatures1700000000009,
  OutsideTime1700000000010,
  Visibility1700000000011,
  AbsenceMap1700000000012,
  WebhooksAndLogKeys1700000000013,
  NoIndexOnMakers1700000000014,
  RegistrationsByDigest1700000000015,
  BundlesAsTheyAre1700000000016,
  Title1700000000017,
  KeyRevocations1700000000018,
  RightsRecords1700000000019,
  Contributors1700000000020,
  SealedFields1700000000021,
  AdverseClaims1700000000022,
  Successions1700000000023,
  DeviceQuotas1700000000024,
  DocumentTimestamps1700000000025,
  Licenses1700000000027,
  GrantActs1700000000028,
  Lineage1700000000029,
  DpopProofs1700000000030,
  UsageAndSeats1700000000031,
  StatusLists1700000000032,
  ArtifactDeliveries1700000000033,
  AccessBatches1700000000034,
  ResolvedParents1700000000035,
  UsageSums1700000000036,
  EndedClaims1700000000038,
  TokenRefusals1700000000039,
  ParentsByRelation1700000000040,
  Replays1700000000041,
  WhoSuspended1700000000042,
  Fingerprints1700000000043,
  Behaviours1700000000044,
  ReplayJobs1700000000047,
  LineageChecks1700000000048,
  LineageCheckJobs1700000000049,
];
