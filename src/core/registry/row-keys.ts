/** How rows are found: by the columns that name a row of each table, and by a few others. */
import type { TableName, Tables } from './tables.ts';

/** The columns that name a row of each table. */
export const KEYS = {
  party: ['id'],
  commitment: ['commitment'],
  party_key: ['fingerprint'],
  one_time_key: ['fingerprint'],
  api_key: ['id'],
  log_key: ['verifierKey'],
  token_key: ['kid'],
  dataset: ['id'],
  dataset_version: ['maker', 'name', 'version'],
  run: ['id'],
  compute: ['runId', 'position'],
  quota: ['id'],
  registration: ['id'],
  title: ['assetId', 'partyId'],
  instrument: ['id'],
  instrument_act: ['id'],
  interest: ['id'],
  interest_passage: ['interestId', 'instrumentId'],
  encumbrance: ['assetId', 'partyId'],
  asset_terms: ['assetId'],
  succession: ['id'],
  succession_act: ['id'],
  ended_party: ['partyId'],
  contributor: ['registrationId', 'partyId', 'role'],
  adverse_claim: ['id'],
  adverse_claim_act: ['id'],
  document_timestamp: ['id'],
  replay: ['id'],
  fingerprint: ['registrationId', 'scheme', 'maker'],
  relation: ['registrationId', 'position'],
  lineage_check: ['id'],
  lineage_standing: ['registrationId', 'relation', 'parent'],
  trained_on: ['registrationId', 'position'],
  model_signature: ['id'],
  license: ['id'],
  license_grant: ['id'],
  grant_act: ['id'],
  grant_notice: ['grantId', 'notice'],
  sealed: ['maker', 'id'],
  possession: ['digest', 'maker', 'sealedId'],
  sealed_field: ['maker', 'sealedId', 'field'],
  rights_record: ['id'],
  rights_standing: ['about', 'maker', 'respect'],
  token_revocation: ['jti'],
  token_batch: ['id'],
  access_batch: ['id'],
  map_root: ['root'],
  map_audit: ['id'],
  behaviour_seed: ['registrationId'],
  behaviour: ['registrationId'],
} as const satisfies { [T in TableName]: readonly (keyof Tables[T])[] };

export const TABLE_NAMES = Object.keys(KEYS) as TableName[];

/** Other columns by which rows of a table are found. Of several rows the first in log order answers. */
export const INDEXES = {
  first_of_model: { table: 'registration', columns: ['modelDigest'] },
  first_of_nameless: { table: 'registration', columns: ['namelessDigest'] },
  first_of_file: { table: 'registration', columns: ['fileDigest'] },
  registration_by: { table: 'registration', columns: ['modelDigest', 'maker'] },
  first_relation_to: { table: 'relation', columns: ['digest'] },
} as const satisfies Record<string, { table: TableName; columns: readonly string[] }>;

export type IndexName = keyof typeof INDEXES;

export const INDEX_NAMES = Object.keys(INDEXES) as IndexName[];

export const isIndex = (name: string): name is IndexName => Object.hasOwn(INDEXES, name);

/** What is found under the name of a table or an index. */
export type Row<N extends IndexName | TableName> = N extends IndexName
  ? Tables[(typeof INDEXES)[N]['table']]
  : N extends TableName
    ? Tables[N]
    : never;

/** Names one row: the table or index, then the values of its columns. */
export type RowKey = readonly [name: IndexName | TableName | 'statement', ...values: string[]];

/** Where else a row of the table is found. */
export function indexKeysOf(table: TableName, row: object): (readonly [name: IndexName, ...values: string[]])[] {
  const keys: (readonly [name: IndexName, ...values: string[]])[] = [];
  for (const name of INDEXES_OF.get(table)!) {
    const values = INDEXES[name].columns.map((column) => (row as Record<string, string | null>)[column]);
    if (!values.includes(null)) keys.push([name, ...(values as string[])]);
  }
  return keys;
}

const INDEXES_OF = new Map(
  TABLE_NAMES.map((table) => [table, INDEX_NAMES.filter((name) => INDEXES[name].table === table)]),
);

/** One text for the values of the key columns of a row; a blank inside one of several values is escaped. */
export function nameOf(values: readonly string[]): string {
  if (values.length === 1) return values[0]!;
  return values.map((value) => (BLANK_OR_ESCAPE.test(value) ? value.replaceAll(/[ \\]/g, '\\$&') : value)).join(' ');
}

const BLANK_OR_ESCAPE = /[ \\]/;

/** The values of the key columns of a row. */
export function keyOf(table: TableName, row: object): string[] {
  const columns: readonly string[] = KEYS[table];
  return columns.map((column) => String((row as Record<string, unknown>)[column]));
}
