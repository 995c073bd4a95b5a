/**
 * Sealing what an owner would state of a model, and opening it a field at a time. Every field is judged before it is
 * sealed as the registry will judge it when it is opened: what does not fit its form could never be opened.
 */
import { RegistryError } from '../core/errors.ts';
import { fieldOpening } from '../core/registry/field-opening.ts';
import type { TitleField } from '../core/registry/sealed-title.ts';
import {
  openField,
  requireMeaning,
  TITLE_FIELDS,
  TITLE_LEAVES,
  TITLE_SHAPE,
  titleCommitment,
} from '../core/registry/sealed-title.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { zodProblem } from '../core/statement/zod-problem.ts';
import { newId, newNonce, sha256 } from '../platform/crypto.ts';
import type { Context, Session } from './context.ts';
import { findDataset, findOwners } from './find.ts';
import { hashModel } from './hash-model.ts';
import type { ModelFacts } from './register-model.ts';
import { licenseOf, splitParent } from './register-model.ts';
import type { Opened } from './seal.ts';
import { digestOfFile, record, reveal } from './seal.ts';
import type { TitleSecretFile } from './sealed-secret.ts';

export interface TitleFacts extends Partial<ModelFacts> {
  /** File of a signed document */
  instrument?: string;
  note?: string;
  /** `NAME=VALUE` each */
  field?: string[];
}

type Values = TitleSecretFile['values'];

/** @param path file of weights */
export async function sealTitle(
  context: Context,
  path: string | undefined,
  facts: TitleFacts,
): Promise<{ receipt: Receipt; secret: TitleSecretFile; file: string }> {
  const session = await context.session();
  const values = await valuesOf(context, session, path, facts);
  const by = { origin: session.log.origin, maker: session.me.party.id };
  const secret = { salts: Array.from({ length: TITLE_LEAVES }, newNonce), values };
  const commitment = titleCommitment(sha256, by, secret);
  return record(context, session, { ...by, sealed: newId('sealed'), commitment, subject: 'title', ...secret });
}

/**
 * @param names of the fields to open; where none is named, all that are not open yet, those too about which nothing was
 * said: then everybody sees that nothing is held back
 * @throws RegistryError `usage` for a field that there is not, `state_conflict` for one that is open
 */
export async function openTitle(
  context: Context,
  session: Session,
  secret: TitleSecretFile,
  names: readonly string[] | undefined,
): Promise<Opened> {
  const { sealed, commitment } = secret;
  const wanted = names === undefined ? await closedIn(session, sealed) : new Set(names.map(fieldOf));
  const fields = TITLE_FIELDS.filter((field) => wanted.has(field));
  if (fields.length === 0) {
    throw new RegistryError('state_conflict', `${sealed} is open already, with all its fields.`, { field: 'sealed' });
  }
  return reveal(context, session, fieldOpening, `/v1/sealed/${sealed}/fields`, {
    sealed,
    commitment,
    fields: fields.map((field) => openField(sha256, secret, secret, field)),
  });
}

async function closedIn({ client }: Session, sealed: string): Promise<Set<TitleField>> {
  const { fields } = await client.get<{ fields: { field: string }[] }>(`/v1/sealed/${sealed}`);
  return new Set(TITLE_FIELDS.filter((name) => !fields.some(({ field }) => field === name)));
}

async function valuesOf(
  context: Context,
  { client, me }: Session,
  path: string | undefined,
  facts: TitleFacts,
): Promise<Values> {
  const said: [field: TitleField, value: unknown][] = (facts.field ?? []).map(splitField);
  const { name, note, owner, license, licenseText, parent, dataset, instrument } = facts;
  if (name !== undefined) said.push(['name', name]);
  if (owner !== undefined) said.push(['owners', await findOwners(client, owner)]);
  if (license !== undefined) {
    const text = licenseText === undefined ? {} : { licenseText };
    said.push(['license', await licenseOf({ license, ...text })]);
  }
  if (parent !== undefined) said.push(['parents', parent.map(splitParent)]);
  if (dataset !== undefined) {
    const manifests: string[] = [];
    for (const text of dataset) manifests.push((await findDataset(client, text, me.party.id)).manifestDigest);
    said.push(['datasets', manifests]);
  }
  if (instrument !== undefined) said.push(['instrument', await digestOfFile(instrument)]);
  if (note !== undefined) said.push(['note', note]);
  if (path !== undefined) {
    const digests = await hashModel(context.io, path);
    for (const field of ['fileDigest', 'weightDigest', 'namelessDigest'] as const) {
      if (digests[field] !== null) said.push([field, digests[field]]);
    }
  }
  return judged(said);
}

function judged(said: readonly (readonly [field: TitleField, value: unknown])[]): Values {
  const values: Record<string, unknown> = {};
  for (const [field, value] of said) {
    if (field in values) throw new RegistryError('usage', `The field "${field}" is given twice.`, { field });
    const read = TITLE_SHAPE[field].safeParse(value);
    if (!read.success) throw zodProblem(read.error, 'invalid_input', field);
    requireMeaning({ [field]: read.data }, field);
    values[field] = read.data;
  }
  if (said.length > 0) return values;
  throw new RegistryError('usage', 'There is nothing to seal.', {
    fix: 'Name a file of weights, or state something: --owner, --license, --instrument, --field …',
  });
}

/** `NAME=VALUE`; the value of a field that is no text is JSON. */
function splitField(text: string): [TitleField, unknown] {
  const [, name = text, value] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  const field = fieldOf(name);
  if (value === undefined) {
    throw new RegistryError('usage', `The field "${field}" has no value.`, {
      field: 'field',
      fix: 'Write NAME=VALUE.',
    });
  }
  if (TITLE_SHAPE[field].safeParse(value).success) return [field, value];
  try {
    return [field, JSON.parse(value)];
  } catch {
    return [field, value];
  }
}

function fieldOf(name: string): TitleField {
  const found = TITLE_FIELDS.find((field) => field === name);
  if (found !== undefined) return found;
  throw new RegistryError('usage', `A sealed title has no field "${name.slice(0, 80)}".`, {
    field: 'field',
    fix: `Use one of ${TITLE_FIELDS.join(', ')}.`,
  });
}
