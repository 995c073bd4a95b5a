/**
 * Reads the anchors, apart from the code that writes them: files `<log id>.<process>.anchor` that hold a size and a root,
 * one a line, kept outside the database. Whoever cuts the end off the log, or puts an older database in its place, has to
 * find and change these as well.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromBase64 } from '../../core/bytes.ts';

export interface AnchoredHead {
  /** Path, for the message */
  readonly file: string;
  readonly logId: string;
  /** Null when the file is not what an anchor looks like */
  readonly head: { readonly size: number; readonly root: Uint8Array } | null;
}

/** The anchors of all logs in a folder; none when there is no folder. */
export async function readAnchors(folder: string): Promise<AnchoredHead[]> {
  const anchors: AnchoredHead[] = [];
  for (const name of await list(folder)) {
    const logId = /^([^.]+)\..*\.anchor$/.exec(name)?.[1];
    if (logId === undefined) continue;
    const file = join(folder, name);
    const text = await read(file);
    if (text !== undefined) anchors.push({ file, logId, head: parse(text) });
  }
  return anchors;
}

function parse(text: string): AnchoredHead['head'] {
  const match = /^(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n$/.exec(text);
  return match === null ? null : { size: Number(match[1]), root: fromBase64(match[2]!) };
}

async function list(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined for a file that its process removed since it was listed. */
async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
