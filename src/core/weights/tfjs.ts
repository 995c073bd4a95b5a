/**
 * A model of TensorFlow.js: `model.json`, whose `weightsManifest` lists groups of weights, and the files of each group,
 * which are one run of bytes however it is cut into files; the weights follow in it one behind the other, row-major and
 * little endian. Format: `WeightsManifestConfig` in https://github.com/tensorflow/tfjs/blob/master/tfjs-core/src/io/types.ts.
 *
 * Quantized weights are read as they are stored. Those in 8 or 16 bits are numbers only with the scale and the minimum that
 * the manifest gives, so these are weights, too: two tensors beside the one that they belong to. Otherwise two models which
 * differ in nothing but a scale would be one.
 */
import { RegistryError } from '../errors.ts';
import type { Json } from '../canonical-json.ts';
import type { ByteSource } from './byte-source.ts';
import { readPieces } from './byte-source.ts';
import type { ContainerReader, Siblings, StoredTensor } from './container.ts';
import { storedAt } from './container.ts';
import type { TensorHead } from './digest.ts';
import { CHUNK_BYTES } from './digest.ts';
import type { Dtype } from './dtype.ts';
import { tensorBytes } from './dtype.ts';
import { shown } from './header-json.ts';
import type { JsonObject } from './json.ts';
import { asArray, asObject, asString, isJsonWith, readJson } from './json.ts';
import { MAX_RANK, MAX_TENSORS } from './limits.ts';

export const tfjs: ContainerReader = {
  container: 'tfjs',
  // Others call their files `model.json`, too.
  endings: [],
  recognizes: (source) => isJsonWith(source, '"weightsManifest"'),
  async open(source, siblings) {
    const model = await readJson(source);
    const opened = new Set<string>();
    const tensors: StoredTensor[] = [];
    for (const [i, group] of asArray(model['weightsManifest'], 'weightsManifest').entries()) {
      const path = `weightsManifest.${i}`;
      const { paths, weights } = asObject(group, path);
      const bytes = await openFiles(asArray(paths, `${path}.paths`), `${path}.paths`, siblings, opened);
      for (const [j, weight] of asArray(weights, `${path}.weights`).entries()) {
        if (tensors.length > MAX_TENSORS) throw refuse(`The manifest names more than ${MAX_TENSORS} weights.`, path);
        tensors.push(...readWeight(asObject(weight, `${path}.weights.${j}`), `${path}.weights.${j}`, bytes));
      }
      if (bytes.left > 0) throw refuse(`The last ${bytes.left} bytes of the files are nobody's.`, `${path}.paths`);
    }
    return { tensors, metadata: wordsOf(model) };
  },
};

/** A run of bytes over several files, from which tensors are taken one behind the other. */
class FileRun {
  readonly #files: readonly { source: ByteSource; begin: number; end: number }[];
  readonly #size: number;
  #at = 0;

  constructor(sources: readonly ByteSource[]) {
    let size = 0;
    this.#files = sources.map((source) => ({ source, begin: size, end: (size += source.size) }));
    this.#size = size;
  }

  get left(): number {
    return this.#size - this.#at;
  }

  /** @throws RegistryError `malformed_container` when there are not so many bytes any more */
  take(head: TensorHead, byteLength: number, field: string): StoredTensor {
    if (byteLength > this.left) throw refuse(`The weight takes ${byteLength} bytes, and ${this.left} are left.`, field);
    const [begin, end] = [this.#at, (this.#at += byteLength)];
    const parts = this.#files.filter((file) => file.begin < end && file.end > begin);
    const [first] = parts;
    if (first !== undefined && parts.length === 1) return storedAt(first.source, head, begin - first.begin, byteLength);
    async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
      for (const { source, ...file } of parts) {
        const from = Math.max(begin, file.begin) - file.begin;
        yield* readPieces(source, from, Math.min(end, file.end) - file.begin, CHUNK_BYTES);
      }
    }
    return { ...head, byteLength, pieces };
  }
}

async function openFiles(
  paths: readonly Json[],
  field: string,
  siblings: Siblings,
  opened: Set<string>,
): Promise<FileRun> {
  const sources: ByteSource[] = [];
  for (const [i, value] of paths.entries()) {
    const path = asString(value, `${field}.${i}`);
    if (opened.has(path)) throw refuse('The file is named twice.', `${field}.${i}`);
    opened.add(path);
    sources.push(await siblings.open(path));
  }
  return new FileRun(sources);
}

const DTYPES: Partial<Record<string, Dtype>> = {
  float32: 'F32',
  int32: 'I32',
  bool: 'BOOL',
  complex64: 'C64',
  float16: 'F16',
  uint8: 'U8',
  uint16: 'U16',
};

/** The weight, and behind it the numbers of its quantization. */
function readWeight(weight: JsonObject, path: string, bytes: FileRun): StoredTensor[] {
  const name = asString(weight['name'], `${path}.name`);
  const shape = shapeOf(weight['shape'], `${path}.shape`);
  const said = asString(weight['dtype'], `${path}.dtype`);
  const take = (dtype: Dtype): StoredTensor =>
    bytes.take({ name, dtype, shape }, tensorBytes(dtype, shape, `${path}.shape`), path);
  if (!('quantization' in weight)) return [take(dtypeOf(said, `${path}.dtype`))];
  const quantization = asObject(weight['quantization'], `${path}.quantization`);
  const dtype = dtypeOf(asString(quantization['dtype'], `${path}.quantization.dtype`), `${path}.quantization.dtype`);
  if (dtype === 'F16' && said === 'float32') return [take(dtype)];
  if ((dtype !== 'U8' && dtype !== 'U16') || (said !== 'float32' && said !== 'int32')) {
    throw refuse(`There is no quantization of ${shown(said)} to ${dtype}.`, `${path}.quantization.dtype`);
  }
  const numbers = (['scale', 'min'] as const).map((which) =>
    scalar(`${name}/${which}`, quantization[which], `${path}.quantization.${which}`),
  );
  return [take(dtype), ...numbers];
}

function dtypeOf(name: string, field: string): Dtype {
  const dtype = Object.hasOwn(DTYPES, name) ? DTYPES[name] : undefined;
  if (dtype !== undefined) return dtype;
  throw new RegistryError('unsupported_container', `Weights of the type "${shown(name)}" are not read here.`, {
    field,
    ...(name === 'string' ? { fix: 'Save the model without weights that are text.' } : {}),
  });
}

function shapeOf(value: Json | undefined, field: string): number[] {
  const shape = asArray(value, field);
  if (shape.length > MAX_RANK) throw refuse(`The weight has more than ${MAX_RANK} dimensions.`, field);
  return shape.map((dimension) => {
    if (typeof dimension === 'number' && Number.isSafeInteger(dimension) && dimension >= 0) return dimension;
    throw refuse('Here a whole number from 0 on is needed.', field);
  });
}

function scalar(name: string, value: Json | undefined, field: string): StoredTensor {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw refuse('Here a number is needed.', field);
  const data = new Uint8Array(8);
  new DataView(data.buffer).setFloat64(0, value, true);
  return { name, dtype: 'F64', shape: [], byteLength: data.length, pieces: () => [data] };
}

/** What the model says about itself: who wrote it, in which format. */
const wordsOf = (model: JsonObject): Record<string, string> =>
  Object.fromEntries(
    Object.entries(model).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );

function refuse(sentence: string, field: string): RegistryError {
  return new RegistryError('malformed_container', sentence, { field });
}
