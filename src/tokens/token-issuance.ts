/**
 * How tokens come to be: for a licensee by its credentials, or in exchange for a token that it holds or was handed (RFC
 * 8693). A token leaves only after its row is on disk, so a genuine signature without a row is a stolen key.
 */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { inWords } from '../core/licensing/grant-states.ts';
import type { LicenseTokenClaims } from '../core/licensing/token-claims.ts';
import { claimsDigest, makeClaims, requireHolder } from '../core/licensing/token-claims.ts';
import { Ledger, LogReader } from '../ledger/index.ts';
import { stateOf } from '../licenses/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { judge } from '../platform/auth/index.ts';
import { Config } from '../platform/config/index.ts';
import { newId, newNonce, sha256 } from '../platform/crypto.ts';
import { DataSource } from '../platform/database/index.ts';
import { FlowingDuties } from './flowing-duties.ts';
import { Gathered } from './gathered.ts';
import { GenuineTokens } from './genuine-tokens.ts';
import { Issuer } from './issuer.ts';
import { signLicenseToken } from './license-token/index.ts';
import { StatusLists } from './status-lists.ts';
import { StatusPlaces } from './status-places.ts';
import type { Place } from './status.store.ts';
import { TokenBatches } from './token-batches.ts';
import { TokenKeys } from './token-keys.ts';
import type { TokenRequest, TokenResponse } from './token.schema.ts';
import { ACCESS_TOKEN_TYPE, scopeOf, TOKEN_EXCHANGE, tokenTypeOf } from './token.schema.ts';
import type { IssuableGrant, IssuanceRow } from './token.store.ts';
import { findIssuable, insertIssuances } from './token.store.ts';

/** Seconds, where the client does not say. */
const DEFAULT_LIFETIME = 3600;
const KNOWN_MS = 1000;
const MAX_KNOWN = 10_000;

type Actions = LicenseTokenClaims['authorization_details'][number]['actions'];

/** What an exchanged token may not go beyond, besides its grant. */
interface Bounds {
  readonly actions: Actions;
  /** Seconds since 1970 */
  readonly until: number;
}

@Injectable()
export class TokenIssuance {
  readonly #grants: Gathered<{ grant: string; licensee: string }, IssuableGrant | undefined>;
  readonly #issuances: Gathered<IssuanceRow, boolean>;
  /** Grants in force, for a second: whether one still is, the insert of each token asks again. */
  readonly #known = new Map<string, { at: number; grant: IssuableGrant }>();

  constructor(
    private readonly ledger: Ledger,
    private readonly reader: LogReader,
    private readonly keys: TokenKeys,
    private readonly batches: TokenBatches,
    private readonly places: StatusPlaces,
    private readonly statuses: StatusLists,
    private readonly tokens: GenuineTokens,
    private readonly duties: FlowingDuties,
    private readonly issuer: Issuer,
    private readonly config: Config,
    database: DataSource,
  ) {
    const { manager } = database;
    this.#grants = new Gathered((asked) => findIssuable(manager, asked));
    this.#issuances = new Gathered((rows) => insertIssuances(manager, rows, new Date().toISOString()));
  }

  /**
   * @param holder thumbprint of the key whose possession the client has proven; the token is bound to it
   * @throws RegistryError `scope_missing`, `not_found`, `state_conflict`, `invalid_input`; for an exchange also what is
   *   wrong with the token that is given, `dpop_proof_missing`, `dpop_proof_invalid`, `grant_too_wide`
   */
  async issue(client: Principal, request: TokenRequest, holder?: string): Promise<TokenResponse> {
    judge(client, 'tokens:issue');
    if (request.grant_type === TOKEN_EXCHANGE) return this.#exchange(client, request, holder);
    const grant = await this.#grant(client, request.grant_id);
    return this.#issue(client, grant, request, holder);
  }

