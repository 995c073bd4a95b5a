/**
 * What `torch.save` writes since 1.6: a zip archive with the pickle `<root>/data.pkl`, each storage as `<root>/data/<key>`,
 * the version of the format and the order of bytes. Format: https://pytorch.org/docs/stable/notes/serialization.html.
 * Storages that no tensor uses are not looked at, nor is any other entry; PyTorch does not load them either.
 */
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { shown } from './header-json.ts';
import { MAX_PICKLE_BYTES, readPickle } from './pickle.ts';
import { allowGlobal } from './torch-globals.ts';
import type { TorchFile } from './torch-pickle.ts';
import { viewsIn } from './torch-pickle.ts';
import type { Storage } from './torch-view.ts';
import type { ZipEntry } from './zip.ts';
import { openZip } from './zip.ts';

const PICKLE = '/data.pkl';
const MAX_WORD_BYTES = 16;
/** kMaxSupportedFileFormatVersion of caffe2/serialize/versions.h */
const MAX_VERSION = 10;

/** @throws RegistryError `malformed_container`, `unsupported_container` */
export async function openTorchZip(source: ByteSource): Promise<TorchFile> {
  const entries = await openZip(source);
  const root = rootOf(entries);
  const version = await word(entries, `${root}/version`);
  if (version === undefined || !/^[1-9][0-9]?$/.test(version) || Number(version) > MAX_VERSION) {
    throw new RegistryError('unsupported_container', 'The archive is of no version of the format that is known.', {
      field: `${shown(root)}/version`,
    });
  }
  const byteorder = (await word(entries, `${root}/byteorder`)) ?? 'little';
  if (byteorder !== 'little' && byteorder !== 'big') {
    throw refuse(`The order of bytes is "${shown(byteorder)}".`, `${shown(root)}/byteorder`);
  }
  if (entries.has(`${root}/constants.pkl`)) {
    throw new RegistryError('unsupported_container', 'Scripted models (TorchScript) are not read here.', {
      field: `${shown(root)}/constants.pkl`,
      fix: 'Save the weights alone, with torch.save(model.state_dict(), path), or as safetensors.',
    });
  }
  const pickle = await entries.get(root + PICKLE)!.bytes(MAX_PICKLE_BYTES);
  const { value } = readPickle(pickle, { field: shown(root) + PICKLE, allow: allowGlobal });
  return {
    views: viewsIn(value),
    offsetOf: (storage) => placeOf(entries, root, storage),
    bigEndian: byteorder === 'big',
    metadata: { format: 'zip', version, byteorder },
  };
}

function rootOf(entries: ReadonlyMap<string, ZipEntry>): string {
  const roots = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (roots.length === 1) return roots[0]!.slice(0, -PICKLE.length);
  throw refuse(`The archive has ${roots.length} files called data.pkl, not one.`, 'data.pkl');
}

async function word(entries: ReadonlyMap<string, ZipEntry>, name: string): Promise<string | undefined> {
  const entry = entries.get(name);
  return entry && new TextDecoder().decode(await entry.bytes(MAX_WORD_BYTES)).trim();
}

function placeOf(entries: ReadonlyMap<string, ZipEntry>, root: string, { key, elements, width }: Storage): number {
  const name = `${root}/data/${key}`;
  const entry = entries.get(name);
  if (entry === undefined) throw refuse('The archive lacks a storage.', shown(name));
  if (entry.size !== elements * width) {
    throw refuse(`The storage has ${entry.size} bytes, not ${elements} elements of ${width}.`, shown(name));
  }
  if (entry.offset !== undefined) return entry.offset;
  throw new RegistryError('unsupported_container', 'A storage is compressed.', {
    field: shown(name),
    fix: 'Write the archive with torch.save, or with its entries stored.',
  });
}

const refuse = (sentence: string, field: string): RegistryError =>
  new RegistryError('malformed_container', sentence, { field });
