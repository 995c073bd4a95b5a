/**
 * What is on record about digests at this moment. It follows from the log, so it is kept as long as the log stands still,
 * whichever process makes it grow; the names in it can be erased and are read every time.
 */
import type { Digest } from '../core/digest.ts';
import type { DataSource } from '../platform/database/index.ts';
import type { Found } from './provenance.store.ts';
import { findByDigest, findNames } from './provenance.store.ts';

/** About 1 KiB each. */
const MAX_KEPT = 10_000;

export interface FoundNow {
  readonly found: Found;
  /** By what they are committed to; an erased one is not there. */
  readonly names: ReadonlyMap<Digest, string>;
}

export class Finder {
  /** As the log of `#size` entries has it */
  readonly #kept = new Map<Digest, Found>();
  #size = -1;
  #asked: { digests: Set<Digest>; answer: Promise<Map<Digest, FoundNow>> } | undefined;

  constructor(private readonly database: DataSource) {}

  /** Look-ups that arrive together ask the database together. */
  async find(digest: Digest): Promise<FoundNow> {
    if (this.#asked === undefined) {
      const digests = new Set<Digest>();
      const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        this.#asked = undefined;
        return this.#findAll([...digests]);
      });
      this.#asked = { digests, answer };
    }
    this.#asked.digests.add(digest);
    return (await this.#asked.answer).get(digest)!;
  }

  async #findAll(digests: readonly Digest[]): Promise<Map<Digest, FoundNow>> {
    const now = new Map<Digest, FoundNow>();
    // What is kept may be replaced while the database answers.
    const asOf = this.#size;
    const kept = digests.flatMap((digest) => this.#kept.get(digest) ?? []);
    if (kept.length > 0) {
      const { size, names } = await findNames(this.database, commitmentsIn(kept));
      if (size === asOf) for (const found of kept) now.set(found.digest, { found, names });
    }
    const missing = digests.filter((digest) => !now.has(digest));
    if (missing.length === 0) return now;
    const rows = await findByDigest(this.database, missing);
    const commitments = commitmentsIn(rows);
    const names =
      commitments.length === 0 ? new Map<Digest, string>() : (await findNames(this.database, commitments)).names;
    for (const { size, ...found } of rows) {
      now.set(found.digest, { found, names });
      if (this.#kept.size >= MAX_KEPT || size !== this.#size) this.#kept.clear();
      this.#size = size;
      this.#kept.set(found.digest, found);
    }
    return now;
  }
}

const commitmentsIn = (all: readonly Found[]): Digest[] => [
  ...new Set(
    all.flatMap(({ current }) => current.flatMap(({ owners }) => owners.map((owner) => owner.nameCommitment))),
  ),
];
