/**
 * The status lists as they stand now. They follow the record: what was recorded since the last look, and which notices
 * have ended since, decides whose tokens change, and nothing else is read. A list that nothing changed is signed again
 * only when it grows old.
 */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import type { GrantState } from '../core/licensing/grant-states.ts';
import { grantStateAt, lifeAfter } from '../core/licensing/grant-states.ts';
import { readStatus, statusListBytes, TOKEN_STATUSES, writeStatus } from '../core/licensing/status-list.ts';
import { readHead, sizePublishedBy } from '../ledger/index.ts';
import { stateOf } from '../licenses/index.ts';
import { Config } from '../platform/config/index.ts';
import { DataSource } from '../platform/database/index.ts';
import { Issuer } from './issuer.ts';
import type { TokenSigner } from './license-token/index.ts';
import { signStatusList } from './status-list/index.ts';
import type { GrantThen, Place } from './status.store.ts';
import {
  changedGrants,
  countLists,
  grantsThen,
  LIST_SIZE,
  placesUnder,
  revokedPlaces,
  tokensThen,
} from './status.store.ts';
import { TokenKeys } from './token-keys.ts';

/** How old an answer may be before the record is looked at again. */
const FRESH_MS = 250;
/** A token that was asked for before its grant ended may be written this much after that. */
const LATE_ISSUE_MS = 60_000;
/** So many times in its `ttl` a list is signed anew, whether it has changed or not: its age tells how old it is. */
const SIGNED_AGAIN = 20;

export interface ServedList {
  readonly token: string;
  readonly gzip: Buffer;
  readonly etag: string;
  /** Seconds since 1970 */
  readonly issuedAt: number;
  /** Of the key that signed it */
  readonly kid: string;
}

interface List {
  readonly statuses: Uint8Array;
  /** Indexes of tokens that were revoked by themselves: no grant brings them back */
  readonly revoked: Set<number>;
  served: ServedList | undefined;
}

@Injectable()
export class StatusLists {
  #count = 0;
  readonly #lists = new Map<number, List>();
  /** What the tokens of a grant are; all others are valid. Those of a disputed one go on being issued. */
  readonly #grants = new Map<string, number>();
  /** Grants that changed of late, by when that was seen */
  readonly #recent = new Map<string, number>();
  /** All that was recorded before this index is in the lists, and all that ended until then. */
  #seen = { size: 0, at: '' };
  /** By a clock that nobody sets: lists must not stand still because the time of day was moved back. */
  #looked = -Infinity;
  #looking: Promise<void> | undefined;

  constructor(
    private readonly keys: TokenKeys,
    private readonly issuer: Issuer,
    private readonly config: Config,
    private readonly database: DataSource,
  ) {}

  uriOf(list: number): string {
    return `${this.issuer.url}/statuslists/${list}`;
  }

