/**
 * The files beside an ONNX model in which data of its tensors lies, and where in them.
 * Format: https://github.com/onnx/onnx/blob/main/docs/ExternalData.md
 *
 * A model may name a place past the end of a file, or one place for many tensors, so that a small file takes for ever to be
 * hashed. Which paths are allowed is for `Siblings` to say.
 */
import { sha1 } from '@noble/hashes/legacy.js';
import { toHex } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { readPieces } from './byte-source.ts';
import type { Siblings } from './container.ts';
import { CHUNK_BYTES } from './digest.ts';
import { shown } from './header-json.ts';
import type { Range } from './protobuf.ts';

/** What is said of a place: location, offset, length, checksum, and what others add. */
export const MAX_ENTRIES = 100;

interface ExternalFile {
  source: ByteSource;
  taken: (Range & { field: string })[];
  /** SHA-1 in hex, once somebody asked for it */
  checksum?: string;
}

export class ExternalFiles {
  readonly #siblings: Siblings;
  readonly #files = new Map<string, ExternalFile>();

  constructor(siblings: Siblings) {
    this.#siblings = siblings;
  }

  /**
   * Where the data of a tensor begins, and in what.
   * @param entries what the tensor says of it
   * @throws RegistryError `malformed_container`, `not_found`; `unsupported_container` when other files are not at hand
   */
  async place(
    entries: readonly (readonly [key: string, value: string])[],
    byteLength: number,
    field: string,
  ): Promise<{ source: ByteSource; offset: number }> {
    const said = new Map(entries);
    if (said.size < entries.length) throw refuse('Something stands twice in where the data lies.', field);
    const location = said.get('location');
    if (location === undefined) throw refuse('The data lies in another file, which is not named.', field);
    const [offset, length] = [decimal(said.get('offset') ?? '0', field), said.get('length')];
    if (length !== undefined && decimal(length, field) !== byteLength) {
      throw refuse(`The tensor takes ${byteLength} bytes, not ${length}.`, field);
    }
    const file = await this.#open(location);
    const [end, size] = [offset + byteLength, file.source.size];
    if (end > size) throw refuse(`The tensor ends at ${end}, past the ${size} bytes of "${shown(location)}".`, field);
    if (byteLength > 0) file.taken.push({ start: offset, end, field });
    const checksum = said.get('checksum');
    if (checksum !== undefined) await requireChecksum(file, checksum, field);
    return { source: file.source, offset };
  }

  /** @throws RegistryError `malformed_container` when two tensors share bytes */
  requireDistinct(): void {
    for (const { taken } of this.#files.values()) {
      taken.sort((a, b) => a.start - b.start);
      for (const [i, { start, field }] of taken.entries()) {
        if (i > 0 && start < taken[i - 1]!.end) throw refuse('The tensor overlaps another one.', field);
      }
    }
  }

  async #open(location: string): Promise<ExternalFile> {
    const known = this.#files.get(location);
    if (known !== undefined) return known;
    const file: ExternalFile = { source: await this.#siblings.open(location), taken: [] };
    this.#files.set(location, file);
    return file;
  }
}

function decimal(text: string, field: string): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw refuse(`Here stands "${shown(text)}" where a number of bytes is needed.`, field);
}

/** Of the whole file. Hardly anybody writes one, so it is worth a reading of its own. */
async function requireChecksum(file: ExternalFile, checksum: string, field: string): Promise<void> {
  if (file.checksum === undefined) {
    const hash = sha1.create();
    for await (const piece of readPieces(file.source, 0, file.source.size, CHUNK_BYTES)) hash.update(piece);
    file.checksum = toHex(hash.digest());
  }
  if (checksum.toLowerCase() === file.checksum) return;
  throw refuse(`The file of the data has the SHA-1 ${file.checksum}, not "${shown(checksum)}".`, field);
}

const refuse = (sentence: string, field: string): RegistryError =>
  new RegistryError('malformed_container', sentence, { field });
