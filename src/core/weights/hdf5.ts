/**
 * HDF5 files (.h5, .hdf5) as containers of weights, Keras' above all. Every dataset of numbers is a tensor, named by its
 * path; docs/containers.md says which parts of a Keras model are read and how they are called.
 *
 * The library of the HDF Group compiled to WebAssembly (h5wasm) is not used: of a chunk that decompresses to too little it
 * returns what lay in memory, a chunk of 1.5 MB took 1.6 GB that the process never gives back, and it does not tell where
 * a tensor stands, which the threads that hash must know. What is read here is what h5py writes by default and little
 * more. Two datasets never share a byte, and none is larger than its bytes can become.
 */
import { utf8 } from '../bytes.ts';
import type { ByteSource } from './byte-source.ts';
import { bytesSource, partOf } from './byte-source.ts';
import type { ContainerReader, OpenedContainer, StoredTensor } from './container.ts';
import { storedAt } from './container.ts';
import { CHUNK_BYTES } from './digest.ts';
import type { Dtype } from './dtype.ts';
import { elementCount, tensorBytes } from './dtype.ts';
import { shown } from './header-json.ts';
import { EARLIEST_FIX, Hdf5File, malformed, unsupported } from './hdf5-bytes.ts';
import { checkBands, chunkedPieces, filled, readChunkIndex } from './hdf5-chunks.ts';
import { aliased, isGroup, linksOf } from './hdf5-links.ts';
import type { HeaderMessages } from './hdf5-object.ts';
import {
  datatypeOf,
  fillValueOf,
  filtersOf,
  layoutOf,
  MESSAGE,
  readObject,
  shapeOf,
  textAttribute,
} from './hdf5-object.ts';
import { MAX_JSON_BYTES, readJson } from './json.ts';
import { MAX_INFLATION, MAX_TENSORS } from './limits.ts';
import { swapped } from './pieces.ts';

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const SUPERBLOCK_BYTES = 96;
/** Keras nests a model's layers as deep as models lie in models. */
const MAX_DEPTH = 100;
const MAX_TEXT_BYTES = 4096;
/** Keras writes them to the root of a file. */
const DESCRIBING = ['keras_version', 'backend', 'model_config'];

export const hdf5: ContainerReader = {
  container: 'hdf5',
  endings: ['.h5', '.hdf5'],
  recognizes: looksLikeHdf5,
  open: openHdf5,
};

export async function looksLikeHdf5(source: ByteSource): Promise<boolean> {
  if (source.size < SUPERBLOCK_BYTES) return false;
  const start = await source.read(0, SIGNATURE.length);
  return SIGNATURE.every((byte, i) => start[i] === byte);
}

/** @throws RegistryError `malformed_container`, `unsupported_container` */
export async function openHdf5(source: ByteSource): Promise<OpenedContainer> {
  if (!(await looksLikeHdf5(source))) await refuseStart(source);
  const file = new Hdf5File(source);
  const rootAt = await rootAddress(file);
  const root = await readObject(file, rootAt, '/');
  const metadata: Record<string, string> = {};
  for (const name of DESCRIBING) {
    const text = await textAttribute(file, root, name, MAX_TEXT_BYTES);
    if (text !== undefined) metadata[name] = text;
  }
  const found = await datasets(file, root, new Set([rootAt]));
  checkApart(found.flatMap(({ ranges }) => ranges));
  const bytes = found.reduce((sum, { tensor }) => sum + tensor.byteLength, 0);
  if (bytes > MAX_INFLATION * source.size) {
    throw malformed(`The tensors claim ${bytes} bytes, more than ${source.size} can become.`, 'datasets');
  }
  const first = ({ ranges }: Dataset): number => ranges[0]?.address ?? 0;
  return {
    tensors: found.sort((a, b) => first(a) - first(b)).map(({ tensor }) => tensor),
    metadata,
    plan: async () => {
      const config = await textAttribute(file, root, 'model_config', MAX_JSON_BYTES);
      return config === undefined ? undefined : { kind: 'keras', model: await readJson(bytesSource(utf8(config))) };
    },
  };
}

