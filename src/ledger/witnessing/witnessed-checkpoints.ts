/**
 * Published checkpoints with the cosignatures that came in since. Outsiders get the newest checkpoint at `/checkpoint`,
 * cosigned or not, so that nothing is ever taken back; receipts and look-ups carry the newest one that has the quorum,
 * wherever it covers their entries. Without a policy every checkpoint goes out as it was published.
 */
import type { DataSource } from 'typeorm';
import { formatCosignature } from '../../core/note/cosignature.ts';
import type { NoteSignature } from '../../core/note/note.ts';
import { formatSignatures, keyId } from '../../core/note/note.ts';
import { parseVerifierKey } from '../../core/note/verifier-key.ts';
import { countable, spelled } from '../../core/trust/index.ts';
import type { WitnessPolicy } from '../../core/trust/index.ts';
import { sha256 } from '../../platform/crypto.ts';
import type { PublishedCheckpoint } from '../log.store.ts';
import type { CosignatureRow } from './witnessing.store.ts';
import { firstWithQuorum, newestWithQuorum, readCheckpoint, readCosignatures } from './witnessing.store.ts';

export class WitnessedCheckpoints {
  readonly #operators = new Map<string, string>();
  readonly #keys: readonly string[];
  /** Name and key ID, by verifier key. */
  readonly #names: ReadonlyMap<string, Pick<NoteSignature, 'keyId' | 'name'>>;
  /** By size, from the newest with the quorum on. */
  #lines = new Map<number, Map<string, string>>();
  #newest: PublishedCheckpoint | undefined;
  #read = false;

  constructor(
    private readonly database: DataSource,
    readonly policy: WitnessPolicy | undefined,
  ) {
    this.#keys = policy?.witnesses.map(({ verifierKey }) => verifierKey) ?? [];
    this.#names = new Map(this.#keys.map((key) => [key, nameOf(key)]));
    for (const { verifierKey, operator } of countable(policy?.witnesses ?? [], policy?.operator)) {
      this.#operators.set(verifierKey, spelled(operator));
    }
  }

  /** The newest checkpoint with the quorum, its cosignatures with it. */
  get newest(): PublishedCheckpoint | undefined {
    return this.#newest && { ...this.#newest, note: this.noteOf(this.#newest) };
  }

  /** The note of a published checkpoint, with the cosignatures that are known of it. */
  noteOf({ size, note }: Pick<PublishedCheckpoint, 'note' | 'size'>): string {
    const lines = this.#lines.get(size);
    return lines === undefined ? note : note + [...lines.values()].join('');
  }

  /** Whether a witness is known to have cosigned the checkpoint of this size. */
  has(size: number, verifierKey: string): boolean {
    return this.#lines.get(size)?.has(verifierKey) ?? false;
  }

  /** Takes in what any process recorded since. */
  async refresh(): Promise<void> {
    const { manager } = this.database;
    if (this.policy === undefined) return;
    if (!this.#read) {
      const size = await newestWithQuorum(manager, this.#countable(), this.policy.quorum);
      if (size !== undefined) this.#newest = await readCheckpoint(manager, size);
      this.#read = true;
    }
    const rows = await readCosignatures(manager, this.#keys, this.#newest?.size ?? 0);
    const lines = new Map<number, Map<string, string>>();
    for (const row of rows) {
      const ofSize = lines.get(row.size) ?? new Map<string, string>();
      lines.set(row.size, ofSize.set(row.verifierKey, this.#lineOf(row)));
    }
    const newest = [...lines].findLast(([, ofSize]) => this.#hasQuorum(ofSize.keys()))?.[0];
    const checkpoint =
      newest === undefined || newest === this.#newest?.size ? this.#newest : await readCheckpoint(manager, newest);
    this.#lines = new Map([...lines].filter(([size]) => size >= (checkpoint?.size ?? 0)));
    this.#newest = checkpoint;
  }

  /** The first checkpoint with the quorum of so many entries, its cosignatures with it. */
  async first(sizes: { from: number; to: number }): Promise<PublishedCheckpoint | undefined> {
    const { manager } = this.database;
    if (this.policy === undefined) return undefined;
    const size = await firstWithQuorum(manager, this.#countable(), this.policy.quorum, sizes);
    const found = size === undefined ? undefined : await readCheckpoint(manager, size);
    if (found === undefined) return undefined;
    const rows = await readCosignatures(manager, this.#keys, found.size, found.size);
    return { ...found, note: found.note + rows.map((row) => this.#lineOf(row)).join('') };
  }

  #countable(): { verifierKey: string; operator: string }[] {
    return [...this.#operators].map(([verifierKey, operator]) => ({ verifierKey, operator }));
  }

  #hasQuorum(verifierKeys: Iterable<string>): boolean {
    const operators = new Set([...verifierKeys].map((key) => this.#operators.get(key)));
    operators.delete(undefined);
    return operators.size >= this.policy!.quorum;
  }

  #lineOf({ verifierKey, cosignedAt, signature }: CosignatureRow): string {
    const payload = formatCosignature({ time: cosignedAt, signature });
    return formatSignatures([{ ...this.#names.get(verifierKey)!, signature: payload }]);
  }
}

function nameOf(verifierKey: string): Pick<NoteSignature, 'keyId' | 'name'> {
  const { name, algorithm, publicKey } = parseVerifierKey(sha256, verifierKey);
  return { name, keyId: keyId(sha256, name, algorithm, publicKey) };
}
