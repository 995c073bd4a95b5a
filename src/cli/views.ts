/** What the registry answers, as far as the commands read it. Types alone: nothing here is loaded at run time. */
import type { dataset, grant, registration } from '../core/registry/index.ts';
import type { Digest } from '../core/digest.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Kind } from '../core/registry/kind.ts';

type BodyOf<K> = K extends Kind<infer Body> ? Body : never;
export type DatasetBody = BodyOf<typeof dataset>;
export type RegistrationBody = BodyOf<typeof registration>;
export type GrantBody = BodyOf<typeof grant>;

/** What stands on record, and where. */
interface Recorded {
  id: string;
  statement: Digest;
  recordedIndex: number;
}

export type DatasetView = DatasetBody & Recorded & { maker: string };

export type ModelView = RegistrationBody & Recorded & { maker: string; precededBy: string | null; modelDigest: Digest };

export interface Provenance {
  query: { digest: Digest };
  checkpoint: string;
  treeSize: number;
  matches: ProvenanceMatch[];
}

export interface ProvenanceMatch {
  matched: 'file' | 'nameless' | 'weight';
  model: ModelView;
  owners: { party: string; name: string | null; share: string }[];
  precededBy: string | null;
  recordedAt?: string;
  receipts: { registration: Receipt; run: Receipt | null; datasets: Receipt[] };
}
