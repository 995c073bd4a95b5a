/** A log on a database of its own, without HTTP: what the writer's and the verifier's tests begin with. */
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { toBase64, toHex, utf8 } from '../../../src/core/bytes.ts';
import { formatFingerprint } from '../../../src/core/fingerprint/document.ts';
import type { AccessRecord } from '../../../src/core/licensing/access-record.ts';
import { accessLeaves } from '../../../src/core/licensing/access-record.ts';
import { issuanceLeaves } from '../../../src/core/licensing/issuance-record.ts';
import { batchRoot } from '../../../src/core/licensing/row-batch.ts';
import type { Digest } from '../../../src/core/digest.ts';
import { formatDigest } from '../../../src/core/digest.ts';
import {
  adverseClaim,
  adverseClaimAct,
  apiKey,
  behaviour,
  behaviourSeed,
  dataRights,
  dataset,
  documentTimestamp,
  erasure,
  fieldOpening,
  fingerprint as fingerprintKind,
  grant,
  grantAct,
  grantNotice,
  instrument,
  instrumentAct,
  key,
  keyRevocation,
  logKey,
  logKeyRetirement,
  mapAudit,
  marketRecord,
  modelSignature,
  opening,
  party,
  protectionRecord,
  license,
  licenseWithdrawal,
  lineageCheck,
  quota,
  registration,
  replay,
  revocation,
  run,
  sealed,
  succession,
  successionAct,
  accessBatch,
  tokenBatch,
  tokenKey,
} from '../../../src/core/registry/index.ts';
import { CHALLENGE_SCHEME } from '../../../src/core/behaviour/challenges.ts';
import { manifestOf } from '../../../src/core/registry/dataset.ts';
import { rootDigestOf } from '../../../src/core/registry/model-signature.ts';
import { possessionText } from '../../../src/core/registry/key.ts';
import type { Kind } from '../../../src/core/registry/kind.ts';
import type { ClaimAct } from '../../../src/core/title/claim-states.ts';
import type { InstrumentAct } from '../../../src/core/title/instrument-states.ts';
import { LICENSE_TEMPLATES } from '../../../src/core/licensing/license-templates.ts';
import type { SuccessionAct } from '../../../src/core/title/succession-states.ts';
import type { Terms } from '../../../src/core/title/terms.ts';
import { parseCosignature } from '../../../src/core/note/cosignature.ts';
import { parseNote, signNote } from '../../../src/core/note/note.ts';
import { commit } from '../../../src/core/registry/commitment.ts';
import { sealCommitment } from '../../../src/core/registry/sealed.ts';
import { openField, TITLE_LEAVES, titleCommitment } from '../../../src/core/registry/sealed-title.ts';
import { signStatement } from '../../../src/core/registry/sign.ts';
import { readSpoken } from '../../../src/core/registry/spoken.ts';
import type { Receipt } from '../../../src/core/statement/receipt.ts';
import type { Common } from '../../../src/core/statement/statement.ts';
import { ENTITIES } from '../../../src/entities.ts';
import type { FsckReport, RunFsckOptions } from '../../../src/ledger/fsck/index.ts';
import { runFsck } from '../../../src/ledger/fsck/index.ts';
import { LedgerCore } from '../../../src/ledger/ledger-core.ts';
import { Ledger } from '../../../src/ledger/ledger.service.ts';
import { insertCosignature } from '../../../src/ledger/witnessing/witnessing.store.ts';
import { MapKeeper } from '../../../src/ledger/map/map-keeper.ts';
import type { Submission } from '../../../src/ledger/writer.ts';
import { loadConfig } from '../../../src/platform/config/index.ts';
import type { StatementKey } from '../../../src/platform/crypto.ts';
import { makeEd25519, newId, newNonce, newStatementKey, sha256 } from '../../../src/platform/crypto.ts';
import { dataSourceOptions } from '../../../src/platform/database/index.ts';
import { MasterKey } from '../../../src/platform/keys/index.ts';
import { formatTimestampRequest, stampedNote } from '../../../src/core/time/index.ts';
import { insertTimestamp, readSignature } from '../../../src/ledger/timestamping/timestamp.store.ts';
import { createLog } from '../../../src/platform/logging/index.ts';
import { anyFingerprint } from '../../support/fingerprints.ts';
import type { TestDatabase } from '../../support/postgres.ts';
import { createTestDatabase, query } from '../../support/postgres.ts';
import { cosigner } from '../../unit/core/note/fixture.ts';
import { answer, makeAuthority } from '../../support/timestamp-authority.ts';

