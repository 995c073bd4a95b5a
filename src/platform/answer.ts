/** What another server answers, read within bounds. */
import { concat } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';

/** The body of an answer. @throws RegistryError `payload_too_large` as soon as it is longer than `limit` bytes */
export async function atMost(response: Response, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > limit) throw new RegistryError('payload_too_large', `The answer is longer than ${limit} bytes.`);
    parts.push(part);
  }
  return concat(...parts);
}
