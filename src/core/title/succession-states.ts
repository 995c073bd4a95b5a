/**
 * The life of a succession, as data: which act leads from which state to which. It is in force when every successor has
 * accepted, and then for ever: what would undo it is another succession, or a ruling.
 */
import { RegistryError } from '../errors.ts';

export const SUCCESSION_STATES = ['offered', 'recorded', 'rejected', 'withdrawn'] as const;
export type SuccessionState = (typeof SUCCESSION_STATES)[number];

export const SUCCESSION_ACTS = ['accept', 'reject', 'withdraw'] as const;
export type SuccessionAct = (typeof SUCCESSION_ACTS)[number];

/** `recorded`: in force. An acceptance leads there when it is the last one. */
export const SUCCESSION_TRANSITIONS: Readonly<
  Record<SuccessionState, Readonly<Partial<Record<SuccessionAct, readonly SuccessionState[]>>>>
> = {
  offered: { accept: ['offered', 'recorded'], reject: ['rejected'], withdraw: ['withdrawn'] },
  recorded: {},
  rejected: {},
  withdrawn: {},
};

/**
 * @param isLast whether nobody's acceptance is missing after this act
 * @throws RegistryError `state_conflict` when the state knows no such act
 */
export function successionAfter(
  id: string,
  state: SuccessionState,
  act: SuccessionAct,
  isLast: boolean,
): SuccessionState {
  const next = SUCCESSION_TRANSITIONS[state][act];
  if (next !== undefined) return (isLast ? next.at(-1) : next[0])!;
  throw new RegistryError('state_conflict', `${id} is ${state}; nothing is left there to ${act}.`, {
    field: 'act',
    fix: 'Read the succession again.',
  });
}