  /** The licensee itself narrows its token; another party gets one under what was passed on to it. */
  async #exchange(
    client: Principal,
    request: Extract<TokenRequest, { grant_type: typeof TOKEN_EXCHANGE }>,
    holder: string | undefined,
  ): Promise<TokenResponse> {
    const { claims: given } = await this.tokens.require(request.subject_token);
    requireHolder(given, holder);
    const [details] = given.authorization_details;
    const grant = await this.#grant(client, request.grant_id ?? given.grant_id);
    if (grant.id !== given.grant_id && !grant.above.includes(given.grant_id)) {
      throw new RegistryError(
        'grant_too_wide',
        `The grant ${grant.id} is no part of the one that the token is under.`,
        {
          field: 'grant_id',
        },
      );
    }
    const bounds = { actions: details!.actions, until: given.exp };
    const issued = await this.#issue(client, grant, request, holder, bounds);
    return { ...issued, issued_token_type: ACCESS_TOKEN_TYPE };
  }

  async #grant(client: Principal, id: string): Promise<IssuableGrant> {
    const key = `${id} ${client.partyId}`;
    const known = this.#known.get(key);
    if (known !== undefined && Date.now() - known.at < KNOWN_MS) return known.grant;
    this.#known.delete(key);
    const grant = await this.#grants.ask({ grant: id, licensee: client.partyId });
    if (grant !== undefined) {
      if (this.#known.size >= MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
      if (stateOf(grant.lives, new Date()) === 'active') this.#known.set(key, { at: Date.now(), grant });
      return grant;
    }
    throw new RegistryError('not_found', `There is no grant ${id} to this client's party.`, { field: 'grant_id' });
  }

  async #issue(
    client: Principal,
    grant: IssuableGrant,
    request: TokenRequest,
    holder: string | undefined,
    bounds?: Bounds,
  ): Promise<TokenResponse> {
    const now = new Date();
    requireActive(grant, now);
    const issuedAt = Math.floor(now.getTime() / 1000);
    const { size, root } = await this.reader.checkpoint(grant.recordedIndex + 1);
    const place = await this.places.take();
    const actions = actionsOf(grant, request.scope, bounds?.actions);
    const { commercial } = grant.document.constraints;
    const obligations = await this.duties.of(grant.registrationId, actions, commercial);
    const claims = makeClaims(grant, {
      issuer: this.issuer.url,
      audience: request.audience ?? this.issuer.url,
      jti: newId('token'),
      clientId: client.apiKeyId,
      issuedAt,
      lifetime: this.#lifetime(grant, issuedAt, request.lifetime_seconds, bounds?.until),
      actions,
      ...(obligations === undefined ? {} : { obligations }),
      ...(holder === undefined ? {} : { holder }),
      status: { idx: place.index, uri: this.statuses.uriOf(place.list) },
      tree: { origin: this.ledger.origin, size, root },
    });
    const signer = await this.keys.signer();
    const token = signLicenseToken(claims, signer);
    if (!(await this.#issuances.ask(issuanceOf(claims, signer.kid, place)))) {
      throw inactive(grant.id, 'suspended or terminated');
    }
    this.batches.noteWritten(1);
    return {
      access_token: token,
      token_type: tokenTypeOf(claims),
      expires_in: claims.exp - issuedAt,
      scope: scopeOf(claims),
      jti: claims.jti,
      authorization_details: claims.authorization_details,
    };
  }

  #lifetime({ id, document }: IssuableGrant, issuedAt: number, asked: number | undefined, until = Infinity): number {
    const policy = this.config.tokenMaxLifetimeSeconds;
    const ends = document.expiresAt === null ? Infinity : Math.floor(Date.parse(document.expiresAt) / 1000);
    const longest = Math.min(policy, ends - issuedAt, until - issuedAt);
    if (longest < 1) throw inactive(id, 'expired');
    if (asked === undefined) return Math.min(DEFAULT_LIFETIME, longest);
    if (asked <= longest) return asked;
    throw new RegistryError('invalid_input', `The token may live ${longest} s at most, not ${asked} s.`, {
      field: 'lifetime_seconds',
      fix:
        longest < policy
          ? 'Stay within the term of the grant, and of the token that is exchanged.'
          : 'Ask for a shorter one, and again when it ends.',
    });
  }
}

function actionsOf({ id, document }: IssuableGrant, asked: Actions | undefined, within: Actions | undefined): Actions {
  const allowed = document.actions.filter((action) => within === undefined || within.includes(action));
  if (asked === undefined && allowed.length > 0) return allowed;
  const refused = (asked ?? document.actions).find((action) => !allowed.includes(action));
  if (refused === undefined) return asked!;
  const what = document.actions.includes(refused) ? 'token that is exchanged' : `grant ${id}`;
  throw new RegistryError('invalid_input', `The ${what} does not allow "${refused}".`, { field: 'scope' });
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
