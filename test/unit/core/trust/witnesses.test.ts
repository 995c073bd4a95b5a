import { beforeAll, describe, expect, it } from '@jest/globals';
import { leafHash, rootOf } from '../../../../src/core/merkle/tree.ts';
import { formatCheckpoint } from '../../../../src/core/note/checkpoint.ts';
import { ED25519, formatNote, formatVerifierKey, parseNote, signNote } from '../../../../src/core/note/note.ts';
import type { TrustedLog } from '../../../../src/core/trust/index.ts';
import {
  addTrust,
  addWitness,
  formatTrust,
  isWitnessKey,
  NO_TRUST,
  parseTrust,
  parseWitnessPolicy,
  PROVED,
  replaceKey,
  UNWITNESSED,
  verifyCheckpoint,
} from '../../../../src/core/trust/index.ts';
import { sha256, verifyEd25519 } from '../../../../src/platform/crypto.ts';
import type { Cosigner } from '../note/fixture.ts';
import { cosigner, party } from '../note/fixture.ts';

const ORIGIN = 'example.com/log';
const log = party(ORIGIN, 1);
const LOG_KEY = formatVerifierKey(sha256, ORIGIN, ED25519, log.publicKey);
const [ada, ben, cem] = [cosigner('ada.example', 11), cosigner('ben.example', 12), cosigner('cem.example', 13)];
const leaves = Array.from({ length: 5 }, (_, i) => leafHash(sha256, Uint8Array.of(i)));
const textAt = (size: number) =>
  formatCheckpoint({ origin: ORIGIN, size, root: rootOf(sha256, leaves.slice(0, size)) });
const NOW = 1_700_000_000;

const trustIn = (operators: readonly (readonly [Cosigner, string])[], quorum: number, operator = 'Registry') => ({
  version: 1 as const,
  logs: [
    {
      origin: ORIGIN,
      verifierKey: LOG_KEY,
      operator,
      witnesses: operators.map(([{ verifierKey }, name]) => ({ verifierKey, operator: name })),
      quorum,
    },
  ],
});
const read = (trust: object) => parseTrust(sha256, JSON.stringify(trust));
const cosigned = (by: readonly Cosigner[], text = textAt(3)) =>
  signNote(text, [log.signer, ...by.map(({ signer }, i) => signer(NOW + i))]);
const judge = async (note: string, trust: object) => verifyCheckpoint({ sha256, verifyEd25519 }, note, read(trust));
const refused = expect.objectContaining({ code: 'configuration_invalid' });

describe('a checkpoint under a trust file with witnesses', () => {
  const trust = trustIn(
    [
      [ada, 'Ada'],
      [ben, 'Ben'],
      [cem, 'Cem'],
    ],
    2,
  );

  it('is proved once the quorum of operators has cosigned it, and tells who did and when', async () => {
    expect(await judge(await cosigned([ada, cem]), trust)).toMatchObject({
      verdict: PROVED,
      witnessed: {
        operators: 2,
        quorum: 2,
        met: true,
        witnesses: [
          { name: 'ada.example', operator: 'Ada', time: NOW },
          { name: 'cem.example', operator: 'Cem', time: NOW + 1 },
        ],
      },
    });
  });

  it.each<[string, readonly Cosigner[], number]>([
    ['without any cosignature', [], 0],
    ['with one too few', [ben], 1],
    ['with one by a stranger beside', [ben, cosigner('stranger.example', 44)], 1],
    ['with one witness twice', [ben, ben], 1],
  ])('%s is the word of the log alone', async (_, by, operators) => {
    const { verdict, witnessed } = await judge(await cosigned(by), trust);
    expect(verdict).toBe(UNWITNESSED);
    expect(witnessed).toMatchObject({ operators, quorum: 2, met: false });
  });

  it('needs no witness where the reader wants none', async () => {
    const none = addTrust(sha256, NO_TRUST, LOG_KEY);
    expect(await judge(await cosigned([]), none)).toMatchObject({ verdict: PROVED, witnessed: { quorum: 0 } });
    expect(await judge(await cosigned([ada]), { ...trust, logs: [{ ...trust.logs[0]!, quorum: 0 }] })).toMatchObject({
      verdict: PROVED,
      witnessed: { operators: 1, met: true },
    });
  });

  it('is refused when the log itself has not signed, whoever else has', async () => {
    const note = await signNote(textAt(3), [ada.signer(NOW), ben.signer(NOW)]);
    await expect(judge(note, trust)).rejects.toMatchObject({ code: 'checkpoint_untrusted' });
  });
});