/** A file may begin behind bytes that are no part of it, 512 of them or twice as many again and again. */
async function refuseStart(source: ByteSource): Promise<never> {
  for (let at = 512; at + SUPERBLOCK_BYTES <= source.size; at *= 2) {
    if (await looksLikeHdf5(partOf(source, at, source.size - at))) {
      throw unsupported(`The first ${at} bytes are a user block.`, 'signature', 'Take it off: h5unjam -i FILE -o NEW.');
    }
  }
  throw malformed('The file does not begin as an HDF5 file does.', 'signature');
}

/** Out of the superblock (II.A) */
async function rootAddress(file: Hdf5File): Promise<number | undefined> {
  const block = await file.at(0, SUPERBLOCK_BYTES, 'superblock');
  block.skip(SIGNATURE.length);
  const version = block.version(0, 1, 2, 3);
  if (version < 2) block.skip(4);
  const [offsetBytes, lengthBytes] = [block.u8(), block.u8()];
  if (offsetBytes !== 8 || lengthBytes !== 8) {
    throw unsupported(`Addresses take ${offsetBytes} bytes, lengths ${lengthBytes}.`, 'superblock', EARLIEST_FIX);
  }
  block.skip(version === 0 ? 9 : version === 1 ? 13 : 1);
  if (block.address() !== 0)
    throw unsupported('The file does not begin at its first byte.', 'superblock', EARLIEST_FIX);
  block.skip(8);
  const end = block.u64();
  if (end > file.source.size) {
    throw malformed(`The file claims ${end} bytes but has only ${file.source.size}.`, 'superblock');
  }
  if (version < 2) {
    if (block.address() !== undefined) {
      throw unsupported('The file is a part of several.', 'superblock', 'Save the model into one file.');
    }
    block.skip(8);
  }
  return block.address();
}

interface Range {
  readonly address: number;
  readonly bytes: number;
  readonly field: string;
}

interface Dataset {
  readonly tensor: StoredTensor;
  /** Where its bytes are in the file, in order */
  readonly ranges: readonly Range[];
}

/** @param seen addresses of the objects that were met */
async function datasets(file: Hdf5File, root: HeaderMessages, seen: Set<number | undefined>): Promise<Dataset[]> {
  const found: Dataset[] = [];
  const walk = async (group: HeaderMessages, path: readonly string[]): Promise<void> => {
    if (path.length > MAX_DEPTH) throw malformed(`The groups are nested more than ${MAX_DEPTH} deep.`, group.field);
    for (const { name, address } of await linksOf(file, group)) {
      const inner = [...path, name];
      const field = shown(inner.join('/'));
      if (path.length === 0 && OPTIMIZER.has(name)) continue;
      if (seen.has(address)) throw aliased(field);
      seen.add(address);
      const object = await readObject(file, address, field);
      if (isGroup(object)) await walk(object, inner);
      else if (object.has(MESSAGE.layout)) {
        const dataset = await readDataset(file, object, nameOf(inner));
        if (dataset !== undefined) found.push(dataset);
        if (found.length > MAX_TENSORS) throw malformed(`The file has more than ${MAX_TENSORS} tensors.`, field);
      } else if (!object.has(MESSAGE.datatype)) throw malformed('The object is no group and no dataset.', field);
    }
  };
  await walk(root, []);
  return found;
}

/** What a training run keeps beside the weights: at the root of Keras 3 and of Keras 2 files */
const OPTIMIZER = new Set(['optimizer', 'optimizer_weights']);
/** Under which Keras 2 files of whole models have what files of weights alone have at the root */
const MODEL_WEIGHTS = 'model_weights';

const nameOf = (path: readonly string[]): string =>
  (path.length > 1 && path[0] === MODEL_WEIGHTS ? path.slice(1) : path).join('/');

