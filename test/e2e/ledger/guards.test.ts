/** What the application's login may not do, and what the owner's does not do by mistake. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { query } from '../../support/postgres.ts';
import { attestTime, everyKind, makeParty, register, TestLedger } from './fixture.ts';

let log: TestLedger;

beforeAll(async () => {
  log = await TestLedger.create();
  const process = await log.open();
  await everyKind(process);
  const ada = await makeParty(process);
  await Promise.all(Array.from({ length: 256 }, () => register(process, ada)));
  await attestTime(process);
});
afterAll(() => log.drop());

const asApp = (sql: string) => query(log.database.appUrl.reveal(), sql);
const asOwner = (sql: string) => query(log.database.ownerUrl.reveal(), sql);
const DENIED = { code: '42501' };
const REFUSED = { code: '23001' };

/** With a change that changes nothing, so that nothing but the right to change is tried. */
const CHANGES: Record<string, string> = {
  statement: 'kind = kind',
  entry_bundle: 'entries = entries',
  checkpoint: 'note = note',
  cosignature: 'signature = signature',
  timestamp: 'reply = reply',
  log_head: 'size = 0',
  tile: 'hashes = hashes',
  map_node: 'content = content',
  map_version: 'root = root',
};

it('lists every table of the ledger', async () => {
  const rows = await asOwner(`SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'ledger'`);
  expect(rows.map((row) => (row as { name: string }).name).sort()).toEqual(Object.keys(CHANGES).sort());
});

describe.each(Object.entries(CHANGES))('ledger.%s', (table, change) => {
  const mayUpdate = ['log_head', 'tile'].includes(table);
  // Versions of the map that no proof needs any more go.
  const mayDelete = ['map_node', 'map_version'].includes(table);

  it('cannot be changed by the application, but for what must grow', async () => {
    await expect(asApp(`UPDATE ledger.${table} SET ${change}`)).rejects.toMatchObject(mayUpdate ? REFUSED : DENIED);
  });

  it('cannot be deleted from or emptied by the application', async () => {
    if (!mayDelete) await expect(asApp(`DELETE FROM ledger.${table}`)).rejects.toMatchObject(DENIED);
    await expect(asApp(`TRUNCATE ledger.${table}`)).rejects.toMatchObject(DENIED);
  });

  it('is not changed, deleted from or emptied by the owner by mistake', async () => {
    await expect(asOwner(`UPDATE ledger.${table} SET ${change}`)).rejects.toMatchObject(REFUSED);
    if (!mayDelete) await expect(asOwner(`DELETE FROM ledger.${table}`)).rejects.toMatchObject(REFUSED);
    await expect(asOwner(`TRUNCATE ledger.${table}`)).rejects.toMatchObject(REFUSED);
  });

  it('has triggers that the application cannot switch off', async () => {
    await expect(asApp(`ALTER TABLE ledger.${table} DISABLE TRIGGER ALL`)).rejects.toMatchObject(DENIED);
    await expect(asApp(`SET session_replication_role = replica`)).rejects.toMatchObject(DENIED);
  });
});

it('lets a tile grow only by hashes behind its own', async () => {
  const partial = `level = 1 AND index = 0`;
  for (const hashes of [`substring(hashes FOR 32)`, `sha256('x') || hashes`]) {
    await expect(asApp(`UPDATE ledger.tile SET hashes = ${hashes} WHERE ${partial}`)).rejects.toMatchObject(REFUSED);
  }
});

it('lets the application neither make nor drop tables of the ledger', async () => {
  await expect(asApp(`CREATE TABLE ledger.other (id int)`)).rejects.toMatchObject(DENIED);
  await expect(asApp(`DROP TABLE ledger.checkpoint`)).rejects.toMatchObject(DENIED);
});

it('has been changed by none of this', async () => {
  expect((await log.fsck()).findings).toEqual([]);
});
