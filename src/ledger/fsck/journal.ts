/**
 * Where a verification stands, kept in a file, so that one that was stopped or killed goes on where it was. A header
 * names the log and what was asked; each line after it says what the pages since the line before found and what the fold
 * remembers of them. Lines are only ever added, each carries a digest over itself and all before it, and a line that
 * was torn by a kill is left out: the file is whole at every moment. It is its user's alone (0600).
 *
 * The file is believed: whoever may write to it may hide what was found, as may whoever may exchange this program.
 */
import type { FileHandle } from 'node:fs/promises';
import { open, rename, unlink } from 'node:fs/promises';
import { toHex, utf8 } from '../../core/bytes.ts';
import type { Sha256 } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import type { TreeState } from './growing-tree.ts';
import type { Named } from './named.ts';
import type { OverlaidRow } from './page-fold.ts';
import type { Finding, FoundSoFar } from './report.ts';

const FORMAT = 'muniment fsck state v2';

export interface JournalHeader {
  readonly origin: string;
  /** The head that the log had at the beginning; `root` in hex */
  readonly size: number;
  readonly root: string;
  readonly full: boolean;
  /** SHA-256 in hex of the checkpoint that was kept elsewhere */
  readonly since: string | null;
  /** Found before the first page, and the heads that were to be judged on the way, as `<size> <root>` */
  readonly gathered: readonly Finding[];
  readonly claims: readonly string[];
}

export interface JournalRecord {
  /** Statements that are done with */
  readonly at: number;
  readonly tree: TreeState | null;
  /** Since the beginning */
  readonly found: FoundSoFar;
  /** Since the record before */
  readonly overlay: readonly OverlaidRow[];
  /** In base64 */
  readonly namings: string;
  readonly mapRoots: Named['mapRoots'];
}

export class Journal {
  private constructor(
    private readonly file: string,
    private readonly sha256: Sha256,
    private readonly handle: FileHandle,
    /** Over all lines */
    private digest: string,
  ) {}

  static async create(file: string, sha256: Sha256, header: JournalHeader): Promise<Journal> {
    const digest = digestOf(sha256, '', JSON.stringify({ format: FORMAT, ...header }));
    const temporary = `${file}.new`;
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.chmod(0o600);
      await handle.writeFile(`${digest} ${JSON.stringify({ format: FORMAT, ...header })}\n`);
      await handle.datasync();
      await rename(temporary, file);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new Journal(file, sha256, handle, digest);
  }

  /**
   * Reads what is there and goes on behind it.
   * @param onRecord gets each record in turn
   * @returns undefined when there is no file
   * @throws RegistryError `invalid_input` when the file is something else
   */
  static async resume(
    file: string,
    sha256: Sha256,
    onHeader: (header: JournalHeader) => Promise<void>,
    onRecord: (record: JournalRecord) => Promise<void>,
  ): Promise<{ journal: Journal; last: JournalRecord | undefined } | undefined> {
    const handle = await openExisting(file);
    if (handle === undefined) return undefined;
    try {
      let [digest, end] = ['', 0];
      let last: JournalRecord | undefined;
      for await (const line of handle.readLines({ start: 0, autoClose: false })) {
        const json = line.slice(line.indexOf(' ') + 1);
        const next = digestOf(sha256, digest, json);
        if (line !== `${next} ${json}`) break;
        if (digest === '') await onHeader(requireFormat(file, json));
        else await onRecord((last = JSON.parse(json) as JournalRecord));
        digest = next;
        end += utf8(line).length + 1;
      }
      if (digest === '') throw notAState(file);
      await handle.truncate(end);
      await handle.close();
      return { journal: new Journal(file, sha256, await open(file, 'a', 0o600), digest), last };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async add(record: JournalRecord): Promise<void> {
    const json = JSON.stringify(record);
    this.digest = digestOf(this.sha256, this.digest, json);
    await this.handle.appendFile(`${this.digest} ${json}\n`);
    await this.handle.datasync();
  }

  /** The report is complete: there is nothing to go on with. */
  async remove(): Promise<void> {
    await unlink(this.file);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

const digestOf = (sha256: Sha256, before: string, json: string): string => toHex(sha256(utf8(before), utf8(json)));

function requireFormat(file: string, json: string): JournalHeader {
  const header = JSON.parse(json) as JournalHeader & { format?: unknown };
  if (header.format !== FORMAT) throw notAState(file);
  return header;
}

const notAState = (file: string): RegistryError =>
  new RegistryError('invalid_input', `${file} does not hold the state of a verification.`, {
    field: '--resume',
    fix: 'Name a file that is not there yet; it is made, and removed when the verification is complete.',
  });

async function openExisting(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
