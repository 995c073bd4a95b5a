/** A file as a byte source, through one open handle, so that a file renamed or replaced meanwhile stays the same one. */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { RegistryError } from '../../core/errors.ts';
import type { ByteSource } from '../../core/weights/byte-source.ts';
import { checkRange } from '../../core/weights/byte-source.ts';

export interface FileSource extends ByteSource {
  /** For threads, which read the same open file */
  readonly fd: number;
  /** Whether somebody wrote to it since it was opened */
  changed(): Promise<boolean>;
  close(): Promise<void>;
}

/** @throws RegistryError `not_found` when there is no such file, `invalid_input` when it is no regular one */
export async function openFileSource(path: string): Promise<FileSource> {
  const file = await openRegularFile(path);
  const before = await file.stat({ bigint: true });
  const size = Number(before.size);
  return {
    size,
    fd: file.fd,
    changed: async () => {
      const now = await file.stat({ bigint: true });
      return now.size !== before.size || now.mtimeNs !== before.mtimeNs;
    },
    read: async (offset, length) => {
      checkRange(size, offset, length);
      return readFully(file, offset, length);
    },
    close: () => file.close(),
  };
}

/**
 * Exactly `length` bytes of the file from `offset` on.
 * @throws RegistryError `malformed_container` when the file became shorter
 */
export async function readFully(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) {
      throw new RegistryError('malformed_container', `The file ended at ${offset + done} while it was being read.`);
    }
    done += bytesRead;
  }
  return bytes;
}

async function openRegularFile(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new RegistryError('not_found', `There is no file "${path}".`, { cause });
  }
  const stat = await file.stat();
  if (stat.isFile()) return file;
  await file.close();
  throw new RegistryError('invalid_input', `"${path}" is no regular file.`);
}
