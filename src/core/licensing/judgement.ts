/**
 * What is judged of an intended use of a model, and said of it: the question, the verdicts and what they rest on.
 */
import type { Lineage, LineageEdge, Step } from './lineage.ts';
import type { RuleEdition } from './rules/index.ts';
import type { Action, Asked, Effect, Mode, Place } from './rules/rule.ts';

/** From best to worst. */
export const VERDICTS = ['OK', 'UNKNOWN', 'CONFLICT', 'BLOCK'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface IntendedUse {
  readonly actions: readonly Action[];
  readonly commercial: boolean;
}

export interface Question {
  readonly lineage: Lineage;
  readonly model: string;
  readonly use: IntendedUse;
  /** The day of the use, YYYY-MM-DD */
  readonly on: string;
  readonly edition?: RuleEdition;
}

/** What one clause does, and through which ancestors. */
export interface Finding {
  readonly verdict: Verdict;
  /** Null where no rule speaks of the license in this place */
  readonly rule: string | null;
  readonly does: Effect['does'];
  readonly license: string;
  readonly clause: string | null;
  readonly source: string | null;
  readonly text: string;
  /** What a duty asks for; nothing else does */
  readonly asks: readonly Asked[];
  readonly wayOut: string | null;
  /** Ids of all ancestors (or of the model itself) that it comes from, nearest first */
  readonly from: readonly string[];
  readonly place: Place;
  /** From the model to the first of them; empty for the model itself */
  readonly path: readonly Step[];
  readonly explanation: string;
}

export interface Choice {
  readonly node: string;
  readonly place: Place;
  readonly expression: string;
  readonly taken: readonly string[];
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly permissions: { readonly actions: readonly Action[]; readonly commercial: boolean };
  readonly duties: readonly Finding[];
  /** What is not allowed, whether or not the use does it */
  readonly prohibitions: readonly Finding[];
  /** What stands in the way of the use, worst first */
  readonly obstacles: readonly Finding[];
  readonly choices: readonly Choice[];
}

export interface Obligations extends Readonly<Record<Mode, Judgement>> {
  readonly edition: RuleEdition;
  readonly on: string;
  readonly contradicted: readonly LineageEdge[];
}

export const worstFirst = (a: Finding, b: Finding): number => VERDICTS.indexOf(b.verdict) - VERDICTS.indexOf(a.verdict);
