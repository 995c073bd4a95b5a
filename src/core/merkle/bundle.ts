/**
 * Entry bundles of C2SP `tlog-tiles` (*Log entries*): up to 256 entries, each a uint16 big-endian length and its bytes.
 * A bundle from a stranger may be cut short, run on, or hold more entries than a tile has leaves: all are refused.
 */
import { concat } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import { TILE_WIDTH } from './tile.ts';

/** The longest entry that a bundle can carry, in bytes. */
export const MAX_ENTRY_SIZE = 0xffff;

/** @throws RegistryError `payload_too_large` for an entry over 65,535 bytes, `invalid_input` for 0 or over 256 entries */
export function formatBundle(entries: readonly Uint8Array[]): Uint8Array {
  checkCount(entries.length);
  return concat(
    ...entries.flatMap((entry) => {
      if (entry.length > MAX_ENTRY_SIZE) {
        throw new RegistryError('payload_too_large', `A log entry has at most ${MAX_ENTRY_SIZE} bytes.`);
      }
      return [Uint8Array.of(Math.floor(entry.length / 256), entry.length % 256), entry];
    }),
  );
}

/**
 * The exact inverse of `formatBundle`.
 * @throws RegistryError `invalid_input`
 */
export function parseBundle(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const [high, low] = [bytes[at], bytes[at + 1]];
    if (high === undefined || low === undefined) throw cut();
    const end = at + 2 + high * 256 + low;
    if (end > bytes.length) throw cut();
    entries.push(new Uint8Array(bytes.subarray(at + 2, end)));
    checkCount(entries.length);
    at = end;
  }
  checkCount(entries.length);
  return entries;
}

function checkCount(count: number): void {
  if (count >= 1 && count <= TILE_WIDTH) return;
  throw new RegistryError('invalid_input', `An entry bundle holds 1 to ${TILE_WIDTH} entries.`);
}

function cut(): RegistryError {
  return new RegistryError('invalid_input', 'The entry bundle ends in the middle of an entry.');
}