export interface Process {
  readonly core: LedgerCore;
  readonly ledger: Ledger;
  readonly dataSource: DataSource;
  readonly map: MapKeeper;
  close(): Promise<void>;
}

/** One log; any number of processes may open it. */
export class TestLedger {
  readonly #open: Process[] = [];

  private constructor(
    readonly database: TestDatabase,
    readonly anchorDir: string,
    /** 32 bytes, for a process that is started with them. */
    readonly masterKey: Uint8Array,
  ) {}

  static async create({
    database,
    anchorDir,
  }: { database?: TestDatabase; anchorDir?: string } = {}): Promise<TestLedger> {
    return new TestLedger(
      database ?? (await createTestDatabase()),
      anchorDir ?? (await emptyFolder()),
      randomBytes(32),
    );
  }

  /** A copy of the database as it stands, beside the same anchors unless other ones are given. Ends all processes. */
  async copy({ anchorDir = this.anchorDir } = {}): Promise<TestLedger> {
    for (const process of this.#open) await process.close();
    const database = await createTestDatabase({ template: this.database.name });
    return new TestLedger(database, anchorDir, this.masterKey);
  }

  /** @param through which the process opens the log, where a test reaches into that */
  async open({ anchorDir = this.anchorDir, through = (dataSource: DataSource) => dataSource } = {}): Promise<Process> {
    const dataSource = new DataSource(dataSourceOptions(this.database.appUrl.reveal(), ENTITIES, 4));
    await dataSource.initialize();
    try {
      const core = await LedgerCore.open(
        through(dataSource),
        { anchorDir, logName: 'test.local' },
        new MasterKey(this.masterKey),
      );
      let closed: Promise<void> | undefined;
      const close = async () => {
        await core.close();
        await dataSource.destroy();
      };
      const ledger = new Ledger(core, dataSource);
      const map = new MapKeeper(core, ledger, dataSource, loadConfig({}), createLog({ logLevel: 'silent' }));
      const process = { core, ledger, dataSource, map, close: () => (closed ??= close()) };
      this.#open.push(process);
      return process;
    } catch (error) {
      await dataSource.destroy();
      throw error;
    }
  }

  fsck(options: Partial<RunFsckOptions> = {}): Promise<FsckReport & { exitCode: 0 | 1 }> {
    return runFsck({ database: this.database, anchorDir: this.anchorDir, full: true, ...options });
  }

  /** As the superuser, with triggers and constraints switched off where they can be. */
  async tamper(sql: string, values: unknown[] = []): Promise<void> {
    const url = `${this.database.superuserUrl}?options=${encodeURIComponent('-c session_replication_role=replica')}`;
    await query(url, sql, values);
  }

  async drop(): Promise<void> {
    for (const process of this.#open) await process.close();
    await this.database.drop();
    await rm(this.anchorDir, { recursive: true, force: true });
  }
}

export const emptyFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'muniment-anchor-'));

export const anyDigest = (): Digest => `sha256:${toHex(randomBytes(32))}`;

export const newKey = newStatementKey;

/** A statement that its maker signs with a key of its own. */
export function spoken<Body>(
  { core }: Process,
  kind: Kind<Body>,
  common: Partial<Common> & { maker: string },
  body: Body,
  by: StatementKey = core.registryKey,
): Submission {
  const { spki, ...signed } = signStatement(
    sha256,
    kind,
    {
      origin: core.signer.origin,
      id: newId(kind.kind.replaceAll('-', '')),
      nonce: newNonce(),
      statedAt: '2026-01-02T03:04:05.678Z',
      basis: [],
      ...common,
    },
    body,
    by,
    newStatementKey,
  );
  return { spoken: readSpoken(sha256, signed.payload, spki), signed, disclosures: [] };
}

export const modelBody = (owner: string, name = 'a model') => ({
  name,
  weights: {
    fileDigest: anyDigest(),
    weightDigest: anyDigest(),
    namelessDigest: anyDigest(),
    container: 'safetensors',
    bytes: 4096,
    tensors: 4,
    parameters: 1000,
  },
  owners: [{ party: owner, share: '1/1' }],
  license: { expression: 'Apache-2.0', textDigest: null },
  run: null,
  datasets: [],
  parents: [],
});

