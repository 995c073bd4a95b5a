/** Asking an authority that is down, slow, hostile or wrong: each has its sentence, and none gets a token believed. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { utf8 } from '../../../../src/core/bytes.ts';
import { MAX_REPLY } from '../../../../src/core/time/index.ts';
import { askAuthority } from '../../../../src/ledger/timestamping/authority.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import type { Behaviour, Lie, RunningAuthority } from '../../../support/timestamp-authority.ts';
import {
  answer,
  certify,
  CODE_SIGNING,
  makeAuthority,
  replyWith,
  startAuthority,
  TIME_STAMPING,
} from '../../../support/timestamp-authority.ts';

const data = utf8('a checkpoint');
const { root, signer, roots } = makeAuthority();
const stranger = makeAuthority('Stranger');
const honest = replyWith((request) => answer(signer, request));
const lying = (lie: Lie, by = signer) => replyWith((request) => answer(by, request, lie));
const minutesFromNow = (minutes: number) => new Date(Date.now() + minutes * 60_000);
const dead = { notBefore: minutesFromNow(-60), notAfter: minutesFromNow(-30) };

let authority: RunningAuthority;
beforeAll(async () => {
  authority = await startAuthority(honest);
});
afterAll(() => authority.close());

const ask = (more: object = {}, signal?: AbortSignal) =>
  askAuthority({ url: authority.url, roots, now: () => new Date(), randomBytes, ...more }, data, signal);

const typed =
  (type: string, status = 200): Behaviour =>
  (_, response) =>
    void response.writeHead(status, { 'content-type': type }).end('busy');

const BEHAVIOURS: [name: string, behaviour: Behaviour, code: string, sentence: string][] = [
  ['answers with a page of HTML', typed('text/html'), 'timestamp_unavailable', 'something else than'],
  ['is overloaded', typed('text/plain', 503), 'timestamp_unavailable', '503'],
  [
    'sends us elsewhere',
    (_, response) => void response.writeHead(302, { location: '/' }).end(),
    'timestamp_unavailable',
    'cannot be reached',
  ],
  ['hangs up', (_, response) => void response.socket?.destroy(), 'timestamp_unavailable', 'cannot be reached'],
  ['says nothing', () => undefined, 'timestamp_unavailable', 'in time'],
  [
    'begins and never ends',
    (_, response) => void response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).write('0'),
    'timestamp_unavailable',
    'in time',
  ],
  [
    'answers without end',
    replyWith(() => new Uint8Array(MAX_REPLY * 4)),
    'timestamp_unavailable',
    `more than ${MAX_REPLY} bytes`,
  ],
  ['refuses', lying({ status: 2 }), 'timestamp_unavailable', 'status 2'],
  ['answers with garbage', replyWith(() => randomBytes(500)), 'timestamp_invalid', 'The timestamp'],
  ['attests other data', lying({ imprint: sha256(utf8('other')) }), 'timestamp_invalid', 'over other data'],
  ['repeats an old answer', lying({ nonce: Uint8Array.of(9, 9, 9) }), 'timestamp_invalid', 'nonce'],
  [
    'signs under a certificate for code',
    lying({}, certify({ subject: 'Code', issuer: root, usages: [CODE_SIGNING] })),
    'timestamp_invalid',
    'other uses',
  ],
  [
    'vouches for itself',
    lying({}, certify({ subject: 'Self', usages: [TIME_STAMPING] })),
    'timestamp_invalid',
    'no trusted root',
  ],
  [
    'is not the one that is trusted',
    lying({ certificates: [stranger.signer, stranger.root] }, stranger.signer),
    'timestamp_invalid',
    'no trusted root',
  ],
  [
    'signs under an expired certificate',
    lying({}, certify({ subject: 'Late', issuer: root, usages: [TIME_STAMPING], ...dead })),
    'timestamp_invalid',
    'not valid',
  ],
  ['lives in the future', lying({ time: minutesFromNow(30) }), 'timestamp_invalid', 'the clock here says'],
  ['lives in the past', lying({ time: minutesFromNow(-30) }), 'timestamp_invalid', 'the clock here says'],
];

describe('an authority that', () => {
  it.each(BEHAVIOURS)('%s is not believed', async (_, behaviour, code, sentence) => {
    authority.behave(behaviour);
    await expect(ask({ timeoutMs: 1500 })).rejects.toMatchObject({ code, message: expect.stringContaining(sentence) });
  });

  it('is not there has its reason told', async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    await expect(ask({ url: `http://127.0.0.1:${port}` })).rejects.toMatchObject({
      code: 'timestamp_unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('follows another policy than the one that was asked for is not believed', async () => {
    authority.behave(honest);
    await expect(ask({ policy: '1.2.3' })).rejects.toMatchObject({ code: 'timestamp_invalid' });
  });

  it('is honest is believed, after all of these', async () => {
    authority.behave(honest);
    expect((await ask({ policy: '1.2.3.4.1' })).timestamp.authority).toBe('Test Time');
  });

  it('is waited for no longer than the caller lives', async () => {
    authority.behave(() => undefined);
    const stop = new AbortController();
    const asked = ask({}, stop.signal);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
  });
});
