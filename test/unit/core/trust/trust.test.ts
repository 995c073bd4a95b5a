import { describe, expect, it } from '@jest/globals';
import { toBase64 } from '../../../../src/core/bytes.ts';
import { formatDigest } from '../../../../src/core/digest.ts';
import { appendLeaves } from '../../../../src/core/merkle/append.ts';
import { proveConsistencyFrom } from '../../../../src/core/merkle/proof.ts';
import { tileKey } from '../../../../src/core/merkle/tile.ts';
import { leafHash, rootOf } from '../../../../src/core/merkle/tree.ts';
import { formatCheckpoint } from '../../../../src/core/note/checkpoint.ts';
import { ED25519, formatVerifierKey, signNote } from '../../../../src/core/note/note.ts';
import { party as partyKind } from '../../../../src/core/registry/index.ts';
import { formatEnvelope } from '../../../../src/core/statement/dsse.ts';
import { entryOf, formatReceipt } from '../../../../src/core/statement/receipt.ts';
import type { Receipt } from '../../../../src/core/statement/receipt.ts';
import { readSpoken } from '../../../../src/core/registry/spoken.ts';
import {
  addTrust,
  addTsaRoots,
  formatTrust,
  judgeProgress,
  judgeSuccession,
  NO_TRUST,
  parseTrust,
  replaceKey,
  verifyCheckpoint,
  verifyReceiptAgainst,
} from '../../../../src/core/trust/index.ts';
import { sha256, verifyEd25519, verifyP256 } from '../../../../src/platform/crypto.ts';
import { anyDigest, ORIGIN, TestLog } from '../../../support/test-log.ts';
import { party } from '../note/fixture.ts';

const crypto = { sha256, verifyEd25519, verifyP256 };
const log = party(ORIGIN, 1);
const thief = party(ORIGIN, 2);
const keyOf = ({ publicKey }: typeof log, name = ORIGIN) => formatVerifierKey(sha256, name, ED25519, publicKey);
const trust = addTrust(sha256, NO_TRUST, keyOf(log));

const leaves = Array.from({ length: 9 }, (_, i) => leafHash(sha256, Uint8Array.of(i)));
const rootAt = (size: number) => rootOf(sha256, leaves.slice(0, size));
const seen = (size: number, origin = ORIGIN) => ({ origin, size, root: rootAt(size) });
const { tiles } = appendLeaves(sha256, 0, new Map(), leaves);
const proof = (first: number, second: number) =>
  proveConsistencyFrom(sha256, first, second, new Map(tiles.map((tile) => [tileKey(tile), tile.bytes])));
const noteOf = (by = log, size = 3, origin = ORIGIN) =>
  signNote(formatCheckpoint({ origin, size, root: rootAt(size) }), [by.signer]);

describe('the trust file', () => {
  it('reads what it wrote', () => {
    expect(parseTrust(sha256, formatTrust(trust))).toEqual(trust);
    expect(formatTrust(parseTrust(sha256, formatTrust(NO_TRUST)))).toBe(formatTrust(NO_TRUST));
  });

  it('holds roots of timestamp authorities, each once, beside the logs', () => {
    const root = toBase64(Uint8Array.of(1, 2, 3));
    const more = addTsaRoots(trust, [root]);
    expect(parseTrust(sha256, formatTrust(more))).toEqual({ ...trust, tsaRoots: [root] });
    expect(addTsaRoots(more, [root])).toBe(more);
    expect(addTsaRoots(trust, [])).toBe(trust);
    expect(() => parseTrust(sha256, JSON.stringify({ ...trust, tsaRoots: ['AQID=='] }))).toThrow(
      expect.objectContaining({ code: 'configuration_invalid', field: 'tsaRoots.0' }),
    );
  });

  it('takes a key that it holds already, and no second one for the same log', () => {
    expect(addTrust(sha256, trust, keyOf(log))).toBe(trust);
    expect(() => addTrust(sha256, trust, keyOf(thief))).toThrow(expect.objectContaining({ code: 'state_conflict' }));
  });

  it.each([
    ['text that is not JSON', '{'],
    ['another version', JSON.stringify({ ...trust, version: 2 })],
    ['a member that it does not know', JSON.stringify({ ...trust, insecure: true })],
    [
      'a log under the key of another one',
      JSON.stringify({ version: 1, logs: [{ origin: ORIGIN, verifierKey: keyOf(log, 'other') }] }),
    ],
    [
      'one log with two keys',
      JSON.stringify({ version: 1, logs: [...trust.logs, { origin: ORIGIN, verifierKey: keyOf(thief) }] }),
    ],
    ['a key whose ID is not its own', formatTrust(trust).replace(/\+[0-9a-f]{8}\+/, '+00000000+')],
  ])('refuses %s', (_, text) => {
    expect(() => parseTrust(sha256, text)).toThrow(expect.objectContaining({ code: 'configuration_invalid' }));
  });
});