describe('a log operator who runs witnesses of its own', () => {
  const three = (operators: [string, string, string], quorum: number) =>
    trustIn(
      [
        [ada, operators[0]],
        [ben, operators[1]],
        [cem, operators[2]],
      ],
      quorum,
    );

  it('gains nothing by three of them', async () => {
    const own = { ...three(['Registry', 'Registry', 'Registry'], 0) };
    expect(await judge(await cosigned([ada, ben, cem]), own)).toMatchObject({ witnessed: { operators: 0 } });
    expect(() => read(three(['Registry', 'Registry', 'Registry'], 1))).toThrow(refused);
  });

  it('gains nothing by spelling its name in other ways', async () => {
    const own = three(['registry', ' Registry ', 'Ｒｅｇｉｓｔｒｙ'], 0);
    expect(await judge(await cosigned([ada, ben, cem]), own)).toMatchObject({ witnessed: { operators: 0 } });
  });

  it('does not spoil those that others run', async () => {
    const mixed = three(['Registry', 'Ben', 'Registry'], 1);
    expect(await judge(await cosigned([ada, cem]), mixed)).toMatchObject({ verdict: UNWITNESSED });
    const { verdict, witnessed } = await judge(await cosigned([ada, ben, cem]), mixed);
    expect(verdict).toBe(PROVED);
    expect(witnessed?.operators).toBe(1);
    expect(witnessed?.witnesses.map(({ name }) => name)).toEqual(['ada.example', 'ben.example', 'cem.example']);
  });

  it('finds one other operator with three witnesses counted once', async () => {
    const same = three(['Ben', 'ben', 'BEN'], 1);
    expect(await judge(await cosigned([ada, ben, cem]), same)).toMatchObject({ witnessed: { operators: 1 } });
    expect(() => read(three(['Ben', 'ben', 'BEN'], 2))).toThrow(refused);
  });
});

