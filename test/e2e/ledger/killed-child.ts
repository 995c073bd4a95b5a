/** Records one registration and is killed, for real, at one step of it. What it meant to record it prints first. */
import { DataSource } from 'typeorm';
import { registration } from '../../../src/core/registry/index.ts';
import { ENTITIES } from '../../../src/entities.ts';
import { LedgerCore } from '../../../src/ledger/ledger-core.ts';
import { dataSourceOptions } from '../../../src/platform/database/index.ts';
import { MasterKey } from '../../../src/platform/keys/index.ts';
import { modelBody, spoken } from './fixture.ts';
import type { Process } from './fixture.ts';
import type { Flavor, Step, Strike } from './injection.ts';
import { StruckWriter } from './injection.ts';

export interface ChildOrder {
  readonly url: string;
  readonly anchorDir: string;
  /** Base64 */
  readonly masterKey: string;
  readonly owner: string;
  readonly step: Step;
  readonly flavor: Flavor;
}

const order = JSON.parse(process.argv[2]!) as ChildOrder;
const dataSource = new DataSource(dataSourceOptions(order.url, ENTITIES, 4));
await dataSource.initialize();
const masterKey = new MasterKey(Buffer.from(order.masterKey, 'base64'));
const core = await LedgerCore.open(dataSource, { anchorDir: order.anchorDir, logName: 'test.local' }, masterKey);
const strike: Strike = async (step, flavor) => {
  if (step !== order.step || flavor !== order.flavor) return;
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => undefined);
};
const writer = new StruckWriter({ core, dataSource }, order.anchorDir, strike);
const submission = spoken(
  { core } as Process,
  registration,
  { maker: order.owner, attestedBy: 'registry' },
  modelBody(order.owner),
);
process.stdout.write(`${submission.spoken.payloadDigest}\n`);
await writer.submit(submission);
process.stdout.write('acknowledged\n');
