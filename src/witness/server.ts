/**
 * The witness on HTTP: `POST /add-checkpoint` of C2SP `tlog-witness`, and `GET /` for people. Whoever can reach it may
 * send anything, so bodies and times are bounded, and nothing is written to disk before a known log's signature holds.
 */
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import { fromUtf8 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import { formatTreeSize, SIZE_TYPE } from '../core/note/tlog-witness.ts';
import type { WitnessOptions } from './witness.ts';
import { Witness } from './witness.ts';

/** 63 hashes and a checkpoint with 16 post-quantum signatures fit. */
const MAX_BODY = 131_072;
const TIMEOUT_MS = 10_000;
const TEXT = 'text/plain; charset=utf-8';

export interface WitnessServerOptions extends WitnessOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

export interface RunningWitness {
  readonly url: string;
  /** Finishes requests in flight. Safe to call twice. */
  close(): Promise<void>;
}

/** @throws RegistryError as `Witness.open`, and `configuration_invalid` for a port that is taken */
export async function startWitness(options: WitnessServerOptions): Promise<RunningWitness> {
  const { host, port } = options;
  const witness = await Witness.open(options);
  const app = build(witness, options);
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    await witness.close();
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new RegistryError('configuration_invalid', `Another program listens on ${host}:${port} already.`, {
      field: 'port',
      fix: 'Choose another port.',
      cause,
    });
  }
  const shown = host.includes(':') ? `[${host}]` : host;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${shown}:${(app.server.address() as AddressInfo).port}`,
    close: () => (closed ??= app.close().then(() => witness.close())),
  };
}

function build(witness: Witness, { key, log }: WitnessOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: MAX_BODY,
    requestTimeout: TIMEOUT_MS,
    connectionTimeout: TIMEOUT_MS,
    forceCloseConnections: 'idle',
  });
  // The standard names no content type for the request.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler((_request, reply) => reply.code(404).type(TEXT).send('There is nothing here.\n'));
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) log.error({ err: error }, 'A request failed; the log will ask again.');
    return reply
      .code(status)
      .type(TEXT)
      .send(status >= 500 ? 'The witness failed.\n' : `${error.message}\n`);
  });

  app.get('/', async (_request, reply) => {
    const lines = (await witness.sizes()).map(({ origin, size }) => `${origin} ${size}\n`);
    return reply.type(TEXT).send(`${key.verifierKey}\n\n${lines.join('')}`);
  });

  app.post('/add-checkpoint', async ({ body }, reply) => {
    const answer = await witness.addCheckpoint(textOf(body));
    log.info({ status: answer.status }, 'add-checkpoint');
    void reply.code(answer.status).header('cache-control', 'no-store');
    if (answer.status === 200) return reply.type(TEXT).send(answer.lines);
    // As bytes: to a text the framework would add a charset, and clients compare the type word by word.
    if (answer.status === 409) return reply.type(SIZE_TYPE).send(Buffer.from(formatTreeSize(answer.size)));
    return reply.type(TEXT).send(`${answer.reason}\n`);
  });
  return app;
}

/** Bytes that are no text parse as no request either. */
function textOf(body: unknown): string {
  if (!Buffer.isBuffer(body)) return '';
  try {
    return fromUtf8(body);
  } catch (error) {
    if (error instanceof RegistryError) return '';
    throw error;
  }
}
