/**
 * What webhooks tell. An event is derived from one statement of the log, or from one published checkpoint, and from
 * nothing else: so it can be derived again, under the same id, after whatever crash. A feature adds its own types with
 * `register`.
 */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import type { GrantAct } from '../core/licensing/grant-states.ts';
import { GRANT_ACTS } from '../core/licensing/grant-states.ts';
import type { Matched } from '../core/registry/mentions.ts';
import type { Spoken } from '../core/registry/kind.ts';

export interface EventType {
  /** What happened, e.g. `grant.terminated` */
  readonly type: string;
  readonly description: string;
  /** Which of the filters it makes no sense without */
  readonly needs?: 'digests' | 'parties';
  /** Whether the statement is such an event, given what of the webhook's filters it speaks of. */
  of(spoken: Spoken, matched: Matched): boolean;
}

export const CHECKPOINT_PUBLISHED = 'checkpoint.published';

const isKind =
  (kind: string, also: (body: Record<string, unknown>) => boolean = () => true) =>
  ({ kind: { kind: spokenKind }, body }: Spoken): boolean =>
    spokenKind === kind && also(body as Record<string, unknown>);

const PAST: Readonly<Record<GrantAct, string>> = {
  accept: 'accepted',
  decline: 'declined',
  withdraw: 'withdrawn',
  suspend: 'suspended',
  resume: 'resumed',
  terminate: 'terminated',
};

const OWN: readonly EventType[] = [
  { type: 'statement.recorded', description: 'Anything went on record that you may read', of: () => true },
  { type: 'registration.recorded', description: 'A model went on record', of: isKind('registration') },
  { type: 'dataset.recorded', description: 'A dataset went on record', of: isKind('dataset') },
  { type: 'run.recorded', description: 'A training went on record', of: isKind('run') },
  { type: 'grant.offered', description: 'A license was offered to one party', of: isKind('grant') },
  ...GRANT_ACTS.map((act) => ({
    type: `grant.${PAST[act]}`,
    description: `A license was ${PAST[act]}`,
    of: isKind('grant-act', (body) => body['act'] === act),
  })),
  {
    type: 'grant.expires-soon',
    description: 'A license ends in 30 days, in 7, and in one',
    of: isKind('grant-notice', ({ notice }) => notice !== 'parent-ended'),
  },
  {
    type: 'grant.parent-ended',
    description: 'A sub-license ended because a license above it did',
    of: isKind('grant-notice', ({ notice }) => notice === 'parent-ended'),
  },
  { type: 'token.batched', description: 'The log took in a batch of issued tokens', of: isKind('token-batch') },
  { type: 'token.revoked', description: 'A single license token was ended', of: isKind('revocation') },
  { type: 'claim.filed', description: 'Somebody claims a title that is on record', of: isKind('adverse-claim') },
  {
    type: 'claim.acknowledged',
    description: 'An owner said that a claim is right',
    of: isKind('adverse-claim-act', ({ act }) => act === 'acknowledge'),
  },
  {
    type: 'claim.withdrawn',
    description: 'A claim was taken back',
    of: isKind('adverse-claim-act', ({ act }) => act === 'withdraw'),
  },
  {
    type: 'digest.matched',
    description: 'Something went on record that speaks of one of your digests',
    needs: 'digests',
    of: (_, { digests }) => digests.length > 0,
  },
  {
    type: 'party.matched',
    description: 'Something went on record that speaks of one of your parties',
    needs: 'parties',
    of: (_, { parties }) => parties.length > 0,
  },
  {
    type: CHECKPOINT_PUBLISHED,
    description: 'The record grew: its new signed state, whatever your filters',
    of: () => false,
  },
];

@Injectable()
export class EventTypes {
  readonly #types = new Map<string, EventType>(OWN.map((each) => [each.type, each]));

  register(type: EventType): void {
    if (this.#types.has(type.type)) throw new Error(`The event type ${type.type} is registered already.`);
    this.#types.set(type.type, type);
  }

  list(): EventType[] {
    return [...this.#types.values()];
  }

  get(type: string): EventType | undefined {
    return this.#types.get(type);
  }

  /** @throws RegistryError `invalid_input` for a type that nobody registered, or that lacks the filter it lives on */
  check(types: readonly string[], filters: { digests: readonly string[]; parties: readonly string[] }): void {
    for (const [i, name] of types.entries()) {
      const type = this.get(name);
      const field = `events.${i}`;
      if (type === undefined) {
        const known = [...this.#types.keys()].join(', ');
        throw new RegistryError('invalid_input', `There is no event "${name}".`, { field, fix: `Choose of ${known}.` });
      }
      if (type.needs === undefined || filters[type.needs].length > 0) continue;
      throw new RegistryError('invalid_input', `The event "${name}" needs at least one of ${type.needs}.`, {
        field: type.needs,
      });
    }
  }
}
