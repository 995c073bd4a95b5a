/**
 * A registered model for other tools: its owner signs its file digest in the form of OpenSSF model signing, the registry
 * puts that on record, and the bundle that comes back is held against what was signed before it is written anywhere.
 */
import { equalBytes, fromBase64 } from '../core/bytes.ts';
import { canonicalize } from '../core/canonical-json.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { modelSignature, registration } from '../core/registry/index.ts';
import type { ModelSignatureBody } from '../core/registry/model-signature.ts';
import { rootDigestOf } from '../core/registry/model-signature.ts';
import type { Envelope } from '../core/statement/dsse.ts';
import { parseEnvelope } from '../core/statement/dsse.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { verifyTimestamp } from '../core/time/index.ts';
import { sha256, timestampCrypto } from '../platform/crypto.ts';
import type { Context, Session } from './context.ts';
import { hashModel } from './hash-model.ts';
import { digestOf } from './parse.ts';
import { write } from './sign.ts';
import { trustOf } from './trust-store.ts';
import { checkReceipts } from './verify.ts';
import type { ModelView, Provenance, RegistrationBody } from './views.ts';

/** As far as it is read here. */
interface Bundle {
  dsseEnvelope: Envelope;
  verificationMaterial: {
    tlogEntries: {
      logIndex: string;
      inclusionProof: { treeSize: string; hashes: string[]; checkpoint: { envelope: string } };
    }[];
    timestampVerificationData: { rfc3161Timestamps: { signedTimestamp: string }[] };
  };
}

export interface ExportedModel {
  registration: string;
  signature: string;
  bundle: object;
  /** Base64 of DER: what verifiers need beside the bundle, from a source of their own */
  publicKey: string;
  existedBefore: string | null;
  authority: string | null;
}

/** @param time whether the bundle has to carry an outside timestamp */
export async function exportModelSignature(
  context: Context,
  session: Session,
  text: string,
  time: 'attested' | 'none',
): Promise<ExportedModel> {
  if (session.key === undefined) {
    throw new RegistryError('signature_required', "A model's signature is its owner's own, and you sign with no key.", {
      field: 'key',
      fix: 'Make one and register it: "muniment keygen --register".',
    });
  }
  const { id, statement, body } = await findOwn(context, session, text);
  const receipt = (await earlierSignature(context, session, id)) ?? (await sign(context, session, id, statement, body));
  const bundle = await session.client.get<Bundle>(`/v1/model-signatures/${receipt.id}/bundle?time=${time}`);
  await requireSame(context, receipt, bundle);
  const stamped = await judgeTimestamp(context, bundle);
  if (time === 'attested' && stamped === undefined) {
    throw new RegistryError('timestamp_unavailable', 'The bundle came without an outside timestamp.', {
      fix: 'Try again later, or export it --without-time.',
    });
  }
  return {
    registration: id,
    signature: receipt.id,
    bundle,
    publicKey: receipt.publicKey,
    existedBefore: stamped?.time.toISOString() ?? null,
    authority: stamped?.authority ?? null,
  };
}

/** The caller's registration of the model, by file, digest or id, as its signed record tells it. */
async function findOwn(context: Context, { client, me }: Session, text: string) {
  const id = /^registration_[0-9a-z]{26}$/.test(text) ? text : await ownRegistration(context, { client, me }, text);
  const { statement } = await client.get<ModelView>(`/v1/models/${id}`);
  const receipt = await client.get<Receipt>(`/v1/receipts/${statement}`);
  const [spoken] = await checkReceipts(context, [receipt]);
  if (spoken?.kind.kind !== registration.kind || spoken.common.id !== id || spoken.payloadDigest !== statement) {
    throw new RegistryError('proof_invalid', 'The record is not the registration that was asked for.');
  }
  return { id, statement, body: spoken.body as RegistrationBody };
}

async function ownRegistration(context: Context, { client, me }: Pick<Session, 'client' | 'me'>, text: string) {
  const digest = digestOf(text) ?? (await hashModel(context.io, text)).fileDigest;
  const { matches } = await client.get<Provenance>(`/v1/provenance/${digest}`);
  const own = matches.filter(
    ({ matched, owners }) => matched === 'file' && owners.some(({ party }) => party === me.party.id),
  );
  const [only] = own;
  if (only !== undefined && own.length === 1) return only.model.id;
  if (only === undefined) {
    throw new RegistryError('not_found', `You own no model on record with the file digest ${digest}.`, {
      fix: 'Put it on record with "muniment register".',
    });
  }
  throw new RegistryError('usage', `You own ${own.length} registrations of that file.`, {
    fix: `Use an id: ${own.map(({ model }) => model.id).join(', ')}.`,
  });
}

async function earlierSignature(context: Context, { client, me }: Session, id: string): Promise<Receipt | undefined> {
  const signatures = await client.get<{ maker: string; statement: Digest }[]>(`/v1/models/${id}/signatures`);
  const own = signatures.find(({ maker }) => maker === me.party.id);
  if (own === undefined) return undefined;
  const receipt = await client.get<Receipt>(`/v1/receipts/${own.statement}`);
  const [spoken] = await checkReceipts(context, [receipt]);
  const is = spoken?.kind.kind === modelSignature.kind && spoken.common.maker === me.party.id;
  if (is && (spoken.body as ModelSignatureBody).registration === id) return receipt;
  throw new RegistryError('proof_invalid', 'The record is not your signature over this model.');
}

function sign(context: Context, session: Session, id: string, statement: Digest, { name, weights }: RegistrationBody) {
  const { fileDigest } = weights;
  const body = { registration: id, name, fileDigest, rootDigest: rootDigestOf(sha256, [fileDigest]) };
  return write(context, session, {
    kind: modelSignature,
    path: `/v1/models/${id}/signatures`,
    body,
    basis: [statement],
  });
}

/** The bundle must hold what was signed, and prove its place in the log. */
async function requireSame(context: Context, receipt: Receipt, { dsseEnvelope, verificationMaterial }: Bundle) {
  const [entry] = verificationMaterial.tlogEntries;
  if (entry === undefined || !equalBytes(canonicalize(dsseEnvelope), canonicalize(receipt.envelope))) {
    throw new RegistryError('proof_invalid', 'The bundle holds something else than the signature on record.');
  }
  const { treeSize, hashes, checkpoint } = entry.inclusionProof;
  await checkReceipts(context, [
    {
      ...receipt,
      index: Number(entry.logIndex),
      treeSize: Number(treeSize),
      inclusionProof: hashes,
      checkpoint: checkpoint.envelope,
    },
  ]);
}

/** Against the roots in the trust file, where there are any. @throws RegistryError `timestamp_invalid` */
async function judgeTimestamp(context: Context, { dsseEnvelope, verificationMaterial }: Bundle) {
  const [stamp] = verificationMaterial.timestampVerificationData.rfc3161Timestamps;
  if (stamp === undefined) return undefined;
  const { tsaRoots } = await trustOf(context);
  const { signature } = parseEnvelope(dsseEnvelope);
  const reply = fromBase64(stamp.signedTimestamp);
  return verifyTimestamp(timestampCrypto, reply, { data: signature, roots: tsaRoots });
}
