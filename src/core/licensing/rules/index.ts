/**
 * The rules by edition. A verdict names its edition and can be judged again by it, so an edition is never changed once it
 * was used; a correction, a new license or a new reading is a new edition.
 */
import { COPYLEFT } from './copyleft.ts';
import { CREATIVE_COMMONS } from './creative-commons.ts';
import { DATA_LICENSES } from './data.ts';
import { MODELGO } from './modelgo.ts';
import { PERMISSIVE } from './permissive.ts';
import { RAIL } from './rail.ts';
import type { RuleFamily } from './rule.ts';
import type { UnreadLicense } from './unread.ts';
import { UNREAD } from './unread.ts';
import { VENDORS } from './vendors.ts';

export const RULE_EDITIONS = ['2026-11'] as const;
export type RuleEdition = (typeof RULE_EDITIONS)[number];

/** What new verdicts are judged by. */
export const CURRENT_RULES: RuleEdition = '2026-11';

export interface RuleSet {
  readonly families: readonly RuleFamily[];
  readonly unread: readonly UnreadLicense[];
}

export const RULES: Readonly<Record<RuleEdition, RuleSet>> = {
  '2026-11': {
    families: [...PERMISSIVE, ...CREATIVE_COMMONS, ...DATA_LICENSES, ...COPYLEFT, ...RAIL, ...VENDORS, ...MODELGO],
    unread: UNREAD,
  },
};
