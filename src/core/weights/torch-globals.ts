/**
 * The globals that a pickle of `torch.save` may use, and no other: those of which tensors are made, and classes of plain
 * values that training scripts keep beside them. Anything else could, where the file is loaded, put other tensors in the
 * place of those that are seen here, or do worse; so the file is refused, and the global named.
 */
import { RegistryError } from '../errors.ts';
import type { Dtype } from './dtype.ts';
import { shown } from './header-json.ts';

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

/** Of a type as a global, such as `torch.float32`. */
export function dtypeCalled(global: string): Dtype | undefined {
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

export const STORAGES: ReadonlyMap<string, Dtype | undefined> = new Map([
  ...Object.entries(TYPED_STORAGES).flatMap(([name, dtype]): [string, Dtype][] => [
    [`torch.${name}`, dtype],
    [`torch.cuda.${name}`, dtype],
  ]),
  ['torch.storage.UntypedStorage', undefined],
  ['torch.UntypedStorage', undefined],
]);

export const FROM_TYPE = 'torch._tensor._rebuild_from_type_v2';
const FROM_TYPED_STORAGE = ['torch._utils._rebuild_tensor', 'torch._utils._rebuild_tensor_v2'];
export const FROM_UNTYPED_STORAGE = 'torch._utils._rebuild_tensor_v3';
export const PARAMETERS = ['torch._utils._rebuild_parameter', 'torch._utils._rebuild_parameter_with_state'];
export const REBUILDERS = new Set([...FROM_TYPED_STORAGE, FROM_UNTYPED_STORAGE, ...PARAMETERS, FROM_TYPE]);

export const TENSOR_TYPES = [
  'torch.Tensor',
  'torch._tensor.Tensor',
  'torch.nn.parameter.Buffer',
  'torch.nn.parameter.Parameter',
];

export const ORDERED_DICT = 'collections.OrderedDict';

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
