/**
 * A tree that is followed leaf by leaf in memory of logarithmic size: the roots of its perfect subtrees, largest first,
 * are all that its root and its growth depend on (RFC 6962 §2.1; "compact range" in later papers).
 */
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { emptyRoot, HASH_SIZE, isSize, nodeHash } from './tree.ts';

export class CompactRange {
  readonly #subtrees: Uint8Array[];
  #size: number;

  /**
   * @param subtrees of a tree of `size` leaves, as `subtrees` gave them
   * @throws RegistryError `invalid_input` when their number is not the one of the size
   */
  constructor(
    private readonly sha256: Sha256,
    size = 0,
    subtrees: readonly Uint8Array[] = [],
  ) {
    const needed = isSize(size) ? [...size.toString(2)].filter((bit) => bit === '1').length : -1;
    if (subtrees.length !== needed || subtrees.some((hash) => hash.length !== HASH_SIZE)) {
      throw new RegistryError('invalid_input', `These are not the subtrees of a tree of ${size} leaves.`);
    }
    this.#size = size;
    this.#subtrees = [...subtrees];
  }

  get size(): number {
    return this.#size;
  }

  get subtrees(): readonly Uint8Array[] {
    return [...this.#subtrees];
  }

  add(leafHash: Uint8Array): void {
    let hash = leafHash;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      hash = nodeHash(this.sha256, this.#subtrees.pop()!, hash);
    }
    this.#subtrees.push(hash);
    this.#size++;
  }

  root(): Uint8Array {
    if (this.#size === 0) return emptyRoot(this.sha256);
    return this.#subtrees.reduceRight((right, left) => nodeHash(this.sha256, left, right));
  }
}
