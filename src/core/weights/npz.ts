/**
 * NumPy's .npz container: a zip archive with one .npy file for each array, stored or deflated. An array is called as its
 * file, without the ending. Format: https://numpy.org/doc/stable/reference/generated/numpy.savez.html.
 *
 * A member that is no array, which NumPy would hand out as bytes, is refused: an archive is weights, or it is not.
 */
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { bytesSource } from './byte-source.ts';
import type { ContainerReader, StoredTensor } from './container.ts';
import { shown } from './header-json.ts';
import { MAX_TENSORS } from './limits.ts';
import { MAX_HEADER_BYTES, PREAMBLE_BYTES, readNpyHeader } from './npy.ts';
import { stridedAt, stridedIn } from './strided.ts';
import type { ZipEntry } from './zip.ts';
import { looksLikeZip, openZip } from './zip.ts';

const ENDING = '.npy';

export const npz: ContainerReader = {
  container: 'npz',
  endings: ['.npz'],
  recognizes: async (source) => (await looksLikeZip(source)) && (await firstName(source)).endsWith(ENDING),
  async open(source) {
    const entries = await openZip(source);
    if (entries.size > MAX_TENSORS) {
      throw new RegistryError('malformed_container', `The archive has more than ${MAX_TENSORS} arrays.`);
    }
    const tensors: StoredTensor[] = [];
    for (const entry of entries.values()) tensors.push(await openArray(source, entry));
    return { tensors, metadata: {} };
  },
};

async function openArray(source: ByteSource, entry: ZipEntry): Promise<StoredTensor> {
  if (!entry.name.endsWith(ENDING)) {
    throw new RegistryError('unsupported_container', 'The archive holds something that is no array.', {
      field: shown(entry.name),
      fix: 'Write the weights alone, with numpy.savez.',
    });
  }
  const name = entry.name.slice(0, -ENDING.length);
  const path = `${shown(name)}.`;
  const { offset, size } = entry;
  if (offset !== undefined) {
    const { dtype, shape, order, dataOffset } = await readNpyHeader(source, offset, offset + size, path);
    return stridedAt({ name, dtype, shape }, { source, offset: dataOffset, ...order });
  }
  const start = bytesSource(await firstBytes(entry.pieces(), PREAMBLE_BYTES + MAX_HEADER_BYTES));
  const { dtype, shape, order, dataOffset } = await readNpyHeader(start, 0, size, path);
  return stridedIn({ name, dtype, shape }, () => after(dataOffset, entry.pieces()), order);
}

/** The name in the first entry's own header, by APPNOTE 4.3.7. */
async function firstName(source: ByteSource): Promise<string> {
  const [low = 0, high = 0] = await source.read(26, 2).catch(() => new Uint8Array(0));
  const length = low + 256 * high;
  return source.size < 30 + length ? '' : new TextDecoder().decode(await source.read(30, length));
}

async function firstBytes(pieces: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> {
  const start = new Uint8Array(most);
  let length = 0;
  for await (const piece of pieces) {
    const part = piece.subarray(0, most - length);
    start.set(part, length);
    length += part.length;
    if (length === most) break;
  }
  return start.subarray(0, length);
}

async function* after(skipped: number, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let left = skipped;
  for await (const piece of pieces) {
    if (piece.length > left) yield piece.subarray(left);
    left = Math.max(0, left - piece.length);
  }
}
