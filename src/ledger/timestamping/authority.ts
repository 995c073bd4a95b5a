/**
 * Asks a timestamp authority over HTTP (RFC 3161 §3.4). The authority is a stranger: it may be down, slow or hostile, so
 * the call has an end, the answer a bound, and nothing is returned that was not verified whole: against the data, the
 * nonce of this very request, the trusted roots, and a clock that is not far from ours.
 */
import { RegistryError } from '../../core/errors.ts';
import type { Timestamp } from '../../core/time/index.ts';
import { formatTimestampRequest, MAX_REPLY, REPLY_TYPE, REQUEST_TYPE, verifyTimestamp } from '../../core/time/index.ts';
import { sha256, timestampCrypto } from '../../platform/crypto.ts';

export interface Authority {
  readonly url: string;
  /** DER in base64 */
  readonly roots: readonly string[];
  /** OID; the authority's own choice without */
  readonly policy?: string | undefined;
  readonly timeoutMs?: number;
  readonly now: () => Date;
  readonly randomBytes: (size: number) => Uint8Array;
}

const TIMEOUT_MS = 10_000;
const NONCE_BYTES = 16;
/** Further apart than this, one of the two clocks is wrong, and nobody here can tell which. */
const MAX_CLOCK_DIFFERENCE_MS = 5 * 60_000;

/**
 * @param signal ends the call early
 * @throws RegistryError `timestamp_unavailable` when there is no answer of use, `timestamp_invalid` for one that lies
 */
export async function askAuthority(
  authority: Authority,
  data: Uint8Array,
  signal?: AbortSignal,
): Promise<{ reply: Uint8Array; timestamp: Timestamp }> {
  const { url, roots, policy, now } = authority;
  const nonce = authority.randomBytes(NONCE_BYTES);
  const query = formatTimestampRequest({ imprint: sha256(data), nonce, policy });
  const limit = AbortSignal.timeout(authority.timeoutMs ?? TIMEOUT_MS);
  const reply = await post(url, query, signal === undefined ? limit : AbortSignal.any([limit, signal]));
  const policies = policy === undefined ? undefined : [policy];
  const timestamp = verifyTimestamp(timestampCrypto, reply, { data, roots, nonce, policies });
  const apart = Math.abs(timestamp.time.getTime() - now().getTime());
  if (apart > MAX_CLOCK_DIFFERENCE_MS + timestamp.accuracyMs) {
    throw new RegistryError(
      'timestamp_invalid',
      `The timestamp says ${timestamp.time.toISOString()}, and the clock here says ${now().toISOString()}.`,
      { fix: 'Set the clock of this machine; if it is right, choose another authority.' },
    );
  }
  return { reply, timestamp };
}

async function post(url: string, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      headers: { 'content-type': REQUEST_TYPE, accept: REPLY_TYPE },
      body: Uint8Array.from(query),
      signal,
    });
    const type = response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
    if (response.status !== 200 || type !== REPLY_TYPE || response.body === null) {
      await response.body?.cancel();
      throw unavailable(
        response.status === 200 ? `answers with something else than ${REPLY_TYPE}` : `answers with ${response.status}`,
      );
    }
    return await bounded(response.body);
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    const { name, cause: under } = cause as Error;
    if (name === 'TimeoutError') throw unavailable('does not answer in time', cause);
    if (name === 'AbortError')
      throw new RegistryError('cancelled', 'The request for a timestamp was ended.', { cause });
    const code = (under as NodeJS.ErrnoException | undefined)?.code;
    throw unavailable(`cannot be reached${code === undefined ? '' : ` (${code})`}`, cause);
  }
}

async function bounded(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    // Leaving the loop cancels the stream.
    if (size > MAX_REPLY) throw unavailable(`answers with more than ${MAX_REPLY} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** @param why completes the sentence "The timestamp authority …" */
const unavailable = (why: string, cause?: unknown): RegistryError =>
  new RegistryError('timestamp_unavailable', `The timestamp authority ${why}.`, {
    fix: 'Try again later; if it stays so, check MUNIMENT_TSA_URL.',
    cause,
  });