describe('a checkpoint', () => {
  it('is proved by the key that the trust file names', async () => {
    const judged = await verifyCheckpoint(crypto, await noteOf(), trust);
    expect(judged).toMatchObject({ verdict: 'proved', origin: ORIGIN, size: 3, root: rootAt(3) });
  });

  it.each([
    ['without a trust file', NO_TRUST],
    ['of a log that the trust file does not name', addTrust(sha256, NO_TRUST, keyOf(log, 'other'))],
  ])('%s is consistent at best, its origin unproven', async (_, some) => {
    expect(await verifyCheckpoint(crypto, await noteOf(), some)).toMatchObject({
      verdict: 'consistent, origin unproven',
      size: 3,
    });
  });

  it('of a trusted log is refused when another key of the same name signed it', async () => {
    const forged = verifyCheckpoint(crypto, await noteOf(thief), trust);
    await expect(forged).rejects.toMatchObject({ code: 'checkpoint_untrusted' });
  });

  it('of a trusted log is refused when its text was changed after it was signed', async () => {
    const note = (await noteOf()).replace('\n3\n', '\n4\n');
    await expect(verifyCheckpoint(crypto, note, trust)).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it('cannot pass for one of an untrusted log by another name in its text', async () => {
    const note = await noteOf(log, 3, 'other');
    expect(await verifyCheckpoint(crypto, note, trust)).toMatchObject({
      origin: 'other',
      verdict: 'consistent, origin unproven',
    });
  });
});

describe('a receipt', () => {
  const make = async (origin: string, by = log): Promise<Receipt> => {
    const test = new TestLog();
    const { spki, keyId } = test.registryKey;
    const { payload, signature } = test.draft(
      partyKind,
      { maker: test.registry, origin },
      { kind: 'person', roles: [], nameCommitment: anyDigest() },
    );
    const root = leafHash(sha256, entryOf(sha256, payload, signature, Buffer.from(spki, 'base64')));
    const { payloadDigest, kind, common } = readSpoken(sha256, payload, spki);
    return formatReceipt({
      payloadDigest,
      kind: kind.kind,
      id: common.id,
      envelope: formatEnvelope({ payload, signature, keyId }),
      spki,
      index: 0,
      treeSize: 1,
      inclusionProof: [],
      checkpoint: await signNote(formatCheckpoint({ origin: ORIGIN, size: 1, root }), [by.signer]),
    });
  };

  it('is proved under the trust file, and unproven without', async () => {
    const receipt = await make(ORIGIN);
    expect((await verifyReceiptAgainst(crypto, receipt, trust)).checkpoint.verdict).toBe('proved');
    expect((await verifyReceiptAgainst(crypto, receipt, NO_TRUST)).checkpoint.verdict).toBe(
      'consistent, origin unproven',
    );
  });

  it('of a log that a thief signed for is refused', async () => {
    await expect(verifyReceiptAgainst(crypto, await make(ORIGIN, thief), trust)).rejects.toMatchObject({
      code: 'checkpoint_untrusted',
    });
  });

  it('of a statement that was made for another log is refused', async () => {
    await expect(verifyReceiptAgainst(crypto, await make('elsewhere'), trust)).rejects.toMatchObject({
      code: 'proof_invalid',
    });
  });

  it.each([
    ['index', 1],
    ['treeSize', 2],
    ['kind', 'grant'],
    ['inclusionProof', [toBase64(rootAt(1))]],
  ])('with another %s is refused', async (member, value) => {
    const receipt = { ...(await make(ORIGIN)), [member]: value };
    await expect(verifyReceiptAgainst(crypto, receipt, trust)).rejects.toMatchObject({ code: 'proof_invalid' });
  });

  it('with a member that receipts do not have is refused', async () => {
    const receipt = { ...(await make(ORIGIN)), note: 'trust me' };
    await expect(verifyReceiptAgainst(crypto, receipt, trust)).rejects.toMatchObject({ code: 'malformed_proof' });
  });
});

describe('the checkpoint kept from last time', () => {
  it('is replaced by one that extends it, and stays where nothing grew', () => {
    expect(judgeProgress(sha256, seen(3), seen(9), proof(3, 9))).toBe('shown');
    expect(judgeProgress(sha256, seen(9), seen(9), [])).toBe('kept');
  });

  it('exposes a log that became shorter', () => {
    expect(() => judgeProgress(sha256, seen(9), seen(3), [])).toThrow(
      expect.objectContaining({ code: 'checkpoint_rolled_back' }),
    );
  });

  it('exposes a log that forked at the same size, and one that forked before', () => {
    const other = { ...seen(3), root: rootAt(4) };
    for (const [kept, shown, hashes] of [
      [other, seen(3), []],
      [other, seen(9), proof(3, 9)],
    ] as const) {
      expect(() => judgeProgress(sha256, kept, shown, hashes)).toThrow(
        expect.objectContaining({ code: 'proof_invalid' }),
      );
    }
  });

  it('is not replaced on the word of a proof that is missing or has one flipped bit', () => {
    const hashes = proof(3, 9).map((hash) => Uint8Array.from(hash));
    expect(() => judgeProgress(sha256, seen(3), seen(9), [])).toThrow(
      expect.objectContaining({ code: 'proof_invalid' }),
    );
    for (const hash of hashes) {
      hash[31]! ^= 1;
      expect(() => judgeProgress(sha256, seen(3), seen(9), hashes)).toThrow(
        expect.objectContaining({ code: 'proof_invalid' }),
      );
      hash[31]! ^= 1;
    }
  });

  it('says nothing about another log', () => {
    expect(() => judgeProgress(sha256, seen(3), seen(9, 'other'), proof(3, 9))).toThrow(
      expect.objectContaining({ code: 'invalid_input' }),
    );
  });
});

describe('a key that was replaced', () => {
  const next = party(ORIGIN, 3);
  const changed = replaceKey(sha256, trust, ORIGIN, keyOf(next), 4);
  const verdict = async (note: string) => (await verifyCheckpoint(crypto, note, changed)).verdict;

  it('stands in the trust file, which reads what it wrote', () => {
    expect(parseTrust(sha256, formatTrust(changed))).toEqual(changed);
    expect(changed.logs).toEqual([
      { origin: ORIGIN, verifierKey: keyOf(next), formerKeys: [{ verifierKey: keyOf(log), until: 4 }] },
    ]);
  });

  it('counts for what it signed before, and for nothing after', async () => {
    expect(await verdict(await noteOf(log, 4))).toBe('proved');
    await expect(verdict(await noteOf(log, 5))).rejects.toMatchObject({ code: 'checkpoint_untrusted' });
    expect(await verdict(await noteOf(next, 9))).toBe('proved');
  });

  it('is one of the very log', () => {
    expect(() => replaceKey(sha256, trust, ORIGIN, keyOf(next, 'other'), 4)).toThrow(
      expect.objectContaining({ code: 'configuration_invalid' }),
    );
    const foreign = { ...changed.logs[0]!, formerKeys: [{ verifierKey: keyOf(log, 'other'), until: 4 }] };
    expect(() => parseTrust(sha256, formatTrust({ version: 1, logs: [foreign] }))).toThrow(
      expect.objectContaining({ code: 'configuration_invalid', field: 'logs.0.formerKeys.0.verifierKey' }),
    );
  });
});

describe('a log that follows another', () => {
  const previous = (size: number, root = rootAt(size)) => ({
    origin: ORIGIN,
    size,
    root: formatDigest(root),
  });

  it('names the state that was seen, or a later one', () => {
    expect(judgeSuccession('new', previous(3), seen(3))).toBe('same');
    expect(judgeSuccession('new', previous(5), seen(3))).toBe('later');
    expect(judgeSuccession('new', previous(5), undefined)).toBe('unseen');
  });

  it('is found out when it names less than was seen, or another state of that size', () => {
    expect(() => judgeSuccession('new', previous(2), seen(3))).toThrow(
      expect.objectContaining({ code: 'checkpoint_rolled_back' }),
    );
    expect(() => judgeSuccession('new', previous(3, rootAt(2)), seen(3))).toThrow(
      expect.objectContaining({ code: 'proof_invalid' }),
    );
  });
});
