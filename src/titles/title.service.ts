/** Instruments of title, and who owns what: now, and at any earlier moment. */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import type { InstrumentBody } from '../core/registry/instrument.ts';
import { instrument, instrumentAct } from '../core/registry/index.ts';
import { formatShare, parseShare } from '../core/share.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Moment } from '../core/title/chain.ts';
import { counts, shareAt, titleAt } from '../core/title/chain.ts';
import { dateOf } from '../core/title/dates.ts';
import { gapsOf } from '../core/title/gaps.ts';
import { surenessOf } from '../core/title/opposition.ts';
import { isTransfer } from '../core/title/terms.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger, sizePublishedBy } from '../ledger/index.ts';
import { PartyService } from '../parties/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { DataSource } from '../platform/database/index.ts';
import { ClaimService } from './claim.service.ts';
import { daysRecorded, EVERYTHING, registrationsOfSameModel } from './claim.store.ts';
import { Oppositions } from './oppositions.ts';
import type {
  AbstractQuery,
  Act,
  HeldInterestsView,
  InstrumentQuery,
  InstrumentView,
  MomentQuery,
  PortfolioQuery,
  PortfolioView,
  TitleView,
} from './title.schema.ts';
import type { AssetRow, KeptInstrument } from './title.store.ts';
import {
  findAssets,
  findInstrument,
  findInterests,
  findPartyNames,
  findTransfers,
  headSize,
  listHeld,
  listInForce,
  listInstruments,
  listInterests,
} from './title.store.ts';

/** Each comes with the proofs of two statements or more. */
const MAX_WITH_RECEIPTS = 100;

