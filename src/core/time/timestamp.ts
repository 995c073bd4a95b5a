/**
 * Judging a timestamp, RFC 3161 §2.4.2 and appendix B with RFC 5816: that an authority under a trusted root says that the
 * data existed at a time. The one procedure for what comes from an authority, from the database and from a file.
 *
 * Whoever answers may give a token over other data, an old one, one by a certificate that was made for something else,
 * that expired or that nobody vouches for, or bytes made to break a parser. Each is refused with its own sentence.
 */
import type { ObjectIdentifier, OctetString } from 'asn1js';
import type { Certificate } from 'pkijs';
import { equalBytes } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import type { HashName, TimestampCrypto } from './algorithms.ts';
import { hashNamed, SHA256_OID, signatureNamed } from './algorithms.ts';
import { buildPath, nameOf, parseRoot, requireTimeStamping } from './certificate-path.ts';
import { invalid } from './invalid.ts';
import { unsigned } from './request.ts';
import type { Token } from './token.ts';
import { identifies, parseReply, signedAttribute, signingCertificateId, TST_INFO } from './token.ts';

export interface Timestamp {
  /** The data existed before then, as the authority says; the end of the span that it is sure of */
  readonly time: Date;
  /** Half of that span in milliseconds; 0 where the authority does not say */
  readonly accuracyMs: number;
  /** OID of the policy that the authority follows */
  readonly policy: string;
  /** Name of the authority, from its certificate */
  readonly authority: string;
  /** The trusted root that it was believed on, DER; null where nobody was to vouch for the authority */
  readonly root: Uint8Array | null;
}

export interface TimestampExpectation {
  /** What the token has to be over; its SHA-256 where the reader does not have it */
  readonly data: Uint8Array | { readonly sha256: Uint8Array };
  /** Certificates of trusted root authorities, DER in base64; undefined where nobody is to vouch for the authority */
  readonly roots: readonly string[] | undefined;
  /** Of the request; without, the token may be an old one */
  readonly nonce?: Uint8Array | undefined;
  /** Policies under which a token counts; without, any */
  readonly policies?: readonly string[] | undefined;
}

/**
 * @param reply DER of a TimeStampResp
 * @throws RegistryError `timestamp_invalid`; `timestamp_unavailable` when it says that no token was made; `invalid_input`
 * for a root that is none
 */
export function verifyTimestamp(
  crypto: TimestampCrypto,
  reply: Uint8Array,
  { data, roots, nonce, policies }: TimestampExpectation,
): Timestamp {
  const trusted = roots?.map((root, i) => parseRoot(root, `roots.${i}`));
  const token = parseReply(reply);
  try {
    requireImprint(token, data instanceof Uint8Array ? crypto.hash('sha256', data) : data.sha256);
    if (nonce !== undefined) requireNonce(token, nonce);
    if (policies !== undefined && !policies.includes(token.info.policy)) {
      throw invalid(`follows the policy ${token.info.policy}, which is not asked for`);
    }
    const certificate = signerCertificate(crypto, token);
    requireSignature(crypto, token, certificate);
    requireTimeStamping(certificate);
    const genTime = timeOf(token);
    const path = trusted && buildPath(crypto, certificate, token.certificates, trusted, genTime);
    const accuracyMs = accuracyOf(token);
    return {
      time: new Date(genTime.getTime() + accuracyMs),
      accuracyMs,
      policy: token.info.policy,
      authority: nameOf(certificate),
      root: path === undefined ? null : new Uint8Array(path.at(-1)!.toSchema().toBER()),
    };
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    // A value of another type than the form wants, deep inside what the parser took.
    throw invalid('cannot be read', error);
  }
}

function requireImprint({ info }: Token, sha256: Uint8Array): void {
  if (info.version !== 1) throw invalid(`is of version ${info.version}, not 1`);
  if (info.extensions?.some(({ critical }) => critical)) throw invalid('has an unknown critical extension');
  const { hashAlgorithm, hashedMessage } = info.messageImprint;
  if (hashAlgorithm.algorithmId !== SHA256_OID) throw invalid('is over another digest than SHA-256');
  if (equalBytes(hashedMessage.valueBlock.valueHexView, sha256)) return;
  throw invalid('is over other data');
}

function requireNonce({ info }: Token, nonce: Uint8Array): void {
  const said = info.nonce?.valueBlock.valueHexView;
  if (said === undefined || !equalBytes(said, unsigned(nonce)))
    throw invalid('does not repeat the nonce of the request');
}

/** By the digest that the signed attributes name: under no other certificate may the signature be read. */
function signerCertificate(crypto: TimestampCrypto, { signer, certificates }: Token): Certificate {
  const { algorithm, hash } = signingCertificateId(signer);
  const name = hashNamed(algorithm);
  if (name === undefined) throw invalid('names its certificate by an unknown digest');
  const found = certificates.find((certificate) =>
    equalBytes(crypto.hash(name, new Uint8Array(certificate.toSchema().toBER())), hash),
  );
  if (found === undefined) throw invalid('does not carry the certificate that it says it is signed under');
  if (!identifies(signer, found)) throw invalid('names two certificates as its own');
  return found;
}

/** CMS, RFC 5652 §5.4: the signature is over the attributes, and these hold the digest of the content. */
function requireSignature(crypto: TimestampCrypto, { content, signer }: Token, certificate: Certificate): void {
  const type = signedAttribute(signer, '1.2.840.113549.1.9.3', 'content-type') as ObjectIdentifier;
  if (type.valueBlock.toString() !== TST_INFO) throw invalid('signs another type of content');
  const digest: HashName | undefined = hashNamed(signer.digestAlgorithm.algorithmId);
  const algorithm = signatureNamed(signer.signatureAlgorithm.algorithmId, digest);
  if (digest === undefined || algorithm === undefined) {
    const { algorithmId } = digest === undefined ? signer.digestAlgorithm : signer.signatureAlgorithm;
    throw invalid(`is signed with the algorithm ${algorithmId}, which is not accepted`);
  }
  const said = signedAttribute(signer, '1.2.840.113549.1.9.4', 'message-digest') as OctetString;
  if (!equalBytes(said.valueBlock.valueHexView, crypto.hash(digest, content))) {
    throw invalid('does not sign the time that it shows');
  }
  const spki = new Uint8Array(certificate.subjectPublicKeyInfo.toSchema().toBER());
  const message = new Uint8Array(signer.signedAttrs!.encodedValue);
  if (crypto.verify(...algorithm, spki, message, signer.signature.valueBlock.valueHexView)) return;
  throw invalid('has a signature that does not verify');
}

function timeOf({ info, timeText }: Token): Date {
  if (!/^\d{14}(?:\.\d{1,9})?Z$/.test(timeText) || Number.isNaN(info.genTime.getTime())) {
    throw invalid('has a time that is not written in UTC');
  }
  return info.genTime;
}

function accuracyOf({ info: { accuracy } }: Token): number {
  const { seconds = 0, millis = 0, micros = 0 } = accuracy ?? {};
  const whole = seconds * 1000 + millis + Math.ceil(micros / 1000);
  if (Number.isSafeInteger(whole) && whole >= 0 && whole <= MAX_ACCURACY_MS) return whole;
  throw invalid('says nothing of use about its accuracy');
}

/** A day: whoever is less sure than that attests no time. */
const MAX_ACCURACY_MS = 86_400_000;