/** What an idempotency key stands for, told apart by `name`. */
export const requestDigest = (name: string): Digest => formatDigest(sha256(utf8(name)));

export async function makeParty(
  { ledger }: Process,
  name = 'Ada',
  idempotency?: string,
  kind: 'organization' | 'person' = 'person',
): Promise<string> {
  const disclosure = { value: name, salt: newNonce() };
  const receipt = await ledger.attest(
    party,
    {
      maker: ledger.registryParty,
      body: { kind, roles: [], nameCommitment: commit(sha256, disclosure.salt, disclosure.value) },
      disclosures: [disclosure],
    },
    idempotency === undefined ? {} : { idempotency: { key: idempotency, requestDigest: requestDigest(name) } },
  );
  return receipt.id;
}

export async function register(process: Process, owner: string, body = modelBody(owner)): Promise<Receipt> {
  return process.ledger.attest(registration, { maker: owner, body });
}

/** The registration of a key, signed for by the registry since it is the first of its party. */
export function giveKey(process: Process, owner: string, made: StatementKey): Promise<Receipt> {
  const { ledger } = process;
  return ledger.attest(key, { maker: owner, body: keyBody(ledger, owner, made) });
}

/** What registers a key: its public half, and the proof that `owner` can sign with it. */
export function keyBody({ origin }: Pick<Ledger, 'origin'>, owner: string, made: StatementKey) {
  const possession = Buffer.from(made.sign(possessionText(origin, owner, made.keyId))).toString('base64');
  return { spki: made.spki, fingerprint: made.keyId as Digest, possession };
}

/** The statement by which `signer` ends `ended`. */
export const endingKey = (
  process: Process,
  owner: string,
  ended: StatementKey,
  signer: StatementKey,
  successor: StatementKey | null = null,
): Submission =>
  spoken(
    process,
    keyRevocation,
    { maker: owner },
    {
      fingerprint: ended.keyId as Digest,
      reason: 'superseded',
      successor: successor === null ? null : (successor.keyId as Digest),
    },
    signer,
  );

/** Another key comes on record and ends `old`. */
async function replaceKey(process: Process, owner: string, old: StatementKey): Promise<void> {
  const { writer } = process.core;
  const fresh = newKey();
  await writer.submit(spoken(process, key, { maker: owner }, keyBody(process.ledger, owner, fresh), old));
  await writer.submit(endingKey(process, owner, old, fresh, fresh));
}

/** Erases the name of a party, as the registrar. */
export async function erase({ ledger, dataSource }: Process, party: string): Promise<Receipt> {
  const [row] = await dataSource.query<{ name_commitment: Digest }[]>(
    `SELECT name_commitment FROM registry.party WHERE id = $1`,
    [party],
  );
  const body = { commitments: [row!.name_commitment], reason: 'asked-by-subject' as const };
  return ledger.attest(erasure, { maker: ledger.registryParty, body });
}

