/** Tensors as `torch.save` pickles them: views of storages, made by the functions of `torch/_utils.py` and `torch/_tensor.py`. */
import { RegistryError } from '../errors.ts';
import type { Dtype } from './dtype.ts';
import { elementCount, tensorBytes } from './dtype.ts';
import { shown } from './header-json.ts';
import { MAX_RANK } from './limits.ts';
import type { PickleValue } from './pickle-values.ts';
import { PickleCall, PickleDict, PickleGlobal, PickleList, PicklePersistent, PickleTuple } from './pickle-values.ts';
import {
  dtypeCalled,
  FROM_TYPE,
  FROM_UNTYPED_STORAGE,
  PARAMETERS,
  REBUILDERS,
  STORAGES,
  TENSOR_TYPES,
} from './torch-globals.ts';

/** Elements of one type, one behind the other, in a place that their key tells. */
export interface Storage {
  key: string;
  /** Undefined where tensors say of what type they are, and the elements are bytes */
  dtype: Dtype | undefined;
  /** Bytes of an element */
  width: number;
  elements: number;
}

/** A tensor as a view of a storage: element [i, j, …] is its element `first + i·strides[0] + j·strides[1] + …`. */
export interface View {
  name: string;
  dtype: Dtype;
  shape: readonly number[];
  strides: readonly number[];
  first: number;
  storage: Storage;
}

/** @throws RegistryError `malformed_container`, `unsupported_container` */
export function storageOf({ id }: PicklePersistent): Storage {
  if (!(id instanceof PickleTuple) || id.items[0] !== 'storage') {
    throw unsupported('The pickle refers to something outside that is no storage.', 'storage');
  }
  const [, type, key, , elements, partOf] = id.items;
  if (typeof key !== 'string') throw malformed('A storage has no key.', 'storage');
  const field = `storage ${shown(key)}`;
  if (!(type instanceof PickleGlobal) || !STORAGES.has(type.name)) throw malformed('A storage has no type.', field);
  if (!isCount(elements)) throw malformed('A storage does not say how many elements it has.', field);
  if (partOf !== undefined && partOf !== null) throw unsupported('A storage is a part of another one.', field);
  const dtype = STORAGES.get(type.name);
  return { key, dtype, width: dtype === undefined ? 1 : widthOf(dtype), elements };
}

export const widthOf = (dtype: Dtype): number => tensorBytes(dtype, [1], dtype);

/** @throws RegistryError `malformed_container`, `unsupported_container` */
export function viewOf({ callee: { name: callee }, args, ...rest }: PickleCall, field: string): Omit<View, 'name'> {
  if (rest.state !== undefined || rest.items.length > 0 || rest.pairs.length > 0) {
    throw malformed('A tensor is changed after it was made.', field);
  }
  if (PARAMETERS.includes(callee)) {
    requireAttributes(args[3], field);
    return viewMadeBy(callee, args[0], field);
  }
  if (callee === FROM_TYPE) {
    const [rebuild, type, made, state] = args;
    requireAttributes(state, field);
    if (!(type instanceof PickleGlobal) || !TENSOR_TYPES.includes(type.name)) {
      throw unsupported('A tensor is of a class of its own.', field);
    }
    if (!(rebuild instanceof PickleGlobal) || !(made instanceof PickleTuple)) {
      throw malformed('A tensor is made of nothing.', field);
    }
    return viewMadeBy(callee, new PickleCall(rebuild, made.items), field);
  }
  const [persistent, first, size, stride, , , ...others] = args;
  if (!(persistent instanceof PicklePersistent)) throw malformed('A tensor has no storage.', field);
  const storage = storageOf(persistent);
  const [shape, strides] = [countsOf(size), countsOf(stride)];
  if (!isCount(first) || shape === undefined || strides?.length !== shape.length) {
    throw malformed('A tensor does not say where its elements are.', field);
  }
  const typed = callee !== FROM_UNTYPED_STORAGE;
  const dtype = typed ? storage.dtype : dtypeIn(others.shift());
  if (dtype === undefined) throw malformed('A tensor has no type.', field);
  requirePlain(others[0], field);
  const view = { dtype, shape, strides, first, storage };
  requireInside(view, field);
  return view;
}

function viewMadeBy(caller: string, made: PickleValue | undefined, field: string): Omit<View, 'name'> {
  // One within another of its kind, as often as one likes, would be a way to nest without end.
  if (made instanceof PickleCall && REBUILDERS.has(made.callee.name) && made.callee.name !== caller) {
    if (!PARAMETERS.includes(made.callee.name)) return viewOf(made, field);
  }
  throw malformed('A tensor is made of what is no tensor.', field);
}

/** What is put among a tensor's attributes may be its `data`, and so another tensor; numbers and texts cannot be. */
function requireAttributes(state: PickleValue | undefined, field: string): void {
  if (state === undefined || state === null) return;
  if (state instanceof PickleDict && state.pairs.every((item) => typeof item !== 'object' || item === null)) return;
  throw unsupported('A tensor has attributes that are more than numbers and texts.', field);
}

/** A view may be marked to be read as the complex conjugate or as the negative of what stands there. */
function requirePlain(marks: PickleValue | undefined, field: string): void {
  if (marks === undefined || marks === null) return;
  if (marks instanceof PickleDict && marks.pairs.every((mark, i) => i % 2 === 0 || mark === false)) return;
  throw unsupported('A tensor is a conjugate or negative view.', field);
}

const dtypeIn = (value: PickleValue | undefined): Dtype | undefined =>
  value instanceof PickleGlobal ? dtypeCalled(value.name) : undefined;

function requireInside({ dtype, shape, strides, first, storage }: Omit<View, 'name'>, field: string): void {
  const available = Math.floor((storage.elements * storage.width) / widthOf(dtype));
  if (elementCount(shape) === 0) return;
  const last = shape.reduce((place, dimension, axis) => place + (dimension - 1) * strides[axis]!, first);
  if (last < available) return;
  throw malformed(`A tensor reaches to element ${last} of a storage of ${available}.`, field);
}

function countsOf(value: PickleValue | undefined): number[] | undefined {
  const tuple = value instanceof PickleCall && value.callee.name === 'torch.Size' ? value.args[0] : value;
  if (!(tuple instanceof PickleTuple || tuple instanceof PickleList)) return undefined;
  const items: readonly PickleValue[] = tuple.items;
  return items.length <= MAX_RANK && items.every(isCount) ? [...items] : undefined;
}

const isCount = (value: PickleValue | undefined): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

export const malformed = (sentence: string, field: string): RegistryError =>
  new RegistryError('malformed_container', sentence, { field });

export const unsupported = (sentence: string, field: string): RegistryError =>
  new RegistryError('unsupported_container', sentence, {
    field,
    fix: 'Save the weights alone, with torch.save(model.state_dict(), path), or as safetensors.',
  });
