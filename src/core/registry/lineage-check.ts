/**
 * Lineage checks: somebody compared the weights of a model with those of a parent that its registration names, and says
 * whether the declared relation is true. Any party may; who says so is what it is worth. The registry's own checks decide
 * how the edge stands, the newest one each time, so that a mistake is mended by checking again; the registry has no say on
 * what it registered itself.
 */
import { z } from 'zod';
import type { Digest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { Standing } from '../licensing/relations.ts';
import { RELATIONS } from '../licensing/relations.ts';
import { digest, form, id, urn } from '../statement/statement.ts';
import { isRegistry } from './authority.ts';
import type { Rows } from './kind.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import { firstUnder, modelOf } from './registration.ts';
import type { Row, RowKey } from './row-keys.ts';
import { put } from './tables.ts';

export const CHECK_METHODS = ['conversion-replay', 'same-weights', 'fingerprint'] as const;
export type CheckMethod = (typeof CHECK_METHODS)[number];
/** `unexplained`: neither; of the registry it takes an earlier finding back. */
export const CHECK_FINDINGS = ['confirmed', 'contradicted', 'unexplained'] as const;
export type CheckFinding = (typeof CHECK_FINDINGS)[number];
/** How often a model that is not related may come as near where a fingerprint confirms; fewer than 99 never show it. */
export const CONFIRMING_ALPHA = 0.01;

const shape = {
  registration: id('registration').describe('Of the child'),
  relation: z.enum(RELATIONS).describe('As the registration declares it'),
  parent: digest.describe('As the registration names it'),
  method: z.enum(CHECK_METHODS),
  finding: z.enum(CHECK_FINDINGS),
  compared: z
    .strictObject({ child: digest, parent: digest })
    .describe('One digest of each file that was read, by which it is that of the child and of the parent'),
  score: z.number().nullable().describe('Of a fingerprint'),
  pValue: z.number().min(0).max(1).nullable().describe('That an unrelated model scores so high'),
  n: z.int().positive().nullable().describe('How many unrelated models it was held against'),
  evidence: z.record(z.string(), z.json()).describe('What was found: conversions, coefficients, counts'),
  tool: z.strictObject({ name: z.string().min(1).max(100), version: z.string().min(1).max(100) }),
};

const lineageCheckForm = form('lineage-check', shape, (_, { registration, parent }) => [
  urn(registration),
  { name: 'parent', digest: parent },
]);
export type LineageCheckBody = z.infer<typeof lineageCheckForm.body>;

export const lineageCheck = kind(lineageCheckForm, {
  reads: ({ common, body }): RowKey[] => [
    ['lineage_check', common.id],
    ['registration', body.registration],
    ['party', common.maker],
    ...modelOf(body.parent),
  ],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    const { relation, method, finding } = body;
    const { id: checkId, maker } = common;
    requireNew(rows, 'lineage_check', checkId);
    const child = need(rows, 'registration', body.registration, 'registration');
    requireBasis(spoken, child);
    const parentRow = firstUnder(modelOf(body.parent), rows);
    const parent = namedAs(child, body, parentRow);
    requireCompared(body, child, parentRow);
    requireScore(body);
    requireFineTuning(body);
    const edge = { registrationId: child.id, relation, parent };
    const check = put('lineage_check', { id: checkId, ...edge, maker, method, finding, ...place });
    if (!counts(rows, maker, child)) return [check];
    const standing: Standing = finding === 'unexplained' ? 'declared' : finding;
    return [check, put('lineage_standing', { ...edge, standing, ...place })];
  },
});

const counts = (rows: Rows, maker: string, child: Row<'registration'>): boolean =>
  isRegistry(need(rows, 'party', maker, 'maker')) && maker !== child.maker;

/**
 * How the registration's row names the parent: by its log index, or by the digest where it was not on record before.
 * @throws RegistryError `not_found` where it names no such parent
 */
function namedAs(
  child: Row<'registration'>,
  { relation, parent }: LineageCheckBody,
  parentRow: Row<'registration'> | undefined,
): string {
  const named = (child.parents[relation] ?? []).find((key) => key === parent || key === parentRow?.recordedIndex);
  if (named !== undefined) return String(named);
  throw new RegistryError('not_found', `The registration ${child.id} is not declared ${relation} ${parent}.`, {
    field: 'parent',
    fix: 'Check an edge that it declares: "muniment license lineage" shows them.',
  });
}

/** @throws RegistryError `digest_mismatch` where other files were compared than those of the edge */
function requireCompared(
  { parent, compared }: LineageCheckBody,
  child: Row<'registration'>,
  parentRow: Row<'registration'> | undefined,
): void {
  const digestsOf = (row: Row<'registration'> | undefined): (Digest | null)[] =>
    row === undefined ? [] : [row.fileDigest, row.modelDigest, row.namelessDigest];
  if (!digestsOf(child).includes(compared.child)) {
    throw mismatch('The file that was compared is not that of the child.', 'compared.child');
  }
  if (![parent, ...digestsOf(parentRow)].includes(compared.parent)) {
    throw mismatch('The file that was compared is not that of the parent.', 'compared.parent');
  }
}

const mismatch = (sentence: string, field: string): RegistryError =>
  new RegistryError('digest_mismatch', sentence, { field, fix: 'Compare the files that the registrations name.' });

/** A fingerprint comes with its error, and nothing else has one. @throws RegistryError `invalid_input` */
function requireScore({ method, score, pValue, n }: LineageCheckBody): void {
  const given = [score, pValue, n].filter((value) => value !== null).length;
  if (given === (method === 'fingerprint' ? 3 : 0)) return;
  const sentence =
    method === 'fingerprint'
      ? 'A fingerprint is stated with its score, its p-value and what it was held against.'
      : `The method "${method}" has no score: it is exact.`;
  throw new RegistryError('invalid_input', sentence, { field: 'score', fix: 'State what the check found.' });
}

/**
 * A fingerprint tells fine-tuning alone, and only confirms it.
 * @throws RegistryError `invalid_input`
 */
function requireFineTuning({ method, relation, finding, pValue, n }: LineageCheckBody): void {
  if (method !== 'fingerprint') return;
  if (relation !== 'fine-tuned-from') {
    throw new RegistryError('invalid_input', `Fingerprints do not tell whether a model is ${relation} another.`, {
      field: 'method',
      fix: 'Make the conversion again, or state nothing: fingerprints tell "fine-tuned-from" alone.',
    });
  }
  if (finding === 'contradicted') {
    throw new RegistryError('invalid_input', 'A fingerprint that is not near contradicts nothing.', {
      field: 'finding',
      fix: 'State "unexplained".',
    });
  }
  // Held against n models, no p-value is smaller than 1 / (1 + n).
  if (finding === 'confirmed' && Math.max(pValue!, 1 / (1 + n!)) > CONFIRMING_ALPHA) {
    throw new RegistryError('invalid_input', `A fingerprint confirms where p is ${CONFIRMING_ALPHA} or less.`, {
      field: 'pValue',
      fix: `State "unexplained", or hold it against more models: ${Math.ceil(1 / CONFIRMING_ALPHA) - 1} at least.`,
    });
  }
}
