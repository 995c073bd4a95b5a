/**
 * OpenSSL on both sides of outside time: it answers our requests as the authority, and verifies what a running registry
 * hands out: timestamp, checkpoint and DSSE signature, each refused after a change.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { fromBase64, toBase64, utf8 } from '../../../src/core/bytes.ts';
import { formatDigest } from '../../../src/core/digest.ts';
import { parseNote } from '../../../src/core/note/note.ts';
import { parseVerifierKey } from '../../../src/core/note/verifier-key.ts';
import { pae, parseEnvelope } from '../../../src/core/statement/dsse.ts';
import type { Receipt } from '../../../src/core/statement/receipt.ts';
import { formatTimestampRequest, rootsInPem } from '../../../src/core/time/index.ts';
import { askAuthority } from '../../../src/ledger/timestamping/authority.ts';
import { sha256 } from '../../../src/platform/crypto.ts';
import type { TimestampView } from '../../../src/titles/timestamp.schema.ts';
import { makeDataFolder } from '../../support/app.ts';
import type { LogIdentity } from '../../support/client.ts';
import { Client, Operator } from '../../support/client.ts';
import type { SpawnedServer } from '../../support/server.ts';
import { spawnServer } from '../../support/server.ts';
import type { RunningAuthority } from '../../support/timestamp-authority.ts';
import type { OpensslAuthority } from './openssl.ts';
import { KEYS, makeOpensslAuthority, mustRun, openssl, serve } from './openssl.ts';

jest.setTimeout(120_000);
const whenOpenssl = mustRun ? test : test.skip;

async function ask(authority: OpensslAuthority, data: Uint8Array) {
  const served = await serve(authority);
  try {
    const roots = rootsInPem(await readFile(authority.root, 'utf8'), 'roots');
    return await askAuthority({ url: served.url, roots, now: () => new Date(), randomBytes }, data);
  } finally {
    await served.close();
    await rm(authority.folder, { recursive: true });
  }
}

describe('openssl as the authority', () => {
  whenOpenssl.each(Object.keys(KEYS) as (keyof typeof KEYS)[])(
    'is believed with %s, over an intermediate authority',
    async (key) => {
      const { timestamp } = await ask(await makeOpensslAuthority(key), utf8('a checkpoint'));
      expect(timestamp).toMatchObject({ authority: 'Interop Time', policy: '1.2.3.4.1', accuracyMs: 1500 });
    },
  );

  whenOpenssl('is not believed where it names its certificate by SHA-1', async () => {
    await expect(ask(await makeOpensslAuthority('ECDSA P-256', 'sha1'), utf8('a checkpoint'))).rejects.toMatchObject({
      code: 'timestamp_invalid',
      message: expect.stringContaining('signing-certificate-v2'),
    });
  });
});

describe('openssl as the outside verifier', () => {
  let authority: OpensslAuthority;
  let served: RunningAuthority;
  let server: SpawnedServer | undefined;
  let data = '';
  let receipt: Receipt;
  let log: LogIdentity;

  beforeAll(async () => {
    if (!mustRun) return;
    data = await makeDataFolder();
    authority = await makeOpensslAuthority();
    served = await serve(authority);
    server = await spawnServer({
      env: {
        MUNIMENT_DATA: data,
        MUNIMENT_WORKER: 'false',
        MUNIMENT_LOG_LEVEL: 'info',
        MUNIMENT_TSA_URL: served.url,
        MUNIMENT_TSA_ROOTS: authority.root,
        MUNIMENT_TSA_INTERVAL_SECONDS: '1',
      },
    });
    const operator = await Operator.of(server.url, data);
    log = await operator.read<LogIdentity>('/v1/log');
    const { statement } = await operator.made('/v1/parties', { name: 'Ada' });
    do receipt = await operator.read<Receipt>(`/v1/receipts/${statement}`);
    while (receipt.time === undefined);
  });
  afterAll(async () => {
    await server?.stop();
    if (!mustRun) return;
    await served.close();
    for (const folder of [data, authority.folder]) await rm(folder, { recursive: true, force: true });
  });

  const put = (name: string, bytes: Uint8Array | string) => writeFile(join(authority.folder, name), bytes);

  whenOpenssl(
    'accepts the timestamp over the checkpoint, and refuses it over another one and under another root',
    async () => {
      const client = new Client(server!.url);
      const at = `/v1/timestamps/${receipt.time!.treeSize}`;
      const { text } = await client.get(`${at}/checkpoint`);
      await put('reply.tsr', (await client.bytes(at)).bytes);
      await put('checkpoint', text);
      await put('other', text.replace(/\n\d+\n/, '\n1\n'));
      const stranger = await makeOpensslAuthority();
      const verify = (name: string, root: string) =>
        openssl(
          authority.folder,
          ...['ts', '-verify', '-data', name, '-in', 'reply.tsr', '-CAfile', root, '-untrusted', 'chain.pem'],
        );
      expect(verify('checkpoint', 'root.pem')).toEqual({ ok: true, said: expect.stringContaining('Verification: OK') });
      expect(verify('other', 'root.pem')).toEqual({
        ok: false,
        said: expect.stringContaining('message imprint mismatch'),
      });
      expect(verify('checkpoint', stranger.root).ok).toBe(false);
      await rm(stranger.folder, { recursive: true });
    },
  );

  whenOpenssl(
    'stamps a document, the registry puts that on record, and OpenSSL verifies what it hands out',
    async () => {
      const operator = await Operator.of(server!.url, data);
      const document = 'an agreement';
      const digest = sha256(utf8(document));
      const stamped = authority.reply(formatTimestampRequest({ imprint: digest, nonce: randomBytes(8) }));
      // The authority is sure of its time to 1.5 seconds; until they are over it vouches for a moment to come.
      await sleep(3000);
      const party = await operator.makeParty();
      const asked = { documentDigest: formatDigest(digest), timestamp: toBase64(stamped) };
      const { id } = await party.made('/v1/document-timestamps', asked);
      const told = await operator.read<TimestampView>(`/v1/document-timestamps/${id}`);
      expect(told).toMatchObject({ ...asked, authority: 'Interop Time' });
      await put('document.tsr', fromBase64(told.timestamp));
      await put('document', document);
      await put('changed', `${document}!`);
      const verify = (name: string) =>
        openssl(
          authority.folder,
          ...['ts', '-verify', '-data', name, '-in', 'document.tsr', '-CAfile', 'root.pem', '-untrusted', 'chain.pem'],
        ).ok;
      expect([verify('document'), verify('changed')]).toEqual([true, false]);
      const stranger = await makeOpensslAuthority();
      const unknown = stranger.reply(formatTimestampRequest({ imprint: digest, nonce: randomBytes(8) }));
      const refused = await party.post('/v1/document-timestamps', { ...asked, timestamp: toBase64(unknown) });
      expect([refused.status, refused.body]).toEqual([400, expect.objectContaining({ code: 'timestamp_invalid' })]);
      await rm(stranger.folder, { recursive: true });
    },
  );

  whenOpenssl("accepts the log's signature on the attested checkpoint, and refuses it on another", async () => {
    const { text, signatures } = parseNote(receipt.time!.checkpoint);
    const key = parseVerifierKey(sha256, log.verifierKey);
    await put('log.der', Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.publicKey]));
    await put('note.txt', text);
    await put('note.bad', text.replace(/\n\d+\n/, '\n1\n'));
    await put('note.sig', signatures[0]!.signature);
    const verify = (name: string) =>
      openssl(
        authority.folder,
        ...['pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', 'log.der', '-rawin'],
        ...['-in', name, '-sigfile', 'note.sig'],
      ).ok;
    expect([verify('note.txt'), verify('note.bad')]).toEqual([true, false]);
  });

  whenOpenssl('accepts the signature of the statement, and refuses it on another', async () => {
    const { payload, signature } = parseEnvelope(receipt.envelope);
    await put('signer.der', fromBase64(receipt.publicKey));
    openssl(authority.folder, 'pkey', '-pubin', '-inform', 'DER', '-in', 'signer.der', '-out', 'signer.pem');
    await put('signed', pae(payload));
    await put('signed.bad', pae(payload.with(20, payload[20]! ^ 1)));
    await put('signature', signature);
    const verify = (name: string) =>
      openssl(authority.folder, 'dgst', '-sha256', '-verify', 'signer.pem', '-signature', 'signature', name).ok;
    expect([verify('signed'), verify('signed.bad')]).toEqual([true, false]);
  });
});
