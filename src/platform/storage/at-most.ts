/** A stream that may not run on past the size that was announced for it. */
import { RegistryError } from '../../core/errors.ts';

/** @throws RegistryError `payload_too_large` as soon as more than `bytes` have come */
export async function* atMost(bytes: number, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of content) {
    seen += chunk.length;
    if (seen > bytes) {
      throw new RegistryError('payload_too_large', `More than the ${bytes} bytes on record were sent.`, {
        fix: 'Send the file whose digest is on record.',
      });
    }
    yield chunk;
  }
}
