/** Parties, their signing keys and their API keys. */
import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { utf8 } from '../core/bytes.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { ErasureBody } from '../core/registry/commitment.ts';
import { apiKey, apiKeyRevocation, erasure, key, keyRevocation, party } from '../core/registry/index.ts';
import type { KeyRevocationBody } from '../core/registry/key.ts';
import { commit } from '../core/registry/commitment.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency, SignedWrite, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { newId, newNonce, sha256 } from '../platform/crypto.ts';
import { API_KEY_KIND, formatApiKey } from './api-key-authenticator.ts';
import type { CreateApiKey, CreateParty, PartyQuery, PartyView } from './party.schema.ts';
import { apiKeyIsOf, findParty, listParties } from './party.store.ts';

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

  list(query: PartyQuery): Promise<PartyView[]> {
    return listParties(this.database.manager, query);
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

  /** Any key of the party ends any other; the registry itself has only further keys of its own to end. */
  revokeKey(
    principal: Principal,
    partyId: string,
    write: Write<KeyRevocationBody>,
    idempotency: Idempotency,
  ): Promise<Receipt> {
    this.#requireOwn(principal, partyId);
    return this.ledger.write(keyRevocation, principal, write, { idempotency });
  }

  /**
   * An API key whose secret the registry draws and tells once. A repeated request cannot tell it again: it voids the key
   * that nobody may have seen, and makes another, however often it is repeated. A crash in between leaves a voided key,
   * and the next repetition goes on from there.
   */
  async createApiKey(principal: Principal, partyId: string, body: CreateApiKey, idempotency: Idempotency) {
    this.#requireOwnOrRegistrar(principal, partyId);
    let made = await this.#makeApiKey(principal, partyId, body, idempotency);
    while (idempotency !== undefined && made.receipt.id !== made.id) {
      const unseen = made.receipt.id;
      await this.#voidApiKey(principal, unseen);
      // No client can send a key with a blank in it, so this one stands for nothing else.
      made = await this.#makeApiKey(principal, partyId, body, { ...idempotency, key: `after ${unseen}` });
    }
    return { key: made.key, receipt: made.receipt };
  }

  /** An API key whose secret its party drew: the registry sees the digest alone. */
  async acceptApiKey(
    principal: Principal,
    partyId: string,
    write: SignedWrite,
    idempotency: Idempotency,
  ): Promise<Receipt> {
    this.#requireOwnOrRegistrar(principal, partyId);
    return this.ledger.accept(apiKey, principal, write, { idempotency, speaksOf: { party: partyId } });
  }

  /** @throws RegistryError `not_found`, also for a key of another party */
  async revokeApiKey(principal: Principal, id: string, reason: string, idempotency: Idempotency): Promise<Receipt> {
    await this.#requireOwnKey(principal, id);
    return this.ledger.attest(
      apiKeyRevocation,
      { maker: this.#maker(principal), body: { apiKey: id, reason } },
      { idempotency },
    );
  }

  async acceptApiKeyRevocation(
    principal: Principal,
    id: string,
    write: SignedWrite,
    idempotency: Idempotency,
  ): Promise<Receipt> {
    await this.#requireOwnKey(principal, id);
    return this.ledger.accept(apiKeyRevocation, principal, write, { idempotency, speaksOf: { apiKey: id } });
  }

  /**
   * Erases personal values, with their salts, in the transaction that puts the erasure on record.
   * @throws RegistryError `not_found`, also for a value that is another party's; `state_conflict`
   */
  erase(principal: Principal, write: Write<ErasureBody>, idempotency: Idempotency): Promise<Receipt> {
    if ('payload' in write) return this.ledger.accept(erasure, principal, write, { idempotency });
    const { id, ...body } = write;
    return this.ledger.attest(erasure, { maker: this.#maker(principal), id, body }, { idempotency });
  }

  async #voidApiKey(principal: Principal, id: string): Promise<void> {
    try {
      await this.revokeApiKey(principal, id, 'its answer was lost', undefined);
    } catch (error) {
      // An earlier repetition, or its party, was faster.
      if (!(error instanceof RegistryError && error.code === 'state_conflict')) throw error;
    }
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

  async #requireOwnKey({ partyId, roles }: Principal, id: string): Promise<void> {
    if (await apiKeyIsOf(this.database.manager, id, roles.includes('registrar') ? null : partyId)) return;
    throw new RegistryError('not_found', `There is no API key ${id}.`, { field: 'id' });
  }

  #requireOwn({ partyId }: Principal, id: string): void {
    if (partyId !== id) throw new RegistryError('forbidden', 'A party manages its own keys only.', { field: 'id' });
  }

  #requireOwnOrRegistrar({ partyId, roles }: Principal, id: string): void {
    if (partyId === id || roles.includes('registrar')) return;
    throw new RegistryError('not_found', `There is no party ${id}.`, { field: 'id' });
  }
}
