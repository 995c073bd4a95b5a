/**
 * What a verification found: each fault with the table and the key of the row at fault, so that an operator finds the
 * row and a court reads the sentence. Lists are bounded, counts are not: one flipped bit near the start of a log makes
 * every later checkpoint wrong, and the report must neither fill the memory nor hide the one row that explains it.
 */

export type FindingCode =
  | 'access_batch_wrong'
  | 'anchor_ahead'
  | 'anchor_damaged'
  | 'anchor_wrong'
  | 'artifact_access_wrong'
  | 'bundle_extra'
  | 'bundle_missing'
  | 'bundle_wrong'
  | 'checkpoint_extra'
  | 'checkpoint_missing'
  | 'checkpoint_wrong'
  | 'cosignature_wrong'
  | 'disclosure_extra'
  | 'disclosure_missing'
  | 'disclosure_returned'
  | 'disclosure_wrong'
  | 'head_extra'
  | 'head_missing'
  | 'head_wrong'
  | 'leaf_wrong'
  | 'log_unnamed'
  | 'map_node_extra'
  | 'map_node_missing'
  | 'map_node_wrong'
  | 'map_root_wrong'
  | 'map_version_extra'
  | 'map_version_missing'
  | 'map_version_wrong'
  | 'row_changed'
  | 'row_extra'
  | 'row_missing'
  | 'receipt_lost'
  | 'signature_invalid'
  | 'since_ahead'
  | 'since_wrong'
  | 'statement_columns'
  | 'statement_extra'
  | 'statement_malformed'
  | 'statement_missing'
  | 'statement_refused'
  | 'tile_extra'
  | 'tile_missing'
  | 'tile_wrong'
  | 'timestamp_wrong'
  | 'token_batch_wrong'
  | 'token_issuance_wrong';

export interface Finding {
  readonly code: FindingCode;
  /** With its schema, e.g. `ledger.statement` */
  readonly table?: string;
  /** The values of the key columns, separated by blanks */
  readonly key?: string;
  /** One sentence for people */
  readonly message: string;
}

export interface FsckReport {
  readonly ok: boolean;
  readonly origin: string | null;
  /** As the head of the log claims it */
  readonly size: number;
  /** Recomputed from the statements, in hex; null when statements are missing */
  readonly root: string | null;
  readonly full: boolean;
  readonly checked: Readonly<Record<Counted, number>>;
  readonly findings: readonly Finding[];
  /** All faults, also those that the list leaves out */
  readonly findingCount: number;
  /** Commitments whose value and salt a statement erased: information, no fault */
  readonly erased: number;
  readonly seconds: number;
}

export const COUNTED = [
  'statements',
  'signatures',
  'tiles',
  'bundles',
  'checkpoints',
  'cosignatures',
  'anchors',
  'rows',
  'disclosures',
  'tokens',
  'accesses',
  'timestamps',
  'receipts',
  'maps',
] as const;
export type Counted = (typeof COUNTED)[number];

/** What was found up to some point, as it travels between threads and to a file. */
export interface FoundSoFar {
  readonly list: readonly Finding[];
  readonly count: number;
  readonly checked: Readonly<Record<Counted, number>>;
}

/** Listed of each kind; the others are counted. */
const LISTED = 50;

export class Findings {
  readonly checked: Record<Counted, number> = {
    statements: 0,
    signatures: 0,
    tiles: 0,
    bundles: 0,
    checkpoints: 0,
    cosignatures: 0,
    anchors: 0,
    rows: 0,
    disclosures: 0,
    tokens: 0,
    accesses: 0,
    timestamps: 0,
    receipts: 0,
    maps: 0,
  };
  readonly list: Finding[] = [];
  count = 0;
  erased = 0;
  readonly #listed = new Map<FindingCode, number>();

  add(code: FindingCode, table: string | null, key: string | null, message: string): void {
    this.take({ code, ...(table === null ? {} : { table }), ...(key === null ? {} : { key }), message });
  }

  take(finding: Finding): void {
    this.count++;
    this.#note(finding);
  }

  /** Adds what was found elsewhere, behind what was found here. */
  merge({ list, count, checked }: FoundSoFar): void {
    this.count += count;
    for (const finding of list) this.#note(finding);
    for (const what of COUNTED) this.checked[what] += checked[what];
  }

  soFar(): FoundSoFar {
    return { list: this.list, count: this.count, checked: this.checked };
  }

  #note(finding: Finding): void {
    const listed = this.#listed.get(finding.code) ?? 0;
    if (listed >= LISTED) return;
    this.#listed.set(finding.code, listed + 1);
    this.list.push(finding);
  }
}