describe('a forged cosignature', () => {
  const trust = trustIn(
    [
      [ada, 'Ada'],
      [ben, 'Ben'],
    ],
    1,
  );
  let note: string;
  beforeAll(async () => {
    note = await cosigned([ada]);
  });

  it('taken from another checkpoint condemns the note', async () => {
    const other = parseNote(await cosigned([ada], textAt(2)));
    const grafted = formatNote(textAt(3), [parseNote(note).signatures[0]!, other.signatures[1]!]);
    await expect(judge(grafted, trust)).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it('with a changed time condemns the note', async () => {
    const { text, signatures } = parseNote(note);
    const cosignature = Uint8Array.from(signatures[1]!.signature);
    for (const byte of [2, 5, 6, 7]) {
      const changed = Uint8Array.from(cosignature);
      changed[byte]! ^= 1;
      const moved = formatNote(text, [signatures[0]!, { ...signatures[1]!, signature: changed }]);
      await expect(judge(moved, trust)).rejects.toMatchObject({ code: 'signature_invalid' });
    }
  });

  it('under the ID of another witness condemns the note', async () => {
    const { text, signatures } = parseNote(note);
    const { keyId, name } = ben.verifier;
    const posing = formatNote(text, [signatures[0]!, { ...signatures[1]!, keyId, name }]);
    await expect(judge(posing, trust)).rejects.toMatchObject({ code: 'signature_invalid' });
  });
});

describe('a log with witnesses that replaces its key', () => {
  const next = party(ORIGIN, 2);
  const nextKey = formatVerifierKey(sha256, ORIGIN, ED25519, next.publicKey);
  const pinned = read(trustIn([[ada, 'Ada']], 1));
  const changed = replaceKey(sha256, pinned, ORIGIN, nextKey, 3);
  const signed = (signers: readonly (typeof log)[], size: number, by: readonly Cosigner[] = [ada]) =>
    signNote(textAt(size), [...signers.map(({ signer }) => signer), ...by.map(({ signer }) => signer(NOW))]);

  it.each([
    ['before', pinned],
    ['after', changed],
  ])('is judged by its witnesses under two signatures by who pinned the key %s', async (_, trust) => {
    expect(await judge(await signed([log, next], 3), trust)).toMatchObject({
      verdict: PROVED,
      witnessed: { operators: 1, quorum: 1, met: true },
    });
    expect(await judge(await signed([log, next], 3, []), trust)).toMatchObject({
      verdict: UNWITNESSED,
      witnessed: { operators: 0, quorum: 1, met: false },
    });
  });

  it('keeps the quorum, for what the former key signed, too', async () => {
    expect(changed.logs[0]).toMatchObject({ ...pinned.logs[0], verifierKey: nextKey });
    expect(await judge(await signed([log], 3), changed)).toMatchObject({ verdict: PROVED });
    expect(await judge(await signed([log], 3, []), changed)).toMatchObject({ verdict: UNWITNESSED });
    await expect(judge(await signed([log], 4), changed)).rejects.toMatchObject({ code: 'checkpoint_untrusted' });
  });

  it('has room for both signatures and as many witnesses as a list may name', async () => {
    const most = Array.from({ length: 14 }, (_, i) => cosigner(`w${i}.example`, 100 + i));
    const trust = trustIn(
      most.map((each, i) => [each, `op ${i}`]),
      14,
    );
    expect(await judge(await signed([log, next], 3, most), trust)).toMatchObject({ verdict: PROVED });
    const more = trustIn([...most.map((each, i) => [each, `op ${i}`] as const), [ada, 'Ada']], 1);
    expect(() => read(more)).toThrow(refused);
  });
});

describe('a list of witnesses', () => {
  const own = cosigner('own.example', 1);
  const many = Array.from({ length: 16 }, (_, i): [Cosigner, string] => [
    cosigner(`w${i}.example`, 100 + i),
    `op ${i}`,
  ]);

  it.each<[string, object]>([
    ["a witness with the log's own key", trustIn([[own, 'Ada']], 0)],
    ["a witness with the log's own name", trustIn([[cosigner(ORIGIN, 15), 'Ada']], 0)],
    [
      'one key under two names',
      trustIn(
        [
          [ada, 'Ada'],
          [cosigner('eve.example', 11), 'Eve'],
        ],
        0,
      ),
    ],
    [
      'one name with two keys',
      trustIn(
        [
          [ada, 'Ada'],
          [cosigner('ada.example', 55), 'Eve'],
        ],
        0,
      ),
    ],
    ['a quorum that cannot be met', trustIn([[ada, 'Ada']], 2)],
    ['a quorum without witnesses', trustIn([], 1)],
    ['a negative quorum', trustIn([[ada, 'Ada']], -1)],
    ['half a quorum', trustIn([[ada, 'Ada']], 0.5)],
    ['an operator without a name', trustIn([[ada, ' ']], 0)],
    ['more witnesses than a note has room for', trustIn(many, 1)],
    [
      'no operator of the log',
      { version: 1, logs: [{ ...(trustIn([[ada, 'Ada']], 1).logs[0] as object), operator: undefined }] },
    ],
    [
      'a key that is none',
      trustIn([[{ ...ada, verifierKey: ada.verifierKey.replace(/\+[0-9a-f]{8}\+/, '+00000000+') }, 'Ada']], 0),
    ],
    ['a key of a log for a witness', trustIn([[{ ...ada, verifierKey: LOG_KEY }, 'Ada']], 0)],
    ['a key of a witness for a log', { version: 1, logs: [{ origin: 'ada.example', verifierKey: ada.verifierKey }] }],
  ])('is refused with %s', (_, trust) => {
    expect(() => read(trust)).toThrow(refused);
  });

  it('is kept word by word', () => {
    const trust = trustIn([[ada, 'Ada']], 1);
    expect(parseTrust(sha256, formatTrust(trust))).toEqual(trust);
  });
});

describe('adding to a trust file', () => {
  const pinned = addTrust(sha256, NO_TRUST, LOG_KEY, { operator: 'Registry' });
  const witness = { verifierKey: ada.verifierKey, operator: 'Ada' };
  const only = ({ logs }: { logs: readonly TrustedLog[] }) => logs[0]!;

  it('adds a witness with the quorum, and again changes nothing', () => {
    const more = addWitness(sha256, pinned, ORIGIN, witness, 1);
    expect(only(more)).toEqual({ ...only(pinned), witnesses: [witness], quorum: 1 });
    expect(addWitness(sha256, more, ORIGIN, witness)).toBe(more);
    expect(addTrust(sha256, more, LOG_KEY)).toBe(more);
    expect(only(addTrust(sha256, more, LOG_KEY, { quorum: 0 })).quorum).toBe(0);
  });

  it('wants the log, and the name of its operator, first', () => {
    expect(() => addWitness(sha256, NO_TRUST, ORIGIN, witness)).toThrow(expect.objectContaining({ code: 'not_found' }));
    expect(() => addWitness(sha256, addTrust(sha256, NO_TRUST, LOG_KEY), ORIGIN, witness)).toThrow(refused);
  });

  it('takes no second key and no other operator for a witness that it holds', () => {
    const more = addWitness(sha256, pinned, ORIGIN, witness);
    for (const other of [
      { ...witness, operator: 'Eve' },
      { ...witness, verifierKey: cosigner('ada.example', 66).verifierKey },
    ]) {
      expect(() => addWitness(sha256, more, ORIGIN, other)).toThrow(
        expect.objectContaining({ code: 'state_conflict' }),
      );
    }
  });

  it('tells keys of witnesses from those of logs', () => {
    expect(isWitnessKey(sha256, ada.verifierKey)).toBe(true);
    expect(isWitnessKey(sha256, LOG_KEY)).toBe(false);
    expect(() => isWitnessKey(sha256, 'x')).toThrow(refused);
  });
});

describe('the policy of a log', () => {
  const policy = {
    version: 1,
    operator: 'Registry',
    quorum: 1,
    witnesses: [{ verifierKey: ada.verifierKey, operator: 'Ada', url: 'https://ada.example/w' }],
  };
  const readPolicy = (value: unknown) => parseWitnessPolicy(sha256, JSON.stringify(value));

  it('is read, the address without a final slash', () => {
    const slashed = { ...policy, witnesses: [{ ...policy.witnesses[0]!, url: 'https://ada.example/w/' }] };
    expect(readPolicy(slashed)).toEqual(policy);
  });

  it.each<[string, unknown]>([
    ['no JSON object', 'x'],
    ['an unknown member', { ...policy, insecure: true }],
    ['no witness', { ...policy, witnesses: [] }],
    ['a quorum of nobody', { ...policy, quorum: 0 }],
    ['a quorum that cannot be met', { ...policy, quorum: 2 }],
    ['its own witness alone', { ...policy, operator: 'Ada' }],
    ['a file as address', { ...policy, witnesses: [{ ...policy.witnesses[0]!, url: 'file:///etc/passwd' }] }],
    ['an address with a query', { ...policy, witnesses: [{ ...policy.witnesses[0]!, url: 'https://a.example/?x' }] }],
    ['another version', { ...policy, version: 2 }],
  ])('is refused with %s', (_, value) => {
    expect(() => readPolicy(value)).toThrow(refused);
  });

  it('is refused when it is not JSON', () => {
    expect(() => parseWitnessPolicy(sha256, '{')).toThrow(refused);
  });
});