  /** The lists that there are, by their URIs. */
  async uris(): Promise<string[]> {
    await this.#refresh();
    return Array.from({ length: this.#count }, (_, list) => this.uriOf(list));
  }

  /** @throws RegistryError `not_found` */
  async get(number: number): Promise<ServedList> {
    await this.#refresh();
    this.#require(number);
    const list = this.#list(number);
    const now = Math.floor(Date.now() / 1000);
    const { statusListTtlSeconds: ttl, statusListLifetimeSeconds } = this.config;
    const signer = await this.keys.signer();
    const { served } = list;
    // One that is signed with a key that was retired is believed by nobody.
    if (served?.kid === signer.kid && Math.abs(now - served.issuedAt) < ttl / SIGNED_AGAIN) return served;
    const life = { issuedAt: now, lifetime: Math.max(2 * ttl, statusListLifetimeSeconds) };
    // Signed and kept in one step: what is written into the list meanwhile is either in it or makes it old.
    return (list.served = this.#sign(number, list.statuses, life, signer));
  }

  /**
   * A list as it stood, by what was on record and published then. One of a time to come would be believed when that has
   * come, whatever was revoked meanwhile.
   * @param time seconds since 1970
   * @throws RegistryError `not_found`
   */
  async asOf(number: number, time: number): Promise<ServedList> {
    await this.#refresh();
    this.#require(number);
    if (time > Date.now() / 1000) {
      throw new RegistryError('not_found', 'How a status list will stand is not known.', { field: 'time' });
    }
    const { manager } = this.database;
    const at = new Date(time * 1000).toISOString();
    const size = await sizePublishedBy(manager, at);
    const tokens = await tokensThen(manager, { list: number, issuedUntil: time, size });
    const grants = await grantsThen(manager, [...new Set(tokens.map(({ grant }) => grant))], size);
    const known = new Map(grants.map((grant) => [grant.id, grant]));
    const statuses = new Uint8Array(statusListBytes(LIST_SIZE));
    for (const { index, grant, revoked } of tokens) {
      const status = revoked
        ? TOKEN_STATUSES.revoked
        : statusOf(stateThen(known, grant, at), known.get(grant)!.disputed);
      if (status !== TOKEN_STATUSES.valid) writeStatus(statuses, index, status);
    }
    const life = { issuedAt: time, lifetime: this.config.statusListTtlSeconds };
    return this.#sign(number, statuses, life, await this.keys.signer());
  }

  #require(number: number): void {
    if (number < this.#count) return;
    throw new RegistryError('not_found', `There is no status list ${number}.`, { field: 'number' });
  }

  #list(number: number): List {
    let list = this.#lists.get(number);
    if (list === undefined) {
      list = { statuses: new Uint8Array(statusListBytes(LIST_SIZE)), revoked: new Set(), served: undefined };
      this.#lists.set(number, list);
    }
    return list;
  }

  #sign(
    number: number,
    list: Uint8Array,
    { issuedAt, lifetime }: { issuedAt: number; lifetime: number },
    signer: TokenSigner,
  ): ServedList {
    const facts = { issuedAt, expiresAt: issuedAt + lifetime, ttl: this.config.statusListTtlSeconds, list };
    const token = signStatusList({ issuer: this.issuer.url, uri: this.uriOf(number), ...facts }, signer);
    const etag = `"${createHash('sha256').update(token).digest('base64url')}"`;
    return { token, gzip: gzipSync(token), etag, issuedAt, kid: signer.kid };
  }

  async #refresh(): Promise<void> {
    if (this.#looking === undefined && performance.now() - this.#looked >= FRESH_MS) {
      this.#looking = this.#look().finally(() => (this.#looking = undefined));
    }
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { manager } = this.database;
    const looking = performance.now();
    const began = Date.now();
    const until = new Date(began).toISOString();
    // Entries are committed in their order, so whatever is read after this has everything before it.
    const { size } = (await readHead(manager))!;
    this.#count = await countLists(manager);
    const { size: from, at: since } = this.#seen;
    const changed = new Map<string, number>();
    for (const { id, lives, disputed } of await changedGrants(manager, { from, since, until })) {
      const status = statusOf(stateOf(lives, new Date(began)), disputed);
      if (status !== (this.#grants.get(id) ?? TOKEN_STATUSES.valid)) changed.set(id, status);
    }
    for (const place of await revokedPlaces(manager, from)) {
      this.#list(place.list).revoked.add(place.index);
      this.#write(place, TOKEN_STATUSES.revoked);
    }
    await this.#writeUnder([...changed.keys()], 0, changed);
    const issuing = [...this.#grants].flatMap(([id, status]) => (status === TOKEN_STATUSES.disputed ? [id] : []));
    const late = [...new Set([...this.#recent.keys(), ...issuing])].filter((id) => !changed.has(id));
    await this.#writeUnder(late, Math.floor((began - 2 * LATE_ISSUE_MS) / 1000), this.#grants);
    // Only now: a look that failed on its way is taken again as a whole.
    for (const [id, status] of changed) {
      this.#recent.set(id, began);
      if (status === TOKEN_STATUSES.valid) this.#grants.delete(id);
      else this.#grants.set(id, status);
    }
    for (const [id, seen] of this.#recent) if (began - seen > LATE_ISSUE_MS) this.#recent.delete(id);
    this.#seen = { size, at: until };
    this.#looked = looking;
  }

  async #writeUnder(
    grants: readonly string[],
    issuedFrom: number,
    statuses: ReadonlyMap<string, number>,
  ): Promise<void> {
    if (grants.length === 0) return;
    for (const { grant, ...place } of await placesUnder(this.database.manager, grants, issuedFrom)) {
      if (this.#list(place.list).revoked.has(place.index)) continue;
      this.#write(place, statuses.get(grant) ?? TOKEN_STATUSES.valid);
    }
  }

  #write({ list: number, index }: Place, status: number): void {
    const list = this.#list(number);
    if (readStatus(list.statuses, index) === status) return;
    writeStatus(list.statuses, index, status);
    list.served = undefined;
  }
}

/** A token lives no longer than its grant, so that one has expired is nothing that a list must tell. */
function statusOf(state: GrantState, disputed: boolean): number {
  if (state === 'suspended') return TOKEN_STATUSES.suspended;
  if (state === 'terminated') return TOKEN_STATUSES.revoked;
  return disputed ? TOKEN_STATUSES.disputed : TOKEN_STATUSES.valid;
}

function stateThen(known: ReadonlyMap<string, GrantThen>, id: string, at: string): GrantState {
  const life = (grant: string) => lifeAfter(known.get(grant)!.document, known.get(grant)!.acts);
  return grantStateAt(life(id), at, known.get(id)!.above.map(life));
}
