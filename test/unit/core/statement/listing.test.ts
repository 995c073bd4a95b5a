import { beforeAll, describe, expect, it } from '@jest/globals';
import { fromBase64, toBase64 } from '../../../../src/core/bytes.ts';
import { dataset } from '../../../../src/core/registry/index.ts';
import { formatEnvelope } from '../../../../src/core/statement/dsse.ts';
import { entryOf } from '../../../../src/core/statement/receipt.ts';
import type { ListedStatement } from '../../../../src/core/statement/listing.ts';
import { holdListed } from '../../../../src/core/statement/listing.ts';
import { sha256, verifyP256 } from '../../../../src/platform/crypto.ts';
import { heldDatasetOf } from '../../../support/bodies.ts';
import { makeKey, ORIGIN, TestLog } from '../../../support/test-log.ts';

const crypto = { sha256, verifyP256 };
let honest: ListedStatement;
let entry: Uint8Array;

const listedOf = (log: TestLog, key = log.registryKey) => {
  const body = heldDatasetOf(log.registry, [{ name: 'a', bytes: new Uint8Array([1]) }]);
  const { payload, signature } = log.draft(dataset, { maker: log.registry }, body, key);
  const bytes = entryOf(sha256, payload, signature, fromBase64(key.spki));
  return {
    listed: {
      index: 7,
      visibility: 'public' as const,
      entry: toBase64(bytes),
      envelope: formatEnvelope({ payload, signature, keyId: key.keyId }),
      publicKey: key.spki,
    },
    bytes,
  };
};

beforeAll(() => {
  ({ listed: honest, bytes: entry } = listedOf(new TestLog()));
});

const hold = (listed: ListedStatement, place = {}) =>
  holdListed(crypto, listed, { index: 7, entry, origin: ORIGIN, ...place });

describe('a listed statement', () => {
  it('that the entry commits to is read', async () => {
    expect((await hold(honest)?.read())?.kind.kind).toBe('dataset');
  });

  it('that is hidden shows nothing', () => {
    expect(hold({ index: 7, visibility: 'hidden', entry: honest.entry })).toBeUndefined();
  });

  it.each<[string, () => unknown]>([
    ['at another index', () => hold({ ...honest, index: 8 })],
    ['of another entry', () => hold({ ...honest, entry: listedOf(new TestLog()).listed.entry })],
    ['behind the entry of another', () => hold({ ...listedOf(new TestLog()).listed, entry: honest.entry })],
    ['under another key', () => hold({ ...honest, publicKey: makeKey().spki })],
    ['called public and left out', () => hold({ index: 7, visibility: 'public', entry: honest.entry })],
    ['made for another log', () => hold(honest, { origin: 'elsewhere/1' })?.read()],
  ])('%s is refused', async (_, act) => {
    await expect(Promise.resolve().then(act)).rejects.toMatchObject({ code: 'proof_invalid' });
  });

  it('whose signature the log never checked is refused', async () => {
    const { payload, signatures } = honest.envelope!;
    const sig = fromBase64(signatures[0]!.sig);
    sig[sig.length - 1]! ^= 1;
    const forged = { payload: fromBase64(payload), signature: sig, keyId: signatures[0]!.keyid };
    const bytes = entryOf(sha256, forged.payload, sig, fromBase64(honest.publicKey!));
    const listed = { ...honest, entry: toBase64(bytes), envelope: formatEnvelope(forged) };
    await expect(hold(listed, { entry: bytes })?.read()).rejects.toMatchObject({ code: 'signature_invalid' });
  });
});
