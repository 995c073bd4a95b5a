/**
 * Whether a license token lets a model be used for what it is about to be used for. A limit that the gate is told nothing
 * about is not kept: who serves in an unknown country does not serve in the ones that were granted.
 */
import type { ACTIONS } from '../core/licensing/actions.ts';
import { RegistryError } from '../core/errors.ts';
import type { LicenseTokenClaims } from '../core/licensing/token-claims.ts';

export type Action = (typeof ACTIONS)[number];

export interface Purpose {
  readonly action: Action;
  /** Where the model is used, ISO 3166-1 alpha-2 */
  readonly territory?: string;
  /** In the words of the license */
  readonly fieldOfUse?: string;
  readonly commercial: boolean;
}

/** What is served: the registration, and the digest of what really lies on the disk where that is known. */
export interface ServedModel {
  readonly id: string;
  readonly digest?: string;
}

/** @throws RegistryError `use_not_licensed`, whose field names the limit */
export function requireLicensed(
  { authorization_details: [details] }: LicenseTokenClaims,
  model: ServedModel,
  purpose: Purpose,
): void {
  const { model: licensed, actions, constraints } = details!;
  if (licensed.id !== model.id) throw refused('model', 'The license is for another model.');
  const digest = 'weight_digest' in licensed ? licensed.weight_digest : licensed.file_digest;
  if (model.digest !== undefined && model.digest !== digest) {
    throw refused('model', 'The license is for other weights than those that are served.');
  }
  if (!actions.includes(purpose.action)) throw refused('action', `The license does not allow to ${purpose.action}.`);
  // Whoever does not say is taken at the widest, in JavaScript too.
  if (purpose.commercial !== false && !constraints.commercial)
    throw refused('commercial', 'The license is not for commercial use.');
  const { territory, field_of_use: field } = constraints;
  if (territory !== null && !(purpose.territory !== undefined && territory.includes(purpose.territory))) {
    throw refused('territory', `The license is for ${territory.join(', ')} alone.`);
  }
  if (field !== null && purpose.fieldOfUse !== field)
    throw refused('field_of_use', `The license is for "${field}" alone.`);
}

const refused = (field: string, message: string): RegistryError =>
  new RegistryError('use_not_licensed', message, { field, fix: 'Ask the licensor for a wider license.' });
