/**
 * Going on with a verification that was stopped: what the state says is taken over if the log is the one that it speaks
 * of and still extends the head that it had then. What was checked before is not checked again, so a row that was changed
 * in the meantime is not found; whoever wants to be sure of that starts afresh.
 */
import { equalBytes, fromBase64, fromHex, toBase64, toHex, utf8 } from '../../core/bytes.ts';
import type { Sha256 } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import { tilesForRoot, treeRootFrom } from '../../core/merkle/proof.ts';
import { tileKey } from '../../core/merkle/tile.ts';
import type { HeadRow } from './log.store.ts';
import { GrowingTree } from './growing-tree.ts';
import type { Heads } from './heads.ts';
import type { JournalHeader } from './journal.ts';
import { Journal } from './journal.ts';
import type { MapCheck } from './map-check.ts';
import type { Named } from './named.ts';
import type { OverlaidRow } from './page-fold.ts';
import type { Findings } from './report.ts';
import * as log from './log.store.ts';
import type { Overlay } from './registry.store.ts';
import type { Snapshot } from './snapshot.ts';

export interface ResumeOptions {
  readonly file: string;
  readonly sha256: Sha256;
  readonly full: boolean;
  readonly since: string | undefined;
}

/** Keeps the state of a run as it goes on. */
export class Progress {
  private constructor(
    private readonly journal: Journal,
    private readonly findings: Findings,
    /** Where to go on; the tree is null when it was lost to a gap */
    readonly start: { readonly at: number; readonly tree: GrowingTree | null } | undefined,
  ) {}

  /**
   * @param gathered what was found before the first page; merged into `findings` but for what the state knows already
   * @throws RegistryError `state_conflict`, `checkpoint_rolled_back`, `invalid_input`
   */
  static async open(
    { file, sha256, full, since }: ResumeOptions,
    snapshot: Snapshot,
    { origin, size, root }: HeadRow,
    heads: Heads,
    /** What the pages before made, put back from the state */
    remembered: { readonly map: MapCheck; readonly overlay: Overlay },
    gathered: Findings,
    findings: Findings,
  ): Promise<Progress> {
    const asked: JournalHeader = {
      origin,
      size,
      root: toHex(root),
      full,
      since: since === undefined ? null : toHex(sha256(utf8(since))),
      gathered: gathered.list,
      claims: heads.claims(),
    };
    let before: JournalHeader | undefined;
    const resumed = await Journal.resume(
      file,
      sha256,
      async (header) => {
        requireSame(file, header, asked);
        await requireExtended(sha256, snapshot, header, size);
        before = header;
      },
      async ({ overlay, namings, mapRoots }) => {
        await remembered.overlay.put(overlay);
        await remembered.map.add({ namings: fromBase64(namings), mapRoots });
      },
    );
    if (resumed?.last === undefined || before === undefined) {
      await resumed?.journal.close();
      findings.merge(gathered.soFar());
      return new Progress(await Journal.create(file, sha256, asked), findings, undefined);
    }
    const { journal, last } = resumed;
    try {
      const start = { at: last.at, tree: last.tree === null ? null : GrowingTree.restore(sha256, last.tree) };
      if (start.tree !== null) await requireRoot(sha256, snapshot, last.at, start.tree.root());
      findings.merge(last.found);
      findings.checked.anchors = gathered.checked.anchors;
      const known = new Set(before.gathered.map((finding) => JSON.stringify(finding)));
      for (const finding of gathered.list.filter((one) => !known.has(JSON.stringify(one)))) findings.take(finding);
      for (const past of heads.passOver(last.at, new Set(before.claims))) {
        heads.judge(past, await storedRoot(sha256, snapshot, past));
      }
      return new Progress(journal, findings, start);
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** @param at statements that are done with; not the whole log, which ends the run */
  passed(
    at: number,
    tree: GrowingTree | null,
    overlay: readonly OverlaidRow[],
    { namings, mapRoots }: Named,
  ): Promise<void> {
    return this.journal.add({
      at,
      tree: tree === null ? null : tree.state(),
      found: this.findings.soFar(),
      overlay,
      namings: toBase64(namings),
      mapRoots,
    });
  }

  remove(): Promise<void> {
    return this.journal.remove();
  }

  close(): Promise<void> {
    return this.journal.close();
  }
}

const AFRESH = 'Remove the file, or name another one, to begin afresh.';

function requireSame(file: string, state: JournalHeader, { origin, full, since }: JournalHeader): void {
  if (state.origin !== origin) {
    throw new RegistryError('state_conflict', `${file} is the state of the log ${state.origin}, not of ${origin}.`, {
      field: '--resume',
      fix: AFRESH,
    });
  }
  if (state.full === full && state.since === since) return;
  throw new RegistryError('state_conflict', `${file} was begun with another --full or --since.`, {
    field: '--resume',
    fix: `Give the same options. ${AFRESH}`,
  });
}

async function requireExtended(sha256: Sha256, snapshot: Snapshot, state: JournalHeader, size: number): Promise<void> {
  if (size < state.size) {
    const sentence = `The log holds ${size} entries, but ${state.size} when the verification began: its end is missing.`;
    throw new RegistryError('checkpoint_rolled_back', sentence, { field: '--resume', fix: AFRESH });
  }
  await requireRoot(sha256, snapshot, state.size, fromHex(state.root));
}

async function requireRoot(sha256: Sha256, snapshot: Snapshot, size: number, root: Uint8Array): Promise<void> {
  if (size === 0 || equalBytes(await storedRoot(sha256, snapshot, size), root)) return;
  const sentence = `The log does not extend the one of ${size} entries that the verification began with.`;
  throw new RegistryError('checkpoint_rolled_back', sentence, { field: '--resume', fix: AFRESH });
}

/** @throws RegistryError `ledger_inconsistent` when a tile is missing */
async function storedRoot(sha256: Sha256, snapshot: Snapshot, size: number): Promise<Uint8Array> {
  const tiles = new Map<string, Uint8Array>();
  for (const id of tilesForRoot(size)) {
    const hashes = await log.tile(snapshot, id.level, id.index);
    if (hashes !== undefined) tiles.set(tileKey(id), hashes);
  }
  return treeRootFrom(sha256, size, tiles);
}
