/** `muniment keys`: the signing keys of a party, and how one of them ends. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { EndReason } from '../../core/registry/key.ts';
import { END_REASONS } from '../../core/registry/key.ts';
import type { Context, PartyKeyView, WhoAmI } from '../context.ts';
import { findParty } from '../find.ts';
import { isPkcs11Uri } from '../pkcs11/uri.ts';
import { columns, fields } from '../table.ts';

export function define(program: Command, context: Context): void {
  const keys = program.command('keys').description('Your signing keys: which are in force, replace one, end one.');

  keys
    .command('list')
    .description('Show the signing keys of a party, those that have ended too.')
    .argument('[party]', 'id or name; yourself where none is given')
    .addHelpText('after', '\nExample:\n  $ muniment keys list')
    .action(async (text: string | undefined) => {
      const client = await context.client();
      const party = text === undefined ? (await client.get<WhoAmI>('/v1/whoami')).party : await findParty(client, text);
      const here = await keyHere(context);
      const listed = party.keys.map((key) => ({ ...key, here: key.fingerprint === here }));
      context.print({ party: party.id, keys: listed }, () =>
        columns(
          ['fingerprint', 'since', 'standing'],
          listed.map((key) => [
            key.fingerprint,
            `entry ${key.recordedIndex}`,
            `${standing(key)}${key.here ? ', the one of this machine' : ''}`,
          ]),
        ),
      );
    });

  keys
    .command('rotate')
    .description('Replace the signing key of this machine: make another, register it, end the old one.')
    .option('--out <file>', 'where to write the new key (mode 0600); beside the old one where none is given')
    .addOption(
      new Option('--reason <reason>', 'why the old one ends')
        .choices(['superseded', 'compromised'])
        .default('superseded'),
    )
    .addHelpText(
      'after',
      '\nCut off in the middle, it goes on where it stopped when you run it again.\n\nExample:\n  $ muniment keys rotate',
    )
    .action(async ({ out, reason }: { out?: string; reason: EndReason }) => {
      const { rotateKey } = await import('../party-keys.ts');
      const rotated = await rotateKey(context, { out, reason });
      if (rotated.resumed) context.note('This completes a change that was cut off; no further key was made.');
      context.print(rotated, () =>
        fields([
          ['key file', rotated.file],
          ['fingerprint', rotated.fingerprint],
          ['ended', `${rotated.ended}, on record as entry ${rotated.index}`],
        ]),
      );
    });

  keys
    .command('revoke')
    .description('End another signing key of yours, for good: what it signed before stays valid, nothing after counts.')
    .argument('<fingerprint>', 'as "muniment keys list" shows it')
    .addOption(new Option('--reason <reason>', 'why').choices(END_REASONS).makeOptionMandatory())
    .option('--successor <fingerprint>', 'the key of yours that goes on in its place')
    .addHelpText('after', '\nExample:\n  $ muniment keys revoke sha256:0123… --reason lost')
    .action(async (fingerprint: string, { reason, successor }: { reason: EndReason; successor?: string }) => {
      const { endKey } = await import('../party-keys.ts');
      const session = await context.session();
      const receipt = await endKey(context, session, fingerprint, { reason, successor: successor ?? null });
      context.print(receipt, () => `The key ${fingerprint} is ended, on record as entry ${receipt.index}.\n`);
    });
}

function standing({ revoked }: PartyKeyView): string {
  if (revoked === null) return 'in force';
  const { index, reason, successor } = revoked;
  return `${reason}, ended by entry ${index}${successor === null ? '' : `, followed by ${successor}`}`;
}

/**
 * The fingerprint of the key that signs here, whether it is in force or not. A file that is gone names none, nor does a
 * token: whoever lost it must still see what to end.
 */
async function keyHere(context: Context): Promise<string | undefined> {
  const { keyFile } = await context.settings();
  if (keyFile === undefined) return undefined;
  if (isPkcs11Uri(keyFile)) {
    const { examineTokenKey } = await import('../pkcs11/token-key.ts');
    try {
      return (await examineTokenKey(keyFile, context.io)).keyId;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      context.note(`The key of this machine is not marked: ${error.message}`);
      return undefined;
    }
  }
  const [{ readPrivate }, { statementKey }] = await Promise.all([
    import('../profile.ts'),
    import('../../platform/crypto.ts'),
  ]);
  const pem = await readPrivate(keyFile);
  return pem === undefined ? undefined : statementKey(pem).keyId;
}
