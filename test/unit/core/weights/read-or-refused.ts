/** What every reader of a container is asked, whatever was done to a file. */
import { expect } from '@jest/globals';
import { RegistryError } from '../../../../src/core/errors.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import type { ContainerName, Siblings } from '../../../../src/core/weights/container.ts';
import { inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { sha256 } from './fixture.ts';

/** Reads all of it, or is refused by one of the two codes. */
export async function readOrRefused(
  file: Uint8Array,
  container: ContainerName,
  siblings: Siblings = filesOf({}),
): Promise<'read' | 'refused'> {
  try {
    await inspectWeights(bytesSource(file), sha256, { container, siblings });
    return 'read';
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^((malformed|unsupported)_container|not_found)$/) });
    return 'refused';
  }
}

/** Files that lie beside each other. */
export const filesOf = (files: Record<string, Uint8Array>): Siblings => ({
  open: async (name) => {
    const bytes = Object.hasOwn(files, name) ? files[name] : undefined;
    if (bytes === undefined) throw new RegistryError('not_found', `There is no file "${name}".`);
    return Promise.resolve(bytesSource(bytes));
  },
});
