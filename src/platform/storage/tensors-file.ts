/**
 * A safetensors file read whole, for those who compute with its weights. Its header is checked before anything else is read,
 * and its size is bounded before that.
 */
import { RegistryError } from '../../core/errors.ts';
import { containerCalled, containerOf } from '../../core/weights/inspect.ts';
import { readSafetensorsHeader } from '../../core/weights/safetensors.ts';
import type { Tensor } from '../../core/weights/safetensors.ts';
import type { FileSource } from './file-source.ts';
import { openFileSource } from './file-source.ts';

/** What a machine that trains such models has room for. */
export const MAX_FILE_BYTES = 2 ** 30;

/**
 * @throws RegistryError `not_found`, `invalid_input` for what is no file; `payload_too_large`; `unsupported_container`
 *   for another container, `malformed_container` for a broken file; `state_conflict` when it changes meanwhile
 */
export async function readTensors(path: string): Promise<Tensor[]> {
  const file = await openFileSource(path);
  try {
    await requireSafetensors(file, path);
    const tensors: Tensor[] = [];
    for (const { name, dtype, shape, offset, byteLength } of (await readSafetensorsHeader(file)).tensors) {
      tensors.push({ name, dtype, shape, data: await file.read(offset, byteLength) });
    }
    if (!(await file.changed())) return tensors;
    throw new RegistryError('state_conflict', `The file "${path}" changed while it was being read.`, {
      field: 'path',
      fix: 'Do it again when nobody writes to it.',
    });
  } finally {
    await file.close();
  }
}

async function requireSafetensors(file: FileSource, path: string): Promise<void> {
  const container = (await containerOf(file)) ?? containerCalled(path);
  if (container !== 'safetensors') {
    const what = container === undefined ? '' : `, it is ${container}`;
    throw new RegistryError('unsupported_container', `The file "${path}" is not safetensors${what}.`, {
      field: 'path',
      fix: 'Write the weights as safetensors.',
    });
  }
  if (file.size > MAX_FILE_BYTES) {
    throw new RegistryError(
      'payload_too_large',
      `The file "${path}" has ${file.size} bytes; no more than ${MAX_FILE_BYTES} are read whole.`,
      { field: 'path', fix: 'Use a smaller model.' },
    );
  }
}
