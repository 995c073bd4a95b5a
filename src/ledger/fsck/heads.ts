/**
 * Every head that the log ever showed: the one it stands at, each published checkpoint, the anchors outside the database,
 * and a checkpoint that somebody kept. Each names a size and a root, and the statements must lead to that root at that
 * size. A head beyond the end of the log says that the end was cut off.
 */
import { equalBytes, toHex } from '../../core/bytes.ts';
import type { AnchoredHead } from './anchors.ts';
import type { CheckpointRow, HeadRow, SignedRow } from './log.store.ts';
import type { LogIdentity } from './identity.ts';
import { open } from './identity.ts';
import type { FindingCode, Findings } from './report.ts';
import * as log from './log.store.ts';
import type { Snapshot } from './snapshot.ts';

const LIMIT = 1000;
const HEAD = 'ledger.log_head';
const CHECKPOINT = 'ledger.checkpoint';

interface Claim {
  readonly size: number;
  readonly root: Uint8Array;
  readonly code: FindingCode;
  readonly table: string | null;
  readonly key: string | null;
  /** Begins the sentence, e.g. `The anchor …` */
  readonly what: string;
}

export class Heads {
  #claims: Claim[] = [];
  /** Size of the checkpoint before the next one, once it is known */
  #before: number | undefined;

  constructor(
    private readonly snapshot: Snapshot,
    private readonly findings: Findings,
    private readonly head: HeadRow,
    private readonly identity: LogIdentity | string,
  ) {}

  /** What the head's own row, the anchors and the kept checkpoint claim. */
  async gather(anchors: readonly AnchoredHead[], since: string | undefined, findings: Findings): Promise<void> {
    const { head } = this;
    const what = 'The head of the log';
    this.#claims.push({ ...head, code: 'head_wrong', table: HEAD, key: '1', what });
    const mayBeEmpty = head.size === 0 && head.note === '';
    await this.#checkNote(head, mayBeEmpty, 'head_wrong', HEAD, '1', what, findings);
    this.#gatherAnchors(anchors, findings);
    if (since !== undefined) await this.#gatherKept(since, findings);
    if (typeof this.identity === 'string') findings.add('log_unnamed', 'ledger.statement', '0', this.identity);
    else if (this.identity.origin !== head.origin) {
      const message = `${what} is of "${head.origin}", the statements are of "${this.identity.origin}".`;
      findings.add('head_wrong', HEAD, '1', message);
    }
  }

