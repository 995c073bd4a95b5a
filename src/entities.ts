/** Every entity of the application, for the application, TypeORM's command line and the drift test alike. */
import * as artifacts from './artifacts/artifact.entity.ts';
import * as behaviours from './behaviours/behaviour.entity.ts';
import * as compute from './compute/compute.entity.ts';
import * as datasets from './datasets/dataset.entity.ts';
import * as ledger from './ledger/ledger.entity.ts';
import * as witnessing from './ledger/witnessing/witnessing.entity.ts';
import * as map from './ledger/map/map.entity.ts';
import * as licenses from './licenses/license.entity.ts';
import * as lineageChecks from './models/lineage-check.entity.ts';
import * as lineageJobs from './models/lineage-job.entity.ts';
import * as models from './models/model.entity.ts';
import * as parties from './parties/party.entity.ts';
import type { Entities } from './platform/database/index.ts';
import * as protection from './protection/protection.entity.ts';
import * as sealed from './sealed/sealed.entity.ts';
import * as replays from './runs/replay.entity.ts';
import * as runs from './runs/run.entity.ts';
import * as fingerprints from './fingerprints/fingerprint.entity.ts';
import * as claims from './titles/claim.entity.ts';
import * as successions from './titles/succession.entity.ts';
import * as documentTimestamps from './titles/timestamp.entity.ts';
import * as titles from './titles/title.entity.ts';
import * as tokens from './tokens/token.entity.ts';
import * as usage from './usage/usage.entity.ts';
import * as webhooks from './webhooks/webhook.entity.ts';

const MODULES: object[] = [
  ledger,
  witnessing,
  map,
  parties,
  datasets,
  sealed,
  models,
  lineageChecks,
  lineageJobs,
  titles,
  compute,
  claims,
  documentTimestamps,
  successions,
  runs,
  replays,
  fingerprints,
  licenses,
  protection,
  tokens,
  artifacts,
  usage,
  webhooks,
  behaviours,
];

export const ENTITIES: Entities = MODULES.flatMap((module) => Object.values(module) as Entities);
