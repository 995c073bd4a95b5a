/**
 * Statuses of many tokens, packed (Token Status List, draft-ietf-oauth-status-list §4.1): each token has the index that it
 * names, and a status of 1, 2, 4 or 8 bits there; within a byte the lowest bits come first.
 *
 * 0 valid, 1 revoked, 2 suspended, as the draft has them (§7.1). 3 is left to the application: valid, with notice of a
 * dispute.
 */
import { RegistryError } from '../errors.ts';

export const TOKEN_STATUSES = { valid: 0, revoked: 1, suspended: 2, disputed: 3 } as const;
export type TokenStatus = keyof typeof TOKEN_STATUSES;

export const STATUS_WIDTHS = [1, 2, 4, 8] as const;
export type StatusWidth = (typeof STATUS_WIDTHS)[number];

/** What our own lists have. */
export const STATUS_BITS = 2;

export const statusListBytes = (tokens: number, bits: StatusWidth = STATUS_BITS): number =>
  Math.ceil((tokens * bits) / 8);

/** @throws RegistryError `status_list_invalid` when the list has no such index */
export function readStatus(list: Uint8Array, index: number, bits: StatusWidth = STATUS_BITS): number {
  const { byte, shift } = placeOf(list, index, bits);
  return (list[byte]! >> shift) & mask(bits);
}

/** @throws RegistryError `status_list_invalid` when the list has no such index, or the status does not fit */
export function writeStatus(list: Uint8Array, index: number, status: number, bits: StatusWidth = STATUS_BITS): void {
  const { byte, shift } = placeOf(list, index, bits);
  if (!Number.isInteger(status) || status < 0 || status > mask(bits)) {
    throw new RegistryError('status_list_invalid', `${status} is no status of ${bits} bits.`, { field: 'status' });
  }
  list[byte] = (list[byte]! & ~(mask(bits) << shift)) | (status << shift);
}

const mask = (bits: StatusWidth): number => (1 << bits) - 1;

function placeOf(list: Uint8Array, index: number, bits: StatusWidth): { byte: number; shift: number } {
  const inByte = 8 / bits;
  if (!Number.isInteger(index) || index < 0 || index >= list.length * inByte) {
    throw new RegistryError('status_list_invalid', `The status list has no index ${index}.`, { field: 'idx' });
  }
  return { byte: Math.floor(index / inByte), shift: (index % inByte) * bits };
}
