/**
 * Title as its statements prove it: from the first record of an asset and the statements of each assignment, to who owns
 * what. Whoever answers may leave an assignment out, which shows where the shares do not add up to what is told, or show
 * an offer that nobody accepted, which is refused here. That nothing rests on a share, and that co-owners were asked, is
 * judged where a statement is recorded.
 */
import { RegistryError } from '../errors.ts';
import type { InstrumentActBody } from '../registry/instrument-act.ts';
import type { InstrumentBody } from '../registry/instrument.ts';
import type { Spoken } from '../registry/kind.ts';
import type { Transfer } from './chain.ts';

export interface Proven {
  readonly spoken: Spoken;
  /** Its place in the log, proved */
  readonly index: number;
}

/**
 * @param statements of one assignment: its offer, then what was done about it until it came into force, in log order
 * @throws RegistryError `proof_invalid`
 */
export function provenTransfer(asset: string, statements: readonly Proven[]): Transfer {
  const [offer, ...acts] = statements;
  if (offer === undefined || !isInstrument(offer.spoken)) throw invalid('What should be an offer is none.');
  const { common, body } = offer.spoken;
  const { terms, counterparties, effectiveFrom } = body;
  if (body.asset !== asset || terms.type !== 'assignment') {
    throw invalid(`The instrument ${common.id} assigns nothing of ${asset}.`);
  }
  let { index } = offer;
  const accepted = new Set<string>();
  for (const act of acts) {
    if (!isAct(act.spoken) || act.spoken.body.instrument !== common.id || act.index <= index) {
      throw invalid(`What was done about ${common.id} is not shown in its order.`);
    }
    index = act.index;
    const { maker } = act.spoken.common;
    if (act.spoken.body.act === 'accept') {
      if (!counterparties.includes(maker)) throw invalid(`${maker} could not accept ${common.id}.`);
      accepted.add(maker);
    } else if (act.spoken.body.act !== 'consent') throw invalid(`The instrument ${common.id} is not in force.`);
  }
  if (accepted.size < counterparties.length) throw invalid(`The instrument ${common.id} was not accepted.`);
  const [to] = counterparties as [string];
  return { instrument: common.id, from: common.maker, to, share: terms.share, effectiveFrom, index };
}

export const isInstrument = (spoken: Spoken): spoken is Spoken<InstrumentBody> => spoken.kind.kind === 'instrument';
export const isAct = (spoken: Spoken): spoken is Spoken<InstrumentActBody> => spoken.kind.kind === 'instrument-act';

const invalid = (sentence: string): RegistryError => new RegistryError('proof_invalid', sentence);
