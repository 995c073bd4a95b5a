/**
 * The ledger as the features see it: hand in what a party signed, or let the registry sign for a party without a key,
 * and get a receipt back.
 */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import type { Digest } from '../core/digest.ts';
import { formatDigest, parseDigest } from '../core/digest.ts';
import { fromBase64, fromUtf8, toBase64 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import { commitmentsOf, KINDS, readersOf, readsOf, visibilityOf } from '../core/registry/index.ts';
import type { Kind } from '../core/registry/kind.ts';
import type { Disclosure } from '../core/registry/commitment.ts';
import { commit, disclosureSchema } from '../core/registry/commitment.ts';
import type { Signer } from '../core/registry/sign.ts';
import { signStatement } from '../core/registry/sign.ts';
import { readSpoken, verifyInner, verifySpoken } from '../core/registry/spoken.ts';
import type { RowKey } from '../core/registry/row-keys.ts';
import { isIndex } from '../core/registry/row-keys.ts';
import { formatEnvelope, parseEnvelope } from '../core/statement/dsse.ts';
import type { Signed } from '../core/statement/dsse.ts';
import type { Placed, Receipt } from '../core/statement/receipt.ts';
import { formatReceipt } from '../core/statement/receipt.ts';
import type { Common } from '../core/statement/statement.ts';
import { parseStatement } from '../core/statement/statement.ts';
import { zodProblem } from '../core/statement/zod-problem.ts';
import type { Principal } from '../platform/auth/index.ts';
import { newId, newNonce, newStatementKey, sha256, verifyP256OnThread } from '../platform/crypto.ts';
import { LedgerCore } from './ledger-core.ts';
import { findStatement, findStatements } from './log.store.ts';
import type { StatementRow } from './log.store.ts';
import { LoadedRows } from './projection.store.ts';
import type { Attested, SignedWrite, Write, WriteOptions } from './write.ts';
import type { Submission } from './writer.ts';

@Injectable()
export class Ledger {
  /** Keys belong to one party for ever, so what was once read stays true. */
  readonly #keys = new Map<string, { spki: string; fingerprint: Digest }>();
  readonly #recorded = new Map<number, Recorded>();

  constructor(
    private readonly core: LedgerCore,
    private readonly database: DataSource,
  ) {}

  get origin(): string {
    return this.core.signer.origin;
  }

  /** The key of the checkpoints, as verifiers are configured with it. */
  get verifierKey(): string {
    return this.core.signer.verifierKey;
  }

  get registryParty(): string {
    return this.core.registryParty;
  }

  /**
   * Records what a caller sent: the statement that its party signed, or the plain members of one that the registry makes
   * and signs for a party without a key.
   */
  write<Body>(
    kind: Kind<Body>,
    principal: Principal,
    write: Write<Body>,
    options: WriteOptions<Body> = {},
  ): Promise<Receipt> {
    if ('payload' in write) return this.accept(kind, principal, write, options);
    const { id, ...body } = write;
    requireSpeaksOf(body, options.speaksOf);
    return this.attest(kind, { maker: principal.partyId, id, body: body as Body }, options);
  }

  /**
   * Records many writes of one request, in their order and each for itself: one that is refused leaves the others alone.
   * @returns for each its receipt, or why it was refused
   * @throws what is nobody's fault among the callers; what was recorded before it is found again by the idempotency key
   */
  async writeAll<Body>(
    kind: Kind<Body>,
    principal: Principal,
    writes: readonly Write<Body>[],
    { idempotency }: WriteOptions,
  ): Promise<(Receipt | RegistryError)[]> {
    const outcomes = await Promise.allSettled(
      writes.map((write, position) =>
        this.write(kind, principal, write, idempotency && { idempotency: { ...idempotency, position } }),
      ),
    );
    return outcomes.map((outcome) => {
      if (outcome.status === 'fulfilled') return outcome.value;
      const reason: unknown = outcome.reason;
      if (reason instanceof RegistryError && reason.status < 500) return reason;
      throw reason;
    });
  }

  /** Records a statement that the caller's party signed. */
  async accept<Body>(
    kind: Kind<Body>,
    principal: Principal,
    write: SignedWrite,
    options: WriteOptions<Body> = {},
  ): Promise<Receipt> {
    const { disclosures = [], ...envelope } = write;
    const signed = parseEnvelope(envelope);
    const { spki, fingerprint } = await this.#keyOf(signed);
    const spoken = await verifySpoken(sha256, verifyP256OnThread, signed, spki, fingerprint);
    if (spoken.kind.kind !== kind.kind) {
      throw new RegistryError(
        'invalid_input',
        `A statement of the kind "${kind.kind}" is expected here, not "${spoken.kind.kind}".`,
        {
          field: 'payload',
        },
      );
    }
    if (spoken.common.maker !== principal.partyId) {
      throw new RegistryError('forbidden', 'The statement was made by another party than the caller.', {
        field: 'payload',
      });
    }
    requireSpeaksOf(spoken.body as object, options.speaksOf);
    requireTimely(spoken.common.statedAt);
    await options.admit?.(spoken.body as Body);
    return this.#submit(
      { spoken, signed, disclosures: this.#openings(spoken, disclosures) },
      principal.partyId,
      options,
    );
  }

  /**
   * Makes and signs a statement for a party without a key, or for the registry itself. Its basis names the statements
   * behind every row that the judgement will look at.
   */
  async attest<Body>(kind: Kind<Body>, attested: Attested<Body>, options: WriteOptions<Body> = {}): Promise<Receipt> {
    const { maker, body, disclosures = [] } = attested;
    await options.admit?.(body);
    const draft: Common = {
      origin: this.origin,
      maker,
      ...(maker === this.registryParty ? {} : { attestedBy: 'registry' as const }),
      id: attested.id ?? newId(kind.kind.replaceAll('-', '')),
      nonce: newNonce(),
      statedAt: new Date().toISOString(),
      basis: [],
    };
    let once: Signer | undefined;
    const makeKey = (): Signer => (once ??= newStatementKey());
    const unbased = this.#sign(kind, draft, body, makeKey);
    await verifyInner(verifyP256OnThread, unbased.spoken);
    const basis = await this.#basisOf(unbased.spoken);
    const { spoken, signed } = this.#sign(kind, { ...draft, basis }, body, makeKey);
    return this.#submit({ spoken, signed, disclosures: this.#openings(spoken, disclosures) }, maker, options);
  }

  /**
   * The receipt of a recorded statement, against the newest checkpoint that witnesses have cosigned where that covers it.
   * @throws RegistryError `not_found`, also for a statement that the reader may not see
   */
  async receipt(payloadDigest: Digest, reader: Principal | undefined): Promise<Receipt> {
    const row = await findStatement(this.database.manager, parseDigest(payloadDigest, 'digest'));
    if (row === undefined || !(await this.#mayRead(row, reader))) {
      throw new RegistryError('not_found', `There is no statement ${payloadDigest} on record.`, { field: 'digest' });
    }
    return (await this.receiptsAt([row.index])).receipts.get(row.index)!;
  }

  /** Receipts of the entries at `indexes`, all against one published checkpoint. */
  async receiptsAt(indexes: readonly number[]): Promise<{
    receipts: Map<number, Receipt>;
    checkpoint: string;
    treeSize: number;
  }> {
    const statements = await this.#statements(indexes);
    const { size, note } = await this.#covering(Math.max(0, ...indexes.map((index) => index + 1)));
    const proofs = await this.core.published.proveInclusion(indexes, size);
    const receipts = indexes.map((index, i): [number, Receipt] => [
      index,
      formatReceipt({ ...statements[i]!, index, treeSize: size, inclusionProof: proofs[i]!, checkpoint: note }),
    ]);
    return { receipts: new Map(receipts), checkpoint: note, treeSize: size };
  }

  /** The newest checkpoint with the quorum of witnesses if it covers so many entries, else the newest there is. */
  async #covering(size: number): Promise<{ size: number; note: string }> {
    const { published, witnessed } = this.core;
    const enough = witnessed.newest;
    if (enough !== undefined && enough.size >= size) return enough;
    const newest = await published.checkpoint(size);
    return { size: newest.size, note: witnessed.noteOf(newest) };
  }

  /** The receipt of an entry against a published checkpoint of the caller's choice. */
  async receiptUnder(index: number, { size, note }: { size: number; note: string }): Promise<Receipt> {
    const [statement] = await this.#statements([index]);
    const [proof] = await this.core.published.proveInclusion([index], size);
    return formatReceipt({ ...statement!, index, treeSize: size, inclusionProof: proof!, checkpoint: note });
  }

  async #mayRead(row: StatementRow, reader: Principal | undefined): Promise<boolean> {
    if (row.visibility === 'public') return true;
    const spoken = readSpoken(sha256, row.payload, toBase64(row.spki));
    const readers = readersOf(spoken);
    if (readers === null || (reader !== undefined && readers.includes(reader.partyId))) return true;
    if (visibilityOf(spoken.kind) === 'parties') return reader !== undefined && reader.roles.length > 0;
    // Sealed: until it is opened, registrar and auditors are strangers like everybody.
    const { maker, id } = spoken.common;
    const rows = new LoadedRows();
    await rows.load(this.database.manager, [['sealed', maker, id]]);
    return (rows.get('sealed', maker, id)?.openedIndex ?? null) !== null;
  }

  /** What is recorded stays as it is, so what was read once is kept. */
  async #statements(indexes: readonly number[]): Promise<Recorded[]> {
    const found = new Map(indexes.map((index) => [index, this.#recorded.get(index)]));
    const missing = indexes.filter((index) => found.get(index) === undefined);
    if (missing.length > 0) {
      if (this.#recorded.size >= MAX_KEPT) this.#recorded.clear();
      for (const row of await findStatements(this.database.manager, missing)) {
        const statement = recorded(row);
        this.#recorded.set(row.index, statement);
        found.set(row.index, statement);
      }
    }
    return indexes.map((index) => {
      const statement = found.get(index);
      if (statement === undefined) throw new RegistryError('ledger_inconsistent', `Entry ${index} is missing.`);
      return statement;
    });
  }

  #sign<Body>(kind: Kind<Body>, common: Common, body: Body, makeKey: () => Signer) {
    const { spki, ...signed } = signStatement(sha256, kind, common, body, this.core.registryKey, makeKey);
    return { spoken: readSpoken(sha256, signed.payload, spki), signed };
  }

  async #basisOf(spoken: Submission['spoken']): Promise<Digest[]> {
    const rows = new LoadedRows();
    while ((await rows.load(this.database.manager, readsOf(spoken, rows))) > 0);
    return rows.statementsOf(readsOf(spoken, rows).filter((key) => isDependence(key, spoken.common.maker)));
  }

  /** Every commitment is opened: a value that is missing later was lost, or erased on record. */
  #openings(spoken: Submission['spoken'], disclosures: readonly Disclosure[]): Submission['disclosures'] {
    const unopened = new Set(commitmentsOf(spoken).map(({ commitment }) => commitment));
    const openings = disclosures.map((disclosure, i) => {
      const form = disclosureSchema.safeParse(disclosure);
      if (!form.success) throw zodProblem(form.error, 'invalid_input', `disclosures.${i}`);
      const commitment = commit(sha256, disclosure.salt, disclosure.value);
      if (unopened.delete(commitment)) return { ...disclosure, commitment };
      throw new RegistryError('digest_mismatch', 'The disclosed value is not the one that the statement commits to.', {
        field: `disclosures.${i}`,
      });
    });
    if (unopened.size === 0) return openings;
    throw new RegistryError('invalid_input', 'The statement commits to a value that is not disclosed beside it.', {
      field: 'disclosures',
      fix: 'Send value and salt of every commitment; they are kept apart from the record and can be erased.',
    });
  }

  async #submit(submission: Submission, partyId: string, { idempotency, alongside }: WriteOptions): Promise<Receipt> {
    const outcome = await this.core.writer.submit({
      ...submission,
      ...(alongside ? { alongside } : {}),
      ...(idempotency ? { idempotency: keyed(partyId, idempotency) } : {}),
    });
    if ('receipt' in outcome) return outcome.receipt;
    const { earlierIndex } = outcome;
    return (await this.receiptsAt([earlierIndex])).receipts.get(earlierIndex)!;
  }

  /** A one-time key stands in the statement itself; any other is on record. */
  async #keyOf({ keyId, payload }: Signed): Promise<{ spki: string; fingerprint: Digest }> {
    const known = this.#keys.get(keyId);
    if (known !== undefined) return known;
    const { signedFor } = parseStatement(sha256, KINDS, payload).common;
    if (signedFor !== undefined) return keyOfSpki(signedFor.oneTimeKey);
    const rows = new LoadedRows();
    await rows.load(this.database.manager, [['party_key', keyId]]);
    const row = rows.get('party_key', keyId);
    if (row === undefined) {
      throw new RegistryError('signature_invalid', `The signing key ${keyId.slice(0, 80)} is not on record.`, {
        field: 'signatures.0.keyid',
        fix: 'Register the key first: "muniment keygen --register".',
      });
    }
    const key = keyOfSpki(row.spki);
    this.#keys.set(keyId, key);
    return key;
  }
}

