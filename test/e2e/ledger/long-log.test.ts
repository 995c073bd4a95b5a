/**
 * A log of several pages of the verifier: it is killed in the middle and goes on, with the report of one that was never
 * stopped; a byte is flipped in any tile or bundle; the end of the log is cut off so that nothing inside contradicts it.
 */
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { FsckReport } from '../../../src/ledger/fsck/index.ts';
import { query } from '../../support/postgres.ts';
import { runBuilt, spawnBuilt } from '../../support/server.ts';
import type { Process } from './fixture.ts';
import {
  assign,
  emptyFolder,
  everyKind,
  giveKey,
  makeParty,
  modelBody,
  newKey,
  register,
  TestLedger,
} from './fixture.ts';

/** A page of the verifier has two tiles. */
const PAGE = 512;
const WRITES = 2 * PAGE + 500;

let log: TestLedger;
/** The log as it stood in its first page. */
let early: TestLedger;
let process: Process;
/** Two registrations of the same weights, the first in the first page, the second behind it. */
let first: string;
let second: string;
/** Of the first page, from the model that `awaited` registers behind it. */
let child: string;
let awaited: string;
let folder: string;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-fsck-'));
  log = await TestLedger.create();
  process = await log.open();
  await everyKind(process);
  const ada = await makeParty(process, 'Ada', 'a key that repeats');
  const ben = await makeParty(process, 'Ben');
  const model = modelBody(ada);
  first = (await register(process, ada, model)).id;
  const late = modelBody(ada);
  const parents = [{ digest: late.weights.fileDigest, relation: 'fine-tuned-from' }];
  child = (await register(process, ada, { ...modelBody(ada), parents } as never)).id;
  await registerMany(process, ada, 200);
  await process.core.published.publish();
  early = await log.copy();
  process = await log.open();
  await registerMany(process, ada, WRITES - 200);
  second = (await register(process, ben, { ...model, owners: [{ party: ben, share: '1/1' }] })).id;
  awaited = (await register(process, ada, late)).id;
  // Changes a row that the first page made.
  await giveKey(process, ada, newKey());
  await process.core.published.publish();
  await process.close();
}, 300_000);
afterAll(async () => {
  await early.drop();
  await log.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Few enough at a time that none waits for a connection longer than the pool lets it, on a slow machine too. */
async function registerMany(by: Process, owner: string, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 200) {
    await Promise.all(Array.from({ length: Math.min(left, 200) }, () => register(by, owner)));
  }
}

const withoutTime = ({ seconds: _, ...report }: FsckReport & { exitCode?: number }) => report;
const keysOf = async (sql: string) =>
  (await query<{ key: string }>(log.database.superuserUrl, sql)).map(({ key }) => key);

/** What is done to a copy of the log stays there. */
async function inCopy<T>(of: TestLedger, work: (copy: TestLedger) => Promise<T>, anchorDir = of.anchorDir): Promise<T> {
  const copy = await of.copy({ anchorDir });
  try {
    return await work(copy);
  } finally {
    await copy.database.drop();
  }
}

/** Faults that are found before the first page, in it, behind it, and at the end. */
async function damage(copy: TestLedger): Promise<void> {
  await copy.tamper(`UPDATE ledger.log_head SET note = 'torn'`);
  await copy.tamper(
    `UPDATE ledger.tile SET hashes = set_byte(hashes, 70, get_byte(hashes, 70) # 1) WHERE level = 0 AND index = 1`,
  );
  await copy.tamper(`DELETE FROM registry.registration WHERE recorded_index = 300`);
  await copy.tamper(`UPDATE registry.party SET roles = '{registrar}' WHERE recorded_index = 2`);
  await copy.tamper(`DELETE FROM ledger.statement WHERE index = ${PAGE + 20}`);
  await copy.tamper(`UPDATE registry.title SET share_num = 2 WHERE recorded_index = ${PAGE + 100}`);
  await copy.tamper(`INSERT INTO registry.disclosure VALUES ('sha256:forged', 'x', 'y')`);
}

/** Verifies until the first page is done with, and stops there. */
async function stopAfterFirstPage(of: TestLedger, resume: string): Promise<void> {
  const stop = new Error('stopped');
  const onProgress = (done: number) => {
    if (done >= PAGE) throw stop;
  };
  await expect(of.fsck({ resume, onProgress })).rejects.toBe(stop);
}

it('finds nothing wrong in an honest log, in this thread as in threads of its own', async () => {
  const here = await log.fsck();
  expect(here).toMatchObject({ ok: true, findings: [], checked: { receipts: 1 } });
  expect(here.size).toBeGreaterThan(PAGE);
  expect(await built(log, '--full')).toEqual({ code: 0, report: withoutTime(here) });
});

it('finds nothing wrong where a title moved in one page after the other', async () => {
  const moved = await TestLedger.create();
  const writer = await moved.open();
  const [dan, eve] = [await makeParty(writer, 'Dan'), await makeParty(writer, 'Eve')];
  const { id } = await register(writer, dan);
  for (let page = 0; page < 4; page++) {
    await assign(writer, id, dan, eve, '1/8');
    await registerMany(writer, dan, PAGE);
  }
  await writer.close();
  expect((await moved.fsck({ full: false })).findings).toEqual([]);
  await moved.drop();
});

const environment = (of: TestLedger) => ({
  MUNIMENT_DATA: folder,
  MUNIMENT_ANCHOR_DIR: of.anchorDir,
  DATABASE_URL: of.database.appUrl.reveal(),
  MUNIMENT_LOG_LEVEL: 'error',
});

/** The command, which works in threads. */
async function built(of: TestLedger, ...options: string[]) {
  const { code, stdout } = await runBuilt(['src/cli/main.js', 'fsck', '--json', ...options], environment(of));
  const report = JSON.parse(stdout) as FsckReport & { exitCode?: number };
  if ('seconds' in report) report.exitCode = code as 0 | 1;
  return { code, report: 'seconds' in report ? withoutTime(report) : report };
}

describe('of two registrations of the same weights, far apart,', () => {
  it.each<[string, string, 'first' | 'pretended' | 'second', string]>([
    ['the first is gone', `DELETE FROM registry.registration WHERE id = $1`, 'first', 'row_missing'],
    [
      'the first is of other weights',
      `UPDATE registry.registration SET model_digest = 'x', nameless_digest = 'y', file_digest = 'z' WHERE id = $1`,
      'first',
      'row_changed',
    ],
    [
      'one that was never made pretends to be the first',
      `INSERT INTO registry.registration (id, model_digest, nameless_digest, file_digest, maker, name, license_expression, parents, awaited, statement,
         recorded_index)
       SELECT 'pretended', model_digest, nameless_digest, file_digest, maker, name, license_expression, parents, awaited, statement, recorded_index - 1
       FROM registry.registration WHERE id = $1`,
      'pretended',
      'row_extra',
    ],
    [
      'the second hides that there was a first',
      `UPDATE registry.registration SET preceded_by = NULL WHERE preceded_by = $1`,
      'second',
      'row_changed',
    ],
  ])('%s: that row alone is named', async (_, sql, named, code) => {
    await inCopy(log, async (copy) => {
      await copy.tamper(sql, [first]);
      const { findings } = await copy.fsck();
      const key = { first, second, pretended: 'pretended' }[named];
      expect(findings).toMatchObject([{ code, table: 'registry.registration', key }]);
      expect(findings).toHaveLength(1);
    });
  });
});

describe('of a relation whose parent came on record far behind it,', () => {
  it.each<[string, string, () => object]>([
    [
      'it is gone',
      `DELETE FROM registry.relation WHERE registration_id = $1`,
      () => ({ code: 'row_missing', table: 'registry.relation', key: `${child} 0` }),
    ],
    [
      'it names its parent by another digest',
      `UPDATE registry.relation l
       SET digest = (SELECT nameless_digest FROM registry.registration WHERE file_digest = l.digest) WHERE registration_id = $1`,
      () => ({ code: 'row_changed', table: 'registry.relation', key: `${child} 0` }),
    ],
    [
      'one that was never made names a parent too',
      `INSERT INTO registry.relation (registration_id, position, relation, digest, standing, statement, recorded_index)
       SELECT $1, 1, relation, (SELECT nameless_digest FROM registry.registration WHERE file_digest = l.digest), standing,
         statement, recorded_index
       FROM registry.relation l WHERE registration_id = $1`,
      () => ({ code: 'row_extra', table: 'registry.relation', key: `${child} 1` }),
    ],
    [
      'the parent hides that it was awaited',
      `UPDATE registry.registration SET awaited = '{}' WHERE cardinality(awaited) > 0 AND recorded_index > ${PAGE} AND $1 > ''`,
      () => ({ code: 'row_changed', table: 'registry.registration', key: awaited }),
    ],
  ])('%s: that row alone is named', async (_, sql, finding) => {
    await inCopy(log, async (copy) => {
      await copy.tamper(sql, [child]);
      expect((await copy.fsck()).findings).toEqual([expect.objectContaining(finding())]);
    });
  });
});

describe('a verification that was stopped', () => {
  it('goes on after SIGKILL with the report of one that was never stopped', async () => {
    await inCopy(log, async (copy) => {
      await damage(copy);
      const whole = withoutTime(await copy.fsck());
      expect(whole.findings.map(({ code }) => code)).toEqual(
        expect.arrayContaining([
          'head_wrong',
          'row_missing',
          'row_changed',
          'statement_missing',
          'tile_wrong',
          'disclosure_extra',
        ]),
      );
      const state = file('killed');
      // Whoever holds this table keeps the verifier from its end.
      const holder = new pg.Client({ connectionString: copy.database.superuserUrl });
      await holder.connect();
      await holder.query('BEGIN; LOCK TABLE registry.disclosure IN ACCESS EXCLUSIVE MODE');
      const child = spawnBuilt(['src/cli/main.js', 'fsck', '--json', '--full', '--resume', state], environment(copy));
      const ended = once(child, 'exit');
      while ((await linesOf(state)) < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      child.kill('SIGKILL');
      expect(await ended).toEqual([null, 'SIGKILL']);
      await holder.end();
      expect((await stat(state)).mode & 0o777).toBe(0o600);
      expect(await built(copy, '--full', '--resume', state)).toEqual({ code: 1, report: whole });
      await expect(stat(state)).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });

  it('takes no notice of a line that a kill has torn', async () => {
    await inCopy(log, async (copy) => {
      await damage(copy);
      const whole = withoutTime(await copy.fsck());
      await stopAfterFirstPage(copy, file('torn'));
      const line = (await readFile(file('torn'), 'utf8')).split('\n')[1]!;
      await appendFile(file('torn'), line.slice(0, line.length / 2));
      expect(withoutTime(await copy.fsck({ resume: file('torn') }))).toEqual(whole);
    });
  });

  it('goes on from the page where it was, and does not read what is before it', async () => {
    await inCopy(log, async (copy) => {
      await stopAfterFirstPage(copy, file('later'));
      const seen: number[] = [];
      await copy.tamper(`UPDATE ledger.statement SET kind = 'changed' WHERE index IN (5, ${PAGE + 5})`);
      const report = await copy.fsck({ resume: file('later'), onProgress: (done) => seen.push(done) });
      expect(Math.min(...seen)).toBeGreaterThan(PAGE);
      expect(report.findings).toMatchObject([{ code: 'statement_columns', key: String(PAGE + 5) }]);
      expect(report.checked.statements).toBe(report.size);
    });
  });

  it('goes on in a log that has grown in the meantime', async () => {
    const anchorDir = await emptyFolder();
    await inCopy(
      log,
      async (copy) => {
        await stopAfterFirstPage(copy, file('grown'));
        const later = await copy.open();
        const ben = await makeParty(later, 'Ben');
        await register(later, ben);
        await later.core.published.publish();
        await later.close();
        const report = await copy.fsck({ resume: file('grown') });
        expect(report).toMatchObject({ ok: true, findings: [] });
        expect(report.checked).toEqual((await copy.fsck()).checked);
      },
      anchorDir,
    );
    await rm(anchorDir, { recursive: true });
  });

  it('is not taken for one of another log', async () => {
    await inCopy(log, (copy) => stopAfterFirstPage(copy, file('other')));
    const other = await TestLedger.create();
    await (await other.open()).close();
    await expect(other.fsck({ resume: file('other') })).rejects.toMatchObject({
      code: 'state_conflict',
      message: expect.stringContaining('not of'),
    });
    await other.drop();
    await rm(file('other'));
  });

  it('is refused by a log that does not extend the one it began with', async () => {
    await inCopy(log, (copy) => stopAfterFirstPage(copy, file('ahead')));
    await expect(early.fsck({ resume: file('ahead') })).rejects.toMatchObject({
      code: 'checkpoint_rolled_back',
      message: expect.stringContaining('its end is missing'),
    });
    const anchorDir = await emptyFolder();
    await inCopy(
      early,
      async (fork) => {
        const forked = await fork.open();
        const eve = await makeParty(forked, 'Eve');
        await registerMany(forked, eve, WRITES);
        await forked.close();
        await expect(fork.fsck({ resume: file('ahead') })).rejects.toMatchObject({
          code: 'checkpoint_rolled_back',
          message: expect.stringContaining('does not extend'),
        });
      },
      anchorDir,
    );
    await rm(anchorDir, { recursive: true });
    await rm(file('ahead'));
  }, 120_000);

  it('is refused where other things are asked for', async () => {
    await inCopy(log, async (copy) => {
      await stopAfterFirstPage(copy, file('options'));
      await expect(copy.fsck({ resume: file('options'), full: false })).rejects.toMatchObject({
        code: 'state_conflict',
      });
    });
    await rm(file('options'));
  });

  it('takes no other file for its state, and leaves it as it is', async () => {
    for (const text of ['', 'my notes\n', '{"format":"muniment fsck state v1"}\n']) {
      await writeFile(file('mine'), text);
      await expect(log.fsck({ resume: file('mine') })).rejects.toMatchObject({ code: 'invalid_input' });
      expect(await readFile(file('mine'), 'utf8')).toBe(text);
    }
  });
});

async function linesOf(path: string): Promise<number> {
  try {
    return (await readFile(path, 'utf8')).split('\n').length - 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

describe('files that outsiders read', () => {
  it.each([
    ['first', '0'],
    ['middle', 'octet_length(BYTES) / 2'],
    ['last', 'octet_length(BYTES) - 1'],
  ])('name every tile and every bundle whose %s byte was flipped', async (_, at) => {
    const flip = (table: string, bytes: string) => {
      const place = at.replace('BYTES', bytes);
      return `UPDATE ledger.${table} SET ${bytes} = set_byte(${bytes}, ${place}, get_byte(${bytes}, ${place}) # 128)`;
    };
    await inCopy(log, async (copy) => {
      await copy.tamper(flip('tile', 'hashes'));
      await copy.tamper(flip('entry_bundle', 'entries'));
      const { findings } = await copy.fsck({ full: false });
      const named = (code: string) => findings.filter((finding) => finding.code === code).map(({ key }) => key);
      const tiles = await keysOf(`SELECT level || ' ' || index AS key FROM ledger.tile`);
      expect(tiles.length).toBeGreaterThan(6);
      expect(named('tile_wrong').sort()).toEqual(tiles.sort());
      const bundles = await keysOf(`SELECT index::text AS key FROM ledger.entry_bundle`);
      expect(named('bundle_wrong').sort()).toEqual(bundles.sort());
    });
  });
});

describe('a log whose end was cut off so that nothing inside contradicts it', () => {
  /** Back to a published checkpoint: statements, tiles, bundles, checkpoints, rows, receipts and head. */
  async function cutBack(copy: TestLedger): Promise<number> {
    const [kept] = await query<{ size: string }>(
      copy.database.superuserUrl,
      `SELECT size FROM ledger.checkpoint WHERE size < ${PAGE} ORDER BY size DESC LIMIT 1`,
    );
    const size = Number(kept!.size);
    const tables = await query<{ name: string }>(
      copy.database.superuserUrl,
      `SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'registry' AND column_name = 'recorded_index'`,
    );
    for (const { name } of tables) await copy.tamper(`DELETE FROM registry.${name} WHERE recorded_index >= ${size}`);
    // The one party that got a key behind the cut.
    await copy.tamper(
      `UPDATE registry.party p SET keyed = false WHERE NOT EXISTS (SELECT FROM registry.party_key k WHERE k.party_id = p.id)`,
    );
    await copy.tamper(`DELETE FROM ops.idempotency WHERE statement_index >= ${size}`);
    await copy.tamper(`DELETE FROM ledger.statement WHERE index >= ${size}`);
    await copy.tamper(`DELETE FROM ledger.checkpoint WHERE size > ${size}`);
    await copy.tamper(`DELETE FROM ledger.entry_bundle WHERE index >= ${Math.floor(size / 256)}`);
    for (let level = 0, hashes = size; level < 8; level++, hashes = Math.floor(hashes / 256)) {
      await copy.tamper(`DELETE FROM ledger.tile WHERE level = ${level} AND index * 256 >= ${hashes}`);
      await copy.tamper(
        `UPDATE ledger.tile SET hashes = substring(hashes FOR ${hashes % 256} * 32)
         WHERE level = ${level} AND index = ${Math.floor(hashes / 256)}`,
      );
    }
    await copy.tamper(
      `UPDATE ledger.log_head h SET size = c.size, root = c.root, note = c.note FROM ledger.checkpoint c WHERE c.size = ${size}`,
    );
    return size;
  }

  it('is found by the anchor and by a checkpoint that somebody kept, and signs nothing', async () => {
    const [newest] = await query<{ note: string }>(
      log.database.superuserUrl,
      `SELECT note FROM ledger.checkpoint ORDER BY size DESC LIMIT 1`,
    );
    const elsewhere = await emptyFolder();
    await inCopy(log, async (copy) => {
      const size = await cutBack(copy);
      expect(await copy.fsck({ anchorDir: elsewhere })).toMatchObject({ ok: true, size });
      const codes = async (options: object) => (await copy.fsck(options)).findings.map(({ code }) => code);
      expect(new Set(await codes({}))).toEqual(new Set(['anchor_ahead']));
      expect(await codes({ anchorDir: elsewhere, since: newest!.note })).toEqual(['since_ahead']);
      await expect(copy.open()).rejects.toMatchObject({ code: 'ledger_refuses_to_sign' });
    });
    await rm(elsewhere, { recursive: true });
  });

  it('is found by a receipt that the database still knows of', async () => {
    await inCopy(log, async (copy) => {
      await copy.tamper(`UPDATE ops.idempotency SET statement_index = statement_index + 100000`);
      expect((await copy.fsck()).findings).toMatchObject([
        { code: 'receipt_lost', table: 'ops.idempotency', key: expect.stringContaining('a key that repeats') },
      ]);
    });
  });
});
