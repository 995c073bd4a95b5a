/** A program that is told by webhooks: it keeps what comes, and answers as a test wants. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  event: { type: string; timestamp: string; data: Record<string, unknown> };
}

export class Receiver {
  readonly received: Received[] = [];
  /** Answers with 204 where a test says nothing else. */
  answer: (received: Received, response: ServerResponse) => void = (_, response) => void response.writeHead(204).end();

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      void (async () => {
        const parts: Buffer[] = [];
        for await (const part of request) parts.push(part as Buffer);
        const body = Buffer.concat(parts).toString('utf8');
        const event = JSON.parse(body) as Received['event'];
        const received = { path: request.url ?? '', headers: request.headers, body, event };
        this.received.push(received);
        this.answer(received, response);
      })();
    });
  }

  static async start(): Promise<Receiver> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Receiver(server);
  }

  url(path = '/'): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  at(path: string): Received[] {
    return this.received.filter((each) => each.path === path);
  }

  /** Waits until so many came to a path. */
  async until(path: string, count: number): Promise<Received[]> {
    while (this.at(path).length < count) await new Promise((resolve) => setTimeout(resolve, 20));
    return this.at(path);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
