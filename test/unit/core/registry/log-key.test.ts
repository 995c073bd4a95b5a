import { beforeEach, describe, expect, it } from '@jest/globals';
import { logKey, logKeyRetirement } from '../../../../src/core/registry/index.ts';
import { makeEd25519, sha256 } from '../../../../src/platform/crypto.ts';
import { formatVerifierKey } from '../../../../src/core/note/verifier-key.ts';
import { COSIGNATURE, ED25519 } from '../../../../src/core/note/note.ts';
import { ed25519Signer } from '../../../../src/platform/crypto.ts';
import { makeKey, ORIGIN, TestLog } from '../../../support/test-log.ts';

const FIRST = 'test+00000000+AA==';
const newVerifierKey = (name = ORIGIN, algorithm: typeof COSIGNATURE | typeof ED25519 = ED25519) =>
  formatVerifierKey(sha256, name, algorithm, ed25519Signer(makeEd25519()).publicKey);

let log: TestLog;
beforeEach(() => void (log = new TestLog()));

const announce = (verifierKey = newVerifierKey(), replaces = FIRST) =>
  log.speak(logKey, { maker: log.registry }, { verifierKey, replaces });
const retire = (verifierKey: string, successor: string) =>
  log.speak(logKeyRetirement, { maker: log.registry }, { verifierKey, successor, reason: '' });

describe('the next key of the log', () => {
  it('is announced by the registry and signs until it is retired', () => {
    const next = newVerifierKey();
    announce(next);
    expect(log.get('log_key', next)).toMatchObject({ retiredIndex: null });
    retire(FIRST, next);
    expect(log.get('log_key', FIRST)).toMatchObject({ retiredIndex: 2 });
  });

  it.each<[string, string, () => unknown]>([
    ['of another log', 'invalid_input', () => announce(newVerifierKey('elsewhere/1'))],
    ['that cosigns', 'invalid_input', () => announce(newVerifierKey(ORIGIN, COSIGNATURE))],
    ['that cannot be read', 'invalid_input', () => announce(`${ORIGIN}+00000000+AA==`)],
    ['after one that the log never had', 'not_found', () => announce(newVerifierKey(), newVerifierKey())],
    [
      'announced twice',
      'already_exists',
      () => {
        const next = newVerifierKey();
        announce(next);
        announce(next);
      },
    ],
  ])('%s is refused', async (_, code, act) => {
    await expect(Promise.resolve().then(act)).rejects.toMatchObject({ code });
  });

  it('is announced by nobody but the registry', async () => {
    const party = log.makeParty();
    const body = { verifierKey: newVerifierKey(), replaces: FIRST };
    const attested = { maker: party.id, attestedBy: 'registry' as const };
    await expect(Promise.resolve().then(() => log.speak(logKey, attested, body))).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(
      Promise.resolve().then(() => log.speak(logKey, { maker: log.registry }, body, makeKey())),
    ).rejects.toMatchObject({ code: 'signature_invalid' });
  });
});

describe('the last key of the log', () => {
  it('cannot be retired in favor of itself, of one that is retired, or twice', async () => {
    await expect(Promise.resolve().then(() => retire(FIRST, FIRST))).rejects.toMatchObject({ code: 'state_conflict' });
    const next = newVerifierKey();
    announce(next);
    retire(FIRST, next);
    await expect(Promise.resolve().then(() => retire(next, FIRST))).rejects.toMatchObject({ code: 'state_conflict' });
    await expect(Promise.resolve().then(() => retire(FIRST, next))).rejects.toMatchObject({ code: 'state_conflict' });
  });
});
