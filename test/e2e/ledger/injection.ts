/**
 * Reaches into a writer's transaction at each of its steps: the queries in their order, the commit, the anchor. What is
 * done there is up to the test; the writer itself is the real one.
 */
import type { PoolClient, QueryConfig } from 'pg';
import type { DataSource } from 'typeorm';
import { Anchor } from '../../../src/ledger/anchor.ts';
import type { Head } from '../../../src/ledger/anchor.ts';
import { LogWriter } from '../../../src/ledger/writer.ts';
import type { Process } from './fixture.ts';

/** Before the step did anything, or after it did but before anybody heard of it. */
export type Flavor = 'after' | 'before';

/** The number of a query within its transaction, or what follows them. */
export type Step = 'anchor' | 'commit' | number;

/** Called around each step; what it throws, the writer gets instead of the answer. */
export type Strike = (step: Step, flavor: Flavor, client?: PoolClient) => Promise<void>;

/** The members named replaced, all others bound to the real object. */
const instead = <T extends object>(real: T, replaced: Partial<Record<keyof T, unknown>>): T =>
  new Proxy(real, {
    get(target, name) {
      if (name in replaced) return replaced[name as keyof T];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });

/** @param begin called when a transaction gets its connection */
export function struckDataSource(
  dataSource: DataSource,
  strike: Strike,
  begin: () => void = () => undefined,
): DataSource {
  const struckClient = (client: PoolClient): PoolClient => {
    let queries = 0;
    let struck: Promise<unknown> = Promise.resolve();
    return instead(client, {
      // The one place where every query passes. What was sent behind a query that fails does not arrive.
      query: (query: QueryConfig | string, values?: unknown[]) => {
        const text = typeof query === 'string' ? query : query.text;
        if (/^(?:BEGIN|ROLLBACK)/.test(text)) return client.query(query as string, values);
        const step = text === 'COMMIT' ? 'commit' : queries++;
        const answer = struck.then(async () => {
          await strike(step, 'before', client);
          const result = await client.query(query as string, values);
          await strike(step, 'after', client);
          return result;
        });
        struck = answer;
        return answer;
      },
    });
  };
  return instead(dataSource, {
    createQueryRunner: () => {
      begin();
      const runner = dataSource.createQueryRunner();
      const connect = runner.connect.bind(runner);
      let client: Promise<PoolClient> | undefined;
      runner.connect = () => (client ??= connect().then((real: PoolClient) => struckClient(real)));
      return runner;
    },
  });
}

/** The real writer of a log, with its own anchor, and a connection pool that may be shared. */
export class StruckWriter extends LogWriter {
  readonly #anchor: Anchor;

  constructor(
    { dataSource, core }: Pick<Process, 'core' | 'dataSource'>,
    anchorDir: string,
    strike: Strike,
    begin?: () => void,
  ) {
    const anchor = new StruckAnchor(anchorDir, core.signer.origin.split('/').at(-1)!, strike);
    super(struckDataSource(dataSource, strike, begin), core.signer, anchor);
    this.#anchor = anchor;
  }

  override async stop(): Promise<void> {
    await super.stop();
    await this.#anchor.close();
  }
}

class StruckAnchor extends Anchor {
  constructor(
    folder: string,
    logId: string,
    private readonly strike: Strike,
  ) {
    super(folder, logId);
  }

  override async put(head: Head): Promise<void> {
    await this.strike('anchor', 'before');
    await super.put(head);
    await this.strike('anchor', 'after');
  }
}
