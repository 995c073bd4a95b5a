/** A log in memory, judged by the same functions as the real one: just enough to tell what a statement would change. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { fromBase64, toHex } from '../../src/core/bytes.ts';
import { RegistryError } from '../../src/core/errors.ts';
import { innerSignaturesOf, judge, log, party, readsOf } from '../../src/core/registry/index.ts';
import type { Kind, Rows } from '../../src/core/registry/kind.ts';
import { signStatement } from '../../src/core/registry/sign.ts';
import { readSpoken } from '../../src/core/registry/spoken.ts';
import type { IndexName, Row, RowKey } from '../../src/core/registry/row-keys.ts';
import type { TableName } from '../../src/core/registry/tables.ts';
import { indexKeysOf, keyOf, nameOf } from '../../src/core/registry/row-keys.ts';
import type { Common } from '../../src/core/statement/statement.ts';
import type { Digest } from '../../src/core/digest.ts';
import type { Signed } from '../../src/core/statement/dsse.ts';
import { pae } from '../../src/core/statement/dsse.ts';
import { newId, newNonce, sha256, statementKey, verifyP256 } from '../../src/platform/crypto.ts';

export const ORIGIN = 'test.local/00000000000000000000000000000000';

export const makeKey = () =>
  statementKey(
    generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({ format: 'der', type: 'pkcs8' }),
  );

export type Key = ReturnType<typeof makeKey>;

export const anyDigest = (): Digest => `sha256:${toHex(randomBytes(32))}`;

const keyText = ([table, ...values]: RowKey): string => `${table} ${nameOf(values)}`;

export class TestLog implements Rows {
  readonly rows = new Map<string, object>();
  readonly statements = new Map<string, number>();
  readonly registryKey = makeKey();
  readonly registry = newId('party');

  constructor() {
    this.speak(
      log,
      { maker: this.registry, id: newId('log') },
      {
        verifierKey: 'test+00000000+AA==',
        spki: this.registryKey.spki,
        nameCommitment: anyDigest(),
        previous: null,
      },
    );
  }

  get<N extends IndexName | TableName>(name: N, ...key: string[]): Row<N> | undefined {
    return this.rows.get(keyText([name, ...key])) as Row<N> | undefined;
  }

  statementIndex(digest: Digest): number | undefined {
    return this.statements.get(digest);
  }

  /** Signs and records; throws what the judgement throws, and then nothing has changed. */
  speak<Body>(kind: Kind<Body>, common: Partial<Common> & { maker: string }, body: Body, key: Key = this.registryKey) {
    return this.record(this.draft(kind, common, body, key));
  }

  record({ payload, signature, spki }: Signed & { spki: string }) {
    const spoken = readSpoken(sha256, payload, spki);
    if (!verifyP256(spki, pae(payload), signature)) throw new Error('The draft was not signed with its key.');
    for (const { spki: inner, message, signature: said, field } of innerSignaturesOf(spoken)) {
      if (verifyP256(inner, message, fromBase64(said))) continue;
      throw new RegistryError('signature_invalid', `The signature in ${field} does not verify.`, { field });
    }
    const asked = new Set(readsOf(spoken, this).map(keyText));
    const seen: Rows = {
      get: (table, ...name) => (asked.has(keyText([table, ...name])) ? this.get(table, ...name) : undefined),
      statementIndex: (digest) => (asked.has(keyText(['statement', digest])) ? this.statementIndex(digest) : undefined),
    };
    const changes = judge(spoken, seen, this.statements.size, ORIGIN);
    for (const { table, row } of changes) {
      this.rows.set(keyText([table, ...keyOf(table, row)]), row);
      for (const key of indexKeysOf(table, row)) this.rows.set(keyText(key), this.rows.get(keyText(key)) ?? row);
    }
    this.statements.set(spoken.payloadDigest, this.statements.size);
    return { id: spoken.common.id, statement: spoken.payloadDigest, changes };
  }

  /** @param oneTimeKey what signs where the kind is not public */
  draft<Body>(
    kind: Kind<Body>,
    common: Partial<Common> & { maker: string },
    body: Body,
    key: Key = this.registryKey,
    oneTimeKey: Key = makeKey(),
  ) {
    return signStatement(
      sha256,
      kind,
      {
        origin: ORIGIN,
        id: newId(kind.kind.replaceAll('-', '')),
        nonce: newNonce(),
        statedAt: '2026-01-01T00:00:00.000Z',
        basis: [],
        ...common,
      },
      body,
      key,
      () => oneTimeKey,
    );
  }

  makeParty(kind: 'organization' | 'person' = 'organization'): { id: string; statement: Digest } {
    const body = { kind, roles: [], nameCommitment: anyDigest() };
    return this.speak(party, { maker: this.registry }, body);
  }
}
