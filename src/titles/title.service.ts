/** Instruments of title, and who owns what: now, and at any earlier moment. */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import type { InstrumentActBody } from '../core/registry/instrument-act.ts';
import type { InstrumentBody } from '../core/registry/instrument.ts';
import { instrument, instrumentAct, KINDS } from '../core/registry/index.ts';
import { formatShare, parseShare } from '../core/share.ts';
import { parseEnvelope } from '../core/statement/dsse.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { parseStatement } from '../core/statement/statement.ts';
import type { Moment } from '../core/title/chain.ts';
import { shareAt, titleAt } from '../core/title/chain.ts';
import { dateOf } from '../core/title/dates.ts';
import { gapsOf } from '../core/title/gaps.ts';
import type { Idempotency, SignedWrite, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import { PartyService } from '../parties/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { sha256 } from '../platform/crypto.ts';
import { DataSource } from '../platform/database/index.ts';
import type {
  AbstractQuery,
  Act,
  InstrumentQuery,
  InstrumentView,
  MomentQuery,
  PortfolioQuery,
  PortfolioView,
  TitleView,
} from './title.schema.ts';
import type { AssetRow } from './title.store.ts';
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
  sizePublishedBy,
} from './title.store.ts';

/** Each comes with the proofs of two statements or more. */
const MAX_WITH_RECEIPTS = 100;

/** Long enough to carry a statement from a machine without a network. */
const MAX_SKEW_MS = 24 * 60 * 60 * 1000;

@Injectable()
export class TitleService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
    private readonly parties: PartyService,
  ) {}

  offer(principal: Principal, write: Write<InstrumentBody>, idempotency: Idempotency): Promise<Receipt> {
    if ('payload' in write) requireTimely(readWrite(write).common.statedAt);
    return this.ledger.write(instrument, principal, write, { idempotency });
  }

  /** Records what the caller does about an instrument. @throws RegistryError as the instrument's state has it */
  act(principal: Principal, id: string, write: Act, idempotency: Idempotency): Promise<Receipt> {
    if ('payload' in write) {
      const statement = readWrite(write);
      requireSpeaksOf(statement, id);
      requireTimely(statement.common.statedAt);
      return this.ledger.accept(instrumentAct, principal, write, { idempotency });
    }
    const body = { instrument: id, ...write };
    return this.ledger.attest(instrumentAct, { maker: principal.partyId, body }, { idempotency });
  }

  /** @throws RegistryError `not_found` */
  async get(id: string): Promise<InstrumentView> {
    const found = await findInstrument(this.database.manager, id);
    if (found === undefined) throw new RegistryError('not_found', `There is no instrument ${id}.`, { field: 'id' });
    return found;
  }

  list(query: InstrumentQuery): Promise<InstrumentView[]> {
    return listInstruments(this.database.manager, query);
  }

  /** Who owned the asset on a day, as was known when the log had so many entries. @throws RegistryError `not_found` */
  async title(asset: string, query: MomentQuery): Promise<TitleView> {
    const moment = await this.#momentOf(query);
    const [root, transfers, interests] = await Promise.all([
      this.#assetOf(asset, moment.known),
      findTransfers(this.database.manager, [asset], null),
      findInterests(this.database.manager, asset, moment),
    ]);
    const owners = titleAt(rootOf(root), transfers, moment);
    const names = await findPartyNames(
      this.database.manager,
      owners.map(({ party }) => party),
    );
    return {
      asset,
      ...moment,
      existsFrom: root.existsFrom,
      owners: owners.map(({ party, ...owned }) => ({ party, name: names.get(party) ?? null, ...owned })),
      interests,
      quorums: root.quorums,
    };
  }

  /** The chain of title from the first record on. @throws RegistryError `not_found`, `invalid_input` */
  async abstract(asset: string, { after, limit, receipts }: AbstractQuery) {
    const proven = receipts === 'true';
    const known = await headSize(this.database.manager);
    const root = await this.#assetOf(asset, known);
    const most = proven ? Math.min(limit, MAX_WITH_RECEIPTS) : limit;
    const found = await listInForce(this.database.manager, asset, known, { after, limit: most });
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
      instruments: found.map(({ attested, ...line }) => ({
        ...line,
        gaps: gapsOf({ ...line, attested }),
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
      findAssets(manager, ids),
      now ? [] : findTransfers(manager, ids, party),
    ]);
    const byId = new Map(assets.map((asset) => [asset.asset, asset]));
    const titles = held.flatMap(({ asset, share }) => {
      const root = byId.get(asset)!;
      const own = transfers.filter((transfer) => transfer.asset === asset);
      const at = now ? parseShare(share) : shareAt(rootOf(root), own, party, moment);
      return at.num === 0n ? [] : [{ asset, name: root.name, share: formatShare(at) }];
    });
    return { party, ...moment, titles, next: held.length === limit ? (ids.at(-1) ?? null) : null };
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
    const today = dateOf(new Date().toISOString());
    if (known === undefined) return { effective: effective ?? today, known: size };
    if (typeof known === 'string') {
      const instant = known.includes('T') ? known : `${known}T23:59:59.999Z`;
      return { effective: effective ?? dateOf(instant), known: await sizePublishedBy(manager, instant) };
    }
    if (known <= size) return { effective: effective ?? today, known };
    throw new RegistryError('invalid_input', `The log has ${size} entries, and not ${known} yet.`, { field: 'known' });
  }
}

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

const readWrite = (write: SignedWrite) => parseStatement(sha256, KINDS, parseEnvelope(write).payload);

/** Whether an offer has lapsed or an interest has ended is told by what the maker says the time is. */
function requireTimely(statedAt: string): void {
  if (Math.abs(Date.parse(statedAt) - Date.now()) <= MAX_SKEW_MS) return;
  throw new RegistryError('invalid_input', 'The statement was made more than a day before or after it arrived.', {
    field: 'statedAt',
    fix: 'Set your clock right, and sign the statement again.',
  });
}

/** The address of a request and the statement in it must not speak of two things. */
function requireSpeaksOf({ form, body }: ReturnType<typeof readWrite>, id: string): void {
  if (form.kind !== instrumentAct.kind || (body as InstrumentActBody).instrument === id) return;
  throw new RegistryError('invalid_input', 'The statement speaks of another instrument than the address.', {
    field: 'instrument',
  });
}
