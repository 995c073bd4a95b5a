/**
 * The tensors in what `torch.save` pickled, by their path: `model.fc.weight` stands under `fc.weight` in the dict under
 * `model`. Every tensor counts, those of an optimizer too; so a state dict alone gives exactly the names it has in PyTorch.
 *
 * A pickle may use the globals listed here and no other: those of which tensors are made, and classes of plain values that
 * training scripts keep beside them. Anything else could, where the file is loaded, put other tensors in the place of those
 * that are seen here, or do worse; so the file is refused, and the global named.
 */
import { RegistryError } from '../errors.ts';
import type { Dtype } from './dtype.ts';
import { elementCount, tensorBytes } from './dtype.ts';
import { shown } from './header-json.ts';
import { MAX_RANK, MAX_TENSORS } from './limits.ts';
import type { PickleValue } from './pickle.ts';
import { PickleCall, PickleDict, PickleGlobal, PickleList, PicklePersistent, PickleTuple } from './pickle.ts';

/** Values looked at, each as often as it can be reached: two lists of two lists of two lists … are soon too many. */
const MAX_VISITS = 16_000_000;
const MAX_DEPTH = 200;

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

/** What a way of writing the container makes known. */
export interface TorchFile {
  views: View[];
  /** @throws RegistryError where the file has no such storage */
  offsetOf(storage: Storage): number;
  bigEndian: boolean;
  metadata: Record<string, string>;
}

/** @throws RegistryError `unsupported_container` for a global that is not on the lists */
export function allowGlobal(name: string): void {
  if (STORAGES.has(name) || REBUILDERS.has(name) || PLAIN.has(name) || dtypeCalled(name) !== undefined) return;
  const kind = NOT_READ.find(([pattern]) => pattern.test(name))?.[1];
  throw new RegistryError(
    'unsupported_container',
    kind === undefined
      ? 'The pickle uses a global that is none of those of which tensors and plain values are made; nothing was run.'
      : `${kind} are not read here.`,
    {
      field: shown(name),
      fix: 'Save the weights alone, with torch.save(model.state_dict(), path), or as safetensors.',
    },
  );
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

const DTYPES_OF_TORCH = {
  float64: 'F64',
  double: 'F64',
  float32: 'F32',
  float: 'F32',
  float16: 'F16',
  half: 'F16',
  bfloat16: 'BF16',
  float8_e4m3fn: 'F8_E4M3',
  float8_e4m3fnuz: 'F8_E4M3FNUZ',
  float8_e5m2: 'F8_E5M2',
  float8_e5m2fnuz: 'F8_E5M2FNUZ',
  float8_e8m0fnu: 'F8_E8M0',
  int64: 'I64',
  long: 'I64',
  int32: 'I32',
  int: 'I32',
  int16: 'I16',
  short: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
  complex64: 'C64',
  cfloat: 'C64',
} as const satisfies Record<string, Dtype>;

function dtypeCalled(global: string): Dtype | undefined {
  const name = global.startsWith('torch.') ? global.slice('torch.'.length) : '';
  return Object.hasOwn(DTYPES_OF_TORCH, name) ? DTYPES_OF_TORCH[name as keyof typeof DTYPES_OF_TORCH] : undefined;
}

const TYPED_STORAGES = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
  ComplexFloatStorage: 'C64',
} as const satisfies Record<string, Dtype>;

const STORAGES: ReadonlyMap<string, Dtype | undefined> = new Map([
  ...Object.entries(TYPED_STORAGES).flatMap(([name, dtype]): [string, Dtype][] => [
    [`torch.${name}`, dtype],
    [`torch.cuda.${name}`, dtype],
  ]),
  ['torch.storage.UntypedStorage', undefined],
  ['torch.UntypedStorage', undefined],
]);

const FROM_TYPE = 'torch._tensor._rebuild_from_type_v2';
const FROM_TYPED_STORAGE = ['torch._utils._rebuild_tensor', 'torch._utils._rebuild_tensor_v2'];
const FROM_UNTYPED_STORAGE = 'torch._utils._rebuild_tensor_v3';
const PARAMETERS = ['torch._utils._rebuild_parameter', 'torch._utils._rebuild_parameter_with_state'];
const REBUILDERS = new Set([...FROM_TYPED_STORAGE, FROM_UNTYPED_STORAGE, ...PARAMETERS, FROM_TYPE]);

const TENSOR_TYPES = [
  'torch.Tensor',
  'torch._tensor.Tensor',
  'torch.nn.parameter.Buffer',
  'torch.nn.parameter.Parameter',
];

const ORDERED_DICT = 'collections.OrderedDict';

/** Classes of plain values, of which none does anything when it is made. Python 2 calls some modules otherwise. */
const PLAIN = new Set([
  ORDERED_DICT,
  'collections.Counter',
  'collections.defaultdict',
  'collections.deque',
  ...['builtins', '__builtin__'].flatMap((module) =>
    [
      'bool',
      'bytearray',
      'bytes',
      'complex',
      'dict',
      'float',
      'frozenset',
      'int',
      'list',
      'object',
      'range',
      'set',
      'slice',
      'str',
      'tuple',
    ].map((name) => `${module}.${name}`),
  ),
  '_codecs.encode',
  'argparse.Namespace',
  'copy_reg._reconstructor',
  'copyreg._reconstructor',
  'datetime.date',
  'datetime.datetime',
  'datetime.time',
  'datetime.timedelta',
  'datetime.timezone',
  'decimal.Decimal',
  'fractions.Fraction',
  'numpy._core.multiarray._reconstruct',
  'numpy._core.multiarray.scalar',
  'numpy.core.multiarray._reconstruct',
  'numpy.core.multiarray.scalar',
  'numpy.dtype',
  'numpy.ndarray',
  'pathlib.Path',
  'pathlib.PosixPath',
  'pathlib.PurePosixPath',
  'pathlib.PureWindowsPath',
  'pathlib.WindowsPath',
  'torch.Size',
  'torch.device',
  'torch.serialization._get_layout',
  'types.SimpleNamespace',
  'uuid.UUID',
  ...TENSOR_TYPES,
]);

/** What PyTorch writes and is not read here, by the words for it. */
const NOT_READ: readonly [RegExp, string][] = [
  [/^torch\.(Q(U?Int|UInt)\w*Storage|_utils\._rebuild_qtensor|quint\w+|qint\w+|per_\w+)$/, 'Quantized tensors'],
  [/^torch\._utils\._rebuild_sparse\w*$/, 'Sparse tensors'],
  [/^torch\._utils\._rebuild_nested_tensor$/, 'Nested tensors'],
  [
    /^torch\.(cuda\.)?(ComplexDoubleStorage|complex128|cdouble|complex32|chalf|float4_\w+|bits\w+|u?int[1-7])$/,
    'Tensors of this type',
  ],
  [
    /^torch\._utils\._rebuild_(meta_tensor_no_storage|device_tensor_from_numpy|xla_tensor|wrapper_subclass)$/,
    'Tensors without a storage of their own',
  ],
  [/^__torch__\./, 'Scripted models (TorchScript)'],
];

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

/** As `torch/_utils.py` and `torch/_tensor.py` have these functions. */
function viewOf({ callee: { name: callee }, args, ...rest }: PickleCall, field: string): Omit<View, 'name'> {
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

const malformed = (sentence: string, field: string): RegistryError =>
  new RegistryError('malformed_container', sentence, { field });

const unsupported = (sentence: string, field: string): RegistryError =>
  new RegistryError('unsupported_container', sentence, {
    field,
    fix: 'Save the weights alone, with torch.save(model.state_dict(), path), or as safetensors.',
  });