/** The address of a request and the statement in it must not speak of two things. */
function requireSpeaksOf(body: object, speaksOf: WriteOptions['speaksOf'] = {}): void {
  for (const [field, value] of Object.entries(speaksOf)) {
    if ((body as Record<string, unknown>)[field] === value) continue;
    throw new RegistryError('invalid_input', `The statement speaks of another ${field} than the address.`, { field });
  }
}

/** Long enough to carry a statement from a machine without a network, and for a clock that is a little fast. */
const MAX_AGE_MS = 24 * 60 * 60 * 1000;
const MAX_AHEAD_MS = 15 * 60 * 1000;

/**
 * From when a title counts, and whether an interest or an offer has ended, is told by what the maker says the time is:
 * a judgement has no clock.
 */
function requireTimely(statedAt: string): void {
  const age = Date.now() - Date.parse(statedAt);
  if (age <= MAX_AGE_MS && age >= -MAX_AHEAD_MS) return;
  throw new RegistryError(
    'invalid_input',
    `The statement says that it was made ${age > 0 ? 'more than a day before' : 'after'} it arrived.`,
    { field: 'statedAt', fix: 'Set your clock right, and sign the statement again.' },
  );
}

const keyOfSpki = (spki: string) => ({ spki, fingerprint: formatDigest(sha256(fromBase64(spki))) });

