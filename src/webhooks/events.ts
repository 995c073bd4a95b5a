/**
 * From what the log holds to what a webhook is told. Pure: the same statement and the same webhook give the same event
 * under the same id, whichever process derives it and however often. An event tells that and where something stands on
 * record; what it says is read from the log, with its proof.
 */
import { toBase64 } from '../core/bytes.ts';
import { makeId } from '../core/identifier.ts';
import { readersOf } from '../core/registry/index.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { Mentions } from '../core/registry/mentions.ts';
import { matchOf, mentionsOf } from '../core/registry/mentions.ts';
import { readSpoken } from '../core/registry/spoken.ts';
import { sha256 } from '../platform/crypto.ts';
import { CHECKPOINT_PUBLISHED } from './event-types.ts';
import type { EventTypes } from './event-types.ts';
import type { NewDelivery, RecordedStatement, WebhookRow } from './webhook.store.ts';

export type Event = Omit<NewDelivery, 'jobId'>;

type Listener = Pick<WebhookRow, 'digests' | 'events' | 'id' | 'parties' | 'partyId' | 'sinceIndex'>;

export class StatementEvents {
  readonly #spoken: Spoken;
  readonly #mentions: Mentions;

  constructor(
    private readonly origin: string,
    private readonly statement: RecordedStatement,
  ) {
    this.#spoken = readSpoken(sha256, statement.payload, toBase64(statement.spki));
    this.#mentions = mentionsOf(sha256, statement.payload);
  }

  /** @param overseer whether the listener's party may read everything, as registrars and auditors do */
  for(listener: Listener, types: EventTypes, overseer: boolean): Event[] {
    const { index, visibility, recordedAt } = this.statement;
    if (index < listener.sinceIndex || !this.#mayRead(listener, overseer)) return [];
    const matched = matchOf(this.#mentions, { digests: listener.digests as never[], parties: listener.parties });
    const filtered = listener.digests.length > 0 || listener.parties.length > 0;
    if (filtered && matched.digests.length === 0 && matched.parties.length === 0) return [];
    const { kind, common, payloadDigest } = this.#spoken;
    const data = {
      origin: this.origin,
      index,
      statement: payloadDigest,
      kind: kind.kind,
      id: common.id,
      maker: common.maker,
      public: visibility === 'public',
      ...matched,
    };
    return listener.events
      .filter((name) => types.get(name)?.of(this.#spoken, matched))
      .map((event) => eventOf(listener.id, event, index, recordedAt, data));
  }

  #mayRead({ partyId }: Listener, overseer: boolean): boolean {
    const { visibility } = this.statement;
    // What is sealed is closed to overseers, too; that it is opened is a statement of its own.
    if (visibility === 'public' || (visibility === 'parties' && overseer)) return true;
    return readersOf(this.#spoken)?.includes(partyId) ?? true;
  }
}

export function checkpointEvent(
  origin: string,
  { id, events }: Listener,
  { size, note, publishedAt }: { size: number; note: string; publishedAt: Date },
): Event[] {
  if (!events.includes(CHECKPOINT_PUBLISHED)) return [];
  return [eventOf(id, CHECKPOINT_PUBLISHED, size, publishedAt, { origin, treeSize: size, checkpoint: note })];
}

function eventOf(webhookId: string, event: string, logIndex: number, at: Date, data: object): Event {
  return {
    id: makeId('delivery', sha256(Buffer.from(`${webhookId}\n${event}\n${logIndex}\n`)).subarray(0, 16)),
    webhookId,
    event,
    logIndex,
    body: JSON.stringify({ type: event, timestamp: at.toISOString(), data }),
  };
}
