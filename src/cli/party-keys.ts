/**
 * A party's signing keys on record: bringing one there, ending one, and replacing the one that this machine signs with.
 *
 * A replacement may be cut off at any moment. The new key is on disk before it is registered, registered before the
 * profile names it, and named there before the old one ends; that the old one is still to end stands in the profile, from
 * the same step on. So the profile names a key in force at every moment, and running the command again goes on from
 * where it stopped.
 */
import { join, parse } from 'node:path';
import { toBase64 } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { key, keyRevocation } from '../core/registry/index.ts';
import type { EndReason } from '../core/registry/key.ts';
import { possessionText } from '../core/registry/key.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { StatementKey } from '../platform/crypto.ts';
import { makeP256, statementKey } from '../platform/crypto.ts';
import type { Context, PartyKeyView, Session, WhoAmI } from './context.ts';
import type { OwnKey } from './own-key.ts';
import { newKeyFile, readKey, requireNobodyElses } from './keys.ts';
import type { Profile } from './profile.ts';
import { readPrivate, writeNew, writeProfile } from './profile.ts';
import { isPkcs11Uri } from './pkcs11/uri.ts';
import { resolveKey } from './settings.ts';
import { write } from './sign.ts';

export async function registerKey(context: Context, session: Session, fresh: OwnKey): Promise<Receipt> {
  const { party } = session.me;
  await fresh.unlock?.();
  return write(context, session, {
    kind: key,
    path: `/v1/parties/${party.id}/keys`,
    body: {
      spki: fresh.spki,
      fingerprint: fresh.keyId as Digest,
      possession: toBase64(fresh.sign(possessionText(session.log.origin, party.id, fresh.keyId))),
    },
    basis: [party.statement],
  });
}

/** @throws RegistryError `not_found`; `usage` for the key that would have to sign its own end */
export async function endKey(
  context: Context,
  session: Session,
  fingerprint: string,
  { reason, successor }: { reason: EndReason; successor: string | null },
): Promise<Receipt> {
  if (fingerprint === session.key?.keyId) {
    throw new RegistryError('usage', 'That is the key that you sign with.', {
      field: 'fingerprint',
      fix: 'Replace it with "muniment keys rotate", or sign with another key of the party: --key FILE.',
    });
  }
  const [ended, next] = [ownKey(session, fingerprint), successor === null ? null : ownKey(session, successor)];
  return write(context, session, {
    kind: keyRevocation,
    path: `/v1/parties/${session.me.party.id}/key-revocations`,
    body: { fingerprint: ended.fingerprint, reason, successor: next?.fingerprint ?? null },
    basis: [ended.statement, ...(next === null ? [] : [next.statement])],
  });
}

function ownKey({ me: { party } }: Session, fingerprint: string): PartyKeyView {
  const found = party.keys.find((each) => each.fingerprint === fingerprint);
  if (found !== undefined) return found;
  throw new RegistryError('not_found', `${party.name ?? party.id} has no key ${fingerprint.slice(0, 80)}.`, {
    fix: 'See "muniment keys list".',
  });
}

export interface Rotation {
  /** Of the key that the profile names now */
  file: string;
  fingerprint: string;
  ended: Digest;
  /** The entry that ended it */
  index: number;
  /** Whether an earlier rotation, which was cut off, was completed. */
  resumed: boolean;
}

/** @throws RegistryError `usage` when what signs here is not the profile's key */
export async function rotateKey(
  context: Context,
  { out, reason }: { out: string | undefined; reason: EndReason },
): Promise<Rotation> {
  const session = await context.session();
  const { home, profile, keyFile } = await context.settings();
  const { party } = session.me;
  if (session.key === undefined) {
    throw new RegistryError('usage', `${party.name ?? party.id} has no key here that could be replaced.`, {
      fix: 'Make one: "muniment keygen --register".',
    });
  }
  if (profile?.key === undefined || profile.party !== party.id || resolveKey(profile.key) !== keyFile) {
    throw new RegistryError(
      'usage',
      'What is replaced is the key that the profile names, and another one signs here.',
      {
        field: 'key',
        fix: 'Leave --key and MUNIMENT_KEY out; or use "muniment keygen --register --out FILE" and "muniment keys revoke".',
      },
    );
  }
  const { ending: begun, ...kept } = profile;
  if (begun !== undefined) return { ...(await finish(context, session, kept, begun)), resumed: true };
  if (out === undefined && isPkcs11Uri(profile.key)) {
    throw new RegistryError('usage', 'A key in a token has no file beside which the next one would lie.', {
      field: 'out',
      fix: 'Name the file of the next key with --out; or make one in the token, "muniment keygen --pkcs11 URI --register", and use "muniment keys revoke".',
    });
  }
  const file = newKeyFile(out ?? nextPath(profile.key));
  const fresh = await freshKey(session, file);
  if (!party.keys.some(({ fingerprint }) => fingerprint === fresh.keyId)) await registerKey(context, session, fresh);
  const ending = { fingerprint: session.key.keyId as Digest, reason };
  await writeProfile(home, { ...kept, key: file, ending });
  return { ...(await finish(context, session, { ...kept, key: file }, ending)), resumed: false };
}

/** The key in `file`, made where there is none: one that was left there by a rotation that was cut off is taken up. */
async function freshKey({ client, key: old, me: { party } }: Session, file: string): Promise<StatementKey> {
  const left = await readPrivate(file);
  if (left === undefined) {
    const { pem } = makeP256();
    await writeNew(file, pem);
    return statementKey(pem);
  }
  const found = statementKey(left);
  const registered = party.keys.find(({ fingerprint }) => fingerprint === found.keyId);
  if (registered === undefined) await requireNobodyElses(client, party, file, found.keyId);
  else if (found.keyId === old?.keyId || registered.revoked !== null) {
    throw new RegistryError('already_exists', `The key in "${file}" is the one to replace, or one that has ended.`, {
      field: 'out',
      fix: 'Name another file with --out.',
    });
  }
  return found;
}

/** Ends the old key, signed by the one that the profile names now, and then forgets about it. */
async function finish(
  context: Context,
  session: Session,
  profile: Profile,
  { fingerprint: ended, reason }: NonNullable<Profile['ending']>,
): Promise<Omit<Rotation, 'resumed'>> {
  const { home } = await context.settings();
  const file = profile.key!;
  const [me, signer] = await Promise.all([session.client.get<WhoAmI>('/v1/whoami'), readKey(file, context.io)]);
  const now: Session = { ...session, me, key: signer };
  const { revoked } = ownKey(now, ended);
  const { index } = revoked ?? (await endKey(context, now, ended, { reason, successor: signer.keyId }));
  await writeProfile(home, profile);
  return { file, fingerprint: signer.keyId, ended, index };
}

/** `signing.key`, `signing-2.key`, `signing-3.key` */
function nextPath(path: string): string {
  const { dir, name, ext } = parse(path);
  const number = /-([1-9]\d{0,8})$/.exec(name)?.[1];
  const base = number === undefined ? name : name.slice(0, -1 - number.length);
  return join(dir, `${base}-${Number(number ?? 1) + 1}${ext}`);
}