/** At least one row in every table of `registry`, and some that were changed after they were made. */
export async function everyKind(process: Process): Promise<void> {
  const { ledger } = process;
  const registry = ledger.registryParty;
  const [ada, ben] = [await makeParty(process, 'Ada'), await makeParty(process, 'Ben')];
  const benKey = newKey();
  await giveKey(process, ben, benKey);
  await signModel(process, ben, benKey);
  await replaceKey(process, ben, benKey);
  for (const label of ['first', 'second']) {
    await ledger.attest(apiKey, {
      maker: registry,
      body: { party: ada, secretDigest: anyDigest(), label, scopes: ['read', 'write'], expiresAt: null },
    });
  }

  const verifierKey = process.core.signer.verifierKeyOf(makeEd25519());
  const first = process.core.signer.verifierKey;
  await ledger.attest(logKey, { maker: registry, body: { verifierKey, replaces: first } });
  await ledger.attest(logKeyRetirement, { maker: registry, body: { verifierKey, successor: first, reason: 'a test' } });

  await erase(process, await makeParty(process, 'Cleo'));
  for (const subject of ['model', 'evidence'] as const) {
    const secret = { subject, salt: newNonce(), digests: [anyDigest(), anyDigest()].sort() };
    const commitment = sealCommitment(sha256, { origin: ledger.origin, maker: ada }, secret);
    const { id } = await ledger.attest(sealed, { maker: ada, body: { subject, commitment } });
    await ledger.attest(opening, { maker: ada, body: { sealed: id, commitment, ...secret } });
  }
  await ledger.attest(sealed, { maker: ada, body: { subject: 'dataset', commitment: anyDigest() } });
  await sealTitle(process, ada);

  const holder = { value: 'Example', salt: newNonce() };
  const { files, manifestDigest } = manifestOf(sha256, [{ name: 'images', bytes: 3, digest: anyDigest() }]);
  const data = await ledger.attest(dataset, {
    maker: registry,
    body: {
      name: 'digits',
      version: '1',
      files,
      manifestDigest,
      originUrl: 'https://example.org/digits',
      license: { expression: 'CC0-1.0', status: 'asserted' as const },
      holder: { party: null, nameCommitment: commit(sha256, holder.salt, holder.value) },
      collection: null,
    },
    disclosures: [holder],
  });
  const parent = modelBody(ada, 'parent');
  await behave(process, await register(process, ada, parent), data, ada);
  const body = modelBody(ada, 'trained');
  const { weightDigest, namelessDigest, fileDigest, bytes, tensors, parameters } = body.weights;
  const spent = { wallSeconds: 1, coreSeconds: 1.5, deviceSeconds: null, backend: 'wasm', device: 'a processor' };
  const trained = await ledger.attest(run, {
    maker: registry,
    body: {
      owner: ada,
      dataset: data.id,
      hyperparameters: { rate: 0.01, layers: [784, 128, 10] },
      preprocessing: {},
      code: { digest: anyDigest(), version: '0.1.0' },
      environment: { backend: 'wasm' },
      compute: {
        seconds: 1.5e-7,
        workers: [
          { instance: 'a', party: registry, attempt: 1, spent: { ...spent, coreSeconds: 2.25 } },
          { instance: 'b', party: ben, attempt: 2, spent: { ...spent, deviceSeconds: 0.5, backend: 'webgpu' } },
        ],
      },
      startedOn: '2026-01-02T03:04:05.000Z',
      finishedOn: '2026-01-02T03:05:05.000Z',
      epochs: [
        {
          epoch: 1,
          loss: 0.25,
          trainAccuracy: 0.9,
          validationAccuracy: null,
          testAccuracy: 0.89,
          weightDigest,
          seconds: 1.25,
        },
      ],
      testImages: 10_000,
      result: { weightDigest, namelessDigest, fileDigest, bytes, tensors, parameters },
    },
  });
  for (const [maker, outcome, firstDifference] of [
    [ada, 'bit-exact', null],
    [registry, 'differs', 1],
  ] as const) {
    await ledger.attest(replay, {
      maker,
      body: {
        run: trained.id,
        outcome,
        throughEpoch: 1,
        weightDigest: firstDifference === null ? weightDigest : anyDigest(),
        firstDifference,
        fileDigest: firstDifference === null ? fileDigest : null,
        code: { digest: anyDigest(), version: '0.1.0' },
        environment: { backend: 'wasm' },
      },
    });
  }
  const late = modelBody(ada);
  const registered = await register(process, ada, {
    ...body,
    run: trained.id,
    datasets: [data.id],
    contributors: [{ party: ben, role: 'creator' }],
    parents: [
      { digest: late.weights.fileDigest, relation: 'fine-tuned-from' },
      { digest: parent.weights.weightDigest, relation: 'merged-from' },
    ],
  } as never);
  await behave(process, await register(process, ada, late), data, ada);
  for (const [maker, finding] of [
    [ada, 'confirmed'],
    [registry, 'contradicted'],
    [registry, 'unexplained'],
  ] as const) {
    await ledger.attest(lineageCheck, {
      maker,
      body: {
        registration: registered.id,
        relation: 'merged-from',
        parent: parent.weights.weightDigest,
        method: 'conversion-replay',
        finding,
        compared: { child: fileDigest, parent: parent.weights.fileDigest },
        score: null,
        pValue: null,
        n: null,
        evidence: { coefficients: [0.5, 0.5] },
        tool: { name: 'muniment', version: '0.1.0' },
      },
    });
  }
  for (const status of ['asserted', 'contested'] as const) {
    await ledger.attest(protectionRecord, {
      maker: ada,
      body: { registration: registered.id, jurisdiction: 'DE', legalBasis: 'copyright', status },
    });
  }
  for (const maker of [ada, registry]) {
    const fingerprint = formatFingerprint(anyFingerprint());
    await ledger.attest(fingerprintKind, { maker, body: { registration: registered.id, fingerprint } });
  }
  await ledger.attest(marketRecord, { maker: ada, body: { registration: registered.id, jurisdiction: 'EU' } });
  await ledger.attest(dataRights, { maker: registry, body: { dataset: data.id, sourceCategory: 'public' } });
  await register(process, ada, { ...modelBody(ada), contributors: [{ party: ada, role: 'funder' }] } as never);
  for (const [party, runsAtOnce] of [
    [ada, 2],
    [ben, null],
  ] as const) {
    await ledger.attest(quota, { maker: registry, body: { party, coreSeconds: 3600, deviceSeconds: 60, runsAtOnce } });
  }
  const dan = await makeParty(process, 'Dan');
  const granted = await Promise.all(
    ['a', 'b'].map(() =>
      ledger.attest(grant, {
        maker: ada,
        body: {
          registration: registered.id,
          licensee: dan,
          actions: ['infer' as const],
          constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: null, seats: null },
          termsDigest: anyDigest(),
          notBefore: '2026-01-02T03:04:05.000Z',
          expiresAt: new Date(Date.now() + 5 * 86_400_000).toISOString(),
          sublicensing: false,
          acceptBy: '2999-01-01T00:00:00.000Z',
        },
      }),
    ),
  );
  const sides = { grant: granted[0]!.id, licensor: ada, licensee: dan };
  for (const [maker, act] of [
    [dan, 'accept'],
    [ada, 'suspend'],
  ] as const) {
    await ledger.attest(grantAct, { maker, body: { ...sides, act, reason: '', effectiveAt: null } });
  }
  for (const notice of ['expires-in-30-days', 'expires-in-7-days'] as const) {
    await ledger.attest(grantNotice, { maker: registry, body: { ...sides, notice } });
  }
  for (const token of [newId('token'), newId('token')]) {
    await ledger.attest(revocation, { maker: ada, body: { ...sides, token, reason: 'ended' } });
  }
  for (const [at, kid] of ['A'.repeat(43), 'B'.repeat(43)].entries()) {
    await ledger.attest(tokenKey, {
      maker: registry,
      body: { kid, spki: newKey().spki, notBefore: '2026-01-02T03:04:05.000Z' },
    });
    await issueTokens(process, { grant: granted[1]!.id, licensee: dan, kid });
    await fetchWeights(process, { grant: granted[1]!.id, party: dan }, 10 * at);
  }
  await offerLicenses(process, registered.id, ada);
  const [eve, fay] = [await makeParty(process, 'Eve'), await makeParty(process, 'Fay')];
  for (const { id } of [registered, await register(process, ada)]) {
    await disposeOf(process, id, ada, eve);
    await contest(process, id, fay, ada);
  }
  for (const name of ['Gil', 'Hal']) await succeed(process, name, eve);
  await makeMaps(process, ada);
}

