/**
 * What a rule says: of which licenses, where in a lineage it applies, and what it does to whoever uses the model. Rules
 * are kept by family, a file each. None is written from memory of what a license is said to mean: each names the clause,
 * and the family the text that holds it.
 *
 * Where no rule speaks of a license in a place, the answer is UNKNOWN. So a family also says where nothing flows down.
 */
import type { ACTIONS } from '../actions.ts';
import type { LineageRelation } from '../relations.ts';

export type Action = (typeof ACTIONS)[number];

/** Where the license stands, seen from the model: its own, or that of what it came from by a relation. */
export type Place = 'own' | LineageRelation;

/** Conservative: what a careful reader has to reckon with. Permissive: what the text says for certain. */
export const MODES = ['conservative', 'permissive'] as const;
export type Mode = (typeof MODES)[number];

/** What a duty asks of whoever passes a model on: what a release has to hold, or what is done `by-hand`. */
export const ASKED = [
  'license-text',
  'notice',
  'attribution',
  'statement-of-changes',
  'use-restrictions',
  'llama-name',
  'built-with-llama',
  'by-hand',
] as const;
export type Asked = (typeof ASKED)[number];

export type Effect =
  | { readonly does: 'nothing' }
  | { readonly does: 'duty'; readonly duty: string; readonly asks: readonly Asked[]; readonly on: readonly Action[] }
  /** A use that is not allowed, and must be forbidden to those to whom the model is passed on. */
  | {
      readonly does: 'restrict';
      readonly duty: string;
      readonly asks: readonly Asked[];
      readonly on: readonly Action[];
    }
  | { readonly does: 'forbid'; readonly actions: readonly Action[] }
  | { readonly does: 'forbid-commercial' }
  /** Whoever does one of the actions does it under one of these licenses. */
  | { readonly does: 'same-license'; readonly accepts: readonly string[]; readonly on: readonly Action[] }
  /** The two cannot be met at once by whoever does one of the actions. */
  | { readonly does: 'conflict'; readonly with: readonly string[]; readonly on: readonly Action[] }
  | { readonly does: 'unknown'; readonly why: string };

export interface Rule {
  readonly id: string;
  readonly places: readonly Place[];
  readonly modes: readonly Mode[];
  readonly effect: Effect;
  readonly clause: string;
}

export interface RuleFamily {
  readonly title: string;
  /** SPDX ids, or `LicenseRef-*` for those that the list does not have */
  readonly licenses: readonly string[];
  /** The official text */
  readonly source: string;
  /** Days on which the license can have been granted; null for no beginning, no end */
  readonly validFrom: string | null;
  readonly validTo: string | null;
  readonly rules: readonly Rule[];
}

export const BOTH = MODES;
export const CAREFUL = ['conservative'] as const;
export const LITERAL = ['permissive'] as const;

export const OWN = ['own'] as const;
export const DATA = ['trained-on'] as const;
/** The weights are changed. */
export const CHANGED = ['quantized-from', 'pruned-from', 'fine-tuned-from', 'merged-from'] as const;
/** The weights are passed on, changed or in another container. */
export const WEIGHTS = ['converted-from', ...CHANGED] as const;
/** Only what the model does is passed on. */
export const OUTPUTS = ['trained-on-outputs-of', 'distilled-from'] as const;

export const SHARED = ['redistribute'] as const;
export const SHARED_OR_HOSTED = ['redistribute', 'host'] as const;
