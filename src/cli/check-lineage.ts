/**
 * Whether a model came from its parents, found out on this machine from their files. What is put on record names the files
 * by digests that were taken while they were read.
 */
import { checkEdge } from '../core/conversion/index.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Evidence } from '../core/fingerprint/evidence.ts';
import { checkFineTuning } from '../core/fingerprint/fine-tuning.ts';
import type { Finding } from '../core/fingerprint/findings.ts';
import type { Relation } from '../core/licensing/relations.ts';
import { lineageCheck } from '../core/registry/index.ts';
import type { LineageCheckBody } from '../core/registry/lineage-check.ts';
import { CONFIRMING_ALPHA } from '../core/registry/lineage-check.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { StoredTensor } from '../core/weights/container.ts';
import type { FileReport } from '../platform/storage/hash-file.ts';
import { VERSION } from '../platform/version.ts';
import type { Context } from './context.ts';
import { matchesIfAny } from './find-model.ts';
import { modelFile } from './hash-model.ts';
import { write } from './sign.ts';
import type { ModelView } from './views.ts';

export interface CheckFacts {
  as?: Relation;
  record?: boolean;
  /** Whether a fine-tuned model is judged by its fingerprint, for which the registry is asked */
  fingerprint?: boolean;
}

interface Found {
  finding: LineageCheckBody['finding'];
  because: string;
  method: LineageCheckBody['method'];
  /** Of fingerprints, where these were compared */
  significance?: { score: number; pValue: number; n: number };
  evidence: {
    conversions?: readonly string[];
    tensors?: number;
    explained?: number;
    telling?: number;
    shows?: Relation | null;
    correlation?: { largest: number; elements: number } | null;
    coefficients?: readonly number[];
    residual?: number | null;
    elements?: number;
    seen?: Evidence['seen'];
    layers?: Evidence['layers'];
    /** Whether both models began with the same weights, by their runs on record */
    initialization?: Finding<unknown>['initialization'];
  };
}

export interface CheckReport extends Found {
  relation: Relation;
  child: Digest;
  parents: Digest[];
  recorded: Receipt[];
}

/** @throws RegistryError `usage` where nobody says which relation; `not_found` for one that is not on record; as files are read */
export async function checkLineage(
  context: Context,
  childPath: string,
  parentPaths: readonly string[],
  { as, record = false, fingerprint = false }: CheckFacts,
): Promise<CheckReport> {
  // Before the work: whoever asks in vain, or is nobody to the registry, learns it now.
  if (fingerprint && as !== undefined) requireFineTuning(as);
  if (record) await context.session();
  const paths = await Promise.all([childPath, ...parentPaths].map(modelFile));
  return withAll(paths, async ([child, ...parents]) => {
    const declared = as === undefined || record ? await declaredEdges(context, child!, parents) : [];
    const relation = as ?? declared[0]?.relation;
    if (relation === undefined) {
      throw new RegistryError('usage', 'No registration of the model names these parents.', {
        field: 'as',
        fix: 'Say which relation to check: --as quantized-from.',
      });
    }
    if (fingerprint) requireFineTuning(relation);
    const edges = declared.filter((edge) => edge.relation === relation);
    if (record && edges.length === 0) {
      throw new RegistryError(
        'not_found',
        `No registration of the model declares that it is ${relation} these parents.`,
        {
          field: 'as',
          fix: 'Leave out --record, or register the model with its parents first.',
        },
      );
    }
    const converted = await compare(
      child!.tensors,
      parents.map(({ tensors }) => tensors),
      relation,
    );
    // A conversion that explains all of the model is no fine-tuning, however near the fingerprints are.
    const isOpen = fingerprint && converted.evidence.shows === null;
    const found = isOpen ? await compareFingerprints(context, paths as [string, string], converted) : converted;
    const recorded: Receipt[] = [];
    if (record) for (const edge of edges) recorded.push(await recordCheck(context, edge, found, child!));
    return {
      ...found,
      relation,
      child: child!.fileDigest,
      parents: parents.map(({ fileDigest }) => fileDigest),
      recorded,
    };
  });
}

