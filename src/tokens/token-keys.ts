/**
 * The keys that sign license tokens. The private half rests sealed under the master key; the public half is recorded in
 * the log before it signs anything, and stays there for ever. What is known here may be a second old: that is how long
 * another process may go on after a key was retired.
 */
import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { RegistryError } from '../core/errors.ts';
import { tokenKey, tokenKeyRetirement } from '../core/registry/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency } from '../ledger/index.ts';
import { holding, Ledger, signingKey } from '../ledger/index.ts';
import { Config } from '../platform/config/index.ts';
import { makeP256 } from '../platform/crypto.ts';
import { MasterKey } from '../platform/keys/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { isNextDue, signingKeyAt, verifyingKeysAt } from './key-schedule.ts';
import type { Jwks, TokenJwk, TokenSigner, VerificationKeys } from './license-token/index.ts';
import { readJwks, toJwk } from './license-token/index.ts';
import type { TokenKeyRow } from './token.store.ts';
import { readTokenKeys } from './token.store.ts';

const KEYS_LOCK = 0x746b6579;
const FRESH_MS = 1000;
const HOUR_MS = 3_600_000;

const sealedName = (kid: string): string => `token/${kid}`;

interface Known {
  readonly rows: readonly TokenKeyRow[];
  readonly jwks: Jwks;
  readonly verify: VerificationKeys;
}

@Injectable()
export class TokenKeys implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;
  #known: Promise<Known> | undefined;
  #knownSince = 0;
  /** Keys never change, so what was once opened or converted stays true. */
  readonly #private = new Map<string, KeyObject>();
  readonly #public = new Map<string, TokenJwk>();

  constructor(
    private readonly ledger: Ledger,
    private readonly config: Config,
    private readonly masterKey: MasterKey,
    @Inject(LOG) private readonly log: Log,
    private readonly database: DataSource,
  ) {}

  /** The first key is in use at once: nobody can hold an older key set. */
  async onApplicationBootstrap(): Promise<void> {
    await holding(this.database, KEYS_LOCK, async () => {
      const rows = await readTokenKeys(this.database.manager);
      if (signingKeyAt(rows, new Date()) === undefined) await this.#make(new Date());
    });
    await this.#tryRotate();
    this.#timer = setInterval(() => void this.#tryRotate(), HOUR_MS);
    this.#timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** Makes the next key where its time has come; replicas do it one after the other, and the second finds it made. */
  async rotateWhenDue(): Promise<void> {
    await holding(this.database, KEYS_LOCK, async () => {
      const rows = await readTokenKeys(this.database.manager);
      if (!isNextDue(rows, new Date(), this.config.tokenKeyDays)) return;
      await this.#make(new Date(Date.now() + this.config.tokenKeyLeadSeconds * 1000));
    });
  }

  async signer(): Promise<TokenSigner> {
    const key = signingKeyAt((await this.#read()).rows, new Date());
    if (key === undefined) {
      throw new RegistryError('ledger_refuses_to_sign', 'There is no key that may sign license tokens.', {
        fix: 'Make one: POST /v1/token-keys.',
      });
    }
    return { kid: key.kid, privateKey: await this.#privateKey(key.kid) };
  }

  async verificationKeys(): Promise<VerificationKeys> {
    return (await this.#read()).verify;
  }

  /** The keys that verifiers need now or may need soon. */
  async jwks(): Promise<Jwks> {
    return (await this.#read()).jwks;
  }

  /** Makes the next key, which signs once every verifier can have seen it; `immediately` where the present one leaked. */
  async rotate({ immediately = false } = {}, idempotency?: Idempotency): Promise<Receipt> {
    const lead = immediately ? 0 : this.config.tokenKeyLeadSeconds * 1000;
    return holding(this.database, KEYS_LOCK, () => this.#make(new Date(Date.now() + lead), idempotency));
  }

  /**
   * Ends a key for good: every token that it signed is refused from now on.
   * @throws RegistryError `not_found`; `state_conflict` when it is retired already, or is the one that signs
   */
  async retire(kid: string, reason: string, idempotency?: Idempotency): Promise<Receipt> {
    return holding(this.database, KEYS_LOCK, async () => {
      const current = signingKeyAt(await readTokenKeys(this.database.manager), new Date());
      if (current?.kid === kid) {
        throw new RegistryError('state_conflict', 'The key is the one that signs license tokens now.', {
          field: 'kid',
          fix: 'Make one first that signs at once: POST /v1/token-keys with "immediately": true.',
        });
      }
      const { registryParty: maker } = this.ledger;
      const receipt = await this.ledger.attest(tokenKeyRetirement, { maker, body: { kid, reason } }, { idempotency });
      this.#known = undefined;
      return receipt;
    });
  }

  async #tryRotate(): Promise<void> {
    try {
      await this.rotateWhenDue();
    } catch (err) {
      this.log.error({ err }, 'The next key for license tokens could not be made; tried again in an hour.');
    }
  }

  async #make(notBefore: Date, idempotency?: Idempotency): Promise<Receipt> {
    const { pkcs8 } = makeP256();
    const spki = createPublicKey(toKey(pkcs8)).export({ format: 'der', type: 'spki' });
    const { kid } = await toJwk(spki);
    // A crash after this leaves a sealed key that nothing names.
    await signingKey(this.database.manager, this.masterKey, sealedName(kid), () => pkcs8);
    const receipt = await this.ledger.attest(
      tokenKey,
      {
        maker: this.ledger.registryParty,
        body: { kid, spki: spki.toString('base64'), notBefore: notBefore.toISOString() },
      },
      { idempotency },
    );
    this.#known = undefined;
    this.log.info({ kid, notBefore }, 'A key for license tokens was made.');
    return receipt;
  }

  async #privateKey(kid: string): Promise<KeyObject> {
    const known = this.#private.get(kid);
    if (known !== undefined) return known;
    const pkcs8 = await signingKey(this.database.manager, this.masterKey, sealedName(kid), () => {
      throw new RegistryError('ledger_inconsistent', `The private half of the token key ${kid} is missing.`);
    });
    const key = toKey(pkcs8);
    this.#private.set(kid, key);
    return key;
  }

  #read(): Promise<Known> {
    const now = Date.now();
    if (this.#known === undefined || now - this.#knownSince >= FRESH_MS) {
      this.#knownSince = now;
      const reading = this.#load();
      this.#known = reading;
      reading.catch(() => {
        if (this.#known === reading) this.#known = undefined;
      });
    }
    return this.#known;
  }

  async #load(): Promise<Known> {
    const rows = await readTokenKeys(this.database.manager);
    const verifying = verifyingKeysAt(rows, new Date(), this.config.tokenMaxLifetimeSeconds);
    const jwks: Jwks = { keys: await Promise.all(verifying.map((row) => this.#jwk(row))) };
    return { rows, jwks, verify: await readJwks(jwks) };
  }

  async #jwk({ kid, spki }: TokenKeyRow): Promise<TokenJwk> {
    const known = this.#public.get(kid);
    if (known !== undefined) return known;
    const jwk = await toJwk(Buffer.from(spki, 'base64'));
    if (jwk.kid !== kid) throw new RegistryError('ledger_inconsistent', `The token key ${kid} is another one.`);
    this.#public.set(kid, jwk);
    return jwk;
  }
}

const toKey = (pkcs8: Buffer): KeyObject => createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
