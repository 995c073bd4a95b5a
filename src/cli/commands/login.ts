/** `muniment login`: keeps a registry's address and an API key for it, in a file that only its user can read. */
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { PartyView, WhoAmI } from '../context.ts';
import type { Context } from '../context.ts';
import { Client } from '../client.ts';
import type { Io } from '../io.ts';
import type { Profile } from '../profile.ts';
import { defaultKeyPath, profilePath, readPrivate, readProfile, writeProfile } from '../profile.ts';
import type { Settings } from '../settings.ts';
import { resolveKey } from '../settings.ts';
import { fields } from '../table.ts';

export function define(program: Command, context: Context): void {
  program
    .command('login')
    .description('Keep the address of a registry and your API key for it on this machine.')
    .addHelpText(
      'after',
      '\nThe key is given with --api-key @FILE, in MUNIMENT_API_KEY, or typed when asked.\n\nExample:\n  $ muniment login --url https://registry.example.org --api-key @acme.key',
    )
    .action(async () => {
      const settings = await context.settings();
      const apiKey = settings.apiKey ?? (await context.io.ask?.('API key: '));
      if (!apiKey) {
        throw new RegistryError('usage', 'There is no API key to keep.', { fix: 'Give it with --api-key @FILE.' });
      }
      const client = new Client({ url: settings.url, apiKey });
      const { party, scopes } = await client.get<WhoAmI>('/v1/whoami');
      await writeProfile(settings.home, {
        url: settings.url,
        apiKey,
        party: party.id,
        ...(await keyFor(party, settings, context.io)),
      });
      const path = profilePath(settings.home);
      context.print({ url: settings.url, party, scopes, profile: path }, () =>
        fields([
          ['registry', settings.url],
          ['you are', `${party.name ?? '(erased)'} (${party.id})`],
          ['kept in', path],
        ]),
      );
    });
}

/** The key that was named; else the one that this machine keeps, if it is this party's and not the one before's. */
async function keyFor(
  { id, keys }: PartyView,
  { home, keyFile, profile }: Settings,
  io: Io,
): Promise<Pick<Profile, 'ending' | 'key'>> {
  if (keyFile !== undefined && keyFile !== resolveKey(profile?.key ?? '')) return { key: resolveKey(keyFile) };
  const known = await readProfile(home);
  if (known?.party === id && known.key !== undefined) {
    const { key, ending } = known;
    return { key, ...(ending === undefined ? {} : { ending }) };
  }
  const usual = defaultKeyPath(home);
  if (keys.length === 0 || (await readPrivate(usual)) === undefined) return {};
  const { readKey } = await import('../keys.ts');
  const { keyId } = await readKey(usual, io);
  return keys.some(({ fingerprint, revoked }) => fingerprint === keyId && revoked === null) ? { key: usual } : {};
}
