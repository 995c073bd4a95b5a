/**
 * The life of a grant, as data: which act leads from which state where. The first statement is the offer; the licensee's
 * acceptance makes the license. Time does the rest by itself: an offer lapses, a grant begins and expires, a termination
 * takes effect when its notice is over.
 *
 * A sub-license stands on the grants above it. It is suspended while one of them is, and over when one of them is.
 */
import { RegistryError } from '../errors.ts';

export const GRANT_STATES = [
  'offered',
  'declined',
  'withdrawn',
  'lapsed',
  'not-yet-valid',
  'active',
  'suspended',
  'expired',
  'terminated',
] as const;
export type GrantState = (typeof GRANT_STATES)[number];

/** What is done about a grant after its offer, each by a statement of whoever may do it. */
export const GRANT_ACTS = ['accept', 'decline', 'withdraw', 'suspend', 'resume', 'terminate'] as const;
export type GrantAct = (typeof GRANT_ACTS)[number];

/** What the statements add up to, without the clock. */
export type GrantStage = 'accepted' | 'declined' | 'offered' | 'suspended' | 'withdrawn';

const STAGE_AFTER: Readonly<Record<GrantAct, (before: GrantStage) => GrantStage>> = {
  accept: () => 'accepted',
  decline: () => 'declined',
  withdraw: () => 'withdrawn',
  suspend: () => 'suspended',
  resume: () => 'accepted',
  // It ends when its notice is over; until then it stays what it is.
  terminate: (before) => before,
};

const ACTS_IN: Readonly<Record<GrantState, readonly GrantAct[]>> = {
  offered: ['accept', 'decline', 'withdraw'],
  declined: [],
  withdrawn: [],
  lapsed: [],
  'not-yet-valid': ['suspend', 'terminate'],
  active: ['suspend', 'terminate'],
  suspended: ['resume', 'terminate'],
  expired: [],
  terminated: [],
};

/** A grant as far as its state goes; instants are RFC 3339 in UTC with milliseconds, so they compare as texts. */
export interface GrantLife {
  readonly stage: GrantStage;
  readonly acceptBy: string;
  readonly notBefore: string;
  readonly expiresAt: string | null;
  /** When a termination takes effect; null where there is none */
  readonly endsAt: string | null;
}

/** @param at an instant @param above the grants of which it is a part, in any order */
export function grantStateAt(grant: GrantLife, at: string, above: readonly GrantLife[] = []): GrantState {
  const own = ownStateAt(grant, at);
  if (own !== 'active' && own !== 'not-yet-valid' && own !== 'suspended') return own;
  const states = above.map((each) => ownStateAt(each, at));
  if (states.some((state) => state === 'expired' || state === 'terminated')) return 'terminated';
  return states.includes('suspended') ? 'suspended' : own;
}

function ownStateAt({ stage, acceptBy, notBefore, expiresAt, endsAt }: GrantLife, at: string): GrantState {
  if (stage === 'offered') return at < acceptBy ? 'offered' : 'lapsed';
  if (stage === 'declined' || stage === 'withdrawn') return stage;
  if (endsAt !== null && at >= endsAt) return 'terminated';
  if (expiresAt !== null && at >= expiresAt) return 'expired';
  if (stage === 'suspended') return 'suspended';
  return at < notBefore ? 'not-yet-valid' : 'active';
}

/** The life of a grant after some of the acts about it, in log order. */
export const lifeAfter = (
  offer: Pick<GrantLife, 'acceptBy' | 'expiresAt' | 'notBefore'>,
  acts: readonly { act: GrantAct; endsAt: string | null }[],
): GrantLife =>
  acts.reduce<GrantLife>(
    (life, { act, endsAt }) => ({ ...life, stage: STAGE_AFTER[act](life.stage), endsAt: endsAt ?? life.endsAt }),
    { ...offer, stage: 'offered', endsAt: null },
  );

/** @throws RegistryError `state_conflict` when the state knows no such act */
export function stageAfter(id: string, grant: GrantLife, act: GrantAct, at: string): GrantStage {
  const state = ownStateAt(grant, at);
  if (ACTS_IN[state].includes(act)) return STAGE_AFTER[act](grant.stage);
  throw new RegistryError('state_conflict', `The grant ${id} is ${inWords(state)}: it takes no "${act}".`, {
    field: 'act',
    fix: 'Read the grant again.',
  });
}

export const inWords = (state: GrantState): string => state.replaceAll('-', ' ');
