/**
 * `muniment keygen`: a signing key of one's own. The private half stays in a file here; what is registered is the public
 * half, with a signature that shows that whoever registers it holds the other half.
 */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Receipt } from '../../core/statement/receipt.ts';
import type { Context } from '../context.ts';
import { defaultKeyPath, readPrivate, writeNew, writeProfile } from '../profile.ts';
import { fields } from '../table.ts';

export function define(program: Command, context: Context): void {
  program
    .command('keygen')
    .description(
      'Make a signing key. From its registration on, nobody else can sign in your name, the registry included.',
    )
    .option('--out <file>', 'where to write it (mode 0600); never overwrites')
    .option('--register', 'register its public half for the party that you are logged in as')
    .option('--witness <name>', 'make the key of a log witness instead, e.g. witness.example.org/w1')
    .addHelpText('after', '\nExample:\n  $ muniment keygen --register')
    .action(async ({ out, register, witness }: { out?: string; register?: boolean; witness?: string }) => {
      if (witness !== undefined) return makeWitness(context, witness, out, register === true);
      const { makeP256, statementKey } = await import('../../platform/crypto.ts');
      const { home } = await context.settings();
      const session = register === true ? await context.session() : undefined;
      const file = resolve(out ?? defaultKeyPath(home));
      // A key whose registration failed the last time is registered now, not replaced.
      const left = session === undefined ? undefined : await readPrivate(file);
      if (session !== undefined && left !== undefined) {
        const { readKey, requireNobodyElses } = await import('../keys.ts');
        await requireNobodyElses(session.client, session.me.party, file, (await readKey(file)).keyId);
      }
      const pem = left ?? makeP256().pem;
      if (left === undefined) await writeNew(file, pem);
      const { spki, keyId } = statementKey(pem);
      const receipt = session === undefined ? undefined : await registerAndUse(context, file);
      context.print({ file, fingerprint: keyId, publicKey: spki, ...(receipt === undefined ? {} : { receipt }) }, () =>
        fields([
          ['key file', file],
          ['fingerprint', keyId],
          ['registered', receipt === undefined ? 'no (--register)' : `yes, entry ${receipt.index} on record`],
        ]),
      );
    });
}

/** The key of a witness belongs to no party: it signs what logs show, never statements. */
async function makeWitness(context: Context, name: string, out: string | undefined, register: boolean): Promise<void> {
  if (register || out === undefined) {
    throw new RegistryError('usage', 'The key of a witness goes to a file of its own and is not registered.', {
      field: register ? 'register' : 'out',
      fix: 'Name the file with --out, and leave --register out.',
    });
  }
  const { makeWitnessKey } = await import('../../witness/witness-key.ts');
  const { text, verifierKey } = makeWitnessKey(name);
  const file = resolve(out);
  await writeNew(file, text);
  context.print({ file, verifierKey }, () =>
    fields([
      ['key file', file],
      ['verifier key', verifierKey],
    ]),
  );
}

/** Registers the key in `file` and makes it the profile's. A further key is signed for by the one before. */
async function registerAndUse(context: Context, file: string): Promise<Receipt> {
  const [{ readKey }, { registerKey }] = await Promise.all([import('../keys.ts'), import('../party-keys.ts')]);
  const session = await context.session();
  const receipt = await registerKey(context, session, await readKey(file));
  const { home, profile } = await context.settings();
  if (profile?.party === session.me.party.id) await writeProfile(home, { ...profile, key: file });
  return receipt;
}