/** No client can send a key with a blank in it, so the key of one write among several stands for nothing else. */
function keyed(partyId: string, { key, requestDigest, position }: NonNullable<WriteOptions['idempotency']>) {
  if (position === undefined) return { partyId, key, requestDigest };
  return { partyId, key: `${key} ${position}`, within: key, requestDigest };
}

type Recorded = Omit<Placed, 'checkpoint' | 'inclusionProof' | 'index' | 'treeSize'>;

/** About 2 KiB each. */
const MAX_KEPT = 10_000;

function recorded({ payload, signature, spki, kind, payloadDigest }: StatementRow): Recorded {
  return {
    payloadDigest: formatDigest(payloadDigest),
    kind,
    id: idOf(payload),
    envelope: formatEnvelope({ payload, signature, keyId: formatDigest(sha256(spki)) }),
    spki: toBase64(spki),
  };
}

/** The statement was read strictly when it was recorded; to find its id again, parsing is enough. */
function idOf(payload: Uint8Array): string {
  type WithId = { id: string };
  const { predicate } = JSON.parse(fromUtf8(payload)) as { predicate: WithId & { muniment_statement?: WithId } };
  return (predicate.muniment_statement ?? predicate).id;
}

/**
 * Rows that tell whether something is new are looked at, not built upon. Nor are what rests on a share and what others own:
 * there may be more of them than a basis has places, and whether they allow the statement is judged at its own place.
 */
const isDependence = ([name, ...key]: RowKey, maker: string): boolean =>
  !isIndex(name) && !LOOKED_AT.has(name) && (name !== 'title' || key[1] === maker);

const LOOKED_AT: ReadonlySet<string> = new Set([
  'dataset_version',
  'encumbrance',
  'ended_party',
  'interest',
  'one_time_key',
  'party_key',
  'statement',
  'token_revocation',
]);
