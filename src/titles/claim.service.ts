/** Adverse claims: filed, acted on, and shown beside the title that they go against. */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import type { AdverseClaimBody } from '../core/registry/adverse-claim.ts';
import { adverseClaim, adverseClaimAct } from '../core/registry/index.ts';
import { add, formatShare, NOTHING, parseShare } from '../core/share.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Moment } from '../core/title/chain.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { ClaimActWrite, ClaimQuery, ClaimsView, ClaimView } from './claim.schema.ts';
import { findClaim, listClaims, standingClaims } from './claim.store.ts';

/** Shown with one title. Anybody on record may file many, and their exact sum costs more with each. */
const MAX_SHOWN = 100;

@Injectable()
export class ClaimService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  file(principal: Principal, write: Write<AdverseClaimBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(adverseClaim, principal, write, { idempotency });
  }

  act(principal: Principal, id: string, write: ClaimActWrite, idempotency: Idempotency): Promise<Receipt> {
    if ('payload' in write) {
      return this.ledger.accept(adverseClaimAct, principal, write, { idempotency, speaksOf: { claim: id } });
    }
    const { id: own, ...said } = write;
    const attested = { maker: principal.partyId, id: own, body: { claim: id, ...said } };
    return this.ledger.attest(adverseClaimAct, attested, { idempotency });
  }

  /** @throws RegistryError `not_found` */
  async get(id: string): Promise<ClaimView> {
    const found = await findClaim(this.database.manager, id);
    if (found === undefined) throw new RegistryError('not_found', `There is no claim ${id}.`, { field: 'id' });
    return found;
  }

  list(query: ClaimQuery): Promise<ClaimView[]> {
    return listClaims(this.database.manager, query);
  }

  /** What was claimed of an asset at the moment. */
  async standing(asset: string, moment: Moment): Promise<ClaimsView> {
    const found = await standingClaims(this.database.manager, asset, moment, MAX_SHOWN + 1);
    const standing = found.slice(0, MAX_SHOWN);
    const sum = standing.reduce((sum, { share }) => add(sum, parseShare(share)), NOTHING);
    return { sum: formatShare(sum), standing, more: found.length > MAX_SHOWN };
  }
}
