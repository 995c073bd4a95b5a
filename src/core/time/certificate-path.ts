/**
 * From an authority's certificate to a root that the reader trusts, RFC 5280 §6.1 as far as timestamps need it: names and
 * signatures chain, each certificate was valid at the attested time, each issuer is a CA that may sign certificates, for
 * this use and at this depth. A critical extension that is not judged here refuses its certificate.
 *
 * Whoever made the token chose the certificates in it: their number is bounded, each is tried once, and none counts
 * before the chain ends in a trusted root.
 */
import { BasicConstraints, Certificate, ExtKeyUsage } from 'pkijs';
import { fromBase64 } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import type { TimestampCrypto } from './algorithms.ts';
import { signatureNamed } from './algorithms.ts';
import { invalid } from './invalid.ts';

export const MAX_CERTIFICATES = 20;
const MAX_PATH = 8;

const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
const EXT_KEY_USAGE = '2.5.29.37';
const JUDGED = [BASIC_CONSTRAINTS, KEY_USAGE, EXT_KEY_USAGE];

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const ANY_USAGE = '2.5.29.37.0';

/** Bits of KeyUsage in its first byte (RFC 5280 §4.2.1.3). */
const SIGNATURE_BITS = 0b1100_0000;
const CERT_SIGN_BIT = 0b0000_0100;

/**
 * The shortest chain from `leaf` to one of `roots`, the leaf first.
 * @throws RegistryError `timestamp_invalid` when there is none that held at `time`
 */
export function buildPath(
  crypto: TimestampCrypto,
  leaf: Certificate,
  others: readonly Certificate[],
  roots: readonly Certificate[],
  time: Date,
): Certificate[] {
  if (!validAt(leaf, time)) throw invalid("is signed under a certificate that was not valid at the token's time");
  const tried = new Set<Certificate>([leaf]);
  let paths: Certificate[][] = [[leaf]];
  while (paths.length > 0 && paths[0]!.length < MAX_PATH) {
    const longer: Certificate[][] = [];
    for (const path of paths) {
      const subject = path.at(-1)!;
      for (const root of roots) if (issued(crypto, root, subject, path.length - 1, time)) return [...path, root];
      for (const issuer of others) {
        if (tried.has(issuer) || !issued(crypto, issuer, subject, path.length - 1, time)) continue;
        tried.add(issuer);
        longer.push([...path, issuer]);
      }
    }
    paths = longer;
  }
  throw invalid('is signed under a certificate that leads to no trusted root');
}

/**
 * An authority's certificate attests time and does nothing else (RFC 3161 §2.3).
 * @throws RegistryError `timestamp_invalid`
 */
export function requireTimeStamping(certificate: Certificate): void {
  const extension = certificate.extensions?.find(({ extnID }) => extnID === EXT_KEY_USAGE);
  const usage: unknown = extension?.parsedValue;
  if (extension?.critical !== true || !(usage instanceof ExtKeyUsage)) {
    throw invalid('is signed under a certificate without the critical extended key usage "timeStamping"');
  }
  if (usage.keyPurposes.length !== 1 || usage.keyPurposes[0] !== TIME_STAMPING) {
    throw invalid('is signed under a certificate for other uses than "timeStamping"');
  }
  const bits = keyUsage(certificate);
  if (bits !== undefined && (bits & SIGNATURE_BITS) === 0) {
    throw invalid('is signed under a certificate whose key may not sign');
  }
  requireJudged(certificate);
}

/**
 * A certificate authority's certificate that a reader trusts.
 * @param der base64
 * @throws RegistryError `invalid_input` unless it is one certificate of a CA
 */
export function parseRoot(der: string, field: string): Certificate {
  let root: Certificate;
  try {
    root = Certificate.fromBER(Uint8Array.from(fromBase64(der)));
  } catch (cause) {
    throw new RegistryError('invalid_input', 'A trusted root is not an X.509 certificate.', { field, cause });
  }
  if (isCa(root)) return root;
  throw new RegistryError('invalid_input', `"${nameOf(root)}" is no certificate of a certificate authority.`, {
    field,
    fix: 'Name the root certificate of the timestamp authority, not its own.',
  });
}

/** What a person knows a certificate's subject by: its common name, or its organization. */
export function nameOf({ subject }: Certificate): string {
  const valueOf = (oid: string): string | undefined => {
    const found = subject.typesAndValues.find(({ type }) => type === oid)?.value.valueBlock.value;
    return typeof found === 'string' ? found.replaceAll(/\p{C}/gu, '?').slice(0, 100) : undefined;
  };
  return valueOf('2.5.4.3') ?? valueOf('2.5.4.10') ?? '(no name)';
}

/** @param below certificates between the issuer and the leaf */
function issued(
  crypto: TimestampCrypto,
  issuer: Certificate,
  subject: Certificate,
  below: number,
  time: Date,
): boolean {
  if (!subject.issuer.isEqual(issuer.subject) || !validAt(issuer, time)) return false;
  if (!isCa(issuer, below) || !allJudged(issuer) || !servesTime(issuer)) return false;
  const algorithm = signatureNamed(subject.signatureAlgorithm.algorithmId);
  if (algorithm === undefined) return false;
  const spki = new Uint8Array(issuer.subjectPublicKeyInfo.toSchema().toBER());
  return crypto.verify(...algorithm, spki, subject.tbsView, subject.signatureValue.valueBlock.valueHexView);
}

const validAt = ({ notBefore, notAfter }: Certificate, time: Date): boolean =>
  notBefore.value <= time && time <= notAfter.value;

function isCa(certificate: Certificate, below = 0): boolean {
  const constraints: unknown = certificate.extensions?.find(({ extnID }) => extnID === BASIC_CONSTRAINTS)?.parsedValue;
  if (!(constraints instanceof BasicConstraints) || !constraints.cA) return false;
  const depth = constraints.pathLenConstraint;
  if (depth !== undefined && (typeof depth !== 'number' || depth < below)) return false;
  const bits = keyUsage(certificate);
  return bits === undefined || (bits & CERT_SIGN_BIT) !== 0;
}

/** A CA that is limited to other uses vouches for no timestamp authority. */
function servesTime(certificate: Certificate): boolean {
  const extension = certificate.extensions?.find(({ extnID }) => extnID === EXT_KEY_USAGE);
  if (extension === undefined) return true;
  const usage: unknown = extension.parsedValue;
  return usage instanceof ExtKeyUsage && usage.keyPurposes.some((oid) => oid === TIME_STAMPING || oid === ANY_USAGE);
}

/** The first byte of the bits, undefined where the certificate does not limit its key. */
function keyUsage(certificate: Certificate): number | undefined {
  const extension = certificate.extensions?.find(({ extnID }) => extnID === KEY_USAGE);
  if (extension === undefined) return undefined;
  // BIT STRING: tag, length, unused bits, bits.
  return extension.extnValue.valueBlock.valueHexView[3] ?? 0;
}

const allJudged = ({ extensions = [] }: Certificate): boolean =>
  extensions.every(({ critical, extnID }) => !critical || JUDGED.includes(extnID));

function requireJudged(certificate: Certificate): void {
  if (!allJudged(certificate)) throw invalid('is signed under a certificate with an unknown critical extension');
}
