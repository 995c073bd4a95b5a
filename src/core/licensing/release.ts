/**
 * The texts that go with a model when it is released: its license, the notices, the attributions and the use restrictions,
 * made from the duties of its whole lineage as a careful reader has to take them. A release is fit only when nothing is
 * missing: a text that nobody supplied, a rights-holder who is not named, what no rule speaks of, and what stands in the
 * way are each named, never passed over. What is done by hand is missing until the owner says that it is done.
 *
 * The duties are those of the ancestors: an owner is not bound by the license that it gives itself.
 */
import type { Digest } from '../digest.ts';
import { isLicenseRef, licenseIds, NO_ASSERTION } from './expression.ts';
import type { Finding, IntendedUse } from './judgement.ts';
import type { Asked } from './rules/rule.ts';

export interface ReleasePart {
  /** Of a registration or dataset; the digest of a parent that is not on record */
  readonly id: string;
  readonly name: string | null;
  /** SPDX license expression */
  readonly license: string | null;
  /** On record for the text of a license outside the SPDX list */
  readonly textDigest: Digest | null;
  /** Who registered the model, or holds the rights in the data; null where that is not known, or was erased */
  readonly holder: string | null;
  /** Where data came from */
  readonly source: string | null;
}

export interface ReleaseBasis {
  /** The id of the registration, which is one of the parts */
  readonly model: string;
  /** Of passing it on, commercially if its own license permits that */
  readonly use: IntendedUse;
  readonly parts: readonly ReleasePart[];
  readonly duties: readonly Finding[];
  readonly obstacles: readonly Finding[];
  readonly prohibitions: readonly Finding[];
}

export interface LicenseText {
  readonly license: string;
  readonly text: string;
  /** SHA-256 of the text */
  readonly digest: Digest;
}

/** What only the owner has. */
export interface Supplied {
  readonly texts: readonly LicenseText[];
  /** Copyright and other notices that came with an ancestor, by its id */
  readonly notices: ReadonlyMap<string, string>;
  /** How an ancestor is to be attributed, by its id; instead of what is on record */
  readonly attributions: ReadonlyMap<string, string>;
  /** What was changed of the ancestors */
  readonly changes: string | null;
  /** The rules whose duties the owner says to have done by hand */
  readonly done: ReadonlySet<string>;
}

export const NOTHING_SUPPLIED: Supplied = {
  texts: [],
  notices: new Map(),
  attributions: new Map(),
  changes: null,
  done: new Set(),
};

export interface ReleaseFile {
  readonly name: string;
  readonly text: string;
}

export interface Missing {
  readonly what: Asked | 'license' | 'obstacle';
  /** Ids of the ancestors that it is about, or of the model itself */
  readonly of: readonly string[];
  readonly text: string;
  readonly fix: string;
}

export interface Release {
  readonly fit: boolean;
  readonly missing: readonly Missing[];
  readonly files: readonly ReleaseFile[];
}

/** @throws RegistryError `license_unknown` */
export function releaseOf(basis: ReleaseBasis, supplied: Supplied): Release {
  const missing = [
    ...obstacles(basis),
    ...texts(basis, supplied),
    ...notices(basis, supplied),
    ...attributions(basis, supplied),
    ...changes(basis, supplied),
    ...names(basis),
    ...byHand(basis, supplied),
  ];
  return { fit: missing.length === 0, missing, files: files(basis, supplied) };
}

/** The licenses whose texts a release holds, those that the model is offered under first. */
export function licensesOf(basis: ReleaseBasis): string[] {
  return [...new Set([...ownLicenses(basis), ...asking(basis, 'license-text').map(({ license }) => license)])];
}

const partOf = ({ parts }: ReleaseBasis, id: string): ReleasePart => parts.find((part) => part.id === id)!;

const labelOf = (basis: ReleaseBasis, id: string): string => {
  const { name } = partOf(basis, id);
  return name === null ? id : `"${name}" (${id})`;
};

function ownLicenses(basis: ReleaseBasis): string[] {
  const { license } = partOf(basis, basis.model);
  return license === null ? [] : licenseIds(license).filter((id) => id !== NO_ASSERTION);
}

