/**
 * Adverse claims: a party says that it owns a share of an asset, against what is on record. A claim is a notice. It moves
 * nobody's share, whatever it says and however many there are: claims may add up to more than the whole, and only consent
 * or a ruling reorders title. Its claimant is a party on record and signs it, so nobody claims unnamed.
 *
 * The order of recording decides who comes first. An earlier execution is worth something only inside the grace window
 * of the law that governs it, and a date on paper is a date that anybody can write: so the ground `earlier-execution`
 * takes a document that the claimant had sealed in this log before the contested record, and has opened since, or one
 * that an authority outside stamped before it. What was sealed or stamped after its claimant could read the contested
 * offer would support a forgery just as well, so what counts as the contested record's place is that of the offer.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { parseShare } from '../share.ts';
import type { Common } from '../statement/statement.ts';
import { digest, form, id, urn } from '../statement/statement.ts';
import { date, dateOf, monthsAfter } from '../title/dates.ts';
import { CURRENT_EDITION, GRACE_EDITIONS, graceRules } from '../title/jurisdictions.ts';
import type { InstrumentBody } from './instrument.ts';
import { asset, assetKey, jurisdiction, needAsset } from './instrument.ts';
import type { Rows } from './kind.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { Tables } from './tables.ts';
import { put } from './tables.ts';

export const CLAIM_GROUNDS = [
  'earlier-execution',
  'employment',
  'authorship',
  'data-rights',
  'contract',
  'other',
] as const;

const evidence = z.strictObject({
  sealed: id('sealed').describe('What the claimant sealed, and has opened'),
  digest,
});

const shape = {
  asset,
  contested: z
    .union([id('instrument'), id('registration'), id('dataset')])
    .describe('What it goes against: an instrument in force on the asset, or the asset, that is, its first record'),
  share: z.string().max(40).describe('Of the whole asset, an exact fraction such as 1/2'),
  ground: z.enum(CLAIM_GROUNDS),
  documentDigest: digest.nullable().describe('Of the document that the claim rests on'),
  executedOn: date.nullable().describe('When it was signed, as the claimant says'),
  effectiveFrom: date.describe('From when the share is claimed'),
  jurisdiction,
  grace: z
    .strictObject({ edition: z.enum(GRACE_EDITIONS), rule: z.string().max(60) })
    .nullable()
    .describe('For an earlier execution, the rule that lets it be recorded late'),
  note: z.string().min(1).max(2000).nullable().describe('In words, which stay for ever'),
  evidence: z
    .array(evidence)
    .max(20)
    .refine(
      (all) => new Set(all.map(({ sealed, digest }) => sealed + digest)).size === all.length,
      'names each piece once',
    ),
  timestamps: z
    .array(id('documenttimestamp'))
    .min(1)
    .max(20)
    .refine((all) => new Set(all).size === all.length, 'names each timestamp once')
    .optional()
    .describe('Of authorities outside, over the document'),
};

const claimForm = form('adverse-claim', shape, ({ id }, { asset, contested, documentDigest }) => [
  urn(id),
  ...new Set([urn(asset), urn(contested)]),
  ...(documentDigest === null ? [] : [{ name: 'document', digest: documentDigest }]),
]);
export type AdverseClaimBody = z.infer<typeof claimForm.body>;

export const adverseClaim = kind(claimForm, {
  aboutTitle: true,
  reads: ({ common, body }): RowKey[] => [
    ['adverse_claim', common.id],
    assetKey(body.asset),
    ...(isInstrument(body.contested) ? [['instrument', body.contested] as const] : []),
    ...body.evidence.map(({ digest, sealed }): RowKey => ['possession', digest, common.maker, sealed]),
    ...(body.timestamps ?? []).map((id): RowKey => ['document_timestamp', id]),
  ],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireNew(rows, 'adverse_claim', common.id);
    parseShare(body.share, 'share');
    requireDates(common, body);
    const assetRow = needAsset(rows, body.asset);
    const contested = requireContested(body, assetRow, rows);
    const possessions = body.evidence.map((each, i) => requirePossession(common, each, rows, i));
    const stamped = (body.timestamps ?? []).map((id, i) => requireTimestamp(body, id, rows, i));
    requireBasis(spoken, assetRow, contested, ...possessions, ...stamped);
    if (body.ground === 'earlier-execution') {
      requireWindow(common, body);
      requireEarlier(body, contested);
      requireSupport(body, contested, possessions, stamped);
    } else if (body.grace !== null) {
      throw new RegistryError('invalid_input', 'Only an earlier execution rests on a grace window.', {
        field: 'grace',
      });
    }
    return [
      put('adverse_claim', {
        id: common.id,
        assetId: body.asset,
        claimant: common.maker,
        contested: body.contested,
        state: 'standing',
        document: body,
        acknowledged: [],
        endedIndex: null,
        ...place,
      }),
    ];
  },
});

const isInstrument = (id: string): boolean => id.startsWith('instrument_');

function requireDates({ statedAt }: Common, { executedOn, effectiveFrom }: AdverseClaimBody): void {
  const today = dateOf(statedAt);
  if (executedOn !== null && executedOn > today) {
    throw new RegistryError('invalid_input', 'The document would be signed later than the claim is filed.', {
      field: 'executedOn',
    });
  }
  if (effectiveFrom > today) {
    throw new RegistryError('effective_date_invalid', 'A share that is to count later cannot be claimed yet.', {
      field: 'effectiveFrom',
    });
  }
}

/** What the claim goes against, as far as it matters: its place, and when its document was signed. */
interface Contested extends Pick<Tables['instrument'], 'recordedIndex' | 'statement'> {
  readonly executedOn: string | null;
}