/** The seed of a model's challenges, and its answers. */
async function behave({ ledger }: Process, model: Receipt, data: Receipt, owner: string): Promise<void> {
  const asked = { dataset: data.id, scheme: CHALLENGE_SCHEME, challenges: 1000, secretCommitment: anyDigest() };
  await ledger.attest(behaviourSeed, {
    maker: ledger.registryParty,
    body: { registration: model.id, ...asked, askedBy: owner, value: newNonce() + newNonce() },
  });
  await ledger.attest(behaviour, {
    maker: owner,
    body: { registration: model.id, answersCommitment: anyDigest() },
  });
}

/** Licenses that stand, were replaced, and were withdrawn. */
async function offerLicenses({ ledger }: Process, asset: string, maker: string): Promise<void> {
  const { expression, terms, title } = LICENSE_TEMPLATES.find(({ id }) => id === 'open')!;
  const body = { asset, name: title, expression, textDigest: null, terms };
  const offered: string[] = [];
  for (const replaces of [null, null, null, 0]) {
    const replaced = replaces === null ? null : offered[replaces]!;
    offered.push((await ledger.attest(license, { maker, body: { ...body, replaces: replaced } })).id);
  }
  await ledger.attest(licenseWithdrawal, { maker, body: { license: offered[1]!, reason: 'no more' } });
}

