/**
 * Title as its statements prove it: from the first record of an asset and the statements of each transfer, to who owns what.
 * Whoever answers may leave one out, which shows where the shares do not add up to what is told, or show an offer that
 * nobody accepted, which is refused here. That nothing rests on a share, that co-owners were asked, and that a transmission
 * follows a succession in force, is judged where a statement is recorded.
 */
import { RegistryError } from '../errors.ts';
import type { InstrumentActBody } from '../registry/instrument-act.ts';
import type { InstrumentBody } from '../registry/instrument.ts';
import type { Spoken } from '../registry/kind.ts';
import type { SuccessionActBody } from '../registry/succession-act.ts';
import type { SuccessionBody } from '../registry/succession.ts';
import type { Transfer } from './chain.ts';
import { transfersOf } from './chain.ts';
import { isTransfer, needsAcceptance } from './terms.ts';

export interface Proven {
  readonly spoken: Spoken;
  /** Its place in the log, proved */
  readonly index: number;
}

/**
 * @param statements of one transfer: its offer, then what was done about it until it came into force, in log order
 * @throws RegistryError `proof_invalid`
 */
export function provenTransfers(asset: string, statements: readonly Proven[]): Transfer[] {
  const [offer, ...acts] = statements;
  if (offer === undefined || !isInstrument(offer.spoken)) throw invalid('What should be an offer is none.');
  const { common, body } = offer.spoken;
  const { terms, counterparties } = body;
  if (body.asset !== asset || !isTransfer(terms.type)) {
    throw invalid(`The instrument ${common.id} passes on nothing of ${asset}.`);
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
  if (needsAcceptance(terms.type) && accepted.size < counterparties.length)
    throw invalid(`The instrument ${common.id} was not accepted.`);
  return transfersOf({ ...body, id: common.id, maker: common.maker }, index);
}

export const isSuccession = (spoken: Spoken): spoken is Spoken<SuccessionBody> => spoken.kind.kind === 'succession';
export const isSuccessionAct = (spoken: Spoken): spoken is Spoken<SuccessionActBody> =>
  spoken.kind.kind === 'succession-act';
export const isInstrument = (spoken: Spoken): spoken is Spoken<InstrumentBody> => spoken.kind.kind === 'instrument';
export const isAct = (spoken: Spoken): spoken is Spoken<InstrumentActBody> => spoken.kind.kind === 'instrument-act';

const invalid = (sentence: string): RegistryError => new RegistryError('proof_invalid', sentence);
