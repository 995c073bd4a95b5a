/** Licenses that an owner offers: filled in from a template or stated in a file, with a text that says the same. */
import { writeFile } from 'node:fs/promises';
import { utf8 } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { LicenseTemplate } from '../core/licensing/license-templates.ts';
import { LICENSE_TEMPLATES, licenseText } from '../core/licensing/license-templates.ts';
import type { LicenseTerms } from '../core/licensing/license-terms.ts';
import { licenseTermsSchema, requireCoherent } from '../core/licensing/license-terms.ts';
import { license, licenseWithdrawal } from '../core/registry/index.ts';
import type { LicenseBody } from '../core/registry/license.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { zodProblem } from '../core/statement/zod-problem.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import { readFacts } from './facts-file.ts';
import { findAsset, findOwnAsset } from './find-model.ts';
import { actionOf } from './parse.ts';
import { readBytes } from './settings.ts';
import { write } from './sign.ts';
import type { LicenseView } from './views.ts';

export interface OfferedFacts {
  template?: string;
  terms?: string;
  expression?: string;
  text?: string;
  name?: string;
  replaces?: string;
  despite?: string;
  textOut?: string;
  action?: string[];
  commercial?: boolean;
  territory?: string[];
  fieldOfUse?: string;
  days?: number | null;
  seats?: number | null;
  maxCalls?: number | null;
  attribution?: string;
  shareAlike?: boolean;
  sublicensing?: boolean;
  restrict?: string[];
}

export interface OfferedLicense {
  body: LicenseBody;
  /** Written from the terms; null where the license has a text of its own */
  text: string | null;
  receipt: Receipt;
}

export async function offerLicense(context: Context, asset: string, facts: OfferedFacts): Promise<OfferedLicense> {
  const template = facts.template === undefined ? undefined : templateOf(facts.template);
  const terms = await termsOf(facts, template);
  const expression = facts.expression ?? template?.expression;
  if (expression === undefined) {
    throw new RegistryError('usage', 'A license has a name: an SPDX expression, or that of a template.', {
      field: 'expression',
      fix: 'Give --template or --expression; "muniment license templates" shows what there is.',
    });
  }
  requireCoherent(expression, terms);
  const name = facts.name ?? template?.title ?? expression;
  const isWritten = facts.text === undefined && expression === template?.expression && isOwn(template);
  const text = isWritten ? licenseText(name, terms) : null;
  const textDigest = text === null ? await digestOfFile(facts.text) : digestOfText(text);
  const session = await context.session();
  const { id: assetId, statement } = await findOwnAsset(context, asset);
  const before = facts.replaces === undefined ? undefined : await findLicense(context, facts.replaces);
  const body: LicenseBody = {
    asset: assetId,
    name,
    expression,
    textDigest,
    terms,
    ...(facts.despite === undefined ? {} : { despite: facts.despite }),
    replaces: before?.id ?? null,
  };
  const basis = [statement, ...(before === undefined ? [] : [before.statement])];
  const receipt = await write(context, session, { kind: license, path: '/v1/licenses', body, basis });
  if (text !== null && facts.textOut !== undefined) await writeFile(facts.textOut, text);
  return { body, text, receipt };
}

export async function withdrawLicense(context: Context, id: string, reason: string): Promise<Receipt> {
  const session = await context.session();
  const { statement } = await findLicense(context, id);
  const path = `/v1/licenses/${encodeURIComponent(id)}/withdraw`;
  const body = { license: id, reason };
  return write(context, session, { kind: licenseWithdrawal, path, body, basis: [statement], plain: { reason } });
}

export async function findLicense(context: Context, id: string): Promise<LicenseView> {
  const client = await context.client();
  return client.get<LicenseView>(`/v1/licenses/${encodeURIComponent(id)}`);
}

const PAGE = 100;

/** In log order, those that have ended among them. */
export async function licensesOn(context: Context, asset: string): Promise<LicenseView[]> {
  const id = await findAsset(context, asset);
  const client = await context.client();
  const found: LicenseView[] = [];
  for (;;) {
    const after = found.at(-1)?.recordedIndex ?? 0;
    const page = await client.get<LicenseView[]>(`/v1/licenses?asset=${id}&after=${after}&limit=${PAGE}`);
    found.push(...page);
    if (page.length < PAGE) return found;
  }
}

/** The text on record, where it is written from the terms; null where only its digest is known. */
export function textOf({ name, terms, textDigest }: Pick<LicenseView, 'name' | 'terms' | 'textDigest'>): string | null {
  const text = licenseText(name, terms);
  return digestOfText(text) === textDigest ? text : null;
}

const digestOfText = (text: string): Digest => formatDigest(sha256(utf8(text)));

const digestOfFile = async (path: string | undefined): Promise<Digest | null> =>
  path === undefined ? null : formatDigest(sha256(await readBytes(path)));

const isOwn = ({ expression }: LicenseTemplate): boolean => expression.startsWith('LicenseRef-');

function templateOf(id: string): LicenseTemplate {
  const found = LICENSE_TEMPLATES.find((template) => template.id === id);
  if (found !== undefined) return found;
  throw new RegistryError('usage', `"${id}" is no template.`, {
    field: 'template',
    fix: `Use ${LICENSE_TEMPLATES.map((template) => template.id).join(', ')}.`,
  });
}

/** Those of the template, changed by the file, changed by the options. */
async function termsOf(facts: OfferedFacts, template: LicenseTemplate | undefined): Promise<LicenseTerms> {
  const stated = {
    actions: facts.action?.map(actionOf),
    commercial: facts.commercial,
    territory: facts.territory,
    fieldOfUse: facts.fieldOfUse,
    termDays: facts.days,
    seats: facts.seats,
    maxCalls: facts.maxCalls,
    attribution: facts.attribution,
    shareAlike: facts.shareAlike,
    sublicensing: facts.sublicensing,
    useRestrictions: facts.restrict,
  };
  const changed = Object.fromEntries(Object.entries(stated).filter(([, value]) => value !== undefined));
  const checked = licenseTermsSchema.safeParse({
    ...(template === undefined ? RESERVED : template.terms),
    ...(await readFacts(facts.terms)),
    ...changed,
  });
  if (checked.success) return checked.data;
  throw zodProblem(checked.error, 'invalid_input', 'terms');
}

/** Of what nobody states nothing is given; which actions are allowed has no default. */
const RESERVED: Omit<LicenseTerms, 'actions'> = {
  commercial: false,
  territory: null,
  fieldOfUse: null,
  termDays: null,
  seats: null,
  maxCalls: null,
  attribution: null,
  shareAlike: false,
  sublicensing: false,
  useRestrictions: [],
};
