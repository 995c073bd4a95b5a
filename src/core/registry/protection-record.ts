/**
 * Protection records: by which right an owner holds a model to be protected in a jurisdiction, and how that stands. The
 * registry decides nothing of it: a record is its maker's claim, and what an authority decided is told with a reference
 * under which anybody can ask that authority.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { jurisdiction } from '../jurisdiction.ts';
import { digest, form, id, urn } from '../statement/statement.ts';
import { date } from '../title/dates.ts';
import { kind } from './kind.ts';
import type { Slot } from './rights-record.ts';
import { ownerReads, prose, requireNotAfter, respectOf, requireShare, slotReads, supersede } from './rights-record.ts';

export const LEGAL_BASES = [
  'copyright',
  'patent',
  'trademark',
  'trade-secret',
  'unfair-competition',
  'database-right',
  'contract',
] as const;

export const PROTECTION_STATUSES = ['asserted', 'contested', 'upheld', 'rejected'] as const;

export const SECRECY_LEVELS = ['open', 'confidential', 'secret'] as const;

const shape = {
  registration: id('registration'),
  jurisdiction,
  legalBasis: z.enum(LEGAL_BASES).describe('The right that protects the model'),
  status: z.enum(PROTECTION_STATUSES),
  authority: prose(300).optional().describe('Number of the patent or registration, or the case; who decided'),
  humanContribution: prose(4000).optional().describe('What people contributed to the model'),
  firstDisclosed: date.optional().describe('When the model was first made known'),
  secrecy: z.enum(SECRECY_LEVELS).optional(),
  nda: digest.optional().describe('Of the agreement that binds those who know the model'),
};

const protectionForm = form('protection-record', shape, (_, { registration }) => [urn(registration)]);
export type ProtectionBody = z.infer<typeof protectionForm.body>;

const slotOf = ({ registration, jurisdiction, legalBasis }: ProtectionBody): Slot => ({
  asset: 'registration',
  about: registration,
  respect: respectOf(protectionForm.kind, jurisdiction, legalBasis),
});

export const protectionRecord = kind(protectionForm, {
  aboutTitle: true,
  reads: (spoken) => [...slotReads(spoken, slotOf(spoken.body)), ownerReads(spoken, spoken.body.registration)],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    const changes = supersede(spoken, rows, place, slotOf(body));
    requireShare(spoken, rows, body.registration);
    requireAuthority(body);
    requireNotAfter(common, body.firstDisclosed, 'firstDisclosed');
    return changes;
  },
});

/** An owner claims and is contradicted; that somebody else decided is believed only where one can ask who. */
function requireAuthority({ status, authority }: ProtectionBody): void {
  if (status === 'asserted' || status === 'contested' || authority !== undefined) return;
  throw new RegistryError('authority_missing', `That a protection was ${status} is not an owner's own to say.`, {
    field: 'authority',
    fix: 'Name the case or the registration number under which the authority can be asked.',
  });
}