/** Passes on a share of an asset, offered and accepted. */
export async function assign(
  { ledger }: Process,
  asset: string,
  owner: string,
  other: string,
  share: string,
): Promise<void> {
  const body = bodyOf(asset, { type: 'assignment', share, under: null }, [other], anyDigest());
  const { id } = await ledger.attest(instrument, { maker: owner, body });
  await ledger.attest(instrumentAct, { maker: other, body: { instrument: id, act: 'accept', reason: null } });
}

/** Shares that passed on, and interests of every kind: standing, released, and waited for. */
export async function disposeOf(process: Process, asset: string, owner: string, other: string): Promise<void> {
  const { ledger } = process;
  const offer = (maker: string, terms: Terms, to: string) =>
    ledger.attest(instrument, {
      maker,
      body: bodyOf(asset, terms, [to], anyDigest()),
    });
  const act = (maker: string, id: string, doing: InstrumentAct) =>
    ledger.attest(instrumentAct, { maker, body: { instrument: id, act: doing, reason: null } });
  const agree = async (maker: string, terms: Terms, to: string) => {
    const { id } = await offer(maker, terms, to);
    await act(to, id, 'accept');
    return id;
  };
  await assign(process, asset, owner, other, '1/3');
  await assign(process, asset, other, owner, '1/6');
  const lien = await agree(owner, { type: 'pledge', share: '1/8', until: null }, other);
  await act(other, lien, 'release');
  await agree(owner, { type: 'pledge', share: '1/9', until: '2099-12-31' }, other);
  await offer(other, { type: 'priority-hold', share: '1/10', until: '2099-12-31' }, owner);
  const license = { type: 'exclusive-license', actions: ['infer'], territory: ['DE'], fieldOfUse: null, until: null };
  await agree(owner, license as Terms, other);
  const anything = '0';
  const quorums = { assignment: anything, pledge: anything, option: '1/2', 'priority-hold': anything } as const;
  await agree(owner, { type: 'co-ownership', quorums: { ...quorums, 'exclusive-license': '2/3' } }, other);
  await offer(owner, { type: 'option', share: '1/7', until: null }, other);
}

/** A company that merges into another one after a first try, with a model, a lien on it, and a lien that it holds itself. */
async function succeed(process: Process, name: string, lender: string): Promise<void> {
  const { ledger } = process;
  const [old, heir] = [
    await makeParty(process, `${name} & Sons`, undefined, 'organization'),
    await makeParty(process, `${name} Group`, undefined, 'organization'),
  ];
  const [own, other] = [await register(process, old), await register(process, lender)];
  const today = new Date().toISOString().slice(0, 10);
  const pledge = async (maker: string, asset: string, to: string) => {
    const terms: Terms = { type: 'pledge', share: '1/2', until: null };
    const { id } = await ledger.attest(instrument, { maker, body: bodyOf(asset, terms, [to], anyDigest()) });
    await ledger.attest(instrumentAct, { maker: to, body: { instrument: id, act: 'accept', reason: null } });
    return id;
  };
  await pledge(old, own.id, lender);
  const held = await pledge(lender, other.id, old);
  const documentDigest = anyDigest();
  const merge = async (answer: SuccessionAct) => {
    const { id } = await ledger.attest(succession, {
      maker: old,
      body: {
        type: 'merger',
        predecessor: old,
        successors: [{ party: heir, portion: '1/1' }],
        documentDigest,
        effectiveFrom: today,
        jurisdiction: 'DE',
      },
    });
    await ledger.attest(successionAct, { maker: heir, body: { succession: id, act: answer, reason: null } });
    return id;
  };
  await merge('reject');
  const id = await merge('accept');
  for (const [asset, shares, interests] of [
    [own.id, [{ party: heir, share: '1/1' }], []],
    [other.id, [], [held]],
  ] as const) {
    const terms = { type: 'transmission', succession: id, predecessor: old, shares, interests } as unknown as Terms;
    await ledger.attest(instrument, { maker: heir, body: bodyOf(asset, terms, [old], documentDigest) });
  }
}

const bodyOf = (asset: string, terms: Terms, counterparties: string[], documentDigest: Digest) => ({
  asset,
  terms,
  counterparties,
  documentDigest,
  executedOn: null,
  effectiveFrom: new Date().toISOString().slice(0, 10),
  jurisdiction: 'DE',
  lapsesAt: null,
});

