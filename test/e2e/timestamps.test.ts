/**
 * Outside time at a running registry: an authority attests checkpoints, receipts carry what proves it, and an authority
 * that is down, lies or comes back late never holds up the log.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fromBase64, utf8 } from '../../src/core/bytes.ts';
import { parseCheckpoint } from '../../src/core/note/checkpoint.ts';
import { parseNote } from '../../src/core/note/note.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { stampedNote, verifyTimestamp } from '../../src/core/time/index.ts';
import { addTrust, addTsaRoots, NO_TRUST } from '../../src/core/trust/index.ts';
import { verifyReceiptTime } from '../../src/core/trust/receipt-time.ts';
import { readRoots, Timestamping } from '../../src/ledger/timestamping/index.ts';
import { sha256, timestampCrypto, verifyEd25519 } from '../../src/platform/crypto.ts';
import type { HealthReport } from '../../src/platform/health/index.ts';
import type { TestApp } from '../support/app.ts';
import { makeDataFolder, startTestApp } from '../support/app.ts';
import { modelOf } from '../support/bodies.ts';
import type { LogIdentity, Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import { query } from '../support/postgres.ts';
import type { Lie, RunningAuthority } from '../support/timestamp-authority.ts';
import { answer, certify, makeAuthority, pemOf, replyWith, startAuthority } from '../support/timestamp-authority.ts';

const { root, signer, roots } = makeAuthority();
const stranger = makeAuthority('Stranger');
const honest = replyWith((request) => answer(signer, request));
const lying = (lie: Lie) => replyWith((request) => answer(signer, request, lie));
const crypto = { sha256, verifyEd25519, timestampCrypto };

let authority: RunningAuthority;
let app: TestApp;
let client: Client;
let ada: Party;

async function start(seconds: number): Promise<void> {
  const pem = join(await makeDataFolder(), 'roots.pem');
  await writeFile(pem, `${pemOf(stranger.root)}${pemOf(root)}`);
  authority = await startAuthority(honest);
  app = await startTestApp({
    env: {
      MUNIMENT_TSA_URL: authority.url,
      MUNIMENT_TSA_ROOTS: pem,
      MUNIMENT_TSA_INTERVAL_SECONDS: String(seconds),
      MUNIMENT_CHECKPOINT_INTERVAL_MS: '50',
    },
  });
  client = new Client(app.url);
  ada = await (await Operator.of(app.url, app.config.data)).makeParty({ name: 'Ada' });
}

async function stop(): Promise<void> {
  await app.close();
  await authority.close();
}

const register = () => ada.made('/v1/models', modelOf(ada.id));
const receiptOf = ({ statement }: Pick<Receipt, 'statement'>) => client.read<Receipt>(`/v1/receipts/${statement}`);
const time = async () => (await client.read<HealthReport>('/health/ready')).checks['time']!;

/** Asks until the answer is what is waited for; the test's own time limit ends it. */
async function until<T>(ask: () => Promise<T>, is: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answered = await ask();
    if (is(answered)) return answered;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
const attested = (receipt: Receipt) =>
  until(
    () => receiptOf(receipt),
    (now) => now.time !== undefined,
  );

describe('with an authority that is asked often', () => {
  beforeAll(() => start(1));
  afterAll(stop);

  it('a receipt proves before which outside time its record existed', async () => {
    const before = Date.now();
    const receipt = await attested(await register());
    const { verifierKey } = await client.read<LogIdentity>('/v1/log');
    const trust = addTsaRoots(addTrust(sha256, NO_TRUST, verifierKey), roots);
    const judged = await verifyReceiptTime(crypto, receipt, trust);
    expect(judged).toMatchObject({ authority: 'Test Time', trusted: true });
    expect(Date.parse(judged!.existedBefore)).toBeGreaterThanOrEqual(before);
    expect(await verifyReceiptTime(crypto, receipt, addTsaRoots(trust, []))).toMatchObject({ trusted: true });
    expect(await verifyReceiptTime(crypto, receipt, { ...trust, tsaRoots: stranger.roots })).toMatchObject({
      trusted: false,
    });
    expect(await verifyReceiptTime(crypto, receipt, NO_TRUST)).toMatchObject({ trusted: false });
  });

  it('the time of one record proves nothing about another', async () => {
    const [first, second] = [await attested(await register()), await attested(await register())];
    const swapped = { ...second, time: { ...second.time!, inclusionProof: first.time!.inclusionProof } };
    await expect(verifyReceiptTime(crypto, swapped, NO_TRUST)).rejects.toMatchObject({ code: 'proof_invalid' });
    const older = { ...second, time: { ...second.time!, timestamp: first.time!.timestamp } };
    await expect(verifyReceiptTime(crypto, older, NO_TRUST)).rejects.toMatchObject({ code: 'timestamp_invalid' });
  });

  it('it comes from the first attested checkpoint that covers the record, also when later ones are there', async () => {
    const receipt = await attested(await register());
    await attested(await register());
    expect((await receiptOf(receipt)).time).toEqual(receipt.time);
    expect(receipt.time!.treeSize).toBeGreaterThan(receipt.index);
  });

  it('anybody gets the reply and the bytes that it is over, to check with a tool of their own', async () => {
    const { time: shown } = await attested(await register());
    const { status, headers, bytes } = await client.bytes(`/v1/timestamps/${shown!.treeSize}`);
    expect([status, headers.get('content-type')]).toEqual([200, 'application/timestamp-reply']);
    const { text } = await client.get(`/v1/timestamps/${shown!.treeSize}/checkpoint`);
    expect(text).toBe(shown!.checkpoint);
    expect(parseCheckpoint(parseNote(text).text).size).toBe(shown!.treeSize);
    expect(stampedNote(text).text).toBe(text);
    expect(Buffer.from(bytes).toString('base64')).toBe(shown!.timestamp);
    expect(verifyTimestamp(timestampCrypto, bytes, { data: utf8(text), roots }).authority).toBe('Test Time');
  });

  it('a checkpoint that nobody attested is not found, nor one that cannot be', async () => {
    expect(await client.get('/v1/timestamps/999999')).toMatchObject({ status: 404 });
    expect(await client.get('/v1/timestamps/0')).toMatchObject({ status: 400 });
    expect(await client.get('/v1/timestamps/1.5')).toMatchObject({ status: 400 });
  });

  it('health tells until when time is attested, and by whom', async () => {
    await attested(await register());
    expect(await time()).toMatchObject({ ok: true, detail: expect.stringMatching(/existed before 20.*Test Time/) });
  });

  it.each([
    ['is down', () => authority.behave((_, response) => void response.socket?.destroy()), 'cannot be reached'],
    ['answers garbage', () => authority.behave(replyWith(() => utf8('busy'))), 'The timestamp'],
    ['attests other data', () => authority.behave(lying({ imprint: sha256(utf8('other')) })), 'over other data'],
    [
      'is not the trusted one',
      () => authority.behave(replyWith((r) => answer(certify({ subject: 'Self' }), r))),
      'is signed under a certificate',
    ],
  ])(
    'the log goes on while the authority %s; health says since when time is unattested, and why',
    async (_, misbehave, why) => {
      const { time: shown } = await attested(await register());
      const stored = () => query(app.database.superuserUrl, `SELECT number FROM ledger.timestamp`);
      misbehave();
      const receipt = await register();
      const state = await until(time, ({ warning }) => warning !== undefined);
      expect(state).toMatchObject({ ok: true, warning: expect.stringContaining(why) });
      const [, since] = /^Time is unattested since (\S+)\. /.exec(state.warning!) ?? [];
      expect(Date.parse(since!)).toBeLessThanOrEqual(Date.now());
      const before = await stored();
      const more = await register();
      expect((await client.get('/health/ready')).status).toBe(200);
      expect([(await receiptOf(receipt)).time, (await receiptOf(more)).time]).toEqual([undefined, undefined]);
      expect(await stored()).toEqual(before);
      expect(more.index).toBeGreaterThanOrEqual(shown!.treeSize);

      authority.behave(honest);
      expect((await attested(receipt)).time!.treeSize).toBe((await attested(more)).time!.treeSize);
      expect(await until(time, ({ warning }) => warning === undefined)).toMatchObject({ ok: true });
    },
  );

  it('a token that was changed in the database is not given out, and health tells', async () => {
    const receipt = await attested(await register());
    const url = `${app.database.superuserUrl}?options=${encodeURIComponent('-c session_replication_role=replica')}`;
    const last = `reply = set_byte(reply, length(reply) - 3, get_byte(reply, length(reply) - 3) # 1)`;
    await query(url, `UPDATE ledger.timestamp SET ${last} WHERE number = ${receipt.time!.treeSize}`);
    expect((await receiptOf(receipt)).time).toBeUndefined();
    expect(await client.get(`/v1/timestamps/${receipt.time!.treeSize}`)).toMatchObject({ status: 404 });
    expect((await time()).warning).toContain('is not believed');
  });
});

describe('with an authority that is asked once an hour', () => {
  beforeAll(() => start(3600));
  afterAll(stop);

  it('many replicas ask it once, however often they look', async () => {
    const replica = await startTestApp({
      beside: app,
      env: {
        MUNIMENT_TSA_URL: authority.url,
        MUNIMENT_TSA_ROOTS: app.config.tsaRoots!,
        MUNIMENT_TSA_INTERVAL_SECONDS: '3600',
      },
    });
    const look = (of: TestApp) => of.app.nest.get(Timestamping).attestNewest();
    await Promise.all([app, replica, app, replica].map(look));
    await register();
    await Promise.all([replica, app, replica, app].map(look));
    await until(time, ({ detail }) => detail?.includes('existed before') === true);
    expect(authority.asked()).toBe(1);
    await replica.close();
  });
});

describe('without an authority', () => {
  it('a receipt shows no time, and health says nothing of it', async () => {
    const plain = await startTestApp();
    const operator = await Operator.of(plain.url, plain.config.data);
    const party = await operator.makeParty();
    const made = await party.made('/v1/models', modelOf(party.id));
    expect(await operator.read<Receipt>(`/v1/receipts/${made.statement}`)).not.toHaveProperty('time');
    expect((await operator.read<HealthReport>('/health/ready')).checks).not.toHaveProperty('time');
    expect(await operator.get('/v1/timestamps/1')).toMatchObject({ status: 404 });
    await plain.close();
  });

  it.each([
    ['is not there', undefined],
    ['holds no certificate', 'nothing'],
    ['holds a certificate that is no authority', pemOf(signer)],
  ])('a file of roots that %s stops the start by name', async (_, text) => {
    const file = join(await makeDataFolder(), 'roots.pem');
    if (text !== undefined) await writeFile(file, text);
    await expect(readRoots(file)).rejects.toMatchObject({ code: 'configuration_invalid', field: 'MUNIMENT_TSA_ROOTS' });
  });

  it('roots are read from PEM as they are', async () => {
    const file = join(await makeDataFolder(), 'roots.pem');
    await writeFile(file, `text before\n${pemOf(root)}\n${pemOf(root)}`);
    expect((await readRoots(file)).map(fromBase64)).toEqual([Uint8Array.from(root.der)]);
  });
});
