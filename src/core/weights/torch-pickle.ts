/**
 * The tensors in what `torch.save` pickled, by their path: `model.fc.weight` stands under `fc.weight` in the dict under
 * `model`. Every tensor counts, those of an optimizer too; so a state dict alone gives exactly the names it has in PyTorch.
 */
import type { RegistryError } from '../errors.ts';
import { shown } from './header-json.ts';
import { MAX_TENSORS } from './limits.ts';
import type { PickleValue } from './pickle-values.ts';
import { PickleCall, PickleDict, PickleGlobal, PickleList, PickleTuple } from './pickle-values.ts';
import { ORDERED_DICT, REBUILDERS, TENSOR_TYPES } from './torch-globals.ts';
import type { Storage, View } from './torch-view.ts';
import { malformed, unsupported, viewOf } from './torch-view.ts';

/** Values looked at, each as often as it can be reached: two lists of two lists of two lists … are soon too many. */
const MAX_VISITS = 16_000_000;
const MAX_DEPTH = 200;

/** What a way of writing the container makes known. */
export interface TorchFile {
  views: View[];
  /** @throws RegistryError where the file has no such storage */
  offsetOf(storage: Storage): number;
  bigEndian: boolean;
  metadata: Record<string, string>;
}

/**
 * The tensors below `root`, each once for every path that leads to it.
 * @throws RegistryError `malformed_container`, `unsupported_container`
 */
export function viewsIn(root: PickleValue): View[] {
  const walk = new Walk();
  walk.visit(root);
  return walk.views;
}

class Walk {
  readonly views: View[] = [];
  readonly #path: PickleValue[] = [];
  /** On the way from the root: what holds itself is not gone into again */
  readonly #above = new Set<PickleValue>();
  #visits = 0;

  visit(value: PickleValue): void {
    if (value instanceof PickleTuple || value instanceof PickleList) {
      this.#inside(value, () => this.#visitItems(value.items));
    } else if (value instanceof PickleDict) {
      this.#inside(value, () => this.#visitPairs(value.pairs));
    } else if (value instanceof PickleCall) {
      if (REBUILDERS.has(value.callee.name)) this.#tensor(value);
      else this.#inside(value, () => this.#visitCall(value));
    } else if (value instanceof PickleGlobal && TENSOR_TYPES.includes(value.name)) {
      throw this.#madeOtherwise();
    }
  }

  #inside(value: PickleValue, visit: () => void): void {
    if (this.#above.has(value)) return;
    if (this.#above.size === MAX_DEPTH) throw malformed(`The pickle nests more than ${MAX_DEPTH} deep.`, 'pickle');
    this.#above.add(value);
    visit();
    this.#above.delete(value);
  }

  #visitItems(items: readonly PickleValue[]): void {
    this.#count(items.length);
    for (const [place, item] of items.entries()) this.#below(place, item);
  }

  #visitPairs(pairs: readonly PickleValue[]): void {
    this.#count(pairs.length);
    const keys = new Set<unknown>();
    for (let i = 0; i < pairs.length; i += 2) {
      const [key, value] = [pairs[i]!, pairs[i + 1]!];
      // True and 1 are one key to Python.
      const same = typeof key === 'boolean' ? Number(key) : key;
      if (keys.has(same)) throw malformed('A key stands twice in a dict.', this.#field(key));
      keys.add(same);
      this.#below(key, value);
    }
  }

  #visitCall({ callee, args, items, pairs, state }: PickleCall): void {
    if (TENSOR_TYPES.includes(callee.name)) throw this.#madeOtherwise();
    const [first] = args;
    if (callee.name === ORDERED_DICT && first instanceof PickleList) {
      // Python 2 hands over pairs.
      this.#visitPairs(first.items.flatMap((pair) => pairOf(pair)));
    } else {
      this.#visitItems(args);
    }
    this.#visitItems(items);
    this.#visitPairs(pairs);
    // The attributes, or those and the slots.
    const states = state instanceof PickleTuple && state.items.length === 2 ? state.items : [state];
    for (const one of states) if (one !== undefined) this.visit(one);
  }

  #below(key: PickleValue, value: PickleValue): void {
    if (value === null || typeof value !== 'object') return;
    this.#path.push(key);
    this.visit(value);
    this.#path.pop();
  }

  #tensor(call: PickleCall): void {
    if (this.views.length === MAX_TENSORS)
      throw malformed(`The pickle has more than ${MAX_TENSORS} tensors.`, 'pickle');
    const name = this.#path.map((key) => label(key, this.#field())).join('.');
    this.views.push({ name, ...viewOf(call, shown(name)) });
  }

  #count(values: number): void {
    this.#visits += values;
    if (this.#visits > MAX_VISITS) throw malformed(`The pickle has more than ${MAX_VISITS} values.`, 'pickle');
  }

  #madeOtherwise(): RegistryError {
    return unsupported('A tensor is made in another way than torch.save makes it.', this.#field());
  }

  #field(...more: PickleValue[]): string {
    return shown([...this.#path, ...more].map((key) => (typeof key === 'object' ? '?' : String(key))).join('.'));
  }
}

/** What a key is called in a path. */
function label(key: PickleValue, field: string): string {
  if (typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint') return String(key);
  if (typeof key === 'boolean') return key ? 'True' : 'False';
  throw unsupported('A tensor lies under a key that is neither text nor a number.', field);
}

function pairOf(pair: PickleValue): readonly PickleValue[] {
  const items = pair instanceof PickleTuple || pair instanceof PickleList ? pair.items : [];
  if (items.length !== 2) throw malformed('An OrderedDict is made of what are no pairs.', 'pickle');
  return items;
}