/** `undefined` for text and for a dataset without elements: they hold no weights */
async function readDataset(file: Hdf5File, object: HeaderMessages, name: string): Promise<Dataset | undefined> {
  const { field } = object;
  const { size, called, swapped: swap, dtype: told } = await datatypeOf(file, object);
  const shape = shapeOf(object);
  if (shape === undefined || called === 'string') return undefined;
  const isBfloat16 =
    called === 'opaque' && size === 2 && (await textAttribute(file, object, 'dtype', 16)) === 'bfloat16';
  const dtype = isBfloat16 ? 'BF16' : told;
  if (dtype === undefined) {
    throw unsupported(`The dataset has elements of type ${called} that are no numbers known here.`, field, TYPE_FIX);
  }
  if (object.has(MESSAGE.externalFiles)) {
    throw unsupported('The dataset stands in another file.', field, 'Save it into the file itself.');
  }
  const bytes = tensorBytes(dtype, shape, field);
  const fill = fillValueOf(object);
  if (fill !== undefined && fill.length !== size) throw malformed('The fill value is no element.', field);
  return placeDataset(file, object, { name, dtype, shape, bytes, size, swap, fill });
}

const TYPE_FIX = 'Save it as integers of 8 to 64 bits, floats of 8 to 64 bits, bool or complex64.';

interface Elements {
  name: string;
  dtype: Dtype;
  shape: number[];
  bytes: number;
  /** Of one, in bytes */
  size: number;
  /** Width of the numbers whose bytes stand in reverse order, or 1 */
  swap: number;
  fill: Uint8Array | undefined;
}

async function placeDataset(file: Hdf5File, object: HeaderMessages, elements: Elements): Promise<Dataset> {
  const { source } = file;
  const { field } = object;
  const { name, dtype, shape, bytes, size, swap, fill } = elements;
  const ordered = (pieces: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>): StoredTensor => ({
    name,
    dtype,
    shape,
    byteLength: bytes,
    pieces: swap === 1 ? pieces : () => swapped(pieces(), swap),
  });
  const layout = layoutOf(object, shape.length, size);
  if (layout.kind === 'compact') {
    if (layout.data.length !== bytes) throw wrongSize(field, bytes, layout.data.length);
    return { tensor: ordered(() => [layout.data]), ranges: [] };
  }
  if (layout.kind === 'contiguous') {
    const { address } = layout;
    if (address === undefined) return { tensor: ordered(() => fillPieces(bytes, fill, size)), ranges: [] };
    if (layout.bytes !== bytes) throw wrongSize(field, bytes, layout.bytes);
    if (address + bytes > source.size) {
      throw malformed(`The dataset ends past the ${source.size} bytes of the file.`, field);
    }
    const tensor = storedAt(source, { name, dtype, shape }, address, bytes);
    return { tensor: swap === 1 ? tensor : ordered(() => tensor.pieces()), ranges: [{ address, bytes, field }] };
  }
  if (shape.length === 0) throw malformed('A single element is cut into chunks.', field);
  const data = { source, field, shape, chunk: layout.chunk, elementBytes: size, filters: filtersOf(object), fill };
  checkBands(data);
  const chunks = await readChunkIndex(file, layout.index, data);
  const ranges = [...chunks.values()].map(({ address, bytes }) => ({ address, bytes, field }));
  return {
    tensor: ordered(() => (elementCount(shape) === 0 ? [] : chunkedPieces({ ...data, chunks }))),
    ranges: ranges.sort((a, b) => a.address - b.address),
  };
}

function* fillPieces(
  bytes: number,
  fill: Uint8Array | undefined,
  size: number,
): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes; at += CHUNK_BYTES) yield filled(Math.min(CHUNK_BYTES, bytes - at), fill, size);
}

/** Otherwise one megabyte could be named a million times over. */
function checkApart(ranges: readonly Range[]): void {
  let free = 0;
  for (const { address, bytes, field } of [...ranges].sort((a, b) => a.address - b.address)) {
    if (bytes === 0) continue;
    if (address < free) throw malformed('The dataset overlaps another one.', field);
    free = address + bytes;
  }
}

function wrongSize(field: string, wanted: number, found: number): Error {
  return malformed(`The elements take ${wanted} bytes, not ${found}.`, field);
}
