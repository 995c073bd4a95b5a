/** Tokens that somebody presents: whether this registry issued them, and whether they still count. */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import type { LicenseTokenClaims } from '../core/licensing/token-claims.ts';
import { claimsDigest } from '../core/licensing/token-claims.ts';
import { stateOf } from '../licenses/index.ts';
import { Config } from '../platform/config/index.ts';
import { sha256 } from '../platform/crypto.ts';
import { DataSource } from '../platform/database/index.ts';
import { Gathered } from './gathered.ts';
import { Issuer } from './issuer.ts';
import { verifyIssued } from './license-token/index.ts';
import { TokenKeys } from './token-keys.ts';
import type { TokenEnd } from './token.schema.ts';
import type { Standing } from './token.store.ts';
import { findStandings } from './token.store.ts';

export interface GenuineToken {
  readonly claims: LicenseTokenClaims;
  readonly standing: Standing;
}

@Injectable()
export class GenuineTokens {
  readonly #standings: Gathered<string, Standing | undefined>;

  constructor(
    private readonly keys: TokenKeys,
    private readonly issuer: Issuer,
    private readonly config: Config,
    database: DataSource,
  ) {
    this.#standings = new Gathered((jtis) => findStandings(database.manager, jtis));
  }

  /**
   * A token that this registry issued, that is in its time and counts; undefined for any other text.
   * @param refused told why, where it is undefined
   * @param even an end in spite of which the token is wanted
   */
  async counting(
    token: string,
    refused: (error: RegistryError) => void,
    even?: TokenEnd,
  ): Promise<GenuineToken | undefined> {
    try {
      return await this.require(token, even);
    } catch (error) {
      if (!(error instanceof RegistryError && error.status === 401)) throw error;
      refused(error);
      return undefined;
    }
  }

  /** @throws RegistryError of status 401 that says what is wrong with the token */
  async require(token: string, even?: TokenEnd): Promise<GenuineToken> {
    const { claims } = verifyIssued(token, await this.keys.verificationKeys(), {
      issuer: this.issuer.url,
      now: Date.now(),
      maxLifetime: this.config.tokenMaxLifetimeSeconds,
    });
    const standing = await this.#standings.ask(claims.jti);
    if (standing?.claimsDigest !== claimsDigest(sha256, claims)) {
      throw new RegistryError('token_foreign', 'The token was signed with the key of the registry, and never issued.', {
        field: 'jti',
      });
    }
    const end = endOf(standing, new Date());
    if (end === undefined || end === even) return { claims, standing };
    throw new TokenEnded(`token_${end}`, `The token, or its grant, is ${end}.`, claims);
  }
}

/** A genuine token that does not count any more. */
export class TokenEnded extends RegistryError {
  constructor(
    code: `token_${TokenEnd}`,
    message: string,
    readonly claims: LicenseTokenClaims,
  ) {
    super(code, message, { fix: 'Ask the licensor.' });
  }
}

/** Why a token does not count although its own times would let it; undefined when it does. */
export function endOf({ revocation, lives }: Standing, now: Date): TokenEnd | undefined {
  if (revocation !== null) return 'revoked';
  const state = stateOf(lives, now);
  if (state === 'active') return undefined;
  return state === 'suspended' ? 'suspended' : 'revoked';
}
