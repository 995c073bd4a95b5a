/**
 * What the ledger's parts share for the life of a process: the keys, the writer, the anchor, the published tree. Opening
 * it starts the log where there is none, holds the database against the anchor, and refuses to sign when the anchor is
 * ahead or tells another story.
 */
import type { DataSource, EntityManager } from 'typeorm';
import { equalBytes } from '../core/bytes.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { tilesForRoot, treeRootFrom } from '../core/merkle/proof.ts';
import { emptyRoot } from '../core/merkle/tree.ts';
import { parseVerifierKey } from '../core/note/verifier-key.ts';
import { log } from '../core/registry/log.ts';
import { commit } from '../core/registry/commitment.ts';
import { readSpoken } from '../core/registry/spoken.ts';
import { pae } from '../core/statement/dsse.ts';
import { formatStatement } from '../core/statement/statement.ts';
import type { Previous, WitnessPolicy } from '../core/trust/index.ts';
import { readWitnesses } from '../core/trust/index.ts';
import type { Config } from '../platform/config/index.ts';
import type { StatementKey } from '../platform/crypto.ts';
import { makeEd25519, makeP256, newId, newNonce, sha256, statementKey } from '../platform/crypto.ts';
import type { MasterKey } from '../platform/keys/index.ts';
import type { Head } from './anchor.ts';
import { Anchor } from './anchor.ts';
import { CheckpointSigner } from './checkpoint-signer.ts';
import { createHead, readHead, readStatements, readTileRows } from './log.store.ts';
import { PublishedTree } from './published-tree.ts';
import { KeysInUse } from './keys-in-use.ts';
import { signingKey } from './signing-keys.ts';
import { WitnessedCheckpoints } from './witnessing/witnessed-checkpoints.ts';
import { LogWriter } from './writer.ts';

/** Held while a log is started, so that of several processes one does it. */
const START_LOCK = 0x6d756e69;

const REGISTRY_NAME = 'Registry';

export class LedgerCore {
  private constructor(
    readonly signer: CheckpointSigner,
    readonly registryKey: StatementKey,
    readonly registryParty: string,
    readonly writer: LogWriter,
    readonly published: PublishedTree,
    readonly witnessed: WitnessedCheckpoints,
    readonly keys: KeysInUse,
    private readonly anchor: Anchor,
  ) {}

  /**
   * @param previous the log that this one follows; counts when it begins now
   * @throws RegistryError `ledger_refuses_to_sign` when the database is not what the anchor says,
   * `configuration_invalid` for a witness that is the log itself
   */
  static async open(
    database: DataSource,
    config: Pick<Config, 'anchorDir' | 'logName'>,
    masterKey: MasterKey,
    { policy, previous = null }: { policy?: WitnessPolicy | undefined; previous?: Previous | null } = {},
  ) {
    const { manager } = database;
    const logKey = await signingKey(manager, masterKey, 'log', makeEd25519);
    const signer = new CheckpointSigner(await originName(manager, config.logName), logKey);
    if (policy !== undefined) readWitnesses(sha256, policy, parseVerifierKey(sha256, signer.verifierKey));
    const registryKey = statementKey(await signingKey(manager, masterKey, 'registry', () => makeP256().pkcs8));
    const anchor = new Anchor(config.anchorDir, signer.origin.split('/').at(-1)!);
    const writer = new LogWriter(database, signer, anchor);

    await holding(database, START_LOCK, async () => {
      // Before the head: an anchor follows its commit, so one that another process writes meanwhile would seem to be ahead.
      const anchored = await anchor.read();
      const head = (await readHead(manager)) ?? { size: 0, root: emptyRoot(sha256), origin: signer.origin };
      if (head.origin !== signer.origin) {
        throw new RegistryError('ledger_refuses_to_sign', `The log ${head.origin} was started with another key.`, {
          fix: 'Start with the keys that belong to the database.',
        });
      }
      await holdAgainstAnchor(manager, head, anchored);
      if (head.size === 0) await startLog(database, writer, signer, registryKey, { ...head, previous });
      else await anchor.put(head);
      await anchor.prune();
    });

    const keys = new KeysInUse(manager, masterKey, signer);
    await keys.load();

    const [first] = await readStatements(manager, 0, 1);
    if (first === undefined)
      throw new RegistryError('ledger_inconsistent', 'The first statement of the log is missing.');
    const { maker } = readSpoken(sha256, first.payload, Buffer.from(first.spki).toString('base64')).common;
    return new LedgerCore(
      signer,
      registryKey,
      maker,
      writer,
      new PublishedTree(database, anchor),
      new WitnessedCheckpoints(database, policy),
      keys,
      anchor,
    );
  }

  /** Takes no more writes, and returns when those that were taken are answered. */
  async close(): Promise<void> {
    await this.writer.stop();
    await this.anchor.close();
  }
}

/** The name that the log was started with outlives a change of the setting. */
async function originName(manager: EntityManager, configured: string): Promise<string> {
  const head = await readHead(manager);
  return head === undefined ? configured : head.origin.slice(0, head.origin.lastIndexOf('/'));
}

async function holdAgainstAnchor(
  manager: EntityManager,
  head: Head & { origin: string },
  anchored: Head | undefined,
): Promise<void> {
  if (anchored === undefined) return;
  const { origin } = head;
  const fix =
    'Restore the newest database. If its end is lost, keep what there is and begin a new log in an empty data folder: ' +
    `"muniment new-log ${origin} ${anchored.size} ${formatDigest(anchored.root)}" (docs/operations.md).`;
  if (anchored.size > head.size) {
    throw new RegistryError(
      'ledger_refuses_to_sign',
      `The database holds ${head.size} entries, but ${anchored.size} are anchored: its end is missing.`,
      { fix },
    );
  }
  if (anchored.size === 0) return;
  const tiles = await readTileRows(manager, tilesForRoot(anchored.size));
  if (equalBytes(treeRootFrom(sha256, anchored.size, tiles), anchored.root)) return;
  throw new RegistryError('ledger_refuses_to_sign', 'The database holds another log than the anchored one.', { fix });
}

async function startLog(
  database: DataSource,
  writer: LogWriter,
  signer: CheckpointSigner,
  registryKey: StatementKey,
  { previous, ...head }: Head & { previous: Previous | null },
): Promise<void> {
  if ((await readHead(database.manager)) === undefined) await createHead(database.manager, signer.origin, head);
  const disclosure = { value: REGISTRY_NAME, salt: newNonce() };
  const nameCommitment = commit(sha256, disclosure.salt, disclosure.value);
  const payload = formatStatement(
    sha256,
    log,
    {
      origin: signer.origin,
      maker: newId('party'),
      id: newId('log'),
      nonce: newNonce(),
      statedAt: new Date().toISOString(),
      basis: [],
    },
    { verifierKey: signer.verifierKey, spki: registryKey.spki, nameCommitment, previous },
  );
  await writer.submit({
    spoken: readSpoken(sha256, payload, registryKey.spki),
    signed: { payload, signature: registryKey.sign(pae(payload)), keyId: registryKey.keyId },
    disclosures: [{ ...disclosure, commitment: nameCommitment }],
  });
}

/** Runs `action` while no other process runs one under the same number. */
export async function holding<T>(database: DataSource, lock: number, action: () => Promise<T>): Promise<T> {
  const runner = database.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [lock]);
    return await action();
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [lock]);
    await runner.release();
  }
}