const ancestors = ({ model }: ReleaseBasis, { from }: Finding): string[] => from.filter((id) => id !== model);

/** The duties of ancestors that ask for something. */
const asking = (basis: ReleaseBasis, asked: Asked): Finding[] =>
  basis.duties.filter((duty) => duty.asks.includes(asked) && ancestors(basis, duty).length > 0);

/** Each ancestor once, with the first duty by which something is asked for it. */
function askedFor(basis: ReleaseBasis, asked: Asked): Map<string, Finding> {
  const found = new Map<string, Finding>();
  for (const duty of asking(basis, asked)) {
    for (const id of ancestors(basis, duty)) if (!found.has(id)) found.set(id, duty);
  }
  return found;
}

/** A conflict is between licenses, the own one among them; other terms of the own license do not bind its owner. */
function obstacles(basis: ReleaseBasis): Missing[] {
  return basis.obstacles
    .filter((finding) => finding.verdict === 'CONFLICT' || ancestors(basis, finding).length > 0)
    .map(({ verdict, explanation, wayOut, from }): Missing => ({
      what: 'obstacle',
      of: from,
      text: `${verdict}: ${explanation}`,
      fix: wayOut ?? 'Replace what stands in the way.',
    }));
}

function texts(basis: ReleaseBasis, supplied: Supplied): Missing[] {
  const stated = ownLicenses(basis);
  const none: Missing[] =
    stated.length > 0
      ? []
      : [
          {
            what: 'license',
            of: [basis.model],
            text: 'The model states no license.',
            fix: 'Register it with the license that it is released under.',
          },
        ];
  return [
    ...none,
    ...licensesOf(basis).flatMap((license): Missing[] => {
      const given = supplied.texts.filter((text) => text.license === license);
      const fix = `Give the file with the text of ${license}.`;
      const of = holding(basis, license);
      if (given.length === 0) {
        return [{ what: 'license-text', of, text: `The text of ${license} was not supplied.`, fix }];
      }
      return of.flatMap((id) => {
        const digest = digestOnRecord(partOf(basis, id), license);
        if (digest === null || given.some((text) => text.digest === digest)) return [];
        const text = `No text supplied for ${license} is the one on record for ${labelOf(basis, id)}, ${digest}.`;
        return [{ what: 'license-text' as const, of: [id], text, fix }];
      });
    }),
  ];
}

/** Of those that name the license. */
const holding = ({ parts }: ReleaseBasis, license: string): string[] =>
  parts.flatMap(({ id, license: stated }) => (stated !== null && licenseIds(stated).includes(license) ? [id] : []));

/** A digest on record is that of one text; beside several licenses outside the list it tells of none which it is. */
function digestOnRecord({ license, textDigest }: ReleasePart, of: string): Digest | null {
  const outside = licenseIds(license!).filter(isLicenseRef);
  return outside.length === 1 && outside[0] === of ? textDigest : null;
}

function notices(basis: ReleaseBasis, supplied: Supplied): Missing[] {
  return [...askedFor(basis, 'notice')]
    .filter(([id]) => !supplied.notices.has(id))
    .map(([id, { license }]) => ({
      what: 'notice',
      of: [id],
      text: `${license} asks for the notices of ${labelOf(basis, id)}, which were not supplied.`,
      fix: 'Give the file with the notices that came with it; say so in the file if none came.',
    }));
}

function attributions(basis: ReleaseBasis, supplied: Supplied): Missing[] {
  return [...askedFor(basis, 'attribution')]
    .filter(([id]) => attributionOf(basis, supplied, id) === null)
    .map(([id, { license }]) => ({
      what: 'attribution',
      of: [id],
      text: `${license} asks to name whose ${labelOf(basis, id)} is, which is not on record.`,
      fix: 'Give the attribution.',
    }));
}

/** Null where it is not known whose the ancestor is. */
function attributionOf(basis: ReleaseBasis, { attributions }: Supplied, id: string): string | null {
  const given = attributions.get(id);
  if (given !== undefined) return given.trimEnd();
  const { name, holder, source, license } = partOf(basis, id);
  if (name === null || holder === null) return null;
  return [`${name}, by ${holder}`, ...(source === null ? [] : [source]), `License: ${license}`].join('\n  ');
}