function requireContested(
  { asset, contested }: AdverseClaimBody,
  assetRow: Tables['dataset' | 'registration'],
  rows: Rows,
): Contested {
  if (contested === asset) return { ...assetRow, executedOn: null };
  if (!isInstrument(contested)) {
    throw new RegistryError('invalid_input', 'The first record that is contested is not that of the asset.', {
      field: 'contested',
      fix: 'Name the asset, or an instrument on it.',
    });
  }
  const row = need(rows, 'instrument', contested, 'contested');
  if (row.assetId !== asset || row.inForceIndex === null || row.endedIndex !== null) {
    throw new RegistryError('state_conflict', `${contested} is not in force on ${asset}.`, { field: 'contested' });
  }
  return { ...row, executedOn: (row.document as InstrumentBody).executedOn };
}

function requirePossession(
  { maker }: Common,
  { sealed, digest }: AdverseClaimBody['evidence'][number],
  rows: Rows,
  i: number,
): Tables['possession'] {
  const row = rows.get('possession', digest, maker, sealed);
  if (row !== undefined) return row;
  throw new RegistryError('not_found', `You have opened nothing with this digest as ${sealed}.`, {
    field: `evidence.${i}`,
    fix: 'Open what you sealed first: "muniment open".',
  });
}

/** @throws RegistryError `not_found`, `digest_mismatch` */
function requireTimestamp(
  { documentDigest }: AdverseClaimBody,
  id: string,
  rows: Rows,
  i: number,
): Tables['document_timestamp'] {
  const field = `timestamps.${i}`;
  const row = need(rows, 'document_timestamp', id, field);
  if (row.documentDigest === documentDigest) return row;
  throw new RegistryError('digest_mismatch', `${id} is over another document than the claim's.`, { field });
}

/** @throws RegistryError `grace_window_none`, `grace_window_over` */
function requireWindow({ statedAt }: Common, { executedOn, jurisdiction, grace }: AdverseClaimBody): void {
  if (executedOn === null) throw missing('executedOn', 'when the document was signed');
  if (jurisdiction === null) throw missing('jurisdiction', 'whose law governs it');
  const rules = graceRules(grace?.edition ?? CURRENT_EDITION, jurisdiction, executedOn);
  const rule = rules.find(({ id }) => id === grace?.rule);
  if (rule === undefined) {
    throw new RegistryError(
      'grace_window_none',
      `No rule of ${jurisdiction} that is named lets what was executed on ${executedOn} be recorded late.`,
      {
        field: 'grace',
        fix:
          rules.length === 0
            ? 'Claim on another ground: in this jurisdiction the order of recording decides.'
            : `Name one of ${rules.map(({ id }) => id).join(', ')}.`,
      },
    );
  }
  const last = monthsAfter(executedOn, rule.months);
  if (dateOf(statedAt) <= last) return;
  throw new RegistryError('grace_window_over', `The time to record it late ended on ${last} (${rule.source}).`, {
    field: 'executedOn',
    fix: 'Claim on another ground, if there is one.',
  });
}

function requireEarlier({ executedOn }: AdverseClaimBody, contested: Contested): void {
  if (contested.executedOn === null || executedOn! <= contested.executedOn) return;
  throw new RegistryError('claim_not_earlier', `What is contested was signed on ${contested.executedOn} already.`, {
    field: 'executedOn',
  });
}

/** @throws RegistryError `claim_unsupported`, `claim_support_late` */
function requireSupport(
  { documentDigest }: AdverseClaimBody,
  { recordedIndex }: Contested,
  possessions: readonly Tables['possession'][],
  stamped: readonly Tables['document_timestamp'][],
): void {
  if (documentDigest === null) throw missing('documentDigest', 'which document was executed');
  const sealed = possessions.filter(({ digest }) => digest === documentDigest);
  /** Of each piece the first entry that the document is shown to be older than. */
  const firstAfter = [...sealed.map(({ sealedIndex }) => sealedIndex + 1), ...stamped.map((row) => row.firstAfter)];
  if (firstAfter.length === 0) {
    throw new RegistryError(
      'claim_unsupported',
      'Nothing that you sealed and opened, and no timestamp, holds the document.',
      {
        field: 'evidence',
        fix: 'Name a sealed record or an outside timestamp of the document, or claim on another ground.',
      },
    );
  }
  const earliest = Math.min(...firstAfter);
  if (earliest <= recordedIndex) return;
  throw new RegistryError(
    'claim_support_late',
    `The document is shown to be older than entry ${earliest}, and what is contested is entry ${recordedIndex}.`,
    { field: 'evidence', fix: 'Claim on another ground, if there is one.' },
  );
}

const missing = (field: string, what: string): RegistryError =>
  new RegistryError('invalid_input', `A claim to an earlier execution says ${what}.`, { field });
