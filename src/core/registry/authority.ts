/**
 * Who may speak for whom. A statement counts when it is meant for this log, when its maker is on record, and when it is
 * signed by a key that was the maker's and in force at that place in the log, or by a one-time key that such a key vouches
 * for. For a party without a key the registry may sign, and the statement says so; once a party has a key of its own,
 * nobody else ever signs for it.
 */
import { RegistryError } from '../errors.ts';
import type { Rows, Spoken } from './kind.ts';
import { need } from './kind.ts';
import { oneTimeKeyReads } from './one-time-key.ts';
import type { RowKey } from './row-keys.ts';
import type { Tables } from './tables.ts';

export const authorityReads = (spoken: Spoken): readonly RowKey[] => [
  ['party', spoken.common.maker],
  ['party_key', spoken.speaker.fingerprint],
  ...oneTimeKeyReads(spoken),
  ...spoken.common.basis.map((digest): RowKey => ['statement', digest]),
];

/** @throws RegistryError `signature_invalid` when the statement was made for another log */
export function requireOrigin({ common }: Spoken, origin: string): void {
  if (common.origin === origin) return;
  throw new RegistryError(
    'signature_invalid',
    `The statement is meant for the log "${common.origin}", not for "${origin}".`,
    {
      field: 'origin',
    },
  );
}

/** @throws RegistryError `signature_invalid`, `key_revoked`, `signature_required`, `not_found`, `basis_stale` */
export function requireAuthority(spoken: Spoken, rows: Rows): void {
  const { common, speaker } = spoken;
  const { fingerprint } = speaker;
  const field = common.signedFor === undefined ? 'signatures.0.keyid' : 'signedFor.key';
  const maker = need(rows, 'party', common.maker, 'maker');
  const key = rows.get('party_key', fingerprint);
  if (key === undefined) {
    throw new RegistryError('signature_invalid', `The signing key ${fingerprint} is not on record.`, {
      field,
      fix: 'Register the key first: "muniment keygen --register".',
    });
  }
  if (key.revokedIndex !== null) {
    const since = `entry ${key.revokedIndex} (${key.revokedReason})`;
    throw new RegistryError('key_revoked', `The signing key ${fingerprint} was ended by ${since}.`, {
      field,
      fix: 'Sign with a key of the party that is in force; "muniment keys list" shows which are.',
    });
  }
  if (common.attestedBy === 'registry') {
    if (!isRegistry(need(rows, 'party', key.partyId, field))) {
      throw new RegistryError('signature_invalid', 'Only the registry may attest for another party.', {
        field: 'attestedBy',
      });
    }
    if (maker.keyed) {
      throw new RegistryError('signature_required', `The party ${maker.id} has a key and speaks for itself.`, {
        field: 'attestedBy',
        fix: "Sign the statement with the party's own key.",
      });
    }
  } else if (key.partyId !== maker.id) {
    throw new RegistryError('signature_invalid', `The signing key belongs to another party than ${maker.id}.`, {
      field,
    });
  }
  for (const digest of common.basis) {
    if (rows.statementIndex(digest) === undefined) {
      throw new RegistryError('basis_stale', `The basis names ${digest}, which is not on record.`, { field: 'basis' });
    }
  }
}

export const isRegistry = (party: Tables['party']): boolean => party.roles.includes('registrar');

/** @throws RegistryError `forbidden` unless the maker is the registry itself */
export function requireRegistry(spoken: Spoken, rows: Rows): void {
  if (!isRegistry(need(rows, 'party', spoken.common.maker, 'maker'))) {
    throw new RegistryError('forbidden', `Only the registrar may make a statement of the kind "${spoken.kind.kind}".`, {
      field: 'maker',
    });
  }
}