/** A sealed title, two fields of which are opened one after the other. */
async function sealTitle({ ledger }: Process, maker: string): Promise<void> {
  const by = { origin: ledger.origin, maker };
  const values = { name: 'digits', weightDigest: anyDigest() };
  const secret = { salts: Array.from({ length: TITLE_LEAVES }, newNonce), values };
  const commitment = titleCommitment(sha256, by, secret);
  const { id } = await ledger.attest(sealed, { maker, body: { subject: 'title', commitment } });
  for (const field of ['name', 'weightDigest'] as const) {
    const fields = [openField(sha256, by, secret, field)];
    await ledger.attest(fieldOpening, { maker, body: { sealed: id, commitment, fields } });
  }
}

/** A document that an authority stamped. */
async function stamp(ledger: Ledger): Promise<void> {
  const { signer, root } = makeAuthority();
  const imprint = sha256(utf8('an agreement'));
  const reply = answer(signer, formatTimestampRequest({ imprint, nonce: Uint8Array.of(1) }), {
    time: new Date('2026-01-02T03:04:05.000Z'),
  });
  await ledger.attest(documentTimestamp, {
    maker: ledger.registryParty,
    body: {
      documentDigest: formatDigest(imprint),
      timestamp: toBase64(reply),
      time: '2026-01-02T03:04:06.000Z',
      authority: 'Test Time',
      root: formatDigest(sha256(root.der)),
      firstAfter: 0,
    },
  });
}

/** Claims on the whole that stand, were acknowledged by an owner, and were withdrawn; and a timestamp that they could name. */
async function contest({ ledger }: Process, asset: string, claimant: string, owner: string): Promise<void> {
  const effectiveFrom = new Date().toISOString().slice(0, 10);
  const file = async () => {
    const { id } = await ledger.attest(adverseClaim, {
      maker: claimant,
      body: {
        asset,
        contested: asset,
        share: '1/1',
        ground: 'employment',
        documentDigest: anyDigest(),
        executedOn: null,
        effectiveFrom,
        jurisdiction: null,
        grace: null,
        note: null,
        evidence: [],
      },
    });
    return id;
  };
  await file();
  await stamp(ledger);
  const act = (maker: string, claim: string, act: ClaimAct) =>
    ledger.attest(adverseClaimAct, { maker, body: { claim, act, reason: null } });
  await act(owner, await file(), 'acknowledge');
  await act(claimant, await file(), 'withdraw');
}

/** Two maps that follow on others, and what two auditors say of the last one. */
async function makeMaps(process: Process, owner: string): Promise<void> {
  const { core, map } = process;
  for (let i = 0; i < 4; i++) {
    await register(process, owner);
    await core.published.publish();
    await map.fold();
  }
  const { size } = await core.published.publish();
  const [newest] = await process.dataSource.query<{ root: Digest; statement: Digest }[]>(
    `SELECT root, statement FROM registry.map_root ORDER BY recorded_index DESC LIMIT 1`,
  );
  const { root, statement } = newest!;
  for (const name of ['Cai', 'Dee']) {
    const auditor = await makeParty(process, name);
    const own = newKey();
    await giveKey(process, auditor, own);
    const body = { size, logRoot: anyDigest(), root, found: name === 'Cai' ? root : anyDigest() };
    await core.writer.submit(spoken(process, mapAudit, { maker: auditor, basis: [statement] }, body, own));
  }
}

/** The cosignatures of two witnesses on a published checkpoint. */
export async function cosign({ dataSource }: Process, { size, note }: { size: number; note: string }): Promise<void> {
  const { text } = parseNote(note);
  for (const [i, name] of ['ada.example', 'ben.example'].entries()) {
    const witness = cosigner(name, 70 + i);
    const signed = parseNote(await signNote(text, [witness.signer(1_767_323_045 + i)])).signatures[0]!;
    const { time, signature } = parseCosignature(signed.signature);
    const { verifierKey } = witness;
    await insertCosignature(dataSource.manager, { size, verifierKey, cosignedAt: time, signature });
  }
}

/** A model of a party with a key, signed twice for other tools. */
export async function signModel(process: Process, owner: string, ownKey: StatementKey): Promise<void> {
  const submit = async (submission: Submission) => {
    await process.core.writer.submit(submission);
    return submission.spoken;
  };
  const body = modelBody(owner, 'signed');
  const registered = await submit(spoken(process, registration, { maker: owner }, body, ownKey));
  const { fileDigest } = body.weights;
  for (let i = 0; i < 2; i++) {
    await submit(
      spoken(
        process,
        modelSignature,
        { maker: owner, basis: [registered.payloadDigest] },
        {
          registration: registered.common.id,
          name: body.name,
          fileDigest,
          rootDigest: rootDigestOf(sha256, [fileDigest]),
        },
        ownKey,
      ),
    );
  }
}

