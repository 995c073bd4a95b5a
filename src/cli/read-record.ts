/** The signed record behind what a registry says, held to its log. */
import type { Digest } from '../core/digest.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { checkReceipts } from './verify.ts';

/** @throws RegistryError as `checkReceipts` does */
export async function readRecord<Body>(context: Context, client: Client, statement: Digest): Promise<Spoken<Body>> {
  const [spoken] = await checkReceipts(context, [await client.get<Receipt>(`/v1/receipts/${statement}`)]);
  return spoken as Spoken<Body>;
}