/** Hashes each file, and holds all of them open. */
async function withAll<T>(
  [path, ...others]: readonly string[],
  work: (reports: FileReport[]) => Promise<T>,
  read: readonly FileReport[] = [],
): Promise<T> {
  if (path === undefined) return work([...read]);
  const { hashAndRead } = await import('../platform/storage/hash-file.ts');
  return hashAndRead(path, {}, (report) => {
    if (report.weightDigest !== null) return withAll(others, work, [...read, report]);
    throw new RegistryError('unsupported_container', `The weights in "${path}" cannot be read.`, { field: 'path' });
  });
}

async function compare(
  child: readonly StoredTensor[],
  parents: readonly (readonly StoredTensor[])[],
  relation: Relation,
): Promise<Found> {
  if (parents.length > 1 && relation !== 'merged-from') {
    throw new RegistryError('usage', `What is ${relation} has one parent at a time; a merge has several.`, {
      field: 'parent',
    });
  }
  return checkEdge(child, parents, relation);
}

/** @throws RegistryError `usage` for what fingerprints do not tell */
function requireFineTuning(relation: Relation): void {
  if (relation === 'fine-tuned-from') return;
  throw new RegistryError('usage', `Fingerprints do not tell whether a model is ${relation} another.`, {
    field: 'fingerprint',
    fix: 'Leave out --fingerprint: conversions, quantizations, prunings and merges are made again from the files. Where no weights are shared, compare what both models answer: "muniment behaviour".',
  });
}

/** @throws RegistryError `stack_unknown` where the layers of one of them cannot be put in order; as `strangersTo` */
async function compareFingerprints(
  context: Context,
  [childPath, parentPath]: readonly [string, string],
  converted: Found,
): Promise<Found> {
  const { queryOfFile, strangersTo } = await import('./similar-models.ts');
  const client = await context.client();
  const child = await queryOfFile(context, client, childPath);
  const parent = await queryOfFile(context, client, parentPath);
  const { registration } = parent;
  if (registration === undefined) {
    return { ...converted, because: 'The parent is not on record, so no models are known that are older.' };
  }
  const strangers = (await strangersTo(context, child, [registration])).get(registration)!;
  const found = checkFineTuning(child, parent, strangers, CONFIRMING_ALPHA);
  const { finding, because, score, pValue, n, seen, layers, initialization } = found;
  if (n === 0) return { ...converted, because };
  return {
    finding,
    because,
    method: 'fingerprint',
    significance: { score, pValue, n },
    evidence: { seen, layers, initialization },
  };
}

interface Edge {
  registration: ModelView;
  relation: Relation;
  parent: Digest;
}

/** Edges of all registrations of the child to these parents. */
async function declaredEdges(context: Context, child: FileReport, parents: readonly FileReport[]): Promise<Edge[]> {
  const matches = await registrationsOf(context, child);
  const named = new Set(
    parents.flatMap(({ fileDigest, weightDigest, namelessDigest }) => [fileDigest, weightDigest, namelessDigest]),
  );
  return matches.flatMap(({ model }) =>
    model.parents.flatMap(({ digest: parent, relation }) =>
      named.has(parent) ? [{ registration: model, relation, parent }] : [],
    ),
  );
}

/** Whatever their tensors are called there. */
const registrationsOf = (context: Context, { namelessDigest, fileDigest }: FileReport) =>
  matchesIfAny(context, namelessDigest ?? fileDigest);

async function recordCheck(
  context: Context,
  { registration, relation, parent }: Edge,
  { method, finding, because, significance, evidence }: Found,
  child: FileReport,
): Promise<Receipt> {
  const { weights } = registration;
  const own = [child.weightDigest, child.namelessDigest, child.fileDigest];
  const body: LineageCheckBody = {
    registration: registration.id,
    relation,
    parent,
    method,
    finding,
    compared: {
      child: [weights.weightDigest, weights.namelessDigest, weights.fileDigest].find((each) => own.includes(each))!,
      parent,
    },
    score: significance?.score ?? null,
    pValue: significance?.pValue ?? null,
    n: significance?.n ?? null,
    evidence: JSON.parse(JSON.stringify({ because, ...evidence })) as LineageCheckBody['evidence'],
    tool: { name: 'muniment', version: VERSION },
  };
  return write(context, await context.session(), {
    kind: lineageCheck,
    path: '/v1/lineage-checks',
    body,
    basis: [registration.statement],
  });
}
