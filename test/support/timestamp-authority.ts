/**
 * A timestamp authority inside the test, honest or lying: certificates and tokens put together with the ASN.1 library and
 * signed with node:crypto, so that each lie is one member that differs. `startAuthority` serves it over HTTP.
 */
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BitString, fromBER, Integer, ObjectIdentifier, OctetString, Sequence, Utf8String } from 'asn1js';
import {
  Accuracy,
  AlgorithmIdentifier,
  Attribute,
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  ContentInfo,
  EncapsulatedContentInfo,
  Extension,
  ExtKeyUsage,
  IssuerAndSerialNumber,
  MessageImprint,
  PKIStatusInfo,
  PublicKeyInfo,
  SignedAndUnsignedAttributes,
  SignedData,
  SignerInfo,
  TimeStampReq,
  TimeStampResp,
  TSTInfo,
} from 'pkijs';

const SHA256 = '2.16.840.1.101.3.4.2.1';
const ECDSA_SHA256 = '1.2.840.10045.4.3.2';
export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
export const POLICY = '1.2.3.4.1';

export interface Certified {
  readonly certificate: Certificate;
  readonly key: KeyObject;
  readonly der: Uint8Array;
}

export interface CertificateOptions {
  readonly subject: string;
  /** Itself without one */
  readonly issuer?: Certified;
  /** Under the key of another certificate, as authorities that certify each other do */
  readonly keyOf?: Certified;
  readonly ca?: boolean;
  readonly pathLength?: number;
  readonly usages?: readonly string[];
  readonly usagesCritical?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** OID of an extension that nobody knows, marked critical */
  readonly unknownCritical?: string;
}

const YEAR_MS = 365 * 86_400_000;

export function certify(options: CertificateOptions): Certified {
  const key = options.keyOf?.key ?? generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: positive(randomBytes(16)) });
  certificate.subject.typesAndValues.push(commonName(options.subject));
  const issuerName = options.issuer?.certificate.subject.typesAndValues ?? [commonName(options.subject)];
  certificate.issuer.typesAndValues.push(...issuerName);
  certificate.notBefore.value = options.notBefore ?? new Date(Date.now() - YEAR_MS);
  certificate.notAfter.value = options.notAfter ?? new Date(Date.now() + YEAR_MS);
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  certificate.subjectPublicKeyInfo = new PublicKeyInfo({ schema: fromBER(Uint8Array.from(spki)).result });
  certificate.extensions = extensionsOf(options);
  certificate.signature = new AlgorithmIdentifier({ algorithmId: ECDSA_SHA256 });
  certificate.signatureAlgorithm = new AlgorithmIdentifier({ algorithmId: ECDSA_SHA256 });
  certificate.tbsView = new Uint8Array(certificate.encodeTBS().toBER());
  const signature = sign('sha256', certificate.tbsView, options.issuer?.key ?? key);
  certificate.signatureValue = new BitString({ valueHex: Uint8Array.from(signature) });
  const der = new Uint8Array(certificate.toSchema().toBER());
  return { certificate: Certificate.fromBER(der), key, der };
}

export const pemOf = ({ der }: Certified): string => new X509Certificate(der).toString();
export const base64Of = ({ der }: Certified): string => Buffer.from(der).toString('base64');

/** What an authority may get wrong; everything else is right. */
export interface Lie {
  readonly imprint?: Uint8Array;
  readonly nonce?: Uint8Array | null;
  readonly time?: Date;
  readonly policy?: string;
  readonly status?: number;
  /** Says that it signed under another certificate */
  readonly names?: Certified;
  /** Certificates in the token, instead of the authority's own */
  readonly certificates?: readonly Certified[];
  readonly signWith?: KeyObject;
  readonly digestOf?: Uint8Array;
  readonly signerDigest?: string;
  readonly unsignedAttributes?: boolean;
  readonly hashAlgorithm?: string;
}

