/**
 * `muniment keygen`: a signing key of one's own. The private half stays in a file here, or in a hardware token; what is
 * registered is the public half, with a signature that shows that whoever registers it holds the other half.
 */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Receipt } from '../../core/statement/receipt.ts';
import type { Context, Session } from '../context.ts';
import type { NamedKey } from '../own-key.ts';
import { defaultKeyPath, readPrivate, writeNew, writeProfile } from '../profile.ts';
import { fields } from '../table.ts';

interface Options {
  out?: string;
  register?: boolean;
  witness?: string;
  pkcs11?: string;
  module?: string;
}

export function define(program: Command, context: Context): void {
  program
    .command('keygen')
    .description(
      'Make a signing key. From its registration on, nobody else can sign in your name, the registry included.',
    )
    .option('--out <file>', 'where to write it (mode 0600); never overwrites')
    .option('--register', 'register its public half for the party that you are logged in as')
    .option('--pkcs11 <uri>', 'make it in a hardware token instead, or take the one that is there (RFC 7512)')
    .option('--module <file>', 'library of that token (MUNIMENT_PKCS11_MODULE)')
    .option('--witness <name>', 'make the key of a log witness instead, e.g. witness.example.org/w1')
    .addHelpText(
      'after',
      `
Example:
  $ muniment keygen --register
  $ muniment keygen --pkcs11 'pkcs11:token=acme;object=signing' --module /usr/lib/softhsm/libsofthsm2.so --register`,
    )
    .action(async (options: Options) => {
      const { out, register, witness, pkcs11, module } = options;
      refuseMixture(options);
      if (witness !== undefined) return makeWitness(context, witness, out, register === true);
      const session = register === true ? await context.session() : undefined;
      const { name, key } =
        pkcs11 === undefined ? await inFile(context, session, out) : await inToken(context, session, pkcs11, module);
      const { spki, keyId } = key;
      const receipt = session === undefined ? undefined : await registerAndUse(context, session, { name, key });
      const where = pkcs11 === undefined ? { file: name } : { pkcs11: name };
      context.print(
        { ...where, fingerprint: keyId, publicKey: spki, ...(receipt === undefined ? {} : { receipt }) },
        () =>
          fields([
            [pkcs11 === undefined ? 'key file' : 'key in token', name],
            ['fingerprint', keyId],
            ['registered', receipt === undefined ? 'no (--register)' : `yes, entry ${receipt.index} on record`],
          ]),
      );
    });
}

function refuseMixture({ out, witness, pkcs11, module }: Options): void {
  if (pkcs11 === undefined && module !== undefined) {
    throw new RegistryError('usage', 'A library is named, and no key in a token.', {
      field: 'module',
      fix: 'Add --pkcs11.',
    });
  }
  if (pkcs11 !== undefined && (out !== undefined || witness !== undefined)) {
    throw new RegistryError('usage', 'A key is made in a file or in a token, and that of a witness in a file.', {
      field: 'pkcs11',
      fix: 'Leave --pkcs11 out, or --out and --witness.',
    });
  }
}

/** @returns the key, and the name under which the profile keeps it */
async function inFile(context: Context, session: Session | undefined, out: string | undefined): Promise<NamedKey> {
  const [{ newKeyFile, readKey, requireNobodyElses }, { makeP256 }] = await Promise.all([
    import('../keys.ts'),
    import('../../platform/crypto.ts'),
  ]);
  const file = newKeyFile(out ?? defaultKeyPath((await context.settings()).home));
  // A key whose registration failed the last time is registered now, not replaced.
  if (session === undefined || (await readPrivate(file)) === undefined) {
    await writeNew(file, makeP256().pem);
    return { name: file, key: await readKey(file, context.io) };
  }
  const key = await readKey(file, context.io);
  await requireNobodyElses(session.client, session.me.party, file, key.keyId);
  return { name: file, key };
}

async function inToken(
  context: Context,
  session: Session | undefined,
  uri: string,
  module: string | undefined,
): Promise<NamedKey> {
  const [{ requireNobodyElses }, { makeTokenKey }] = await Promise.all([
    import('../keys.ts'),
    import('../pkcs11/token-key.ts'),
  ]);
  const named = await makeTokenKey(uri, module === undefined ? undefined : resolve(module), context.io);
  if (session !== undefined) {
    await requireNobodyElses(session.client, session.me.party, named.name, named.key.keyId);
  }
  return named;
}

/** The key of a witness belongs to no party: it signs what logs show, never statements. */
async function makeWitness(context: Context, name: string, out: string | undefined, register: boolean): Promise<void> {
  if (register || out === undefined) {
    throw new RegistryError('usage', 'The key of a witness goes to a file of its own and is not registered.', {
      field: register ? 'register' : 'out',
      fix: 'Name the file with --out, and leave --register out.',
    });
  }
  const [{ newKeyFile }, { makeWitnessKey }] = await Promise.all([
    import('../keys.ts'),
    import('../../witness/witness-key.ts'),
  ]);
  const file = newKeyFile(out);
  const { text, verifierKey } = makeWitnessKey(name);
  await writeNew(file, text);
  context.print({ file, verifierKey }, () =>
    fields([
      ['key file', file],
      ['verifier key', verifierKey],
    ]),
  );
}

/** Registers the key and makes it the profile's. A further key is signed for by the one before. */
async function registerAndUse(context: Context, session: Session, { name, key }: NamedKey): Promise<Receipt> {
  const { registerKey } = await import('../party-keys.ts');
  const receipt = await registerKey(context, session, key);
  const { home, profile } = await context.settings();
  if (profile?.party === session.me.party.id) await writeProfile(home, { ...profile, key: name });
  return receipt;
}
