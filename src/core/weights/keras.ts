/**
 * Keras 3 models (.keras): a zip of `config.json`, `metadata.json` and the weights, an HDF5 file. Keras stores it as it is,
 * so that it is read where it stands; one that was compressed since is held in memory, up to MAX_HELD_BYTES.
 */
import { fromUtf8 } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { bytesSource, partOf } from './byte-source.ts';
import type { ContainerReader, Plan, StoredTensor } from './container.ts';
import { openHdf5 } from './hdf5.ts';
import { MAX_JSON_BYTES, readJson } from './json.ts';
import type { ZipEntry } from './zip.ts';
import { looksLikeZip, openZip } from './zip.ts';

const WEIGHTS = 'model.weights.h5';
export const MAX_HELD_BYTES = 512 * 1024 * 1024;
/** Texts that are longer are not kept; the file digest stands for them. */
const MAX_TEXT_BYTES = 4096;
const DESCRIBING = ['metadata.json', 'config.json'];

export const keras: ContainerReader = {
  container: 'keras',
  endings: ['.keras'],
  recognizes: async (source) => (await looksLikeZip(source)) && (await entriesIfZip(source))?.has(WEIGHTS) === true,
  async open(source) {
    const entries = await openZip(source);
    const weights = entries.get(WEIGHTS);
    if (weights === undefined) throw noWeights(entries);
    const { tensors, metadata } = await openHdf5(await sourceOf(source, weights));
    for (const name of DESCRIBING) {
      const text = await shortText(entries.get(name));
      if (text !== undefined) metadata[name] = text;
    }
    const config = entries.get('config.json');
    return {
      tensors: placedIn(source, weights, tensors),
      metadata,
      ...(config === undefined ? {} : { plan: () => planOf(config) }),
    };
  },
};

/** A zip that is broken could be of any kind, so it is left to the others. */
async function entriesIfZip(source: ByteSource): Promise<Map<string, ZipEntry> | undefined> {
  try {
    return await openZip(source);
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}

function noWeights(entries: ReadonlyMap<string, ZipEntry>): RegistryError {
  const other = [...entries.keys()].some((name) => name.startsWith('model.weights.'));
  return new RegistryError(
    other ? 'unsupported_container' : 'malformed_container',
    other ? 'The weights of the model are in several files or in none of HDF5.' : `The model has no "${WEIGHTS}".`,
    { field: WEIGHTS, fix: 'Save it anew with model.save("model.keras").' },
  );
}

async function sourceOf(source: ByteSource, entry: ZipEntry): Promise<ByteSource> {
  const { offset, size } = entry;
  if (offset !== undefined) return partOf(source, offset, size);
  if (size <= MAX_HELD_BYTES) return bytesSource(await entry.bytes(MAX_HELD_BYTES));
  throw new RegistryError(
    'unsupported_container',
    `The weights are compressed; ${size} bytes of them are more than the ${MAX_HELD_BYTES} that are held in memory.`,
    { field: WEIGHTS, fix: 'Write the archive with its entries stored, as Keras does: zip -0.' },
  );
}

/** Where threads can read them: at their places in the archive, unless its weights were compressed. */
function placedIn(archive: ByteSource, weights: ZipEntry, tensors: StoredTensor[]): StoredTensor[] {
  return tensors.map((tensor) => {
    const { name, dtype, shape, byteLength, offset } = tensor;
    const head = { name, dtype, shape, byteLength, pieces: () => tensor.pieces() };
    if (offset === undefined || weights.offset === undefined) return head;
    return { ...head, source: archive, offset: weights.offset + offset };
  });
}

async function planOf(config: ZipEntry): Promise<Plan> {
  return { kind: 'keras', model: await readJson(bytesSource(await config.bytes(MAX_JSON_BYTES))) };
}

async function shortText(entry: ZipEntry | undefined): Promise<string | undefined> {
  if (entry === undefined || entry.size > MAX_TEXT_BYTES) return undefined;
  const bytes = await entry.bytes(MAX_TEXT_BYTES);
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    throw new RegistryError('malformed_container', 'The description of the model is not UTF-8.', {
      field: entry.name,
      cause,
    });
  }
}
