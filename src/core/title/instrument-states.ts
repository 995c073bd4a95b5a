/**
 * The life of an instrument, as data: which act leads from which state to which. A draft is not on record; its offer is
 * the first statement. An act that leads to several states leads to the one that what is still missing decides.
 */
import { RegistryError } from '../errors.ts';

export const INSTRUMENT_STATES = [
  'draft',
  'offered',
  'accepted',
  'recorded',
  'rejected',
  'withdrawn',
  'lapsed',
  'released',
] as const;
export type InstrumentState = (typeof INSTRUMENT_STATES)[number];

/** What is done about an instrument after its offer, each by a statement of whoever may do it. */
export const INSTRUMENT_ACTS = ['accept', 'consent', 'record', 'reject', 'withdraw', 'lapse', 'release'] as const;
export type InstrumentAct = (typeof INSTRUMENT_ACTS)[number];

/**
 * `accepted`: by all counterparties that must, while a consent is missing. `record`: a party to it has it come into force
 * where nothing is missing any more, and nobody's consent was the last. `recorded`: in force.
 */
export const TRANSITIONS: Readonly<
  Record<InstrumentState, Readonly<Partial<Record<InstrumentAct | 'offer', readonly InstrumentState[]>>>>
> = {
  draft: { offer: ['offered', 'accepted', 'recorded'] },
  offered: {
    accept: ['offered', 'accepted', 'recorded'],
    consent: ['offered'],
    reject: ['rejected'],
    withdraw: ['withdrawn'],
    lapse: ['lapsed'],
  },
  accepted: {
    consent: ['accepted', 'recorded'],
    record: ['recorded'],
    reject: ['rejected'],
    withdraw: ['withdrawn'],
    lapse: ['lapsed'],
  },
  recorded: { release: ['released'] },
  rejected: {},
  withdrawn: {},
  lapsed: {},
  released: {},
};

/** @throws RegistryError `state_conflict` when the state knows no such act */
export function requireAct(id: string, state: InstrumentState, act: InstrumentAct): void {
  if (TRANSITIONS[state][act] !== undefined) return;
  throw new RegistryError('state_conflict', `${id} is ${state}; nothing is left there to ${act}.`, {
    field: 'act',
    fix: 'Read the instrument again.',
  });
}

/** @throws RegistryError `state_conflict` when the act does not lead there */
export function transition(state: InstrumentState, act: InstrumentAct | 'offer', to: InstrumentState): InstrumentState {
  if (TRANSITIONS[state][act]?.includes(to) === true) return to;
  throw new RegistryError('state_conflict', `From ${state} no ${act} leads to ${to}.`, { field: 'act' });
}
