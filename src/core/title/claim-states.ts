/**
 * The life of an adverse claim, as data: which act leads from which state to which. A claim is filed standing. To
 * acknowledge it puts an owner's word on record and ends nothing; only its claimant takes it back.
 */
import { RegistryError } from '../errors.ts';

export const CLAIM_STATES = ['standing', 'acknowledged', 'withdrawn'] as const;
export type ClaimState = (typeof CLAIM_STATES)[number];

export const CLAIM_ACTS = ['acknowledge', 'withdraw'] as const;
export type ClaimAct = (typeof CLAIM_ACTS)[number];

export const CLAIM_TRANSITIONS: Readonly<Record<ClaimState, Readonly<Partial<Record<ClaimAct, ClaimState>>>>> = {
  standing: { acknowledge: 'acknowledged', withdraw: 'withdrawn' },
  acknowledged: { acknowledge: 'acknowledged', withdraw: 'withdrawn' },
  withdrawn: {},
};

/** @throws RegistryError `state_conflict` when the state knows no such act */
export function claimAfter(id: string, state: ClaimState, act: ClaimAct): ClaimState {
  const next = CLAIM_TRANSITIONS[state][act];
  if (next !== undefined) return next;
  throw new RegistryError('state_conflict', `${id} is ${state}; nothing is left there to ${act}.`, {
    field: 'act',
    fix: 'Read the claim again.',
  });
}
