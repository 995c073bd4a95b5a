/**
 * PyTorch's container, as `torch.save` writes it: a zip archive since 1.6, pickles and storages one behind the other before.
 * The pickle is read as data (pickle.ts) and nothing in it is run.
 *
 * Tensors may share a storage, see it in another order, or see one element many times. Each counts with all of its own
 * bytes, so a small file could claim to be endless; what all tensors take together is bounded by the size of the file.
 */
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import type { ContainerReader, StoredTensor } from './container.ts';
import { stridedAt } from './strided.ts';
import { widthOf } from './torch-view.ts';
import { looksLikeTorchLegacy, openTorchLegacy } from './torch-legacy.ts';
import type { TorchFile } from './torch-pickle.ts';
import { openTorchZip } from './torch-zip.ts';
import { looksLikeZip } from './zip.ts';

/** Tied weights count as often as they are named; no model names all of its weights so often. */
const MAX_SHARING = 4;
const FREE_BYTES = 64 * 1024 * 1024;
const TAR_HEADER_BYTES = 512;

export const pytorch: ContainerReader = {
  container: 'pytorch',
  endings: ['.pt', '.pth', '.ckpt'],
  recognizes: async (source) =>
    (await startsLikeTorchZip(source)) || (await looksLikeTorchLegacy(source)) || looksLikeTorchTar(source),
  async open(source) {
    const file = await openTorchFile(source);
    const placed = file.views
      .map((view) => ({ view, offset: file.offsetOf(view.storage) + view.first * widthOf(view.dtype) }))
      .sort((a, b) => a.offset - b.offset);
    const tensors = placed.map(({ view: { name, dtype, shape, strides }, offset }): StoredTensor => {
      return stridedAt({ name, dtype, shape }, { source, offset, strides, bigEndian: file.bigEndian });
    });
    const bytes = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (bytes > MAX_SHARING * source.size + FREE_BYTES) {
      throw new RegistryError(
        'unsupported_container',
        `The tensors share storages so much that they take ${bytes} bytes in a file of ${source.size}.`,
        { fix: 'Save expanded tensors as they were before, or with tensor.clone().' },
      );
    }
    return { tensors, metadata: file.metadata };
  },
};

async function openTorchFile(source: ByteSource): Promise<TorchFile> {
  if (await looksLikeZip(source)) return openTorchZip(source);
  if (await looksLikeTorchLegacy(source)) return openTorchLegacy(source);
  if (await looksLikeTorchTar(source)) {
    throw new RegistryError(
      'unsupported_container',
      'Files that PyTorch before 0.1.10 wrote, in tar, are not read here.',
      {
        fix: 'Load it with PyTorch and save it again with torch.save(model.state_dict(), path).',
      },
    );
  }
  throw new RegistryError('malformed_container', 'The file does not begin as a file of PyTorch does.', {
    field: 'magic',
  });
}

/** The pickle is the first entry that torch.save writes. */
async function startsLikeTorchZip(source: ByteSource): Promise<boolean> {
  if (!(await looksLikeZip(source))) return false;
  const [low = 0, high = 0] = await source.read(26, 2).catch(() => new Uint8Array(0));
  const length = low + 256 * high;
  if (source.size < 30 + length) return false;
  return /^[^/]+\/data\.pkl$/.test(new TextDecoder().decode(await source.read(30, length)));
}

/** Before 0.1.10: a tar with four files, of which this is the first. */
async function looksLikeTorchTar(source: ByteSource): Promise<boolean> {
  if (source.size < TAR_HEADER_BYTES) return false;
  const header = new TextDecoder('latin1').decode(await source.read(0, TAR_HEADER_BYTES));
  return header.startsWith('sys_info\0') && header.slice(257, 262) === 'ustar';
}
