/**
 * Statements: in-toto Statement v1 (github.com/in-toto/attestation, spec/v1/statement.md), one signed fact each, with
 * a predicate per kind of fact. The maker builds the exact bytes (RFC 8785) and signs them; nobody edits them later.
 *
 * Every predicate carries what keeps a statement from being replayed: the log it is meant for (`origin`), who speaks
 * (`maker`), the id of what it speaks of, a random nonce, and `basis`, the statements it depends on. `statedAt` is the
 * maker's claim; when a statement was recorded is told by its place in the log alone.
 */
import { z } from 'zod';
import { fromUtf8, utf8 } from '../bytes.ts';
import { canonicalize, parseCanonicalText } from '../canonical-json.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { DIGEST_PATTERN, formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { idPattern } from '../identifier.ts';
import { zodProblem } from './zod-problem.ts';

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

export const digest = z
  .string()
  .regex(DIGEST_PATTERN, 'must be "sha256:" and 64 lower-case hex digits') as z.ZodType<Digest>;
export const id = (kind: string) =>
  z.string().regex(idPattern(kind), `must be an id such as ${kind}_ and 26 characters of lower-case base 32`);
export const instant = z.iso
  .datetime({ precision: 3 })
  .refine((text) => !text.startsWith('0000'), 'must not be in the year 0, which PostgreSQL does not know')
  .describe('UTC, RFC 3339 with milliseconds');

/** The members that every predicate of ours carries. */
export const commonShape = {
  origin: z.string().min(1).max(200).describe('The log that the statement is meant for'),
  maker: id('party').describe('The party that makes the statement'),
  signedFor: z
    .strictObject({
      oneTimeKey: z.string().max(200).describe('The key that signs this statement and no other (SPKI, DER, base64)'),
      key: z.string().max(200).describe('The key that is spoken for (SPKI, DER, base64)'),
      signature: z.string().max(200).describe('Its signature over the one-time key text (DER, base64)'),
    })
    .optional()
    .describe(
      "Set in a statement that is not public: the entry shows a one-time key, and the maker's own vouches for it",
    ),
  attestedBy: z.literal('registry').optional().describe('Set when the registry signs for a party that has no key'),
  id: z
    .string()
    .regex(/^[a-z]+_[0-9a-hjkmnp-tv-z]{26}$/, 'must be an id')
    .describe('Made by the client'),
  nonce: z.string().regex(/^[0-9a-f]{32}$/, 'must be 128 random bits in hex'),
  statedAt: instant.describe("The maker's own claim of when"),
  basis: z.array(digest).max(100).describe('Payload digests of the statements this one depends on'),
};

export type Common = z.infer<z.ZodObject<typeof commonShape, z.core.$strict>>;

export interface Subject {
  readonly name: string;
  readonly digest: Digest;
}

/** What a kind of statement says: its name, the shape of its body, and what it speaks of. */
export interface StatementForm<Body> {
  /** The glossary's word, e.g. `registration` */
  readonly kind: string;
  readonly predicateType: string;
  /** The whole predicate, for parsing and for the published JSON Schema. */
  readonly predicate: z.ZodType;
  /** What the client hands in: the predicate without the common members. */
  readonly body: z.ZodType<Body>;
  embed(common: Common, body: Body): object;
  extract(predicate: never): { common: Common; body: Body };
  /** The digests spoken of; where the subject is no file, `name` alone is given and its own digest stands in. */
  subjects(common: Common, body: Body): readonly (Subject | string)[];
}

/** A form of ours: the common members and the body side by side in the predicate. */
export function form<Shape extends z.core.$ZodShape>(
  kind: string,
  shape: Shape,
  subjects: (common: Common, body: z.infer<z.ZodObject<Shape, z.core.$strict>>) => readonly (Subject | string)[],
): StatementForm<z.infer<z.ZodObject<Shape, z.core.$strict>>> {
  type Body = z.infer<z.ZodObject<Shape, z.core.$strict>>;
  const commonNames = new Set(Object.keys(commonShape));
  return {
    kind,
    predicateType: `urn:muniment:statement:${kind}:v1`,
    predicate: z.strictObject({ ...commonShape, ...shape }),
    body: z.strictObject(shape),
    embed: (common, body) => ({ ...body, ...common }),
    extract: (predicate: Record<string, unknown>) => {
      const common: Record<string, unknown> = {};
      const body: Record<string, unknown> = {};
      for (const name of Object.keys(predicate)) (commonNames.has(name) ? common : body)[name] = predicate[name];
      return { common: common as unknown as Common, body: body as Body };
    },
    subjects,
  };
}

