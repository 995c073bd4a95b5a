/** Certificates in PEM files (RFC 7468), as authorities publish their roots. */
import { fromBase64, toBase64 } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import { parseRoot } from './certificate-path.ts';

/** More than one file of roots has use for. */
const MAX_ROOTS = 200;

/**
 * The root certificates in a PEM text, DER in base64.
 * @throws RegistryError `invalid_input` when there is none, or one that is no certificate of an authority
 */
export function rootsInPem(text: string, field: string): string[] {
  const blocks = [...text.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g)];
  if (blocks.length === 0 || blocks.length > MAX_ROOTS) {
    throw new RegistryError(
      'invalid_input',
      `The file holds ${blocks.length} certificates; 1 to ${MAX_ROOTS} belong in it.`,
      {
        field,
        fix: 'Name a PEM file: "-----BEGIN CERTIFICATE-----" and so on.',
      },
    );
  }
  const roots = blocks.map(([, base64 = '']) => base64.replaceAll(/\s/g, ''));
  for (const root of roots) parseRoot(root, field);
  // One spelling for one certificate.
  return [...new Set(roots.map((root) => toBase64(fromBase64(root))))];
}