  /** The published checkpoints `from` < size ≤ `to`. @returns the sizes whose roots `judge` will ask for */
  async read(from: number, to: number): Promise<Set<number>> {
    this.#before ??= from === 0 ? 0 : await log.checkpointUpTo(this.snapshot, from);
    for (const row of await log.checkpoints(this.snapshot, from, to)) {
      await this.#gatherCheckpoint(row);
      this.#judgeLink(row, this.#before);
      this.#before = row.size;
    }
    return new Set(this.#claims.filter(({ size }) => size > from && size <= to).map(({ size }) => size));
  }

  /** What is to be judged on the way, as `<size> <root>`. */
  claims(): string[] {
    return this.#claims.map(({ size, root }) => `${size} ${toHex(root)}`);
  }

  /**
   * Leaves out what was judged by a run that came as far as `size`.
   * @returns the sizes up to there that it did not know of, whose roots are still to be judged
   */
  passOver(size: number, judged: ReadonlySet<string>): number[] {
    this.#claims = this.#claims.filter(
      (claim) => claim.size > size || !judged.has(`${claim.size} ${toHex(claim.root)}`),
    );
    return [...new Set(this.#claims.filter((claim) => claim.size <= size).map((claim) => claim.size))];
  }

  /** The root that the statements lead to at a size. */
  judge(size: number, root: Uint8Array): void {
    for (const claim of this.#claims) {
      if (claim.size !== size || equalBytes(claim.root, root)) continue;
      const { code, table, key, what } = claim;
      const message = `${what} names the root ${toHex(claim.root)} at size ${size}; the statements lead to ${toHex(root)}.`;
      this.findings.add(code, table, key, message);
    }
    this.#claims = this.#claims.filter((claim) => claim.size !== size);
  }

  async finish(): Promise<void> {
    for (const { size } of await log.checkpointsBeyond(this.snapshot, this.head.size, LIMIT)) {
      const message = `A checkpoint of ${size} entries was published; the log has ${this.head.size}.`;
      this.findings.add('checkpoint_extra', CHECKPOINT, String(size), message);
    }
  }

  #gatherAnchors(anchors: readonly AnchoredHead[], findings: Findings): void {
    const { head, identity } = this;
    const { origin } = typeof identity === 'string' ? head : identity;
    const logId = origin.slice(origin.lastIndexOf('/') + 1);
    const own = anchors.filter((anchor) => anchor.logId === logId);
    const [other] = anchors;
    if (own.length === 0 && other !== undefined) {
      const message = `The folder has no anchor of this log, but those of another one, such as ${other.file}.`;
      findings.add('anchor_wrong', null, other.file, message);
    }
    for (const { file, head: anchored } of own) {
      findings.checked.anchors++;
      const what = `The anchor ${file}`;
      if (anchored === null) findings.add('anchor_damaged', null, file, `${what} is damaged.`);
      else if (anchored.size > head.size) {
        const message = `${what} holds ${anchored.size} entries, the log ${head.size}: its end is missing.`;
        findings.add('anchor_ahead', null, file, message);
      } else this.#claims.push({ ...anchored, code: 'anchor_wrong', table: null, key: file, what });
    }
  }

  async #gatherKept(since: string, findings: Findings): Promise<void> {
    if (typeof this.identity === 'string') return;
    const kept = await open(this.identity, since);
    const what = 'The checkpoint that was kept';
    if (typeof kept === 'string') findings.add('since_wrong', null, null, `${what} is not of this log: ${kept}`);
    else if (kept.size > this.head.size) {
      const message = `${what} covers ${kept.size} entries, the log holds ${this.head.size}: its end is missing.`;
      findings.add('since_ahead', null, null, message);
    } else this.#claims.push({ ...kept, code: 'since_wrong', table: null, key: null, what });
  }

  async #gatherCheckpoint(row: CheckpointRow): Promise<void> {
    this.findings.checked.checkpoints++;
    const key = String(row.size);
    const what = `The checkpoint of size ${key}`;
    await this.#checkNote(row, false, 'checkpoint_wrong', CHECKPOINT, key, what, this.findings);
    this.#claims.push({ ...row, code: 'checkpoint_wrong', table: CHECKPOINT, key, what });
  }

  /** Each checkpoint names the one before it, so that one that is gone leaves a gap. */
  #judgeLink({ size, previous }: CheckpointRow, before: number): void {
    if (previous === before) return;
    if (previous > before && previous < size) {
      const message = `The checkpoint of size ${previous}, which the one of size ${size} followed, is gone.`;
      this.findings.add('checkpoint_missing', CHECKPOINT, String(previous), message);
    } else {
      const message = `The checkpoint of size ${size} says that it followed ${previous}; the one before it is ${before}.`;
      this.findings.add('checkpoint_wrong', CHECKPOINT, String(size), message);
    }
  }

  /** The note is signed by the log and says what the columns beside it say. */
  async #checkNote(
    { size, root, note }: SignedRow,
    mayBeEmpty: boolean,
    code: FindingCode,
    table: string,
    key: string,
    what: string,
    findings: Findings,
  ): Promise<void> {
    if (mayBeEmpty || typeof this.identity === 'string') return;
    const signed = await open(this.identity, note);
    if (typeof signed === 'string') findings.add(code, table, key, `${what} is not signed: ${signed}`);
    else if (signed.size !== size || !equalBytes(signed.root, root)) {
      findings.add(code, table, key, `${what} has a signed note of another size or root.`);
    }
  }
}
