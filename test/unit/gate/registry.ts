/** A registry as far as a meter asks one: it leases, takes reports and settles, and can be told to refuse. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Block {
  grant: string;
  calls: number;
  spent: number;
  settled: boolean;
}

interface Asked {
  path: string;
  body: { id: string; calls: number; block: string; uses: { calls: number }[]; from: string; to: string };
}

type Answer = [status: number, body: object];

const QUOTA: Answer = [429, { code: 'quota_exceeded', detail: 'The grant leaves no calls.' }];
const CONFLICT: Answer = [409, { code: 'state_conflict', detail: 'The block is settled.' }];

export class Registry {
  readonly asked: Asked[] = [];
  readonly blocks: Map<string, Block>;
  readonly #reports: Map<string, string>;
  /** Answers before the registry does; undefined lets it */
  before: (asked: Asked) => Answer | Promise<Answer | undefined> | undefined = () => undefined;
  /** Called when it is done, and has not answered yet */
  after: () => Promise<void> | undefined = () => undefined;
  /** Called when somebody asks whether it can be reached */
  reached: () => Promise<void> | undefined = () => undefined;
  url = '';
  readonly #server = createServer((request, response) => {
    void (async () => {
      let text = '';
      for await (const part of request) text += String(part);
      if (request.method === 'HEAD') {
        await this.reached();
        return void response.end();
      }
      const asked = { path: request.url!, body: JSON.parse(text) as Asked['body'] };
      this.asked.push(asked);
      const [status, body] = (await this.before(asked)) ?? this.#answer(asked);
      await this.after();
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    })();
  });

  /** @param quota calls of each grant @param like one whose state it has */
  constructor(
    private readonly quota = Infinity,
    like?: Registry,
  ) {
    this.blocks = new Map([...(like?.blocks ?? [])].map(([id, block]) => [id, { ...block }]));
    this.#reports = new Map(like === undefined ? [] : like.#reports);
  }

  /** @param url where it was reached before; a new address where none is given */
  async start(url = 'http://127.0.0.1:0'): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(Number(new URL(url).port), '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** What counts against the quota of a grant. */
  counted(grant: string): { calls: number; leased: number } {
    const blocks = [...this.blocks.values()].filter((block) => block.grant === grant);
    const open = blocks.filter(({ settled }) => !settled);
    return {
      calls: blocks.reduce((sum, { spent }) => sum + spent, 0),
      leased: open.reduce((sum, { calls, spent }) => sum + calls - spent, 0),
    };
  }

  #answer({ path, body }: Asked): Answer {
    const [, , , grant = '', what, id = ''] = path.split('/');
    if (what === 'usage-blocks' && id === '') {
      const { calls, leased } = this.counted(grant);
      const left = Math.min(body.calls, this.quota - calls - leased);
      if (left === 0) return QUOTA;
      this.blocks.set(body.id, { grant, calls: left, spent: 0, settled: false });
      return [200, { calls: left }];
    }
    const block = this.blocks.get(what === 'usage' ? body.block : id);
    if (block === undefined) return [404, { code: 'not_found', detail: 'There is no such block.' }];
    if (what === 'usage-blocks') {
      block.settled = true;
      return [200, {}];
    }
    const known = this.#reports.get(body.id);
    if (known !== undefined) return known === JSON.stringify(body) ? [200, {}] : CONFLICT;
    const calls = body.uses.reduce((sum, use) => sum + use.calls, 0);
    if (body.to < body.from) return [400, { code: 'invalid_input', detail: 'The uses end before they begin.' }];
    if (block.settled) return CONFLICT;
    if (block.spent + calls > block.calls) return QUOTA;
    block.spent += calls;
    this.#reports.set(body.id, JSON.stringify(body));
    return [200, {}];
  }
}
