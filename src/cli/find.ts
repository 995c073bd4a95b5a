/** From what people type to what is on record: a party by id or by its unambiguous name. */
import { RegistryError } from '../core/errors.ts';
import type { Contributor } from '../core/registry/contributor.ts';
import type { Client } from './client.ts';
import type { PartyView } from './context.ts';
import type { DatasetView } from './views.ts';

/** @throws RegistryError `not_found`; `usage` when several parties bear the name */
export async function findParty(client: Client, text: string): Promise<PartyView> {
  if (PARTY_ID.test(text)) return client.get<PartyView>(`/v1/parties/${text}`);
  const found = await client.get<PartyView[]>(`/v1/parties?name=${encodeURIComponent(text)}`);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only === undefined) {
    throw new RegistryError('not_found', `There is no party named "${text}".`, { fix: 'See "muniment party list".' });
  }
  throw new RegistryError('usage', `There are ${found.length} parties named "${text}".`, {
    fix: `Use an id: ${found.map(({ id }) => id).join(', ')}.`,
  });
}

/** An id is taken as it stands, since whoever looks a party up needs a login. @throws as `findParty` */
export const findPartyId = async (client: Client, text: string): Promise<string> =>
  PARTY_ID.test(text) ? text : (await findParty(client, text)).id;

const PARTY_ID = /^party_[0-9a-z]{26}$/;

/** Splits `PARTY=n/d`; a party alone owns everything. */
export function splitShare(text: string): { party: string; share: string } {
  const [, party, share] = /^(.+?)(?:=([^=]*))?$/.exec(text) ?? [];
  if (party === undefined || share === '') {
    throw new RegistryError('usage', `"${text}" names no owner and share.`, {
      field: 'owner',
      fix: 'Write PARTY=n/d, for example --owner "Acme Labs=1/2".',
    });
  }
  return { party, share: share === undefined || share === '1' ? '1/1' : share };
}

/** The owners as they go on record. @throws RegistryError `shares_invalid`, `not_found`, `usage` */
export async function findOwners(
  client: Client,
  texts: readonly string[],
): Promise<{ party: string; share: string }[]> {
  const { requireWhole } = await import('../core/share.ts');
  const owners: { party: string; share: string }[] = [];
  for (const text of texts) {
    const { party, share } = splitShare(text);
    owners.push({ party: (await findParty(client, party)).id, share });
  }
  requireWhole(owners);
  return owners;
}

/** `PARTY:ROLE`, each with one role; a party may be named in several. @throws RegistryError `usage`, `not_found` */
export async function findContributors(client: Client, texts: readonly string[]): Promise<Contributor[]> {
  const { CONTRIBUTOR_ROLES, requireEachOnce } = await import('../core/registry/contributor.ts');
  const contributors: Contributor[] = [];
  for (const text of texts) {
    const [, party, word] = /^(.+):([^:]*)$/.exec(text) ?? [];
    const role = CONTRIBUTOR_ROLES.find((name) => name === word);
    if (party === undefined || role === undefined) {
      throw new RegistryError('usage', `"${text.slice(0, 120)}" names no contributor and role.`, {
        field: 'contributor',
        fix: `Write PARTY:ROLE, with one of ${CONTRIBUTOR_ROLES.join(', ')}.`,
      });
    }
    contributors.push({ party: (await findParty(client, party)).id, role });
  }
  requireEachOnce(contributors);
  return contributors;
}

/**
 * By id or name. Names are free for everybody, so where several datasets bear one, the caller's own come first, and
 * records of the very same files count as one: the earliest.
 * @param own the caller's party, where it is known
 * @throws RegistryError `not_found`; `usage` when datasets of different files bear the name
 */
export async function findDataset(client: Client, text: string, own?: string): Promise<DatasetView> {
  if (/^dataset_[0-9a-z]{26}$/.test(text)) return client.get<DatasetView>(`/v1/datasets/${text}`);
  return chooseDataset(
    (await client.get<DatasetView[]>('/v1/datasets')).filter(({ name }) => name === text),
    text,
    own,
  );
}

/** @param named datasets of that name */
export function chooseDataset(named: readonly DatasetView[], text: string, own: string | undefined): DatasetView {
  const mine = named.filter(({ maker }) => maker === own);
  const found = (mine.length > 0 ? mine : [...named]).sort((a, b) => a.recordedIndex - b.recordedIndex);
  const [first] = found;
  if (first === undefined) {
    throw new RegistryError('not_found', `There is no dataset named "${text}".`, {
      fix: 'See "muniment dataset list".',
    });
  }
  if (found.every(({ manifestDigest }) => manifestDigest === first.manifestDigest)) return first;
  throw new RegistryError('usage', `There are ${found.length} datasets named "${text}", of different files.`, {
    fix: `Use an id: ${found.map(({ id, version, holder }) => `${id} (version ${version}, ${holder.name ?? '(erased)'})`).join(', ')}.`,
  });
}