/** Outside time for the checkpoint as published, and for the signature of the first entry. @returns the root's DER */
export async function attestTime({ core, dataSource }: Process): Promise<string[]> {
  const { manager } = dataSource;
  const { signer, roots } = makeAuthority();
  const stamp = (data: Uint8Array) =>
    answer(signer, formatTimestampRequest({ imprint: sha256(data), nonce: randomBytes(8) }));
  const { size, note } = await core.published.publish();
  await insertTimestamp(manager, 'checkpoint', size, stamp(stampedNote(note).bytes));
  const first = await readSignature(manager, 0);
  await insertTimestamp(manager, 'signature', 0, stamp(first!.signature));
  return roots;
}

/** Two tokens in a batch, and one that waits for its batch. */
async function issueTokens(
  { ledger, dataSource }: Process,
  under: { grant: string; licensee: string; kid: string },
): Promise<void> {
  const records = Array.from({ length: 3 }, () => ({
    ...under,
    jti: newId('token'),
    claimsDigest: anyDigest(),
    issuedAt: 1_767_323_045,
    expiresAt: 1_767_326_645,
    salt: newNonce(),
    statusList: 0,
    statusIndex: randomInt(1000),
  }));
  for (const {
    jti,
    grant,
    licensee,
    kid,
    claimsDigest,
    issuedAt,
    expiresAt,
    salt,
    statusList,
    statusIndex,
  } of records) {
    await dataSource.query(
      `INSERT INTO registry.token_issuance (jti, grant_id, licensee, kid, claims_digest, issued_at, expires_at, salt, status_list,
         status_index)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [jti, grant, licensee, kid, claimsDigest, issuedAt, expiresAt, salt, statusList, statusIndex],
    );
  }
  const id = newId('tokenbatch');
  const batched = records.slice(0, 2);
  const root = batchRoot(sha256, issuanceLeaves(sha256, batched));
  await ledger.attest(
    tokenBatch,
    {
      maker: ledger.registryParty,
      id,
      body: { size: 2, root, from: '2026-01-02T03:04:05.000Z', to: '2026-01-02T03:04:06.000Z' },
    },
    {
      alongside: async (manager) => {
        for (const [position, { jti }] of batched.entries()) {
          await manager.query(`UPDATE registry.token_issuance SET batch_id = $1, position = $2 WHERE jti = $3`, [
            id,
            position,
            jti,
          ]);
        }
      },
    },
  );
}

/** Two accesses to weights in a batch, and one that waits for its batch. */
async function fetchWeights(
  { ledger, dataSource }: Process,
  by: Pick<AccessRecord, 'grant' | 'party'>,
  before: number,
): Promise<void> {
  const records: AccessRecord[] = [1, 2, 3].map((number) => ({
    ...by,
    number: before + number,
    registration: newId('registration'),
    apiKey: newId('apikey'),
    token: newId('token'),
    fileDigest: anyDigest(),
    firstByte: 10 * number,
    lastByte: 1000,
    at: `2026-01-02T03:04:0${number}.250Z`,
    salt: newNonce(),
  }));
  for (const {
    number,
    registration,
    party,
    apiKey,
    token,
    grant,
    fileDigest,
    firstByte,
    lastByte,
    at,
    salt,
  } of records) {
    await dataSource.query(
      `INSERT INTO registry.artifact_access (id, registration_id, party_id, api_key_id, jti, grant_id, file_digest,
         first_byte, last_byte, accessed_at, salt)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [number, registration, party, apiKey, token, grant, fileDigest, firstByte, lastByte, at, salt],
    );
  }
  const id = newId('accessbatch');
  const batched = records.slice(0, 2);
  const root = batchRoot(sha256, accessLeaves(sha256, batched));
  await ledger.attest(
    accessBatch,
    { maker: ledger.registryParty, id, body: { size: 2, root, from: batched[0]!.at, to: batched[1]!.at } },
    {
      alongside: async (manager) => {
        for (const [position, { number }] of batched.entries()) {
          await manager.query(`UPDATE registry.artifact_access SET batch_id = $1, position = $2 WHERE id = $3`, [
            id,
            position,
            number,
          ]);
        }
      },
    },
  );
}
