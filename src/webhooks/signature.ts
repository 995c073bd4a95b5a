/**
 * Standard Webhooks (github.com/standard-webhooks, spec/standard-webhooks.md): the secret is `whsec_` and base64 of its
 * bytes; the signature is `v1,` and base64 of HMAC-SHA-256 over `id.timestamp.body`. The timestamp is of this attempt, so
 * that a receiver can refuse a delivery that somebody kept and sends again. While a secret is being replaced, the
 * signatures under both stand in one header.
 */
import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

export const newSecret = (): string => `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;

/** @param secrets the newest first */
export function signedHeaders(id: string, at: Date, body: string, secrets: readonly string[]): Record<string, string> {
  const timestamp = Math.floor(at.getTime() / 1000);
  const signature = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature.join(' ') };
}
