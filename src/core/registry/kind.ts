/**
 * A kind of statement: what it says (its form), which rows its judgement looks at, and the judgement itself. The
 * writer judges with these before it records, and `fsck` folds the log through the very same functions afterwards, so
 * what the tables tell is what the ledger tells.
 *
 * Judgements are pure. They see the rows they asked for, as they stand at the statement's place in the log, and either
 * return the rows that change or refuse with a named error.
 */
import type { Digest, Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { Common, StatementForm } from '../statement/statement.ts';
import type { Commitment } from './commitment.ts';
import type { Speaker } from './one-time-key.ts';
import type { IndexName, Row, RowKey } from './row-keys.ts';
import type { RowChange, TableName, Tables } from './tables.ts';

/** A statement whose signature has been verified. */
export interface Spoken<Body = unknown> {
  readonly kind: Kind<Body>;
  readonly common: Common;
  readonly body: Body;
  readonly payloadDigest: Digest;
  /** Of the key that signed, as it stands in the log entry */
  readonly spki: string;
  readonly fingerprint: Digest;
  /** The key whose holder speaks; another one than that in the entry where a one-time key signed */
  readonly speaker: Speaker;
}

export interface Rows {
  get<N extends IndexName | TableName>(name: N, ...key: string[]): Row<N> | undefined;
  /** The index of a recorded statement, by payload digest. */
  statementIndex(payloadDigest: Digest): number | undefined;
}

/** What every row that a statement makes has in common. */
export interface Place {
  statement: Digest;
  recordedIndex: number;
}

export interface Kind<Body> extends StatementForm<Body> {
  /** The rows that the judgement needs. Asked again with what it asked for before, until it asks for nothing new. */
  reads(spoken: Spoken<Body>, rows: Rows): readonly RowKey[];
  /** @throws RegistryError when the statement may not be recorded */
  judge(spoken: Spoken<Body>, rows: Rows, place: Place): readonly RowChange[];
  /**
   * What the body says about itself, where checking it takes a hash: digests of other members.
   * @throws RegistryError `digest_mismatch`
   */
  coheres?(sha256: Sha256, body: Body, common: Common): void;
  /** Commitments in the body, whose values the writer discloses beside the statement. */
  commitments?(common: Common, body: Body): readonly Commitment[];
  /** Digests by which a look-up finds what the statement says: under each it stands in the map (`core/map`). */
  names?(body: Body): readonly Digest[];
  /** Who besides the maker may read the statement; everybody may where a kind does not say. */
  readers?(body: Body): readonly string[];
  /** It disposes of title, or speaks of it as its owner would: a party that has ended makes none. */
  readonly aboutTitle?: true;
  /** Nobody but the maker reads the statement, neither registrar nor auditor, until it is opened. */
  readonly sealed?: true;
  /** Signatures inside the body, to be verified with the statement's own. */
  signatures?(spoken: Spoken<Body>): readonly InnerSignature[];
}

export interface InnerSignature {
  /** SPKI, DER, base64 */
  readonly spki: string;
  readonly message: Uint8Array;
  /** DER, base64 */
  readonly signature: string;
  readonly field: string;
}

export function kind<Body>(
  form: StatementForm<Body>,
  rules: Pick<Kind<Body>, 'judge' | 'reads'> &
    Pick<Partial<Kind<Body>>, 'aboutTitle' | 'coheres' | 'commitments' | 'names' | 'readers' | 'sealed' | 'signatures'>,
): Kind<Body> {
  return { ...form, ...rules };
}

export type Visibility = 'parties' | 'public' | 'sealed';

/** Who may read statements of a kind: everybody, those named in it, or its maker until it is opened. */
export function visibilityOf({ readers, sealed }: Pick<Kind<never>, 'readers' | 'sealed'>): Visibility {
  if (sealed === true) return 'sealed';
  return readers === undefined ? 'public' : 'parties';
}

/** @throws RegistryError `not_found`, with the field that named the missing row */
export function need<T extends TableName>(rows: Rows, table: T, id: string, field: string): Tables[T] {
  const row = rows.get(table, id);
  if (row === undefined) {
    throw new RegistryError('not_found', `There is no ${table.replaceAll('_', ' ')} ${id}.`, { field });
  }
  return row;
}

/** @throws RegistryError `already_exists` */
export function requireNew(rows: Rows, table: TableName, id: string): void {
  if (rows.get(table, id) !== undefined) {
    throw new RegistryError('already_exists', `The ${table.replaceAll('_', ' ')} ${id} is already on record.`, {
      field: 'id',
      fix: 'Make a new random id.',
    });
  }
}

/**
 * A statement must name the statements that made what it builds on, so that it cannot be recorded onto other facts.
 * @throws RegistryError `basis_stale`
 */
export function requireBasis(spoken: Spoken, ...made: readonly { statement: Digest }[]): void {
  for (const { statement } of made) {
    if (!spoken.common.basis.includes(statement)) {
      throw new RegistryError('basis_stale', `The statement's basis does not name ${statement}, on which it depends.`, {
        field: 'basis',
        fix: 'Read the current state again, and sign a new statement on top of it.',
      });
    }
  }
}
