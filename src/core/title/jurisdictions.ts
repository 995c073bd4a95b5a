/**
 * Grace windows, as data: how long after its execution a transfer may still be recorded and prevail over one that was
 * recorded earlier. A statement names the edition that it was judged by, so an edition is never changed once it was
 * used; a correction or a new law is a new edition. A jurisdiction without a rule has no window: there the order of
 * recording decides alone.
 *
 * A rule says what a statute grants between two transferees. Whether its other conditions are met (a later purchaser for
 * value and without notice, say) nobody can tell from a ledger, so inside a window a claim is a notice and moves nothing.
 */
export interface GraceRule {
  readonly id: string;
  /** ISO 3166-1 alpha-2 */
  readonly jurisdiction: string;
  /** Counted from the day of execution */
  readonly months: number;
  readonly source: string;
  /** Of the law, days of execution for which it holds; null for no end */
  readonly validFrom: string;
  readonly validTo: string | null;
}

export const GRACE_EDITIONS = ['2026-11'] as const;
export type GraceEdition = (typeof GRACE_EDITIONS)[number];

/** What new claims are judged by, and opposition windows are told from. */
export const CURRENT_EDITION: GraceEdition = '2026-11';

export const GRACE_RULES: Readonly<Record<GraceEdition, readonly GraceRule[]>> = {
  '2026-11': [
    {
      id: 'us-patent',
      jurisdiction: 'US',
      months: 3,
      source: '35 U.S.C. § 261, fourth paragraph: recorded "within three months from its date"',
      validFrom: '1953-01-01',
      validTo: null,
    },
    {
      id: 'us-copyright-executed-in-us',
      jurisdiction: 'US',
      months: 1,
      source: '17 U.S.C. § 205(d): recorded "within one month after its execution in the United States"',
      validFrom: '1978-01-01',
      validTo: null,
    },
    {
      id: 'us-copyright-executed-abroad',
      jurisdiction: 'US',
      months: 2,
      source: '17 U.S.C. § 205(d): recorded "within two months after its execution outside the United States"',
      validFrom: '1978-01-01',
      validTo: null,
    },
  ],
};

/** The rules of a jurisdiction that hold for what is executed on a day. */
export const graceRules = (edition: GraceEdition, jurisdiction: string | null, on: string): GraceRule[] =>
  GRACE_RULES[edition].filter(
    (rule) =>
      rule.jurisdiction === jurisdiction && rule.validFrom <= on && (rule.validTo === null || on <= rule.validTo),
  );
