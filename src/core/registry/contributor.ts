/**
 * Contributors: the parties that a registration names for what they did for a model, apart from its owners. Being named
 * gives nobody a share and takes none away. It is the word of whoever registers: the parties named do not sign.
 *
 * For a model out of a run the run's own record proposes them, so that nobody is left out who only forgot to ask.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { id } from '../statement/statement.ts';
import type { Place, Rows } from './kind.ts';
import { need } from './kind.ts';
import type { RunBody } from './run.ts';
import type { RowChange } from './tables.ts';
import { put } from './tables.ts';

export const CONTRIBUTOR_ROLES = ['creator', 'data-provider', 'compute-provider', 'funder'] as const;
export type ContributorRole = (typeof CONTRIBUTOR_ROLES)[number];

export interface Contributor {
  party: string;
  role: ContributorRole;
}

export const contributorList = z
  .array(z.strictObject({ party: id('party'), role: z.enum(CONTRIBUTOR_ROLES) }))
  .max(1000);

/** At least one: a statement that names nobody has no such member, and no second way to say so. */
export const contributorsSchema = contributorList
  .min(1)
  .describe('Who contributed, each party and role once; they own nothing by that');

/** @throws RegistryError `not_found` for a party that is not on record, `invalid_input` for one named twice in a role */
export function requireContributors(contributors: readonly Contributor[], rows: Rows): void {
  requireEachOnce(contributors);
  for (const [i, { party }] of contributors.entries()) need(rows, 'party', party, `contributors.${i}.party`);
}

/** @throws RegistryError `invalid_input` */
export function requireEachOnce(contributors: readonly Contributor[]): void {
  const named = new Set<string>();
  for (const [i, { party, role }] of contributors.entries()) {
    if (named.size === named.add(`${party} ${role}`).size) {
      throw new RegistryError('invalid_input', `The party ${party} is named as ${role} twice.`, {
        field: `contributors.${i}`,
        fix: 'Name each party once in each of its roles.',
      });
    }
  }
}

/** The members of a registration that names these, or nobody. */
export const withContributors = <T extends object>(
  rest: T,
  contributors: Contributor[],
): T & { contributors?: Contributor[] } => (contributors.length === 0 ? rest : { ...rest, contributors });

export const contributorRows = (
  registrationId: string,
  contributors: readonly Contributor[],
  place: Place,
): RowChange[] =>
  contributors.map(({ party, role }) => put('contributor', { registrationId, partyId: party, role, ...place }));

/** What a proposal is drawn from: the signed records of a run and of its dataset. */
export interface ProposalBasis {
  readonly run: Pick<RunBody, 'compute' | 'owner'>;
  readonly dataset: {
    readonly maker: string;
    readonly holder: { readonly party: string | null };
    readonly license: { readonly status: 'asserted' | 'granted' };
  };
}

/**
 * Whoever started the run as creator, whoever holds the data, and whose workers trained. A holder who is not on record
 * cannot be named; a maker that grants the license says by that to be the holder.
 */
export function proposeContributors({ run, dataset }: ProposalBasis): Contributor[] {
  const { maker, holder, license } = dataset;
  const provider = holder.party ?? (license.status === 'granted' ? maker : null);
  const workers = new Set((run.compute.workers ?? []).map(({ party }) => party));
  return [
    { party: run.owner, role: 'creator' },
    ...(provider === null ? [] : [{ party: provider, role: 'data-provider' as const }]),
    ...[...workers].map((party) => ({ party, role: 'compute-provider' as const })),
  ];
}
