/** The packed list as it travels: `lst`, base64url of zlib (RFC 1950) of the bytes, and back within bounds. */
import { deflateSync, inflateSync } from 'node:zlib';
import { RegistryError } from '../../core/errors.ts';

/** Bytes of a list that somebody else made, at most: 16,777,216 tokens with two bits each. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;

/** The highest level, as the draft recommends and its vectors have. */
export const encodeList = (list: Uint8Array): string => deflateSync(list, { level: 9 }).toString('base64url');

/** @throws RegistryError `status_list_invalid` */
export function decodeList(lst: string): Uint8Array {
  const packed = Buffer.from(lst, 'base64url');
  if (packed.toString('base64url') !== lst) throw invalid('is not base64url without padding');
  try {
    return new Uint8Array(inflateSync(packed, { maxOutputLength: MAX_LIST_BYTES }));
  } catch (cause) {
    throw invalid(`is not zlib, or longer than ${MAX_LIST_BYTES} bytes`, cause);
  }
}

const invalid = (what: string, cause?: unknown): RegistryError =>
  new RegistryError('status_list_invalid', `The status list ${what}.`, { field: 'status_list.lst', cause });
