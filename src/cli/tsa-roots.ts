/**
 * Roots of timestamp authorities in the trust file, from PEM files that came another way. Apart from the trust file itself,
 * since reading certificates takes a parser that few commands need.
 */
import { nameOf, parseRoot, rootsInPem } from '../core/time/index.ts';
import type { Trust } from '../core/trust/index.ts';
import { addTsaRoots, formatTrust } from '../core/trust/index.ts';
import { writePrivate } from './profile.ts';
import { readText } from './settings.ts';
import { readTrust } from './trust-store.ts';

/**
 * Adds the root certificates in a PEM file: what the timestamp authorities under them say counts from now on.
 * @throws RegistryError `invalid_input`, `unreachable`, `configuration_invalid`
 */
export async function trustRoots(path: string, pemFile: string): Promise<{ names: string[]; added: number }> {
  const trust = await readTrust(path);
  const roots = rootsInPem(await readText(pemFile), 'tsa-root');
  const more = addTsaRoots(trust, roots);
  if (more !== trust) await writePrivate(path, formatTrust(more));
  const added = (more.tsaRoots?.length ?? 0) - (trust.tsaRoots?.length ?? 0);
  return { names: roots.map((root) => nameOf(parseRoot(root, 'tsa-root'))), added };
}

/** What people know the trusted roots of timestamp authorities by. */
export const rootNames = ({ tsaRoots = [] }: Trust): string[] =>
  tsaRoots.map((root, i) => nameOf(parseRoot(root, `tsaRoots.${i}`)));
