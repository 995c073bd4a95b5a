/**
 * Timestamps as they travel: TimeStampResp with a CMS SignedData around a TSTInfo (RFC 3161 §2.4.2, RFC 5652, RFC 5816).
 * Reading judges the form alone; nothing read here may be believed before `verifyTimestamp` has judged it.
 */
import type { BaseBlock, ObjectIdentifier, OctetString, Sequence } from 'asn1js';
import { fromBER } from 'asn1js';
import { Certificate, IssuerAndSerialNumber, SignedData, TimeStampResp, TSTInfo } from 'pkijs';
import type { ContentInfo, SignerInfo } from 'pkijs';
import { equalBytes } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import { invalid } from './invalid.ts';
import { MAX_CERTIFICATES } from './certificate-path.ts';

/** Bytes; a token with a chain of certificates takes 3 to 8 KiB. */
export const MAX_REPLY = 64 * 1024;

const SIGNED_DATA = '1.2.840.113549.1.7.2';
export const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';

export interface Token {
  /** DER of the TSTInfo, as it was signed */
  readonly content: Uint8Array;
  readonly info: TSTInfo;
  /** Text of genTime; RFC 3161 allows UTC alone, and the parser takes more. */
  readonly timeText: string;
  readonly signer: SignerInfo;
  readonly certificates: readonly Certificate[];
}

/** @throws RegistryError `timestamp_invalid`; `timestamp_unavailable` when the authority says that it made none */
export function parseReply(reply: Uint8Array): Token {
  if (reply.length > MAX_REPLY) throw invalid(`is larger than ${MAX_REPLY} bytes`);
  try {
    const response = new TimeStampResp({ schema: whole(reply) });
    requireGranted(response);
    return parseToken(response.timeStampToken);
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    throw invalid('cannot be read', error);
  }
}

/**
 * All bytes are one value, and are what that value is written as: the parser takes wrong lengths, and more behind the
 * value, that are in no signature.
 */
function whole(bytes: Uint8Array): BaseBlock {
  const { offset, result } = fromBER(Uint8Array.from(bytes));
  if (offset !== bytes.length || !equalBytes(new Uint8Array(result.toBER()), bytes)) {
    throw invalid('is not one ASN.1 value');
  }
  return result;
}

function requireGranted({ status }: TimeStampResp): void {
  const code: number = status.status;
  if (code === 0 || code === 1) return;
  const said = status.statusStrings?.map(({ valueBlock }) => valueBlock.value).join(' ') ?? '';
  const why = said.replaceAll(/\p{C}/gu, '?').slice(0, 200);
  throw new RegistryError(
    'timestamp_unavailable',
    `The timestamp authority refused, with status ${code}${why === '' ? '' : `: ${why}`}.`,
  );
}

function parseToken(token: ContentInfo | undefined): Token {
  if (token === undefined) throw invalid('holds no token');
  if (token.contentType !== SIGNED_DATA) throw invalid('is not signed');
  const signed = new SignedData({ schema: token.content as unknown });
  const { eContent, eContentType } = signed.encapContentInfo;
  if (eContentType !== TST_INFO || eContent === undefined) throw invalid('signs something else than a time');
  const [signer, ...others] = signed.signerInfos;
  if (signer === undefined || others.length > 0) throw invalid('does not have exactly one signer');
  const all = signed.certificates ?? [];
  if (all.length > MAX_CERTIFICATES) throw invalid(`carries more than ${MAX_CERTIFICATES} certificates`);
  const content = new Uint8Array(eContent.getValue());
  const schema = whole(content) as Sequence;
  const timeText = new TextDecoder().decode((schema.valueBlock.value[4] as OctetString).valueBlock.valueHexView);
  const certificates = all.filter((certificate) => certificate instanceof Certificate);
  return { content, info: new TSTInfo({ schema }), timeText, signer, certificates };
}

/**
 * The one value of a signed attribute.
 * @throws RegistryError `timestamp_invalid` when it is missing or not there once
 */
export function signedAttribute(signer: SignerInfo, type: string, name: string): BaseBlock {
  const found = signer.signedAttrs?.attributes.filter((attribute) => attribute.type === type) ?? [];
  const values = (found[0]?.values ?? []) as BaseBlock[];
  if (found.length !== 1 || values.length !== 1) throw invalid(`does not sign the attribute "${name}" once`);
  return values[0]!;
}

export interface CertificateId {
  /** OID of the hash */
  readonly algorithm: string;
  readonly hash: Uint8Array;
}

/** What `ESSCertIDv2` leaves out stands for SHA-256 (RFC 5816 §2.2.1). */
const DEFAULT_HASH = '2.16.840.1.101.3.4.2.1';

/** Which certificate the authority says that it signed under: the first of signing-certificate-v2 (RFC 5035 §3). */
export function signingCertificateId(signer: SignerInfo): CertificateId {
  const attribute = signedAttribute(signer, SIGNING_CERTIFICATE_V2, 'signing-certificate-v2') as Sequence;
  const first = (attribute.valueBlock.value[0] as Sequence).valueBlock.value[0] as Sequence;
  const [head, next] = first.valueBlock.value;
  // ESSCertIDv2 begins with the hash's algorithm, or, where that is the default, with the hash itself.
  const named = head?.idBlock.tagNumber === 16;
  const algorithm = named
    ? ((head as Sequence).valueBlock.value[0] as ObjectIdentifier).valueBlock.toString()
    : DEFAULT_HASH;
  return { algorithm, hash: new Uint8Array(((named ? next : head) as OctetString).valueBlock.valueHexView) };
}

/** Whether the signer's identifier names this certificate, by issuer and serial number or by its key's identifier. */
export function identifies(signer: SignerInfo, certificate: Certificate): boolean {
  const sid: unknown = signer.sid;
  if (sid instanceof IssuerAndSerialNumber) {
    return sid.issuer.isEqual(certificate.issuer) && sid.serialNumber.isEqual(certificate.serialNumber);
  }
  const keyId: unknown = certificate.extensions?.find(({ extnID }) => extnID === '2.5.29.14')?.parsedValue;
  const named = (sid as OctetString).valueBlock.valueHexView;
  const own = (keyId as OctetString | undefined)?.valueBlock.valueHexView;
  return own !== undefined && own.length === named.length && own.every((byte, i) => byte === named[i]);
}
