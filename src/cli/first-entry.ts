/** The first entry of a log, which introduces it: shown to stand in the tree, and read as the statement that it is. */
import { RegistryError } from '../core/errors.ts';
import { proveInclusion } from '../core/merkle/proof.ts';
import { leafHash, verifyInclusion } from '../core/merkle/tree.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { LogBody } from '../core/registry/log.ts';
import { log } from '../core/registry/log.ts';
import type { StatementList } from '../core/statement/listing.ts';
import { holdListed } from '../core/statement/listing.ts';
import { sha256, verifyP256 } from '../platform/crypto.ts';
import type { JudgedCheckpoint } from '../core/trust/index.ts';
import type { Client } from './client.ts';
import { readEntry, tileReader } from './tiles.ts';

/** @throws RegistryError `proof_invalid`, `signature_invalid`, `malformed_statement` */
export async function readFirst(client: Client, judged: JudgedCheckpoint): Promise<Spoken<LogBody>> {
  const { size, root, origin } = judged;
  const [entry, proof, { statements }] = await Promise.all([
    readEntry(client, 0, size),
    proveInclusion(sha256, 0, size, tileReader(client, size)),
    client.get<StatementList>('/v1/statements?from=0&limit=1'),
  ]);
  verifyInclusion(sha256, { index: 0, size, root, leafHash: leafHash(sha256, entry), proof });
  const [listed] = statements;
  const held = listed && holdListed({ sha256, verifyP256 }, listed, { index: 0, entry, origin });
  const spoken = await held?.read();
  if (spoken?.kind.kind === log.kind) return spoken as Spoken<LogBody>;
  throw new RegistryError('proof_invalid', `The first entry of "${origin}" does not introduce the log.`);
}
