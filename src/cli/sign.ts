/**
 * Writes as their maker makes them: the statement is built and signed here, so the registry can record it or refuse it
 * and nothing else. What is not public is signed with a key that is made here for it alone and forgotten at once. For a
 * party without a key the plain members are sent, and the record says that the registry signed.
 *
 * A receipt is believed only after it was checked: it must carry the very statement that was sent, or at least one about
 * the thing that was asked for, and prove its place in the log.
 */
import { equalBytes, fromBase64 } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Disclosure } from '../core/registry/commitment.ts';
import type { Kind } from '../core/registry/kind.ts';
import { signStatement } from '../core/registry/sign.ts';
import { formatEnvelope } from '../core/statement/dsse.ts';
import type { Envelope } from '../core/statement/dsse.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { newId, newNonce, newStatementKey, sha256 } from '../platform/crypto.ts';
import type { Context, Session } from './context.ts';
import { checkReceipts } from './verify.ts';

export interface Writing<Body> {
  kind: Kind<Body>;
  path: string;
  body: Body;
  /** Payload digests of the statements that this one builds on. */
  basis: readonly Digest[];
  id?: string;
  /** Openings of the commitments in the body; they go beside the statement. */
  disclosures?: readonly Disclosure[];
  /** What is sent where the registry signs, if that is not the body. */
  plain?: object;
}

/** @throws RegistryError as the registry refuses; `proof_invalid`, `signature_invalid` for a receipt that proves nothing */
export async function write<Body>(context: Context, session: Session, writing: Writing<Body>): Promise<Receipt> {
  const { kind, path, body } = writing;
  const id = writing.id ?? newId(kind.kind.replaceAll('-', ''));
  await session.key?.unlock?.();
  const envelope = session.key === undefined ? undefined : sign(session, writing, id);
  const { disclosures = [], plain = body } = writing;
  const signed = disclosures.length === 0 ? envelope : envelope && { ...envelope, disclosures };
  const receipt = await session.client.post<Receipt>(path, signed ?? { id, ...plain });
  const [spoken] = await checkReceipts(context, [receipt]);
  const sent = envelope?.payload;
  const same =
    sent === undefined
      ? spoken?.kind.kind === kind.kind && spoken.common.id === id
      : equalBytes(fromBase64(sent), fromBase64(receipt.envelope.payload));
  if (!same) throw new RegistryError('proof_invalid', 'The receipt is for another record than the one that was sent.');
  return receipt;
}

function sign<Body>({ key, me, log }: Session, { kind, body, basis }: Writing<Body>, id: string): Envelope {
  if (key === undefined) throw new RegistryError('signature_required', 'There is no key to sign with.');
  const signed = signStatement(
    sha256,
    kind,
    {
      origin: log.origin,
      maker: me.party.id,
      id,
      nonce: newNonce(),
      statedAt: new Date().toISOString(),
      basis: [...new Set(basis)].sort(),
    },
    body,
    key,
    newStatementKey,
  );
  return formatEnvelope(signed);
}
