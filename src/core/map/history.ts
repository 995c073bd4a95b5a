/**
 * Every map that a log ever had, computed again in one pass over its digests in order of their keys. A subtree is
 * complete once a key behind it has come; what is kept of it is the list of its hashes, one for each of the asked sizes
 * at which it changed. So no tree is held in memory: the lists that wait are together no longer than the number of
 * namings seen so far, and each node of each map is hashed once.
 *
 * This shares nothing with `fold.ts` but the format: verifier and outside auditor hold what a registry folded against it.
 */
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { emptyRoot } from '../merkle/tree.ts';
import { compareBytes } from '../weights/compare-bytes.ts';
import { extendValue, formatNode, mapLeafHash, mapNodeHash, NO_PLACES, partingBit } from './map.ts';
import type { Stored } from './stored.ts';
import { formatLeaf } from './stored.ts';

/** A map: which root it has, over how many digests. */
export interface MapVersion {
  readonly root: Uint8Array;
  readonly keys: number;
}

export interface HistoryOptions {
  /**
   * Is shown each leaf and node of the maps from `watchFrom` on.
   * @param until place of the first map without it
   */
  readonly watch?: (stored: Stored, until: number) => void;
  /** Place in the list of sizes; all maps without it. */
  readonly watchFrom?: number;
}

/** A subtree through time: from the size at `steps[i]` on it has the hash at `hashes[i]`. */
export interface Course {
  readonly steps: readonly number[];
  readonly hashes: readonly Uint8Array[];
}

/** The maps over neighboring keys, computed apart from all others: they meet above, in one subtree. */
export interface MapPart {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
  readonly course: Course;
  /** New keys in it, by size */
  readonly newKeys: readonly number[];
}

export class MapHistory {
  /** Subtrees from left to right, each with the bit by which it parts from the one before. */
  readonly #waiting: { course: Course; bit: number }[] = [];
  readonly #newKeys: number[];
  readonly #watch: HistoryOptions['watch'];
  readonly #watchFrom: number;
  #first: Uint8Array | undefined;
  #last: Uint8Array | undefined;

  /** @param sizes how many entries each of the maps covers, ascending */
  constructor(
    private readonly sha256: Sha256,
    private readonly sizes: readonly number[],
    { watch, watchFrom = 0 }: HistoryOptions = {},
  ) {
    this.#newKeys = sizes.map(() => 0);
    this.#watch = watch;
    this.#watchFrom = watchFrom;
  }

  /**
   * The next digest. Places behind the largest size are left alone.
   * @param entries ascending
   * @throws RegistryError `invalid_input` when keys do not ascend
   */
  add(key: Uint8Array, entries: readonly number[]): void {
    this.#requireBehind(key);
    const course = this.#leaf(key, entries);
    if (course.steps.length > 0) this.#put(key, key, course);
  }

  /**
   * The keys of another history of the same sizes, all behind those so far.
   * @throws RegistryError `invalid_input` when keys do not ascend
   */
  addPart({ first, last, course, newKeys }: MapPart): void {
    this.#requireBehind(first);
    for (const [step, count] of newKeys.entries()) this.#newKeys[step]! += count;
    this.#put(first, last, course);
  }

  /** All keys so far as a part of a larger history; undefined where no map has any of them. */
  part(): MapPart | undefined {
    this.#join(-1);
    const whole = this.#waiting[0]?.course;
    if (whole === undefined) return undefined;
    return { first: this.#first!, last: this.#last!, course: whole, newKeys: this.#newKeys };
  }

  /** The maps, one for each size. */
  finish(): MapVersion[] {
    this.#join(-1);
    const whole = this.#waiting[0]?.course;
    let root = emptyRoot(this.sha256);
    let keys = 0;
    let at = 0;
    return this.sizes.map((_, step) => {
      if (whole?.steps[at] === step) root = whole.hashes[at++]!;
      keys += this.#newKeys[step]!;
      return { root, keys };
    });
  }

  #requireBehind(key: Uint8Array): void {
    if (this.#last === undefined || compareBytes(this.#last, key) < 0) return;
    throw new RegistryError('invalid_input', 'The keys of a map are not ascending.');
  }

  #put(first: Uint8Array, last: Uint8Array, course: Course): void {
    const bit = this.#last === undefined ? -1 : partingBit(this.#last, first);
    this.#first ??= first;
    this.#last = last;
    this.#join(bit);
    this.#waiting.push({ course, bit });
  }

  /** Completes the subtrees that part below `bit`. */
  #join(bit: number): void {
    while (this.#waiting.length > 1 && this.#waiting.at(-1)!.bit > bit) {
      const right = this.#waiting.pop()!;
      const left = this.#waiting.pop()!;
      this.#waiting.push({ course: this.#node(right.bit, left.course, right.course), bit: left.bit });
    }
  }

  #leaf(key: Uint8Array, entries: readonly number[]): Course {
    const steps: number[] = [];
    const hashes: Uint8Array[] = [];
    let value = NO_PLACES;
    for (const [i, index] of entries.entries()) {
      const step = firstAbove(this.sizes, index);
      if (step === this.sizes.length) break;
      value = extendValue(this.sha256, value, index);
      const following = entries[i + 1];
      if (following !== undefined && following < this.sizes[step]!) continue;
      steps.push(step);
      hashes.push(mapLeafHash(this.sha256, key, value));
    }
    if (steps[0] !== undefined) this.#newKeys[steps[0]]!++;
    this.#show(steps, (i) => {
      const covered = this.sizes[steps[i]!]!;
      return { hash: hashes[i]!, content: formatLeaf({ key, entries: entries.filter((index) => index < covered) }) };
    });
    return { steps, hashes };
  }

  #node(bit: number, left: Course, right: Course): Course {
    const steps: number[] = [];
    const hashes: Uint8Array[] = [];
    const below: ([left: Uint8Array, right: Uint8Array] | undefined)[] = [];
    let [l, r] = [0, 0];
    while (l < left.steps.length || r < right.steps.length) {
      const step = Math.min(left.steps[l] ?? Infinity, right.steps[r] ?? Infinity);
      if (left.steps[l] === step) l++;
      if (right.steps[r] === step) r++;
      const [a, b] = [left.hashes[l - 1], right.hashes[r - 1]];
      const both = a !== undefined && b !== undefined;
      steps.push(step);
      hashes.push(both ? mapNodeHash(this.sha256, bit, a, b) : (a ?? b)!);
      below.push(both ? [a, b] : undefined);
    }
    this.#show(steps, (i) => {
      const both = below[i];
      return both === undefined ? undefined : { hash: hashes[i]!, content: formatNode(bit, ...both) };
    });
    return { steps, hashes };
  }

  /** Shows what is part of a watched map: at its step, or still there when the watched ones begin. */
  #show(steps: readonly number[], storedAt: (i: number) => Stored | undefined): void {
    if (this.#watch === undefined) return;
    for (const i of steps.keys()) {
      const until = steps[i + 1] ?? this.sizes.length;
      if (until <= this.#watchFrom) continue;
      const stored = storedAt(i);
      if (stored !== undefined) this.#watch(stored, until);
    }
  }
}

/** Place of the first size above `index`. */
function firstAbove(sizes: readonly number[], index: number): number {
  let [low, high] = [0, sizes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sizes[middle]! > index) high = middle;
    else low = middle + 1;
  }
  return low;
}