@Injectable()
export class TitleService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
    private readonly parties: PartyService,
    private readonly claims: ClaimService,
    private readonly oppositions: Oppositions,
  ) {}

  offer(principal: Principal, write: Write<InstrumentBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(instrument, principal, write, { idempotency });
  }

  /** Records what the caller does about an instrument. @throws RegistryError as the instrument's state has it */
  act(principal: Principal, id: string, write: Act, idempotency: Idempotency): Promise<Receipt> {
    if ('payload' in write) {
      return this.ledger.accept(instrumentAct, principal, write, { idempotency, speaksOf: { instrument: id } });
    }
    const body = { instrument: id, ...write };
    return this.ledger.attest(instrumentAct, { maker: principal.partyId, body }, { idempotency });
  }

  /** @throws RegistryError `not_found` */
  async get(id: string): Promise<InstrumentView> {
    const found = await findInstrument(this.database.manager, id);
    if (found === undefined) throw new RegistryError('not_found', `There is no instrument ${id}.`, { field: 'id' });
    const [shown] = await this.#withOpposition([found]);
    return shown!;
  }

  async list(query: InstrumentQuery): Promise<InstrumentView[]> {
    return this.#withOpposition(await listInstruments(this.database.manager, query));
  }

  /** Who owned the asset on a day, as was known when the log had so many entries. @throws RegistryError `not_found` */
  async title(asset: string, query: MomentQuery): Promise<TitleView> {
    const { manager } = this.database;
    const moment = await this.#momentOf(query);
    const [root, transfers, interests, claims, sameModel, on] = await Promise.all([
      this.#assetOf(asset, moment.known),
      findTransfers(manager, [asset], null, moment.known),
      findInterests(manager, asset, moment),
      this.claims.standing(asset, moment),
      registrationsOfSameModel(manager, asset, moment.known),
      this.#dayOf(query),
    ]);
    const owners = titleAt(rootOf(root), transfers, moment);
    const counted = transfers.filter((transfer) => counts(transfer, moment));
    const [names, [first, ...others]] = await Promise.all([
      findPartyNames(
        manager,
        owners.map(({ party }) => party),
      ),
      this.oppositions.of(
        [
          { id: asset, index: root.recordedIndex },
          ...counted.map(({ instrument, ...of }) => ({ id: instrument, ...of })),
        ],
        { known: moment.known, on },
      ),
    ]);
    const sure = surenessOf(
      first!,
      root.owners.map(({ party }) => party),
      counted.map(({ from, to }, i) => ({ from, to, ...others[i]! })),
    );
    return {
      asset,
      ...moment,
      existsFrom: root.existsFrom,
      owners: owners.map(({ party, ...owned }) => ({
        party,
        name: names.get(party) ?? null,
        ...owned,
        opposition: sure.get(party)!,
      })),
      interests,
      quorums: root.quorums,
      opposition: first!,
      claims,
      sameModel,
    };
  }

  /** The chain of title from the first record on. @throws RegistryError `not_found`, `invalid_input` */
  async abstract(asset: string, { after, limit, receipts }: AbstractQuery) {
    const proven = receipts === 'true';
    const known = await headSize(this.database.manager);
    const root = await this.#assetOf(asset, known);
    const most = proven ? Math.min(limit, MAX_WITH_RECEIPTS) : limit;
    const found = await listInForce(this.database.manager, asset, known, { after, limit: most });
    const shown = await this.#withOpposition(found);
    const indexes = proven ? [root.recordedIndex, ...found.flatMap(placesOf)] : [];
    const proofs = proven ? (await this.ledger.receiptsAt(indexes)).receipts : new Map<number, Receipt>();
    return {
      asset,
      known,
      first: {
        maker: root.maker,
        owners: root.owners,
        existsFrom: root.existsFrom,
        statement: root.statement,
        recordedIndex: root.recordedIndex,
        ...(proven ? { receipt: proofs.get(root.recordedIndex)! } : {}),
      },
      instruments: shown.map(({ attested, unsigned, ...line }) => ({
        ...line,
        gaps: gapsOf({ ...line, unsigned, attested }),
        ...(proven ? { receipts: placesOf(line).map((index) => proofs.get(index)!) } : {}),
      })),
      next: found.length === most ? (found.at(-1)?.inForceIndex ?? null) : null,
    };
  }

  /** What a party owned on a day, in the order of the assets' ids. @throws RegistryError `not_found` */
  async portfolio(party: string, { after = '', limit, ...query }: PortfolioQuery): Promise<PortfolioView> {
    const { manager } = this.database;
    const [moment] = await Promise.all([this.#momentOf(query), this.parties.get(party)]);
    const now = query.effective === undefined && query.known === undefined;
    const held = await listHeld(manager, party, { after, limit, now });
    const ids = held.map(({ asset }) => asset);
    const [assets, transfers] = await Promise.all([
      now ? [] : findAssets(manager, ids),
      now ? [] : findTransfers(manager, ids, party, moment.known),
    ]);
    const byId = new Map(assets.map((asset) => [asset.asset, asset]));
    const shareThen = (asset: string) => {
      const own = transfers.filter((transfer) => transfer.asset === asset);
      return shareAt(rootOf(byId.get(asset)!), own, party, moment);
    };
    const titles = held.flatMap(({ asset, name, share }) => {
      const at = now ? parseShare(share) : shareThen(asset);
      return at.num === 0n ? [] : [{ asset, name, share: formatShare(at) }];
    });
    return { party, ...moment, titles, next: held.length === limit ? (ids.at(-1) ?? null) : null };
  }

  /** What a party had in assets on a day besides title, in the order of the instruments' ids. @throws as `portfolio` */
  async interests(party: string, { after = '', limit, ...query }: PortfolioQuery): Promise<HeldInterestsView> {
    const { manager } = this.database;
    const [moment] = await Promise.all([this.#momentOf(query), this.parties.get(party)]);
    const interests = await listInterests(manager, party, moment, { after, limit });
    return { party, ...moment, interests, next: interests.length === limit ? interests.at(-1)!.instrument : null };
  }

  async #withOpposition<T extends KeptInstrument>(found: readonly T[]): Promise<(T & InstrumentView)[]> {
    const transfers = found.filter(isTransferInForce);
    const oppositions = await this.oppositions.of(
      transfers.map(({ id, inForceIndex, jurisdiction }) => ({ id, index: inForceIndex!, jurisdiction })),
      { known: EVERYTHING, on: today() },
    );
    const byId = new Map(transfers.map(({ id }, i) => [id, oppositions[i]!]));
    return found.map((each) => ({ ...each, opposition: byId.get(each.id) ?? null }));
  }

  async #assetOf(id: string, known: number): Promise<AssetRow> {
    const [found] = await findAssets(this.database.manager, [id]);
    if (found !== undefined && found.recordedIndex < known) return found;
    throw new RegistryError('not_found', `There was no asset ${id} on record among ${known} entries.`, {
      field: 'asset',
    });
  }

  async #momentOf({ effective, known }: MomentQuery): Promise<Moment> {
    const { manager } = this.database;
    const size = await headSize(manager);
    if (known === undefined) return { effective: effective ?? today(), known: size };
    if (typeof known === 'string') {
      const instant = known.includes('T') ? known : `${known}T23:59:59.999Z`;
      return { effective: effective ?? dateOf(instant), known: await sizePublishedBy(manager, instant) };
    }
    if (known <= size) return { effective: effective ?? today(), known };
    throw new RegistryError('invalid_input', `The log has ${size} entries, and not ${known} yet.`, { field: 'known' });
  }

  /** The day on which was known what is asked for: of a tree size, that of its last entry by the registry's clock. */
  async #dayOf({ known }: MomentQuery): Promise<string> {
    if (known === undefined) return today();
    if (typeof known === 'string') return dateOf(known);
    return (await daysRecorded(this.database.manager, [known - 1])).get(known - 1) ?? today();
  }
}

const today = (): string => dateOf(new Date().toISOString());

const isTransferInForce = ({ terms, inForceIndex }: KeptInstrument): boolean =>
  isTransfer(terms.type) && inForceIndex !== null;

const rootOf = ({ owners, existsFrom, recordedIndex }: AssetRow) => ({
  owners,
  effectiveFrom: existsFrom,
  index: recordedIndex,
});

/** The places of an instrument's statements, in log order. */
const placesOf = ({ recordedIndex, acts }: Pick<InstrumentView, 'acts' | 'recordedIndex'>): number[] => [
  recordedIndex,
  ...acts.map((act) => act.recordedIndex),
];
