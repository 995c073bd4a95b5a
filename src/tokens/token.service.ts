/**
 * License tokens from issue to end. A token leaves only after its row is on disk, so a genuine signature without a row
 * is a stolen key; and it counts while neither it nor its grant is revoked, whatever the token itself says.
 */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { RegistryError } from '../core/errors.ts';
import { inWords } from '../core/licensing/grant-states.ts';
import type { LicenseTokenClaims } from '../core/licensing/token-claims.ts';
import { claimsDigest, makeClaims } from '../core/licensing/token-claims.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency } from '../ledger/index.ts';
import { Ledger, LogReader } from '../ledger/index.ts';
import type { Revoke } from '../licenses/index.ts';
import { GrantService, readerOf, stateOf } from '../licenses/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { judge } from '../platform/auth/index.ts';
import { Config } from '../platform/config/index.ts';
import { newId, newNonce, sha256 } from '../platform/crypto.ts';
import { Gathered } from './gathered.ts';
import { Issuer } from './issuer.ts';
import { signLicenseToken, verifyIssued } from './license-token/index.ts';
import { StatusLists } from './status-lists.ts';
import { StatusPlaces } from './status-places.ts';
import type { Place } from './status.store.ts';
import { TokenBatches } from './token-batches.ts';
import { TokenKeys } from './token-keys.ts';
import type { Introspection, TokenEnd, TokenRequest, TokenResponse, TokenView } from './token.schema.ts';
import { CLIENT_CREDENTIALS } from './token.schema.ts';
import type { IssuableGrant, IssuanceRow, Standing } from './token.store.ts';
import { findIssuable, findStandings, findToken, insertIssuances } from './token.store.ts';

/** Seconds, where the client does not say. */
const DEFAULT_LIFETIME = 3600;

@Injectable()
export class TokenService {
  readonly #grants: Gathered<{ grant: string; licensee: string }, IssuableGrant | undefined>;
  readonly #issuances: Gathered<IssuanceRow, boolean>;
  readonly #standings: Gathered<string, Standing | undefined>;

  constructor(
    private readonly ledger: Ledger,
    private readonly reader: LogReader,
    private readonly licenses: GrantService,
    private readonly keys: TokenKeys,
    private readonly batches: TokenBatches,
    private readonly places: StatusPlaces,
    private readonly statuses: StatusLists,
    private readonly issuer: Issuer,
    private readonly config: Config,
    private readonly database: DataSource,
  ) {
    const { manager } = database;
    this.#grants = new Gathered((asked) => findIssuable(manager, asked));
    this.#issuances = new Gathered((rows) => insertIssuances(manager, rows, new Date().toISOString()));
    this.#standings = new Gathered((jtis) => findStandings(manager, jtis));
  }

  /** @throws RegistryError `scope_missing`, `unsupported_grant_type`, `not_found`, `state_conflict`, `invalid_input` */
  async issue(client: Principal, request: TokenRequest): Promise<TokenResponse> {
    judge(client, 'tokens:issue');
    if (request.grant_type !== CLIENT_CREDENTIALS) {
      throw new RegistryError('unsupported_grant_type', `Tokens are issued for ${CLIENT_CREDENTIALS} alone.`, {
        field: 'grant_type',
      });
    }
    const now = new Date();
    const grant = await this.#grants.ask({ grant: request.grant_id, licensee: client.partyId });
    if (grant === undefined) {
      throw new RegistryError('not_found', `There is no grant ${request.grant_id} to this client's party.`, {
        field: 'grant_id',
      });
    }
    requireActive(grant, now);
    const issuedAt = Math.floor(now.getTime() / 1000);
    const { size, root } = await this.reader.checkpoint(grant.recordedIndex + 1);
    const place = await this.places.take();
    const claims = makeClaims(grant, {
      issuer: this.issuer.url,
      audience: request.audience ?? this.issuer.url,
      jti: newId('token'),
      clientId: client.apiKeyId,
      issuedAt,
      lifetime: this.#lifetime(grant, issuedAt, request.lifetime_seconds),
      actions: actionsOf(grant, request.scope),
      status: { idx: place.index, uri: this.statuses.uriOf(place.list) },
      tree: { origin: this.ledger.origin, size, root },
    });
    const signer = await this.keys.signer();
    const token = signLicenseToken(claims, signer);
    if (!(await this.#issuances.ask(issuanceOf(claims, signer.kid, place)))) {
      throw inactive(grant.id, 'suspended or terminated');
    }
    this.batches.noteIssued(1);
    return {
      access_token: token,
      token_type: 'Bearer',
      expires_in: claims.exp - issuedAt,
      scope: scopeOf(claims),
      jti: claims.jti,
      authorization_details: claims.authorization_details,
    };
  }

  /**
   * RFC 7662: who presents the genuine token may ask, since a resource server is seldom a side of the grant, and what it
   * is told stands in the token that it holds. Whatever is wrong with a token, the answer is the same (§2.2).
   */
  async introspect(server: Principal, token: string): Promise<Introspection> {
    judge(server, 'read');
    const known = await this.#genuine(token);
    if (known === undefined || endOf(known.standing, new Date()) !== undefined) return { active: false };
    return { active: true, token_type: 'Bearer', scope: scopeOf(known.claims), ...known.claims };
  }

  /**
   * RFC 7009: after this the token is not valid. One that is not valid already needs nothing.
   * @throws RegistryError `scope_missing`, `forbidden` for a client that is no side of the token's grant
   */
  async revokePresented(client: Principal, token: string): Promise<void> {
    judge(client, 'tokens:issue');
    const known = await this.#genuine(token);
    if (known === undefined || endOf(known.standing, new Date()) !== undefined) return;
    const { standing } = known;
    if (!isSide(client, standing)) throw new RegistryError('forbidden', 'The token was issued to another client.');
    try {
      await this.licenses.endToken(client, standing.jti, standing.grant);
    } catch (error) {
      // Somebody else ended it in the same moment.
      if (!(error instanceof RegistryError && error.code === 'state_conflict')) throw error;
    }
  }

  /** @throws RegistryError `not_found`, also for a token between other parties */
  async revoke(principal: Principal, jti: string, write: Revoke, idempotency: Idempotency): Promise<Receipt> {
    const { grant } = await this.#find(principal, jti, { owners: true });
    return this.licenses.revokeToken(principal, { jti, grant }, write, idempotency);
  }

  /** @throws RegistryError `not_found`, also for a token between other parties */
  async get(principal: Principal, jti: string): Promise<TokenView> {
    const standing = await this.#find(principal, jti, { owners: false });
    const { grant, licensor, licensee, kid, issuedAt, expiresAt, revocation } = standing;
    const now = new Date();
    const expired = now.getTime() >= expiresAt * 1000;
    return {
      jti,
      grant,
      licensor,
      licensee,
      kid,
      issuedAt: new Date(issuedAt * 1000).toISOString(),
      expiresAt: new Date(expiresAt * 1000).toISOString(),
      state: expired ? 'expired' : (endOf(standing, now) ?? 'active'),
      revocation,
      issuance: await this.batches.prove(standing),
    };
  }

  /** The claims of a token that this registry issued and that is in its time; undefined for any other text. */
  async #genuine(token: string): Promise<{ claims: LicenseTokenClaims; standing: Standing } | undefined> {
    const keys = await this.keys.verificationKeys();
    let claims: LicenseTokenClaims;
    try {
      ({ claims } = verifyIssued(token, keys, {
        issuer: this.issuer.url,
        now: Date.now(),
        maxLifetime: this.config.tokenMaxLifetimeSeconds,
      }));
    } catch (error) {
      if (error instanceof RegistryError && error.status === 401) return undefined;
      throw error;
    }
    const standing = await this.#standings.ask(claims.jti);
    return standing?.claimsDigest === claimsDigest(sha256, claims) ? { claims, standing } : undefined;
  }

