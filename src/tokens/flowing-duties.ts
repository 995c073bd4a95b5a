/**
 * What a token says of the duties that flow down to its model: those of the conservative reading, where they are few enough
 * to travel and all of them are known. Where they are not, the token says nothing, since a part would pass for the whole;
 * `GET /v1/models/{id}/obligations` tells more.
 */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import type { LicenseTokenClaims } from '../core/licensing/token-claims.ts';
import { MAX_OBLIGATIONS } from '../core/licensing/token-claims.ts';
import { ObligationsService } from '../licenses/index.ts';

export type TokenObligations = LicenseTokenClaims['authorization_details'][number]['obligations'];
type Actions = LicenseTokenClaims['authorization_details'][number]['actions'];

/** A lineage changes when parents go on record; a minute later its tokens say so. */
const KEPT_MS = 60_000;
const MAX_KEPT = 1000;

@Injectable()
export class FlowingDuties {
  readonly #kept = new Map<string, { at: number; duties: Promise<TokenObligations> }>();

  constructor(private readonly obligations: ObligationsService) {}

  of(model: string, actions: Actions, commercial: boolean): Promise<TokenObligations> {
    const key = `${model} ${String(commercial)} ${actions.join(' ')}`;
    const known = this.#kept.get(key);
    if (known !== undefined && Date.now() - known.at < KEPT_MS) return known.duties;
    const duties = this.#read(model, actions, commercial);
    this.#kept.delete(key);
    if (this.#kept.size >= MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, { at: Date.now(), duties });
    duties.catch(() => this.#kept.delete(key));
    return duties;
  }

  async #read(model: string, action: Actions, commercial: boolean): Promise<TokenObligations> {
    try {
      const { conservative } = await this.obligations.of(model, { action, commercial: commercial ? 'true' : 'false' });
      if (conservative.verdict === 'UNKNOWN') return undefined;
      const duties = conservative.duties.map(({ license, rule, clause }) => ({ license, rule, clause }));
      const each = new Map(duties.map((duty) => [JSON.stringify(duty), duty]));
      return each.size > MAX_OBLIGATIONS ? undefined : [...each.values()];
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'payload_too_large') return undefined;
      throw error;
    }
  }
}
