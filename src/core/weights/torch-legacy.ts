/**
 * What `torch.save` wrote before 1.6, and writes when asked to: five pickles, namely a magic number, the version of the
 * format, the sizes of C's types, the tensors, and the keys of their storages; then the storages in the order of the keys,
 * each a u64 count of elements and the elements. All is little endian, whatever the machine was.
 * Source: `_legacy_save` of https://github.com/pytorch/pytorch/blob/main/torch/serialization.py.
 *
 * The pickles are held in memory, `MAX_PICKLE_BYTES` of them at most; of a storage, only its count is read here.
 */
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { shown } from './header-json.ts';
import type { PickleValue } from './pickle-values.ts';
import { PickleList } from './pickle-values.ts';
import { MAX_PICKLE_BYTES, readPickle } from './pickle.ts';
import { allowGlobal } from './torch-globals.ts';
import type { TorchFile } from './torch-pickle.ts';
import { viewsIn } from './torch-pickle.ts';
import type { Storage } from './torch-view.ts';
import { storageOf } from './torch-view.ts';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;
/** The magic number as a pickle of any protocol has it, behind the protocol and perhaps a frame. */
const MAGIC_OPCODES = '\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.';
const MAX_BEFORE_MAGIC = 11;
const COUNT_BYTES = 8;

export async function looksLikeTorchLegacy(source: ByteSource): Promise<boolean> {
  const start = await source.read(0, Math.min(source.size, MAX_BEFORE_MAGIC + MAGIC_OPCODES.length));
  return start[0] === 0x80 && String.fromCharCode(...start).includes(MAGIC_OPCODES);
}

/** @throws RegistryError `malformed_container`, `unsupported_container` */
export async function openTorchLegacy(source: ByteSource): Promise<TorchFile> {
  const pickles = new Pickles(await source.read(0, Math.min(source.size, MAX_PICKLE_BYTES)));
  if (pickles.next('magic').value !== MAGIC) throw refuse('The file does not begin as torch.save begins it.', 'magic');
  const version = pickles.next('version').value;
  if (version !== VERSION) {
    throw new RegistryError('unsupported_container', 'The file is of no version of the format that is known.', {
      field: 'version',
    });
  }
  pickles.next('sys_info');
  const { value, persistent } = pickles.next('pickle');
  const storages = new Map<string, Storage>();
  for (const one of persistent) addStorage(storages, storageOf(one));
  const keys = keysIn(pickles.next('keys').value);
  const offsets = await placeStorages(source, pickles.end, keys, storages);
  return {
    views: viewsIn(value),
    offsetOf: ({ key }) => offsets.get(key)!,
    bigEndian: false,
    metadata: { format: 'legacy', version: String(version) },
  };
}

/** One behind the other. */
class Pickles {
  end = 0;

  constructor(private readonly bytes: Uint8Array) {}

  next(field: string): ReturnType<typeof readPickle> {
    const read = readPickle(this.bytes, { start: this.end, field, allow: allowGlobal });
    this.end = read.end;
    return read;
  }
}

function addStorage(storages: Map<string, Storage>, storage: Storage): void {
  const { key, width, elements } = storage;
  const known = storages.get(key);
  if (known !== undefined && (known.width !== width || known.elements !== elements)) {
    throw refuse('A storage is said to be of two sizes.', `storage ${shown(key)}`);
  }
  storages.set(key, storage);
}

function keysIn(value: PickleValue): string[] {
  const keys = value instanceof PickleList ? value.items : [null];
  if (!keys.every((key) => typeof key === 'string')) throw refuse('The keys of the storages are no texts.', 'keys');
  return keys;
}

async function placeStorages(
  source: ByteSource,
  begin: number,
  keys: readonly string[],
  storages: ReadonlyMap<string, Storage>,
): Promise<Map<string, number>> {
  const offsets = new Map<string, number>();
  let next = begin;
  for (const key of keys) {
    const field = `storage ${shown(key)}`;
    const storage = storages.get(key);
    if (storage === undefined) throw refuse('No tensor uses the storage.', field);
    if (offsets.has(key)) throw refuse('The storage stands twice.', field);
    if (next + COUNT_BYTES > source.size) throw refuse('The file ends before the storage.', field);
    const count = await source.read(next, COUNT_BYTES);
    const elements = new DataView(count.buffer, count.byteOffset, COUNT_BYTES).getBigUint64(0, true);
    if (elements !== BigInt(storage.elements)) {
      throw refuse(`The storage has ${elements} elements, not ${storage.elements}.`, field);
    }
    const offset = next + COUNT_BYTES;
    next = offset + storage.elements * storage.width;
    if (next > source.size)
      throw refuse(`The storage ends at ${next}, past the ${source.size} bytes of the file.`, field);
    offsets.set(key, offset);
  }
  const missing = [...storages.keys()].find((key) => !offsets.has(key));
  if (missing !== undefined) throw refuse('The file lacks the storage.', `storage ${shown(missing)}`);
  if (next < source.size) throw refuse(`The last ${source.size - next} bytes of the file are nobody's.`, 'storages');
  return offsets;
}

const refuse = (sentence: string, field: string): RegistryError =>
  new RegistryError('malformed_container', sentence, { field });
