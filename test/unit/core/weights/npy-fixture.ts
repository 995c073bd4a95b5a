/** NumPy files put together by hand, which may lie. */
import { concat, utf8 } from '../../../../src/core/bytes.ts';

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
