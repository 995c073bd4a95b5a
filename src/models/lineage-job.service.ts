/**
 * Edges of lineages that the registry checks by itself: as soon as the file of the child and those of all parents that the
 * relation names are kept here, and each edge once. What a check finds is the registry's own word (`lineage-check.ts`).
 */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Relation } from '../core/licensing/relations.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { newId } from '../platform/crypto.ts';
import { DataSource } from '../platform/database/index.ts';
import type { EntityManager } from '../platform/database/index.ts';
import { Jobs } from '../platform/jobs/index.ts';
import { ArtifactStore } from '../platform/storage/index.ts';
import { VERSION } from '../platform/version.ts';
import type { LineageJobView } from './lineage-job.schema.ts';
import type { EdgeRow, KeptFile } from './lineage-job.store.ts';
import {
  edgesAt,
  findLineageJob,
  insertLineageJob,
  lineageJobsAt,
  lockLineageJobs,
  openJobsOf,
  outOfRuns,
} from './lineage-job.store.ts';
import { findModel, holdsTitle } from './model.store.ts';

/** What one check compares: a child with a parent, or with all parents of a merge. */
interface Edge {
  readonly registration: string;
  readonly relation: Relation;
  readonly parents: readonly Digest[];
  /** The first of the files that is not kept here */
  readonly missing: Digest | 'child' | undefined;
}

@Injectable()
export class LineageJobService {
  constructor(
    private readonly ledger: Ledger,
    private readonly jobs: Jobs,
    private readonly artifacts: ArtifactStore,
    private readonly database: DataSource,
  ) {}

  /** The file of a model came here: checks what it was the last file of. In the transaction that says so. */
  async fileStored(inside: EntityManager, registration: string): Promise<void> {
    await lockLineageJobs(inside);
    for (const edge of await this.#edgesAt(inside, registration)) {
      if (edge.missing === undefined) await this.#enqueue(inside, edge);
    }
  }

  /** Models were registered: those that came out of a run are kept here already. */
  async registered(registrations: readonly string[]): Promise<void> {
    if (registrations.length === 0) return;
    for (const id of await outOfRuns(this.database.manager, registrations)) {
      await this.database.transaction((inside) => this.fileStored(inside, id));
    }
  }

  /**
   * Every edge of the model whose files are kept here.
   * @throws RegistryError `not_found`, `forbidden`; `invalid_input` where there is no edge to check; `artifact_unavailable`
   *   where no edge has all its files here
   */
  async start(principal: Principal, registration: string): Promise<LineageJobView[]> {
    const model = await this.#requireOwn(principal, registration);
    if (model.maker === this.ledger.registryParty) {
      throw new RegistryError('invalid_input', 'The registry does not check what it registered itself.', {
        field: 'registration',
      });
    }
    const { manager } = this.database;
    const lost = await this.#lostJobs(registration);
    await this.database.transaction(async (inside) => {
      await lockLineageJobs(inside);
      const edges = (await this.#edgesAt(inside, registration)).filter((edge) => edge.registration === registration);
      const ready = edges.filter(({ missing }) => missing === undefined);
      if (ready.length === 0) throw nothingToCheck(registration, edges[0]);
      for (const edge of ready) await this.#enqueue(inside, edge, lost);
    });
    return lineageJobsAt(manager, registration);
  }

  /** @throws RegistryError `not_found`, `forbidden` */
  async list(reader: Principal, registration: string): Promise<LineageJobView[]> {
    await this.#requireOwn(reader, registration);
    return lineageJobsAt(this.database.manager, registration);
  }

  /** @throws RegistryError `not_found`, also for the check of somebody else's model */
  async get(reader: Principal, id: string): Promise<LineageJobView> {
    const found = await findLineageJob(this.database.manager, id);
    if (found !== undefined && (await this.#mayAsk(reader, found.registration))) return found;
    throw new RegistryError('not_found', `There is no lineage check ${id}.`, { field: 'id' });
  }

  async #edgesAt(manager: EntityManager, registration: string): Promise<Edge[]> {
    const rows = await edgesAt(manager, registration, this.ledger.registryParty);
    const edges = new Map<string, EdgeRow[]>();
    for (const row of rows) {
      const key = [row.registration, row.relation, row.relation === 'merged-from' ? '' : row.parent].join(' ');
      edges.set(key, [...(edges.get(key) ?? []), row]);
    }
    const found: Edge[] = [];
    for (const group of edges.values()) {
      const { registration: child, relation } = group[0]!;
      const parents = [...new Set(group.map(({ parent }) => parent))];
      if (relation === 'merged-from' && parents.length < 2) continue;
      found.push({ registration: child, relation, parents, missing: await this.#missingOf(group) });
    }
    return found;
  }

  async #missingOf(rows: readonly EdgeRow[]): Promise<Digest | 'child' | undefined> {
    if (!(await this.#isOneHere(rows[0]!.child))) return 'child';
    for (const { parent, kept } of rows) if (!(await this.#isOneHere(kept))) return parent;
    return undefined;
  }

  async #isOneHere(files: readonly KeptFile[]): Promise<boolean> {
    for (const { file } of files) if (await this.artifacts.has(file)) return true;
    return false;
  }

  async #enqueue(inside: EntityManager, edge: Edge, lost: readonly string[] = []): Promise<void> {
    const { registration, relation, parents } = edge;
    const jobId = randomUUID();
    const checks = parents.map(() => newId('lineagecheck'));
    const job = { id: newId('lineagejob'), registration, relation, parent: parents[0]!, checks, jobId };
    const check = await insertLineageJob(inside, { ...job, version: VERSION }, lost);
    if (check !== undefined) {
      await this.jobs.send('lineage-check', { check }, { transaction: inside, id: jobId });
    }
  }

  /** Jobs that were put back too often are no more: whoever asks again gets another one. */
  async #lostJobs(registration: string): Promise<string[]> {
    const lost: string[] = [];
    for (const id of await openJobsOf(this.database.manager, registration)) {
      const state = await this.jobs.state('lineage-check', id);
      if (state !== 'created' && state !== 'retry' && state !== 'active') lost.push(id);
    }
    return lost;
  }

  async #requireOwn(principal: Principal, registration: string) {
    const model = await findModel(this.database.manager, registration);
    if (model === undefined) {
      throw new RegistryError('not_found', `There is no model ${registration}.`, { field: 'registration' });
    }
    if (await this.#mayAsk(principal, registration)) return model;
    throw new RegistryError('forbidden', 'Only an owner of the model and the registrar ask for its checks.', {
      field: 'registration',
      fix: 'Check it on your machine: "muniment lineage check CHILD PARENT".',
    });
  }

  async #mayAsk({ partyId, roles }: Principal, registration: string): Promise<boolean> {
    return roles.includes('registrar') || (await holdsTitle(this.database.manager, registration, partyId));
  }
}

const nothingToCheck = (registration: string, edge: Edge | undefined): RegistryError => {
  if (edge === undefined) {
    return new RegistryError('invalid_input', `The registry cannot make again what ${registration} came from.`, {
      field: 'registration',
      fix: 'It checks conversions, quantizations, prunings and merges of several models that a registration declares.',
    });
  }
  const which = edge.missing === 'child' ? `of ${registration}` : `${edge.missing}, which it is ${edge.relation},`;
  return new RegistryError('artifact_unavailable', `The file ${which} is not kept here.`, {
    field: edge.missing === 'child' ? 'registration' : 'parents',
    fix: 'Its owner stores it with "muniment register FILE --upload"; or check it where the files are: "muniment lineage check CHILD PARENT".',
  });
};