function changes(basis: ReleaseBasis, supplied: Supplied): Missing[] {
  const of = [...askedFor(basis, 'statement-of-changes').keys()];
  if (of.length === 0 || supplied.changes !== null) return [];
  const text = `What was changed is not stated, of ${of.map((id) => labelOf(basis, id)).join(', ')}.`;
  return [{ what: 'statement-of-changes', of, text, fix: 'Give the file that states what was changed.' }];
}

function names(basis: ReleaseBasis): Missing[] {
  const { name } = partOf(basis, basis.model);
  if (name!.startsWith('Llama')) return [];
  return asking(basis, 'llama-name').map((duty) => ({
    what: 'llama-name',
    of: ancestors(basis, duty),
    text: `The model is named "${name}". ${duty.license}: ${duty.text}`,
    fix: 'Register it under a name that begins with "Llama".',
  }));
}

function byHand(basis: ReleaseBasis, { done }: Supplied): Missing[] {
  return asking(basis, 'by-hand')
    .filter(({ rule }) => !done.has(rule!))
    .map((duty) => ({
      what: 'by-hand',
      of: ancestors(basis, duty),
      text: `${duty.license}: ${duty.text}`,
      fix: `Do it, and say so of the rule ${duty.rule}.`,
    }));
}

/** A file that would hold nothing is not made. */
function files(basis: ReleaseBasis, supplied: Supplied): ReleaseFile[] {
  const model = partOf(basis, basis.model);
  const own = ownLicenses(basis);
  const made = [
    { name: 'LICENSE', parts: licenseFile(model, own, supplied) },
    { name: 'NOTICE', parts: noticeFile(basis, supplied) },
    {
      name: 'ATTRIBUTIONS',
      parts: [...askedFor(basis, 'attribution').keys()].flatMap((id) => attributionOf(basis, supplied, id) ?? []),
    },
    { name: 'USE-RESTRICTIONS', parts: useRestrictions(basis) },
    ...licensesOf(basis)
      .filter((license) => !own.includes(license))
      .map((license) => ({
        name: `LICENSES/${license.replace(/[^\w.+-]/g, '-')}.txt`,
        parts: textsOf(license, supplied),
      })),
  ];
  return made.flatMap(({ name, parts }) => (parts.length === 0 ? [] : [{ name, text: `${parts.join('\n\n')}\n` }]));
}

const textsOf = (license: string, { texts }: Supplied): string[] => [
  ...new Set(texts.flatMap((text) => (text.license === license ? [text.text.trimEnd()] : []))),
];

function licenseFile({ name, license }: ReleasePart, own: readonly string[], supplied: Supplied): string[] {
  if (own.length === 0) return [];
  return [`${name}\nSPDX-License-Identifier: ${license}`, ...own.flatMap((id) => textsOf(id, supplied))];
}

function noticeFile(basis: ReleaseBasis, supplied: Supplied): string[] {
  const built = asking(basis, 'built-with-llama').length > 0 ? ['Built with Llama'] : [];
  const passedOn = [...askedFor(basis, 'notice').keys()].flatMap((id) => {
    const notice = supplied.notices.get(id);
    return notice === undefined ? [] : [`${labelOf(basis, id)}:\n\n${notice.trimEnd()}`];
  });
  const changed = askedFor(basis, 'statement-of-changes').size > 0 && supplied.changes !== null;
  return [...built, ...passedOn, ...(changed ? [`Changes:\n\n${supplied.changes.trimEnd()}`] : [])];
}

function useRestrictions(basis: ReleaseBasis): string[] {
  const whence = (finding: Finding) => ancestors(basis, finding).map((id) => labelOf(basis, id));
  return [...basis.prohibitions, ...asking(basis, 'use-restrictions')].flatMap((finding) => {
    const of = whence(finding);
    if (of.length === 0) return [];
    const where = [finding.clause, finding.source].filter((part) => part !== null).join(', ');
    return [`${finding.text}\n  ${finding.license} of ${of.join(', ')}\n  ${where}`];
  });
}
