/** Parties, their signing keys and their API keys. */
import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { utf8 } from '../core/bytes.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { apiKey, apiKeyRevocation, key, party } from '../core/registry/index.ts';
import { commit } from '../core/registry/party.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency, SignedWrite, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { newId, newNonce, sha256 } from '../platform/crypto.ts';
import { API_KEY_KIND, formatApiKey } from './api-key-authenticator.ts';
import type { CreateApiKey, CreateParty, PartyView } from './party.schema.ts';
import { findParty, listParties } from './party.store.ts';

type KeyBody = Parameters<typeof key.judge>[0]['body'];

@Injectable()
export class PartyService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  create({ id, name, kind, roles }: CreateParty, idempotency: Idempotency): Promise<Receipt> {
    const disclosure = { value: name, salt: newNonce() };
    const nameCommitment = commit(sha256, disclosure.salt, disclosure.value);
    return this.ledger.attest(
      party,
      {
        maker: this.ledger.registryParty,
        id: id ?? newId('party'),
        body: { kind, roles, nameCommitment },
        disclosures: [disclosure],
      },
      { idempotency },
    );
  }

  /** @throws RegistryError `not_found` */
  async get(id: string): Promise<PartyView> {
    const found = await findParty(this.database.manager, id);
    if (found === undefined) throw new RegistryError('not_found', `There is no party ${id}.`, { field: 'id' });
    return found;
  }

  list(name?: string): Promise<PartyView[]> {
    return listParties(this.database.manager, name);
  }

  /** The first key of a party comes with the registry's word for it; a further one is signed by a key it has. */
  registerKey(
    principal: Principal,
    partyId: string,
    write: Write<KeyBody>,
    idempotency: Idempotency,
  ): Promise<Receipt> {
    this.#requireOwn(principal, partyId);
    return this.ledger.write(key, principal, write, { idempotency });
  }

  /**
   * An API key whose secret the registry draws and tells once. A repeated request cannot tell it again: it voids the key
   * that nobody may have seen, and makes another.
   */
  async createApiKey(principal: Principal, partyId: string, body: CreateApiKey, idempotency: Idempotency) {
    this.#requireOwnOrRegistrar(principal, partyId);
    const made = await this.#makeApiKey(principal, partyId, body, idempotency);
    if (made.receipt.id === made.id) return { key: made.key, receipt: made.receipt };
    await this.revokeApiKey(principal, made.receipt.id, 'its answer was lost');
    const { key, receipt } = await this.#makeApiKey(principal, partyId, body, undefined);
    return { key, receipt };
  }

  /** An API key whose secret its party drew: the registry sees the digest alone. */
  acceptApiKey(principal: Principal, write: SignedWrite, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.accept(apiKey, principal, write, { idempotency });
  }

  revokeApiKey(principal: Principal, id: string, reason: string): Promise<Receipt> {
    return this.ledger.attest(apiKeyRevocation, { maker: this.#maker(principal), body: { apiKey: id, reason } });
  }

  acceptApiKeyRevocation(principal: Principal, write: SignedWrite): Promise<Receipt> {
    return this.ledger.accept(apiKeyRevocation, principal, write);
  }

  async #makeApiKey(principal: Principal, partyId: string, body: CreateApiKey, idempotency: Idempotency) {
    const id = newId(API_KEY_KIND);
    const secret = randomBytes(32).toString('hex');
    const receipt = await this.ledger.attest(
      apiKey,
      {
        maker: this.#maker(principal),
        id,
        body: { party: partyId, secretDigest: formatDigest(sha256(utf8(secret))), ...body },
      },
      { idempotency },
    );
    return { id, key: formatApiKey(id, secret), receipt };
  }

  #maker({ partyId, roles }: Principal): string {
    return roles.includes('registrar') ? this.ledger.registryParty : partyId;
  }

  #requireOwn({ partyId }: Principal, id: string): void {
    if (partyId !== id) throw new RegistryError('forbidden', 'A party registers its own keys only.', { field: 'id' });
  }

  #requireOwnOrRegistrar({ partyId, roles }: Principal, id: string): void {
    if (partyId === id || roles.includes('registrar')) return;
    throw new RegistryError('not_found', `There is no party ${id}.`, { field: 'id' });
  }
}
