/**
 * The check in front of a model that is served: whether the license token that came with a request lets it be used for
 * this. It knows the registry's keys and status lists and asks nothing before a request is answered; how long ago a token
 * may have ended unnoticed is stated by `maxStaleness`.
 */
import { RegistryError } from '../core/errors.ts';
import type { LicenseTokenClaims } from '../core/licensing/token-claims.ts';
import { requireAudience, requireHolder } from '../core/licensing/token-claims.ts';
import type { TokenStatus } from '../core/licensing/status-list.ts';
import { verifyProof } from '../tokens/dpop/index.ts';
import type { VerificationKeys } from '../tokens/license-token/index.ts';
import { verifyIssued } from '../tokens/license-token/index.ts';
import type { StatusList } from '../tokens/status-list/index.ts';
import { readStatusList, requireCounts, requireFresh } from '../tokens/status-list/index.ts';
import type { MeterOptions } from './meter.ts';
import { Meter } from './meter.ts';
import type { Purpose, ServedModel } from './purpose.ts';
import { requireLicensed } from './purpose.ts';
import type { Sources } from './sources.ts';
import { bundledSources, onlineSources } from './sources.ts';

export interface GateOptions {
  /** The registry's address: who issued the tokens, and who is asked for its keys and lists */
  readonly registry: string;
  /** Under which name this service accepts tokens; usually its own address */
  readonly audience: string;
  readonly model: ServedModel;
  /** What a request is for */
  readonly purpose: (request: GateRequest) => Purpose;
  /** Seconds that may have passed since the registry signed what is known about a token; 120 where nothing is said */
  readonly maxStaleness?: number;
  /** Seconds that a token may live; 86,400 where nothing is said */
  readonly maxLifetime?: number;
  /** A bundle in place of the registry, for a machine without a network */
  readonly bundle?: string;
  /** The address under which clients reach this service, for tokens that are bound to a key */
  readonly publicUrl?: string;
  /** How uses are counted; without it, tokens with a quota are refused */
  readonly usage?: Pick<MeterOptions, 'apiKey' | 'journal'> & Partial<Omit<MeterOptions, 'registry'>>;
}

export interface GateRequest {
  readonly method: string;
  /** Path and query */
  readonly url: string;
  readonly headers: Readonly<Record<string, string[] | string | undefined>>;
}

export interface Admission {
  readonly claims: LicenseTokenClaims;
  /** `disputed`: valid, with notice of a dispute */
  readonly status: TokenStatus;
}

const MAX_STALENESS = 120;
const MAX_LIFETIME = 86_400;
const PROOF_WINDOW = 60;
/** Node's timers fire at once beyond 2^31 - 1 ms. */
const MAX_TIMER_SECONDS = 2_147_483;
const METERING = {
  blockCalls: 100,
  reportSeconds: 10,
  idleSeconds: 300,
  onError: (error: unknown) => process.emitWarning(error instanceof Error ? error : String(error)),
};

/** What may be wrong with a list that was kept, and not with the one that there is now. */
const LOOKED_AT_AGAIN: ReadonlySet<string> = new Set(['status_stale', 'token_key_unknown']);

const CREDENTIALS = /^(Bearer|DPoP) ([A-Za-z0-9._~+/-]+=*)$/i;

/** A list that nobody can check is a fault of whoever serves it: the token may be as good as any. */
function ofUnknownKey(error: unknown): never {
  if (!(error instanceof RegistryError && error.code === 'token_key_unknown')) throw error;
  throw new RegistryError(
    'status_list_invalid',
    'The status list is signed by a key that the registry does not publish.',
    {
      cause: error,
    },
  );
}

export class Gate {
  readonly #sources: Sources;
  readonly #meter: Meter | undefined;
  readonly #maxStaleness: number;
  /** Lists that were found to be signed by keys that still count */
  readonly #lists = new Map<string, { signed: string; keys: VerificationKeys; list: StatusList }>();
  /** Proofs that were shown, and until when each could be shown again; none that were made before it began, in seconds */
  readonly #shown = new Map<string, number>();
  readonly #since = Math.floor(Date.now() / 1000);

  private readonly options: GateOptions;

