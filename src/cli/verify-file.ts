/** Receipts and proof files judged from disk, with the trust file alone and no network. */
import { fromUtf8 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import { leafHash, verifyInclusion } from '../core/merkle/tree.ts';
import { parseTlogProof } from '../core/note/tlog-proof.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import { readBytes } from './settings.ts';
import { checkReceipts, judgeCheckpoint } from './verify.ts';

export interface JudgedFile {
  verdict: string;
  origin: string;
  index: number;
  treeSize: number;
  /** Of a receipt: what the statement says it is. */
  kind?: string;
  id?: string;
  maker?: string;
}

/** @throws RegistryError `proof_invalid`, `signature_invalid`, `malformed_proof`, `checkpoint_untrusted`, `usage` */
export async function verifyFile(context: Context, file: string, entryFile: string | undefined): Promise<JudgedFile> {
  const text = fromUtf8(await readBytes(file));
  if (text.startsWith('c2sp.org/tlog-proof@v1\n')) return verifyProofFile(context, text, entryFile);
  const receipt = receiptIn(text);
  const [spoken] = await checkReceipts(context, [receipt]);
  const { verdict, origin, size } = await judgeCheckpoint(context, receipt.checkpoint);
  return {
    verdict,
    origin,
    index: receipt.index,
    treeSize: size,
    kind: receipt.kind,
    id: receipt.id,
    maker: spoken!.common.maker,
  };
}

async function verifyProofFile(context: Context, text: string, entryFile: string | undefined): Promise<JudgedFile> {
  if (entryFile === undefined) {
    throw new RegistryError('usage', 'A proof file says nothing without its entry.', {
      field: 'entry',
      fix: 'Name the entry with --entry.',
    });
  }
  const { index, proof, checkpoint: note } = parseTlogProof(text);
  const { verdict, origin, size, root } = await judgeCheckpoint(context, note);
  verifyInclusion(sha256, { index, size, root, proof, leafHash: leafHash(sha256, await readBytes(entryFile)) });
  return { verdict, origin, index, treeSize: size };
}

/** The receipt itself, or what a command printed with the receipt in it. */
function receiptIn(text: string): Receipt {
  let value: { receipt?: Receipt } & Partial<Receipt>;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (cause) {
    throw new RegistryError('malformed_proof', 'The file holds neither a receipt nor a proof.', { cause });
  }
  const found = value?.receipt ?? value;
  if (typeof found !== 'object' || found === null || typeof found.checkpoint !== 'string') {
    throw new RegistryError('malformed_proof', 'The file holds no receipt.', {
      fix: 'Use the output of a command with --json.',
    });
  }
  return found as Receipt;
}
