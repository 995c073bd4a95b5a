/** Adverse claims, built and signed where the claimant's key is, with what the claimant sealed and opened as evidence. */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { AdverseClaimBody } from '../core/registry/adverse-claim.ts';
import { adverseClaim, adverseClaimAct } from '../core/registry/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { ClaimAct } from '../core/title/claim-states.ts';
import { CURRENT_EDITION } from '../core/title/jurisdictions.ts';
import type { Context, Session } from './context.ts';
import { findAsset } from './find-model.ts';
import { digestOfFile } from './seal.ts';
import { write } from './sign.ts';
import type { ClaimView, Possession, Provenance } from './views.ts';

export type { ClaimAct };

export interface ClaimFacts {
  share: string;
  ground: string;
  document: string;
  executed?: string;
  from?: string;
  jurisdiction?: string;
  rule?: string;
  against?: string;
  evidence?: string[];
  timestamp?: string[];
  note?: string;
}

const PAGE = 100;

/** As many as a claim takes. */
const MAX_EVIDENCE = 20;

export async function fileClaim(
  context: Context,
  text: string,
  facts: ClaimFacts,
): Promise<{ body: AdverseClaimBody; receipt: Receipt }> {
  const documentDigest = await digestOfFile(facts.document);
  const asset = await findAsset(context, text);
  const session = await context.session();
  const { client } = session;
  const contested = facts.against ?? asset;
  const [{ statement }, against] = await Promise.all([
    client.get<{ statement: Digest }>(`/v1/${asset.startsWith('dataset_') ? 'datasets' : 'models'}/${asset}`),
    facts.against === undefined
      ? undefined
      : client.get<{ statement: Digest }>(`/v1/instruments/${encodeURIComponent(contested)}`),
  ]);
  const opened = await evidenceOf(session, documentDigest, facts.evidence ?? []);
  const stamped = await timestampsOf(context, documentDigest, facts.timestamp ?? []);
  const body: AdverseClaimBody = {
    asset,
    contested,
    share: facts.share === '1' ? '1/1' : facts.share,
    ground: facts.ground as AdverseClaimBody['ground'],
    documentDigest,
    executedOn: facts.executed ?? null,
    effectiveFrom: facts.from ?? new Date().toISOString().slice(0, 10),
    jurisdiction: facts.jurisdiction ?? null,
    grace: facts.rule === undefined ? null : { edition: CURRENT_EDITION, rule: facts.rule },
    note: facts.note ?? null,
    evidence: opened.map(({ digest, sealed }) => ({ digest, sealed })),
    ...(stamped.length === 0 ? {} : { timestamps: stamped.map(({ id }) => id) }),
  };
  const basis = [
    statement,
    ...(against === undefined ? [] : [against.statement]),
    ...opened.map(openedBy),
    ...stamped.map((each) => each.statement),
  ];
  return { body, receipt: await write(context, session, { kind: adverseClaim, path: '/v1/claims', body, basis }) };
}

export async function listClaims(context: Context, text: string): Promise<ClaimView[]> {
  const asset = await findAsset(context, text);
  const client = await context.client();
  const found: ClaimView[] = [];
  for (;;) {
    const after = found.at(-1)?.recordedIndex ?? 0;
    const page = await client.get<ClaimView[]>(`/v1/claims?asset=${asset}&after=${after}&limit=${PAGE}`);
    found.push(...page);
    if (page.length < PAGE) return found;
  }
}

export async function actOnClaim(
  context: Context,
  claim: string,
  act: ClaimAct,
  reason: string | undefined,
): Promise<Receipt> {
  const session = await context.session();
  const path = `/v1/claims/${encodeURIComponent(claim)}`;
  const { statement } = await session.client.get<ClaimView>(path);
  const body = { claim, act, reason: reason ?? null };
  const plain = { act, reason: body.reason };
  return write(context, session, { kind: adverseClaimAct, path: `${path}/acts`, body, basis: [statement], plain });
}

type Opened = Possession & { digest: Digest };

const openedBy = ({ receipts }: Opened): Digest => receipts.opening.statement;

/** Of each the record: of a file the one that is made of it now, else the one that the id names. */
async function timestampsOf(
  context: Context,
  document: Digest,
  named: readonly string[],
): Promise<{ id: string; statement: Digest }[]> {
  const found: { id: string; statement: Digest }[] = [];
  for (const each of named) {
    if (each.startsWith('documenttimestamp_')) {
      const client = await context.client();
      found.push(await client.get(`/v1/document-timestamps/${encodeURIComponent(each)}`));
      continue;
    }
    const { recordTimestamp } = await import('./document-timestamps.ts');
    const { id, receipt } = await recordTimestamp(context, document, each);
    found.push({ id, statement: receipt.statement });
  }
  return found;
}

/** Nobody has to have sealed the document; whoever names another file as evidence has. */
async function evidenceOf(session: Session, document: Digest, files: readonly string[]): Promise<Opened[]> {
  const found = await openedOf(session, document);
  for (const file of files) {
    const digest = await digestOfFile(file);
    const opened = await openedOf(session, digest);
    if (opened.length === 0) {
      throw new RegistryError('not_found', `You have sealed and opened nothing that is "${file}".`, {
        field: 'evidence',
        fix: 'Open what you sealed first: "muniment open".',
      });
    }
    if (digest !== document) found.push(...opened);
  }
  return found.slice(0, MAX_EVIDENCE);
}

async function openedOf({ client, me }: Session, digest: Digest): Promise<Opened[]> {
  try {
    const { possessions } = await client.get<Provenance>(`/v1/provenance/${digest}`);
    return possessions.filter(({ maker }) => maker === me.party.id).map((each) => ({ ...each, digest }));
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'not_found') return [];
    throw error;
  }
}