/**
 * The bytes that a maker signs.
 * @throws RegistryError `invalid_input` when the body does not fit the form
 */
export function formatStatement<Body>(
  sha256: Sha256,
  form: StatementForm<Body>,
  common: Common,
  body: Body,
): Uint8Array {
  const predicate = form.embed(common, body);
  const checked = form.predicate.safeParse(predicate);
  if (!checked.success) throw zodProblem(checked.error, 'invalid_input');
  const payload = canonicalize({
    _type: STATEMENT_TYPE,
    subject: inTotoSubjects(sha256, form, common, body),
    predicateType: form.predicateType,
    predicate,
  });
  requireNoNul(fromUtf8(payload), 'invalid_input');
  return payload;
}

export interface ParsedStatement<Body = unknown> {
  readonly form: StatementForm<Body>;
  readonly common: Common;
  readonly body: Body;
}

const outline = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256: z.string() }) })),
  predicateType: z.string(),
  predicate: z.unknown(),
});

/**
 * Reads a payload strictly: canonical bytes, a known kind, a predicate of its form, and exactly the subjects that the
 * predicate implies, so that no tool that looks at subjects alone is told another story.
 * @throws RegistryError `malformed_json`, `malformed_statement`
 */
export function parseStatement(
  sha256: Sha256,
  forms: ReadonlyMap<string, StatementForm<never>>,
  payload: Uint8Array,
): ParsedStatement {
  const text = fromUtf8(payload);
  requireNoNul(text, 'malformed_statement');
  const read = outline.safeParse(parseCanonicalText(text));
  if (!read.success) throw zodProblem(read.error, 'malformed_statement');
  const found = forms.get(read.data.predicateType);
  if (found === undefined) {
    throw new RegistryError(
      'malformed_statement',
      `There is no kind of statement "${read.data.predicateType.slice(0, 120)}".`,
      {
        field: 'predicateType',
      },
    );
  }
  const kind = found as unknown as StatementForm<unknown>;
  const predicate = kind.predicate.safeParse(read.data.predicate);
  if (!predicate.success) throw zodProblem(predicate.error, 'malformed_statement', 'predicate');
  const { common, body } = kind.extract(predicate.data as never);
  const { subject } = read.data;
  const implied = inTotoSubjects(sha256, kind, common, body);
  const fits = (one: (typeof implied)[number], i: number) =>
    one.name === subject[i]?.name && one.digest.sha256 === subject[i].digest.sha256;
  if (implied.length !== subject.length || !implied.every(fits)) {
    throw new RegistryError('malformed_statement', 'The subjects are not the ones that the predicate speaks of.', {
      field: 'subject',
    });
  }
  return { form: kind, common, body };
}

/**
 * No text that a database keeps can hold U+0000: one statement with it would fail only where it is written, and take
 * every other write of its batch along. Canonical JSON spells it in one way, behind an even number of backslashes.
 */
function requireNoNul(text: string, code: 'invalid_input' | 'malformed_statement'): void {
  if (!text.includes('\\u0000') || !/(?<!\\)(?:\\\\)*\\u0000/.test(text)) return;
  throw new RegistryError(code, 'The statement holds the character U+0000.', { fix: 'Leave it out.' });
}

function inTotoSubjects<Body>(sha256: Sha256, form: StatementForm<Body>, common: Common, body: Body) {
  return form.subjects(common, body).map((subject) => {
    const { name, digest } =
      typeof subject === 'string' ? { name: subject, digest: formatDigest(sha256(utf8(subject))) } : subject;
    return { name, digest: { sha256: digest.slice('sha256:'.length) } };
  });
}

/** A name for a thing of the registry that is no file. */
export const urn = (idOfThing: string): string => `urn:muniment:${idOfThing.replace('_', ':')}`;
