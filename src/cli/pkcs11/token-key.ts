/**
 * A party's key that lives in a token (an HSM, a smart card) and never leaves it: found by its URI, made there, and asked
 * to sign. Its public half is read without a PIN where the token allows that, so that reading commands ask for none.
 *
 * A token with the same label, or a key that was swapped in it, must not speak for the party: every signature is verified
 * under the public half before it is used, and that is compared with the registered one by whoever opens the key.
 */
import { randomBytes } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { fromBase64, fromHex, toBase64 } from '../../core/bytes.ts';
import type { Digest } from '../../core/digest.ts';
import { formatDigest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import { p256SpkiOf } from '../../core/statement/public-key.ts';
import { p256Key, sha256, verifyP256 } from '../../platform/crypto.ts';
import type { Io } from '../io.ts';
import type { NamedKey, OwnKey } from '../own-key.ts';
import { ecdsaDer } from './ecdsa-der.ts';
import { pinOf } from './pin.ts';
import type { TokenInfo, TokenObject } from './pkcs11-tool.ts';
import { Pkcs11Tool } from './pkcs11-tool.ts';
import type { Pkcs11Uri } from './uri.ts';
import { formatPkcs11Uri, parsePkcs11Uri } from './uri.ts';

/** A token that was found, and its PIN once it is needed: asked for once. */
interface OpenToken {
  readonly uri: Pkcs11Uri;
  readonly tool: Pkcs11Tool;
  readonly token: TokenInfo;
  readonly pin: () => Promise<string>;
}

/** @throws RegistryError `pkcs11_…` */
export async function openTokenKey(text: string, io: Io): Promise<OwnKey> {
  const place = await openToken(parsePkcs11Uri(text), io);
  const { uri, tool, token } = place;
  const key = onlyKey(tool.keys(token), uri) ?? onlyKey(tool.keys(token, await place.pin()), uri);
  if (key === undefined) throw absent(place);
  return ownKey(place, key);
}

/**
 * The key that the URI names, made where there is none.
 * @param module absolute path of the token's library, unless the URI names it
 * @returns it with its full URI, by which it is opened from then on
 * @throws RegistryError `pkcs11_…`; `pkcs11_key_unsuitable` also for a key that the token would give away
 */
export async function makeTokenKey(text: string, module: string | undefined, io: Io): Promise<NamedKey> {
  const named = parsePkcs11Uri(text);
  const place = await openToken(module === undefined ? named : { ...named, modulePath: module }, io);
  const { uri, tool, token } = place;
  const pin = await place.pin();
  let keys = tool.keys(token, pin);
  if (!keys.some((key) => matches(key, uri))) {
    const id = uri.id ?? randomBytes(8).toString('hex');
    tool.makeKey(token, pin, { object: uri.object, id });
    keys = tool.keys(token, pin).filter((key) => key.id === id);
  }
  const key = onlyKey(keys, uri);
  const half = keys.find((other) => other.kind === 'private' && other.id === key?.id && other.object === key.object);
  if (key === undefined || half === undefined) throw absent(place);
  if (half.access.includes('extractable') || !half.access.includes('sensitive')) {
    throw unsuitable('can be copied out of the token');
  }
  if (!half.access.includes('never extractable') || !half.access.includes('local')) {
    io.note('The token does not say that the key was made in it: somebody may hold a copy.\n');
  }
  return {
    name: formatPkcs11Uri({ ...uri, ...(key.id === '' ? {} : { id: key.id }) }),
    key: ownKey(place, key),
  };
}

function ownKey({ tool, token, pin }: OpenToken, key: TokenObject): OwnKey {
  const spki = spkiOf(key);
  let unlocked: string | undefined;
  return {
    spki,
    keyId: keyIdOf(spki),
    unlock: async () => void (unlocked = await pin()),
    sign(message) {
      if (unlocked === undefined) throw new Error('A key in a token is to be unlocked before it signs.');
      const signature = ecdsaDer(tool.sign(token, unlocked, key, Buffer.from(sha256(message))));
      if (verifyP256(spki, message, signature)) return signature;
      throw new RegistryError('pkcs11_failed', 'The token signed with another key than the public one that it shows.', {
        field: 'key',
      });
    },
  };
}

/** What can be said of a key without its PIN. */
export interface Examined {
  says: string;
  /** Undefined where the token shows not even the public half */
  keyId: Digest | undefined;
  warning?: string;
}

export async function examineTokenKey(text: string, io: Io): Promise<Examined> {
  const { uri, tool, token } = await openToken(parsePkcs11Uri(text), io);
  const key = onlyKey(tool.keys(token), uri);
  const keyId = key === undefined ? undefined : keyIdOf(spkiOf(key));
  const says =
    keyId === undefined
      ? `The token "${token.token}" is there; it does not show the key without a PIN.`
      : `The token "${token.token}" is there and shows the key ${keyId}.`;
  const warning = ['user PIN locked', 'final user PIN try', 'user PIN count low'].find((flag) =>
    token.flags.includes(flag),
  );
  return { says, keyId, ...(warning === undefined ? {} : { warning }) };
}

async function openToken(named: Pkcs11Uri, io: Io): Promise<OpenToken> {
  const uri = { ...named, modulePath: await moduleOf(named.modulePath ?? io.env['MUNIMENT_PKCS11_MODULE']) };
  const tool = new Pkcs11Tool(uri.modulePath, io.env);
  const fitting = tool
    .tokens()
    .filter((token) =>
      (['token', 'manufacturer', 'model', 'serial'] as const).every(
        (name) => uri[name] === undefined || uri[name] === token[name],
      ),
    );
  const [token] = fitting;
  if (token === undefined) {
    throw new RegistryError('pkcs11_token_absent', `There is no token "${uri.token ?? uri.serial}".`, {
      field: 'key',
      fix: `Plug it in; "pkcs11-tool --module ${uri.modulePath} --list-token-slots" shows those that are there.`,
    });
  }
  if (fitting.length > 1) {
    throw new RegistryError('pkcs11_token_absent', `${fitting.length} tokens are called "${token.token}".`, {
      field: 'key',
      fix: `Name the right one with serial=: ${fitting.map(({ serial }) => serial).join(', ')}.`,
    });
  }
  let pin: Promise<string> | undefined;
  return { uri, tool, token, pin: () => (pin ??= pinOf(io, token, uri.pinSource)) };
}

/** The library is loaded as code, so nobody else may be able to change it. */
async function moduleOf(path: string | undefined): Promise<string> {
  if (!path) {
    throw new RegistryError('pkcs11_module_missing', "It is not said which library is the token's.", {
      field: 'module',
      fix: 'Name it: keygen --module FILE, module-path in the URI, or MUNIMENT_PKCS11_MODULE.',
    });
  }
  const file = isAbsolute(path) ? await stat(path).catch(() => undefined) : undefined;
  if (file?.isFile() !== true) {
    throw new RegistryError('pkcs11_module_missing', `There is no PKCS#11 library "${path}".`, {
      field: 'module',
      fix: "Install the token's driver, and name its library by an absolute path.",
    });
  }
  if (process.platform === 'win32') return path;
  if (file.uid !== 0 && file.uid !== process.geteuid?.()) {
    throw new RegistryError('configuration_invalid', `The PKCS#11 library "${path}" belongs to another user.`, {
      field: 'module',
      fix: 'Name one that the system installed, or a copy of your own.',
    });
  }
  if ((file.mode & 0o022) !== 0) {
    throw new RegistryError('configuration_invalid', `The PKCS#11 library "${path}" can be changed by others.`, {
      field: 'module',
      fix: `Run: chmod go-w "${path}"`,
    });
  }
  for (let folder = dirname(await realpath(path)); ; folder = dirname(folder)) {
    const { mode } = await stat(folder);
    if ((mode & 0o002) !== 0 && (mode & STICKY) === 0) {
      throw new RegistryError('configuration_invalid', `The PKCS#11 library "${path}" can be replaced by others.`, {
        field: 'module',
        fix: `Run: chmod o-w "${folder}"`,
      });
    }
    if (folder === dirname(folder)) return path;
  }
}

/** S_ISVTX: in such a folder (/tmp, say) nobody replaces what is another's. */
const STICKY = 0o1000;

const matches = (key: TokenObject, { object, id }: Pkcs11Uri): boolean =>
  (object === undefined || object === key.object) && (id === undefined || id === key.id);

function onlyKey(keys: readonly TokenObject[], uri: Pkcs11Uri): TokenObject | undefined {
  const fitting = keys.filter((key) => key.kind === 'public' && matches(key, uri));
  if (fitting.length <= 1) return fitting[0];
  throw new RegistryError('pkcs11_key_unsuitable', `${fitting.length} keys of the token fit the URI.`, {
    field: 'key',
    fix: `Name the right one with id=: ${fitting.map(({ id }) => id.replaceAll(/../g, '%$&')).join(', ')}.`,
  });
}

/** OBJECT IDENTIFIER prime256v1 (RFC 5480 §2.1.1.1) */
const P256 = '06082a8648ce3d030107';
/** CKA_EC_POINT is an OCTET STRING (PKCS#11 §2.3.3); some libraries leave its head out. */
const POINT = /^(?:0441)?04([0-9a-f]{128})$/;

function spkiOf({ type, curve, point }: TokenObject): string {
  const coordinates = POINT.exec(point)?.[1];
  if (type !== 'EC' || curve !== P256 || coordinates === undefined) throw unsuitable('is not an ECDSA P-256 key');
  const spki = toBase64(p256SpkiOf(fromHex(coordinates)));
  p256Key(spki, 'key');
  return spki;
}

const keyIdOf = (spki: string) => formatDigest(sha256(fromBase64(spki)));

const unsuitable = (why: string) =>
  new RegistryError('pkcs11_key_unsuitable', `The key in the token ${why}.`, {
    field: 'key',
    fix: 'Name another object, and "muniment keygen --pkcs11" makes the key.',
  });

const absent = ({ uri, token }: OpenToken) =>
  new RegistryError('pkcs11_key_absent', `The token "${token.token}" has no key pair "${uri.object ?? uri.id}".`, {
    field: 'key',
    fix: 'Make it with "muniment keygen --pkcs11 URI".',
  });
