/**
 * An older database is put in place of the newer one, the end of the log is cut off, or a whole other log is shown. What
 * stands outside the database tells: the anchor, and any checkpoint that somebody kept.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { query } from '../../support/postgres.ts';
import type { Process } from './fixture.ts';
import { emptyFolder, makeParty, register, TestLedger } from './fixture.ts';

/** An old copy of the log, and the log as it went on. */
let old: TestLedger;
let log: TestLedger;
let process: Process;
let held: { early: string; late: string };
const folders: string[] = [];

const folder = async (): Promise<string> => {
  const made = await emptyFolder();
  folders.push(made);
  return made;
};

beforeAll(async () => {
  log = await TestLedger.create();
  process = await log.open();
  await makeParty(process);
  const early = (await process.core.published.publish()).note;
  old = await log.copy();
  process = await log.open();
  const ada = await makeParty(process);
  await Promise.all(Array.from({ length: 20 }, () => register(process, ada)));
  held = { early, late: (await process.core.published.publish()).note };
});
afterAll(async () => {
  await old.drop();
  await log.drop();
  for (const made of folders) await rm(made, { recursive: true, force: true });
});

it('holds against every checkpoint that somebody kept of it', async () => {
  for (const since of [held.early, held.late]) expect((await log.fsck({ since })).findings).toEqual([]);
});

it('refuses to sign on an old copy of the database, and the verifier says that the end is missing', async () => {
  await expect(old.open()).rejects.toMatchObject({ code: 'ledger_refuses_to_sign' });
  const report = await old.fsck();
  expect(report).toMatchObject({ ok: false, exitCode: 1 });
  expect(new Set(report.findings.map(({ code }) => code))).toEqual(new Set(['anchor_ahead']));
});

it('tells an old copy without its anchors by a checkpoint that was kept elsewhere', async () => {
  const anchorDir = await folder();
  expect(await old.fsck({ anchorDir, since: held.early })).toMatchObject({ ok: true, checked: { anchors: 0 } });
  const report = await old.fsck({ anchorDir, since: held.late });
  expect(report.findings).toMatchObject([{ code: 'since_ahead' }]);
});

it('tells a log that was continued from an old copy by a checkpoint of the first continuation', async () => {
  const anchorDir = await folder();
  const fork = await old.copy({ anchorDir });
  const forked = await fork.open();
  const ada = await makeParty(forked);
  await Promise.all(Array.from({ length: 30 }, () => register(forked, ada)));
  expect((await fork.fsck({ anchorDir, since: held.early })).findings).toEqual([]);
  expect((await fork.fsck({ anchorDir, since: held.late })).findings).toMatchObject([{ code: 'since_wrong' }]);
  const beside = await fork.fsck({ anchorDir: log.anchorDir });
  expect(beside.findings.map(({ code }) => code)).toContain('anchor_wrong');
  await fork.drop();
});

it('opens while another process writes, whatever it reads before the other one has anchored', async () => {
  const busy = await TestLedger.create();
  const first = await busy.open();
  let written = 0;
  const whileItGrows = (dataSource: DataSource): DataSource => {
    const { manager } = dataSource;
    const query = manager.query.bind(manager);
    manager.query = async <T>(sql: string, values?: unknown[]): Promise<T> => {
      const rows = await query<T>(sql, values);
      // What was read is old by the time it is looked at.
      if (/\blog_head\b/.test(sql)) {
        await makeParty(first);
        written++;
      }
      return rows;
    };
    return dataSource;
  };
  const second = await busy.open({ through: whileItGrows });
  expect(written).toBeGreaterThan(0);
  await makeParty(second);
  expect((await busy.fsck()).findings).toEqual([]);
  await busy.drop();
});

it('tells another log by its anchors and by a checkpoint of the first one', async () => {
  const other = await TestLedger.create();
  await other.open();
  const report = await other.fsck({ anchorDir: log.anchorDir, since: held.late });
  expect(report.findings.map(({ code }) => code).sort()).toEqual(['anchor_wrong', 'since_wrong']);
  await other.drop();
});

it('takes no checkpoint for kept that is not signed by the log', async () => {
  const forged = held.early.replace(/\n(\d+)\n/, (_, size: string) => `\n${Number(size) + 1}\n`);
  expect((await log.fsck({ since: forged })).findings).toMatchObject([{ code: 'since_wrong' }]);
  expect((await log.fsck({ since: 'not a note' })).findings).toMatchObject([{ code: 'since_wrong' }]);
});

it('refuses to sign beside a damaged anchor, and one that names another root', async () => {
  const copy = await log.copy({ anchorDir: await folder() });
  process = await log.open();
  const logId = process.ledger.origin.split('/').at(-1)!;
  const file = join(copy.anchorDir, `${logId}.1-00000000.anchor`);
  for (const [text, code] of [
    ['22', 'anchor_damaged'],
    [`2\n${Buffer.alloc(32, 7).toString('base64')}\n`, 'anchor_wrong'],
    [`9999\n${Buffer.alloc(32, 7).toString('base64')}\n`, 'anchor_ahead'],
  ] as const) {
    await writeFile(file, text);
    await expect(copy.open()).rejects.toMatchObject({ code: 'ledger_refuses_to_sign' });
    expect((await copy.fsck()).findings).toMatchObject([{ code }]);
  }
  await copy.drop();
});

it('neither writes nor publishes in a process under which the database was put back', async () => {
  const ada = await makeParty(process);
  const { size, note } = await process.core.published.publish();
  const cut = size - 1;
  const [tile] = await query<{ root: Buffer }>(
    log.database.superuserUrl,
    `SELECT root FROM ledger.checkpoint WHERE size < $1 ORDER BY size DESC LIMIT 1`,
    [size],
  );
  await log.tamper(`CREATE TABLE public.kept AS SELECT * FROM ledger.log_head`);
  await log.tamper(`UPDATE ledger.log_head SET size = $1, root = $2`, [cut, tile!.root]);
  await expect(register(process, ada)).rejects.toMatchObject({ code: 'ledger_refuses_to_sign' });
  await expect(process.core.published.publish()).rejects.toMatchObject({ code: 'ledger_refuses_to_sign' });
  expect((await process.core.published.checkpoint()).note).toBe(note);
  await log.tamper(`UPDATE ledger.log_head h SET size = k.size, root = k.root FROM public.kept k`);
  await log.tamper(`DROP TABLE public.kept`);
  await register(process, ada);
  expect((await log.fsck({ since: held.late })).findings).toEqual([]);
});

it('comes to an end when the head claims more entries than anybody could read', async () => {
  await log.tamper(`CREATE TABLE public.kept AS SELECT * FROM ledger.log_head`);
  await log.tamper(`UPDATE ledger.log_head SET size = 1000000000000000`);
  const report = await log.fsck();
  expect(report.findings.map(({ code }) => code)).toEqual(expect.arrayContaining(['head_wrong', 'statement_missing']));
  await log.tamper(`UPDATE ledger.log_head h SET size = k.size FROM public.kept k`);
  await log.tamper(`DROP TABLE public.kept`);
});

it('says that there is no log where none was started', async () => {
  const empty = await TestLedger.create();
  expect((await empty.fsck()).findings).toMatchObject([{ code: 'head_missing' }]);
  await empty.drop();
});
