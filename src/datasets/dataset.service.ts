/** Dataset versions: their records, and the files that workers train on. */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { commit } from '../core/registry/commitment.ts';
import { dataset } from '../core/registry/dataset.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { newNonce, sha256 } from '../platform/crypto.ts';
import { ArtifactStore, atMost } from '../platform/storage/index.ts';
import type { DatasetSource, DatasetView, WriteDataset } from './dataset.schema.ts';
import { findDataset, insertStoredFile, listDatasets, listSources, listStoredFiles } from './dataset.store.ts';

@Injectable()
export class DatasetService {
  constructor(
    private readonly ledger: Ledger,
    private readonly artifacts: ArtifactStore,
    private readonly database: DataSource,
  ) {}

  /** The name of a holder who is not on record stays out of the statement. */
  register(principal: Principal, write: WriteDataset, idempotency: Idempotency): Promise<Receipt> {
    if ('payload' in write) return this.ledger.accept(dataset, principal, write, { idempotency });
    const { id, holder, ...rest } = write;
    const { name, party } = holder;
    const disclosures = name === null ? [] : [{ value: name, salt: newNonce() }];
    const [nameCommitment = null] = disclosures.map(({ salt, value }) => commit(sha256, salt, value));
    const body = { ...rest, holder: { party, nameCommitment } };
    return this.ledger.attest(dataset, { maker: principal.partyId, id, body, disclosures }, { idempotency });
  }

  /** @throws RegistryError `not_found` */
  async get(id: string): Promise<DatasetView> {
    const found = await findDataset(this.database.manager, id);
    if (found === undefined) throw new RegistryError('not_found', `There is no dataset ${id}.`, { field: 'id' });
    return found;
  }

  list(manifestDigest?: string): Promise<DatasetView[]> {
    return listDatasets(this.database.manager, manifestDigest);
  }

  sources(ids: readonly string[]): Promise<DatasetSource[]> {
    return listSources(this.database.manager, ids);
  }

  /**
   * Stores one file of a dataset, so that workers can train on it.
   * @throws RegistryError `not_found`, `forbidden`, `digest_mismatch`, `payload_too_large`
   */
  async storeFile(principal: Principal, id: string, digest: Digest, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { maker, files } = await this.get(id);
    if (maker !== principal.partyId) {
      throw new RegistryError('forbidden', 'Only the party that registered a dataset stores its files.', {
        field: 'id',
      });
    }
    const file = files.find((candidate) => candidate.digest === digest);
    if (file === undefined) {
      throw new RegistryError('not_found', `The dataset ${id} has no file ${digest}.`, { field: 'digest' });
    }
    await this.artifacts.put(digest, atMost(file.bytes, content));
    await insertStoredFile(this.database.manager, id, digest);
  }

  /**
   * Whether the registry keeps a file because this dataset's maker handed it in. That somebody else's copy is here does
   * not count: a digest is public, and naming it in a dataset must not lead to the bytes.
   */
  async keepsFile(id: string, digest: Digest): Promise<boolean> {
    const handedIn = await listStoredFiles(this.database.manager, id);
    return handedIn.includes(digest) && (await this.artifacts.has(digest));
  }
}