/** Answers a request, in its own name. */
export function answer(signer: Certified, request: Uint8Array, lie: Lie = {}): Uint8Array {
  const { messageImprint, nonce: asked } = TimeStampReq.fromBER(Uint8Array.from(request));
  if ((lie.status ?? 0) > 1) return encode(new TimeStampResp({ status: new PKIStatusInfo({ status: lie.status! }) }));
  const nonce = lie.nonce === undefined ? asked : lie.nonce === null ? undefined : integer(lie.nonce);
  const info = new TSTInfo({
    version: 1,
    policy: lie.policy ?? POLICY,
    messageImprint: new MessageImprint({
      hashAlgorithm: new AlgorithmIdentifier({ algorithmId: lie.hashAlgorithm ?? SHA256 }),
      hashedMessage:
        lie.imprint === undefined
          ? messageImprint.hashedMessage
          : new OctetString({ valueHex: Uint8Array.from(lie.imprint) }),
    }),
    serialNumber: new Integer({ valueHex: positive(randomBytes(8)) }),
    genTime: lie.time ?? new Date(),
    accuracy: new Accuracy({ seconds: 1 }),
    ...(nonce === undefined ? {} : { nonce }),
  });
  const content = new Uint8Array(info.toSchema().toBER());
  const named = lie.names ?? signer;
  const signedAttrs = new SignedAndUnsignedAttributes({
    type: 0,
    attributes: [
      new Attribute({
        type: '1.2.840.113549.1.9.3',
        values: [new ObjectIdentifier({ value: '1.2.840.113549.1.9.16.1.4' })],
      }),
      new Attribute({
        type: '1.2.840.113549.1.9.4',
        values: [new OctetString({ valueHex: digest(lie.digestOf ?? content) })],
      }),
      ...(lie.unsignedAttributes === true
        ? []
        : [new Attribute({ type: '1.2.840.113549.1.9.16.2.47', values: [signingCertificate(named)] })]),
    ],
  });
  const signed = new Uint8Array(signedAttrs.toSchema().toBER());
  signed[0] = 0x31;
  const token = new SignedData({
    version: 3,
    digestAlgorithms: [new AlgorithmIdentifier({ algorithmId: SHA256 })],
    encapContentInfo: new EncapsulatedContentInfo({
      eContentType: '1.2.840.113549.1.9.16.1.4',
      eContent: new OctetString({ valueHex: content }),
    }),
    certificates: (lie.certificates ?? [signer]).map(({ certificate }) => certificate),
    signerInfos: [
      new SignerInfo({
        version: 1,
        sid: new IssuerAndSerialNumber({
          issuer: signer.certificate.issuer,
          serialNumber: signer.certificate.serialNumber,
        }),
        digestAlgorithm: new AlgorithmIdentifier({ algorithmId: lie.signerDigest ?? SHA256 }),
        signedAttrs,
        signatureAlgorithm: new AlgorithmIdentifier({ algorithmId: ECDSA_SHA256 }),
        signature: new OctetString({ valueHex: Uint8Array.from(sign('sha256', signed, lie.signWith ?? signer.key)) }),
      }),
    ],
  });
  return encode(
    new TimeStampResp({
      status: new PKIStatusInfo({ status: lie.status ?? 0 }),
      timeStampToken: new ContentInfo({ contentType: '1.2.840.113549.1.7.2', content: token.toSchema(true) }),
    }),
  );
}

/** An honest authority under a root of its own. */
export function makeAuthority(name = 'Test Time') {
  const root = certify({ subject: `${name} Root`, ca: true });
  const signer = certify({ subject: name, issuer: root, usages: [TIME_STAMPING] });
  return { root, signer, roots: [base64Of(root)], pem: pemOf(root) };
}

export type Behaviour = (request: Uint8Array, response: ServerResponse) => void;

export const replyWith =
  (make: (request: Uint8Array) => Uint8Array): Behaviour =>
  (request, response) =>
    void response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(make(request));

export interface RunningAuthority {
  readonly url: string;
  /** How often it was asked */
  readonly asked: () => number;
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

export async function startAuthority(first: Behaviour): Promise<RunningAuthority> {
  let behaviour = first;
  let asked = 0;
  const server = createServer((request: IncomingMessage, response) => {
    asked++;
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => void parts.push(part));
    request.on('end', () => behaviour(Buffer.concat(parts), response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tsa`,
    asked: () => asked,
    behave: (next) => void (behaviour = next),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function extensionsOf({ ca, pathLength, usages, usagesCritical = true, unknownCritical }: CertificateOptions) {
  const extensions: Extension[] = [];
  if (ca !== undefined) {
    const constraints = new BasicConstraints({
      cA: ca,
      ...(pathLength === undefined ? {} : { pathLenConstraint: pathLength }),
    });
    extensions.push(extension('2.5.29.19', true, new Uint8Array(constraints.toSchema().toBER())));
  }
  if (usages !== undefined) {
    const value = new ExtKeyUsage({ keyPurposes: [...usages] });
    extensions.push(extension('2.5.29.37', usagesCritical, new Uint8Array(value.toSchema().toBER())));
  }
  if (unknownCritical !== undefined) extensions.push(extension(unknownCritical, true, Uint8Array.of(5, 0)));
  return extensions;
}

const extension = (extnID: string, critical: boolean, value: Uint8Array<ArrayBuffer>) =>
  new Extension({ extnID, critical, extnValue: value.buffer });

/** RFC 5035: SEQUENCE { SEQUENCE OF { SEQUENCE { hash } } }, the hash by SHA-256, which is the default. */
const signingCertificate = ({ der }: Certified) =>
  new Sequence({
    value: [new Sequence({ value: [new Sequence({ value: [new OctetString({ valueHex: digest(der) })] })] })],
  });

const commonName = (name: string) =>
  new AttributeTypeAndValue({ type: '2.5.4.3', value: new Utf8String({ value: name }) });

const digest = (bytes: Uint8Array) => Uint8Array.from(createHash('sha256').update(bytes).digest());
const positive = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, i) => (i === 0 ? (byte & 0x7f) | 0x40 : byte));
const integer = (bytes: Uint8Array) => new Integer({ valueHex: positive(bytes) });
const encode = (response: TimeStampResp) => new Uint8Array(response.toSchema().toBER());