  async #find(principal: Principal, jti: string, also: { owners: boolean }): Promise<Standing> {
    const found = await findToken(this.database.manager, readerOf(principal), jti, also);
    if (found === undefined) throw new RegistryError('not_found', `There is no token ${jti}.`, { field: 'jti' });
    return found;
  }

  #lifetime({ id, document }: IssuableGrant, issuedAt: number, asked: number | undefined): number {
    const policy = this.config.tokenMaxLifetimeSeconds;
    const ends = document.expiresAt === null ? Infinity : Math.floor(Date.parse(document.expiresAt) / 1000);
    const longest = Math.min(policy, ends - issuedAt);
    if (longest < 1) throw inactive(id, 'expired');
    if (asked === undefined) return Math.min(DEFAULT_LIFETIME, longest);
    if (asked <= longest) return asked;
    throw new RegistryError('invalid_input', `The token may live ${longest} s at most, not ${asked} s.`, {
      field: 'lifetime_seconds',
      fix: longest < policy ? 'Stay within the term of the grant.' : 'Ask for a shorter one, and again when it ends.',
    });
  }
}

function actionsOf({ id, document }: IssuableGrant, asked: TokenRequest['scope']): TokenRequest['scope'] & object {
  if (asked === undefined) return document.actions;
  const refused = asked.find((action) => !document.actions.includes(action));
  if (refused === undefined) return asked;
  throw new RegistryError('invalid_input', `The grant ${id} does not allow "${refused}".`, { field: 'scope' });
}

const issuanceOf = (claims: LicenseTokenClaims, kid: string, place: Place): IssuanceRow => ({
  jti: claims.jti,
  grant: claims.grant_id,
  licensee: claims.sub,
  kid,
  claimsDigest: claimsDigest(sha256, claims),
  issuedAt: claims.iat,
  expiresAt: claims.exp,
  salt: newNonce(),
  statusList: place.list,
  statusIndex: place.index,
});

const scopeOf = ({ authorization_details }: LicenseTokenClaims): string =>
  authorization_details.flatMap(({ actions }) => actions).join(' ');

const isSide = ({ partyId, roles }: Principal, { licensor, licensee }: Standing): boolean =>
  roles.length > 0 || partyId === licensor || partyId === licensee;

/** Why a token does not count although its own times would let it; undefined when it does. */
function endOf({ revocation, lives }: Standing, now: Date): TokenEnd | undefined {
  if (revocation !== null) return 'revoked';
  const state = stateOf(lives, now);
  if (state === 'active') return undefined;
  return state === 'suspended' ? 'suspended' : 'revoked';
}

function requireActive({ id, lives }: IssuableGrant, now: Date): void {
  const state = stateOf(lives, now);
  if (state === 'offered') throw inactive(id, 'only offered', 'Accept it first.');
  if (state !== 'active') throw inactive(id, inWords(state));
}

const inactive = (id: string, state: string, fix?: string): RegistryError =>
  new RegistryError('state_conflict', `The grant ${id} is ${state}.`, {
    field: 'grant_id',
    ...(fix === undefined ? {} : { fix }),
  });