  /** @throws RegistryError `configuration_invalid` */
  constructor(options: GateOptions) {
    requireOptions(options);
    this.options = {
      ...options,
      registry: withoutSlash(options.registry),
      ...(options.publicUrl === undefined ? {} : { publicUrl: withoutSlash(options.publicUrl) }),
    };
    const { registry, bundle, usage } = this.options;
    this.#maxStaleness = options.maxStaleness ?? MAX_STALENESS;
    this.#sources =
      bundle === undefined ? onlineSources(registry, (this.#maxStaleness * 1000) / 2) : bundledSources(bundle);
    this.#meter = usage && new Meter({ ...METERING, ...usage, registry });
  }

  /**
   * Admits a request, and counts it.
   * @throws RegistryError `unauthenticated` without a token, what is wrong with one, `use_not_licensed`,
   *   `quota_exceeded`; `status_stale` and `unreachable` where nothing recent is known
   */
  async admit(request: GateRequest): Promise<Admission> {
    const { audience, model, purpose } = this.options;
    const now = Date.now();
    const { token, scheme } = credentialsOf(request);
    const claims = await this.#verified(token, now);
    requireAudience(claims, audience);
    await this.#requireHolder(claims, request, token, scheme, now);
    const status = requireCounts(claims, await this.#list(claims.status.status_list.uri));
    const use = purpose(request);
    requireLicensed(claims, model, use);
    await this.#count(claims, use, token);
    return { claims, status };
  }

  /** Reports what was used, and gives back what was leased. */
  async close(): Promise<void> {
    await this.#meter?.close();
  }

  async #verified(token: string, now: number): Promise<LicenseTokenClaims> {
    const expected = { issuer: this.options.registry, now, maxLifetime: this.options.maxLifetime ?? MAX_LIFETIME };
    return this.#byKeys((keys) => verifyIssued(token, keys, expected).claims);
  }

  /** By the keys that are known, and by those that the registry has now where a key is not among them. */
  async #byKeys<Judged>(judge: (keys: VerificationKeys) => Judged): Promise<Judged> {
    try {
      return judge(await this.#sources.keys());
    } catch (error) {
      if (!(error instanceof RegistryError && error.code === 'token_key_unknown')) throw error;
      // A key may have been made since.
      return judge(await this.#sources.keys(true));
    }
  }

  async #list(uri: string): Promise<StatusList> {
    try {
      return await this.#freshList(uri);
    } catch (error) {
      if (!(error instanceof RegistryError && LOOKED_AT_AGAIN.has(error.code))) throw error;
      // Where nobody asked for a while, what was kept has aged meanwhile, or its key has been retired.
      return this.#freshList(uri, true).catch(ofUnknownKey);
    }
  }

  /** The signature of a list is checked once, its age each time. */
  async #freshList(uri: string, past = false): Promise<StatusList> {
    const signed = await this.#sources.list(uri, past);
    const read = await this.#byKeys((keys) => {
      const known = this.#lists.get(uri);
      if (known?.signed === signed && known.keys === keys) return known;
      return { signed, keys, list: readStatusList(signed, { keys, issuer: this.options.registry, uri }) };
    });
    this.#lists.set(uri, read);
    // It may have been signed since the request came.
    requireFresh(read.list, { now: Date.now(), maxStaleness: this.#maxStaleness });
    return read.list;
  }

  async #requireHolder(
    claims: LicenseTokenClaims,
    { method, url, headers }: GateRequest,
    token: string,
    scheme: string,
    now: number,
  ): Promise<void> {
    if (claims.cnf === undefined) {
      if (scheme !== 'dpop') return;
      throw new RegistryError('dpop_proof_invalid', 'The token is not bound to a key.', {
        field: 'authorization',
        fix: 'Send it as "Authorization: Bearer …".',
      });
    }
    const { publicUrl } = this.options;
    if (publicUrl === undefined) {
      throw new RegistryError('configuration_invalid', 'This service cannot check tokens that are bound to a key.', {
        field: 'publicUrl',
      });
    }
    const proof = headers['dpop'];
    if (proof === undefined || scheme !== 'dpop') return requireHolder(claims, undefined);
    const expected = { method, url: publicUrl + url, now, window: PROOF_WINDOW, since: this.#since, token };
    const shown = await verifyProof(String(proof), expected);
    requireHolder(claims, shown.holder);
    const seconds = Math.floor(now / 1000);
    // They come about in the order in which they end: none of all that follow has to be looked at.
    for (const [once, until] of this.#shown) {
      if (until >= seconds) break;
      this.#shown.delete(once);
    }
    if (this.#shown.has(shown.once)) {
      throw new RegistryError('dpop_proof_replayed', 'The proof of possession was shown before.', { field: 'jti' });
    }
    this.#shown.set(shown.once, shown.until);
  }

  async #count(claims: LicenseTokenClaims, { action }: Purpose, token: string): Promise<void> {
    const limited = claims.authorization_details[0]!.constraints.max_calls !== null;
    if (this.#meter !== undefined) return this.#meter.count(claims.grant_id, { token: claims.jti, action }, token);
    if (!limited) return;
    throw new RegistryError('configuration_invalid', 'This service counts no uses, and the license limits them.', {
      field: 'usage',
    });
  }
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isPositive = (value: unknown): boolean => value === undefined || (Number.isFinite(value) && Number(value) > 0);

/** From JavaScript, and from what was read of an environment, anything comes; a number that is none is a check less. */
function requireOptions({ registry, audience, model, purpose, publicUrl, ...rest }: GateOptions): void {
  const { maxStaleness, maxLifetime, usage } = rest;
  const wrong = Object.entries({
    registry: URL.canParse(registry),
    audience: isText(audience),
    model: isText(model?.id),
    purpose: typeof purpose === 'function',
    publicUrl: publicUrl === undefined || URL.canParse(publicUrl),
    maxStaleness: isPositive(maxStaleness),
    maxLifetime: isPositive(maxLifetime),
    'usage.apiKey': usage === undefined || isText(usage.apiKey),
    'usage.journal': usage === undefined || isText(usage.journal),
    'usage.blockCalls': isPositive(usage?.blockCalls) && Number.isInteger(usage?.blockCalls ?? 1),
    'usage.reportSeconds': isPositive(usage?.reportSeconds) && (usage?.reportSeconds ?? 1) <= MAX_TIMER_SECONDS,
    'usage.idleSeconds': isPositive(usage?.idleSeconds),
  }).find(([, right]) => !right);
  if (wrong === undefined) return;
  throw new RegistryError('configuration_invalid', `A gate does not work with such a "${wrong[0]}".`, {
    field: wrong[0],
    fix: 'See docs/gate.md.',
  });
}

function credentialsOf({ headers }: GateRequest): { token: string; scheme: string } {
  const [, scheme, token] = CREDENTIALS.exec(String(headers['authorization'] ?? '')) ?? [];
  if (scheme !== undefined && token !== undefined) return { token, scheme: scheme.toLowerCase() };
  throw new RegistryError('unauthenticated', 'This needs a license token.', {
    fix: 'Send it as "Authorization: Bearer …", a token that is bound to a key as "Authorization: DPoP …".',
  });
}
