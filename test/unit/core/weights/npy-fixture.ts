/** NumPy files put together by hand, which may lie, and what every reader of containers is asked. */
import { expect } from '@jest/globals';
import { concat, utf8 } from '../../../../src/core/bytes.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import type { ContainerName } from '../../../../src/core/weights/container.ts';
import { inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { sha256 } from './fixture.ts';

/** An array as version 1 of the format has it, or 2 or 3, with this text as its header, whatever it says. */
export function npyOf(header: string, data: Uint8Array, version = 1): Uint8Array {
  const text = utf8(header);
  const length = new Uint8Array(version === 1 ? 2 : 4);
  const view = new DataView(length.buffer);
  if (version === 1) view.setUint16(0, text.length, true);
  else view.setUint32(0, text.length, true);
  return concat(Uint8Array.of(0x93), utf8('NUMPY'), Uint8Array.of(version, 0), length, text, data);
}

/** A header as NumPy writes it. */
export function headerOf(descr: string, shape: readonly number[], fortran = false): string {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  return `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${tuple}), }\n`;
}

/** Reads all of it, or is refused by one of the two codes. */
export async function readOrRefused(file: Uint8Array, container: ContainerName): Promise<'read' | 'refused'> {
  try {
    await inspectWeights(bytesSource(file), sha256, { container });
    return 'read';
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(malformed|unsupported)_container$/) });
    return 'refused';
  }
}
