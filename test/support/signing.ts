/** A party that keeps its own key, as the command line does it: statements are built and signed on the client's side. */
import { toBase64 } from '../../src/core/bytes.ts';
import type { Digest } from '../../src/core/digest.ts';
import { registration } from '../../src/core/registry/index.ts';
import { possessionText } from '../../src/core/registry/key.ts';
import { formatEnvelope, pae } from '../../src/core/statement/dsse.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { formatStatement } from '../../src/core/statement/statement.ts';
import type { StatementKey } from '../../src/platform/crypto.ts';
import { makeP256, newId, newNonce, sha256, statementKey } from '../../src/platform/crypto.ts';
import type { RunView } from '../../src/runs/index.ts';
import type { Caller } from './training.ts';

/** Makes a key and registers its public half; from then on the registry signs for this party no more. */
export async function giveKey(caller: Caller): Promise<StatementKey> {
  const key = statementKey(makeP256().pkcs8);
  const { origin } = await caller.ok('GET', '/v1/log');
  await caller.ok('POST', `/v1/parties/${caller.party}/keys`, {
    spki: key.spki,
    fingerprint: key.keyId,
    possession: toBase64(key.sign(possessionText(origin!, caller.party, key.keyId))),
  });
  return key;
}

/** Registers the model that came out of a run, as its owner signs it. */
export async function signRegistration(caller: Caller, key: StatementKey, run: RunView): Promise<Receipt> {
  const { origin } = await caller.ok('GET', '/v1/log');
  const dataset = await caller.ok<{ statement: Digest }>('GET', `/v1/datasets/${run.dataset}`);
  const payload = formatStatement(
    sha256,
    registration,
    {
      origin: origin!,
      maker: caller.party,
      id: newId('registration'),
      nonce: newNonce(),
      statedAt: new Date().toISOString(),
      basis: [dataset.statement, run.statement!],
    },
    {
      name: run.name!,
      weights: { container: 'safetensors', ...run.result! },
      owners: run.owners!,
      license: run.license!,
      run: run.id,
      datasets: [run.dataset],
      parents: [],
    },
  );
  return caller.ok<Receipt>(
    'POST',
    '/v1/models',
    formatEnvelope({ payload, signature: key.sign(pae(payload)), keyId: key.keyId }),
  );
}
