/**
 * Who may fetch stored weights: an owner with its API key, and whoever shows a license token that is meant for the
 * registry and lets the weights leave it. Each access is written down before the first byte leaves, where the log commits
 * to it, and how much left when it ends.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RegistryError } from '../core/errors.ts';
import type { LicenseTokenClaims } from '../core/licensing/token-claims.ts';
import { requireAudience, requireHolder } from '../core/licensing/token-claims.ts';
import { ModelService } from '../models/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { judge } from '../platform/auth/index.ts';
import { newNonce } from '../platform/crypto.ts';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import type { StoredArtifact } from '../platform/storage/index.ts';
import type { About } from '../tokens/index.ts';
import { GenuineTokens, Holders, Issuer, Refusals } from '../tokens/index.ts';
import { AccessBatches } from './access-batches.ts';
import type { AccessQuery, AccessView, ProvenAccess } from './artifact.schema.ts';
import { accessView } from './artifact.schema.ts';
import type { Access } from './artifact.store.ts';
import { findAccess, insertAccess, insertDelivery, listAccesses } from './artifact.store.ts';

/** Actions that need the weights at hand; to infer, a service that hosts them is enough, and to distill, its outputs. */
const WITH_WEIGHTS: readonly string[] = ['fine-tune', 'redistribute', 'host'];

/** Who fetches, by what right. */
export type Fetcher = Pick<Access, 'apiKey' | 'grant' | 'party' | 'token'>;

export interface Fetched {
  readonly artifact: StoredArtifact;
  readonly access: Omit<Access, 'firstByte' | 'lastByte' | 'salt'>;
}

const CREDENTIALS = /^(Bearer|DPoP) ([A-Za-z0-9._~+/-]+=*)$/i;

@Injectable()
export class ArtifactService {
  constructor(
    private readonly models: ModelService,
    private readonly tokens: GenuineTokens,
    private readonly holders: Holders,
    private readonly issuer: Issuer,
    private readonly refusals: Refusals,
    private readonly batches: AccessBatches,
    @Inject(LOG) private readonly log: Log,
    private readonly database: DataSource,
  ) {}

  /**
   * @param principal whose API key came with the request, if one did
   * @throws RegistryError `unauthenticated`, `scope_missing`; what is wrong with a license token; `forbidden` for a token
   *   that does not let the weights leave; `not_found`, the same for a model that is not there, not the caller's, or not
   *   kept here
   */
  async open(id: string, principal: Principal | undefined, request: FastifyRequest): Promise<Fetched> {
    const fetcher = principal === undefined ? await this.#byToken(id, request) : await this.#byApiKey(id, principal);
    const kept = fetcher && (await this.models.keptArtifact(id));
    if (!kept)
      throw new RegistryError('not_found', `There are no weights of ${id} that you may fetch.`, { field: 'id' });
    const { artifact, fileDigest } = kept;
    return { artifact, access: { registration: id, fileDigest, ...fetcher } };
  }

  /** The bytes from `start` to before `end`, written down. */
  async deliver({ artifact, access }: Fetched, start: number, end: number): Promise<AsyncGenerator<Uint8Array>> {
    const whole = start === 0 && end === artifact.size;
    const number = await insertAccess(this.database.manager, {
      ...access,
      firstByte: whole ? null : start,
      lastByte: whole ? null : end - 1,
      salt: newNonce(),
    });
    this.batches.noteWritten(1);
    return this.#counted(number, artifact.stream(start, end), end - start);
  }

  /** Owners, registrar and auditors see all accesses; everybody else its own. */
  async accesses(principal: Principal, id: string, query: AccessQuery): Promise<AccessView[]> {
    await this.models.get(id);
    return listAccesses(this.database.manager, id, await this.#readerOf(principal, id), query);
  }

  /** @throws RegistryError `not_found`, also for an access that the caller may not see */
  async access(principal: Principal, id: string, number: number): Promise<ProvenAccess> {
    const found = await findAccess(this.database.manager, id, await this.#readerOf(principal, id), number);
    if (found === undefined) {
      throw new RegistryError('not_found', `There is no access ${number} to ${id}.`, { field: 'number' });
    }
    return { ...accessView.strip().parse(found), proof: await this.batches.prove(found) };
  }

  /** Null for who sees the accesses of everybody. */
  async #readerOf({ partyId, roles }: Principal, id: string): Promise<string | null> {
    return roles.length > 0 || (await this.models.isOwner(id, partyId)) ? null : partyId;
  }

  async #byApiKey(id: string, principal: Principal): Promise<Fetcher | undefined> {
    judge(principal, 'read');
    const { partyId, apiKeyId } = principal;
    if (!(await this.models.isOwner(id, partyId))) return undefined;
    return { party: partyId, apiKey: apiKeyId, token: null, grant: null };
  }

  #byToken(id: string, request: FastifyRequest): Promise<Fetcher> {
    return this.refusals.watch('artifact', async (about) => {
      const claims = await this.#shown(request, about);
      const [details] = claims.authorization_details;
      if (details!.model.id !== id) {
        throw new RegistryError('forbidden', 'The token is for another model.', { field: 'model' });
      }
      if (!details!.actions.some((action) => WITH_WEIGHTS.includes(action))) {
        throw new RegistryError(
          'forbidden',
          `The token allows none of ${WITH_WEIGHTS.join(', ')}: the weights stay here.`,
          {
            field: 'actions',
            fix: 'Use the model where it is hosted, or ask its owner for a wider license.',
          },
        );
      }
      return { party: claims.sub, apiKey: claims.client_id, token: claims.jti, grant: claims.grant_id };
    });
  }

  /** What the token says that came with the request, when it counts and comes from whom it is bound to. */
  async #shown(request: FastifyRequest, about: About): Promise<LicenseTokenClaims> {
    const [, scheme, token] = CREDENTIALS.exec(request.headers.authorization ?? '') ?? [];
    // An API key has no dot; one that is not known leaves no principal behind.
    if (scheme === undefined || token === undefined || !token.includes('.')) throw unauthenticated();
    const { claims } = await this.tokens.require(token);
    about.claims = claims;
    requireAudience(claims, this.issuer.url);
    requireHolder(claims, await this.holders.of(request, token));
    if ((claims.cnf === undefined) !== (scheme.toLowerCase() === 'bearer')) throw wrongScheme(claims.cnf !== undefined);
    return claims;
  }

  async *#counted(access: number, content: AsyncGenerator<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    try {
      for await (const chunk of content) {
        yield chunk;
        bytes += chunk.length;
      }
    } finally {
      await this.#note({ access, bytes, complete: bytes === size });
    }
  }

  /** The answer is on its way already; that its end could not be written down must not break it. */
  async #note(delivery: { access: number; bytes: number; complete: boolean }): Promise<void> {
    try {
      await insertDelivery(this.database.manager, delivery);
    } catch (err) {
      this.log.error({ err, ...delivery }, 'how much of the weights left could not be written down');
    }
  }
}

const unauthenticated = (): RegistryError =>
  new RegistryError('unauthenticated', 'This needs an API key of an owner, or a license token.', {
    fix: 'Send it as "Authorization: Bearer …", a token that is bound to a key as "Authorization: DPoP …".',
  });

const wrongScheme = (bound: boolean): RegistryError =>
  new RegistryError('dpop_proof_invalid', `The token is ${bound ? '' : 'not '}bound to a key.`, {
    field: 'authorization',
    fix: `Send it as "Authorization: ${bound ? 'DPoP' : 'Bearer'} …".`,
  });
