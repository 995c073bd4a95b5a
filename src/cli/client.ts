/**
 * HTTP to the registry: JSON in and out, problems as errors, a time limit on every call. A write carries an
 * `Idempotency-Key`, so when its answer is lost it is sent again and still recorded once.
 *
 * Whoever answers at the address may be hostile: redirects are refused, since they could carry the API key elsewhere,
 * and an answer that is not what was asked for is an error, never a guess.
 */
import { randomUUID } from 'node:crypto';
import { RegistryError, isErrorCode } from '../core/errors.ts';
import type { Problem } from '../core/errors.ts';

export interface ClientOptions {
  url: string;
  apiKey?: string | undefined;
  timeoutMs?: number;
  /** Ends every call in flight. */
  signal?: AbortSignal | undefined;
}

interface Call {
  method?: 'DELETE' | 'GET' | 'POST' | 'PUT';
  headers?: Record<string, string>;
  body?: string | AsyncIterable<Uint8Array>;
  /** Ends the call; without it the time limit does. */
  signal?: AbortSignal;
}

const TIMEOUT_MS = 30_000;
/** Waits before a write whose answer was lost is sent again. */
const RETRY_AFTER_MS = [200, 1000];

export class Client {
  readonly url: string;
  readonly #apiKey: string | undefined;
  readonly #timeoutMs: number;
  readonly #ending: AbortSignal | undefined;

  constructor({ url, apiKey, timeoutMs = TIMEOUT_MS, signal }: ClientOptions) {
    this.url = url;
    this.#apiKey = apiKey;
    this.#timeoutMs = timeoutMs;
    this.#ending = signal;
  }

  async get<T>(path: string): Promise<T> {
    return json<T>(await this.#call(path));
  }

  async text(path: string): Promise<string> {
    return await read(await this.#call(path), (response) => response.text());
  }

  /** @throws RegistryError `unreachable` when the server sends more than `limit` bytes */
  async bytes(path: string, limit: number): Promise<Uint8Array> {
    const signal = this.#limit();
    const response = await this.#call(path, { signal, headers: { accept: 'application/octet-stream' } });
    if (Number(response.headers.get('content-length') ?? 0) > limit) throw strange(path, response.status);
    const bytes = new Uint8Array(await read(response, (answer) => answer.arrayBuffer()));
    if (bytes.length > limit) throw strange(path, response.status);
    return bytes;
  }

  /**
   * A write: recorded once, however often it has to be sent.
   * @param proofs headers that are good for one request, made anew for each
   */
  async post<T>(path: string, body: unknown, proofs?: () => Promise<Record<string, string>>): Promise<T> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
    const send = async (): Promise<T> => {
      const call: Call = { method: 'POST', headers: { ...headers, ...(await proofs?.()) }, body: JSON.stringify(body) };
      return json<T>(await this.#call(path, call));
    };
    for (const pause of RETRY_AFTER_MS) {
      try {
        return await send();
      } catch (error) {
        if (!(error instanceof AnswerLost)) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return send();
  }

  async remove(path: string, headers: Record<string, string> = {}): Promise<void> {
    await read(await this.#call(path, { method: 'DELETE', headers }), (answer) => answer.text());
  }

  /** An OAuth request: form parameters, and the API key as client credentials (RFC 6749 §2.3.1). */
  async form<T>(path: string, parameters: Record<string, string>, more: Record<string, string> = {}): Promise<T> {
    const id = /^mun_([0-9a-z]+)_/.exec(this.#apiKey ?? '')?.[1];
    const headers = {
      ...more,
      'content-type': 'application/x-www-form-urlencoded',
      ...(id === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`apikey_${id}:${this.#apiKey}`).toString('base64')}` }),
    };
    return json<T>(
      await this.#call(path, { method: 'POST', headers, body: new URLSearchParams(parameters).toString() }),
    );
  }

  /** Streams bytes up; what takes time is the size, so there is no time limit. */
  async put(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const response = await this.#call(path, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: content,
      signal: new AbortController().signal,
    });
    await read(response, (answer) => answer.text());
  }

  /** The body as it comes; the caller's signal ends it. */
  async stream(path: string, signal: AbortSignal, accept: string): Promise<ReadableStream<Uint8Array>> {
    const { body } = await this.#call(path, { signal, headers: { accept } });
    if (body === null) throw strange(path);
    return body;
  }

  /** A file, or a part of it, with the headers that tell which; the caller's signal ends it. */
  async open(
    path: string,
    signal: AbortSignal,
    headers: Record<string, string>,
  ): Promise<{ headers: Headers; body: ReadableStream<Uint8Array> }> {
    const response = await this.#call(path, { signal, headers: { accept: 'application/octet-stream', ...headers } });
    const { body } = response;
    if (body === null) throw strange(path);
    return { headers: response.headers, body };
  }

  #limit(): AbortSignal {
    const limit = AbortSignal.timeout(this.#timeoutMs);
    return this.#ending === undefined ? limit : AbortSignal.any([limit, this.#ending]);
  }

  async #call(path: string, { method = 'GET', headers = {}, body, signal }: Call = {}): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.url}${path}`, {
        method,
        redirect: 'error',
        headers: {
          accept: 'application/json',
          ...(this.#apiKey === undefined ? {} : { authorization: `Bearer ${this.#apiKey}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: body as NonNullable<RequestInit['body']>, duplex: 'half' as const }),
        signal: signal ?? this.#limit(),
      });
    } catch (cause) {
      throw unreachable(this.url, cause);
    }
    if (response.ok) return response;
    throw await problemOf(response, path);
  }
}

/** The request may have arrived: whether it took effect is unknown until it is repeated. */
class AnswerLost extends RegistryError {}

const NEVER_ARRIVED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'CERT_HAS_EXPIRED'];

function unreachable(url: string, cause: unknown): RegistryError {
  const { name, cause: under } = cause as Error;
  if (name === 'AbortError') return new RegistryError('cancelled', 'The request was ended.', { cause });
  const code = (under as NodeJS.ErrnoException | undefined)?.code;
  const why =
    name === 'TimeoutError' ? 'did not answer in time' : `cannot be reached${code === undefined ? '' : ` (${code})`}`;
  const Kind = code !== undefined && NEVER_ARRIVED.includes(code) ? RegistryError : AnswerLost;
  return new Kind('unreachable', `The registry at ${url} ${why}.`, {
    fix: 'Check --url and that the server runs ("muniment serve").',
    cause,
  });
}

async function problemOf(response: Response, path: string): Promise<RegistryError> {
  const text = await read(response, (answer) => answer.text());
  let problem: Partial<Problem> & { error_description?: string };
  try {
    problem = JSON.parse(text) as typeof problem;
  } catch (cause) {
    return strange(path, response.status, cause);
  }
  const { code, detail, field, fix, error_description } = problem ?? {};
  // OAuth's endpoints answer in their own form (RFC 6749 §5.2), with our code beside it.
  const sentence = detail ?? error_description;
  if (isErrorCode(code) && typeof sentence === 'string') {
    return new RegistryError(code, sentence, {
      ...(typeof field === 'string' ? { field } : {}),
      ...(typeof fix === 'string' ? { fix } : {}),
    });
  }
  return strange(path, response.status);
}

function strange(path: string, status?: number, cause?: unknown): RegistryError {
  const said = status === undefined ? 'nothing' : `status ${status} without a reason`;
  return new RegistryError('unreachable', `The server answered ${path.split('?', 1)[0]} with ${said}.`, {
    fix: 'Check that --url names a Muniment registry of this version.',
    cause,
  });
}

async function json<T>(response: Response): Promise<T> {
  const text = await read(response, (answer) => answer.text());
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw strange(new URL(response.url).pathname, response.status, cause);
  }
}

/** A connection that breaks in the middle of the answer loses it as one that breaks before. */
async function read<T>(response: Response, reader: (response: Response) => Promise<T>): Promise<T> {
  try {
    return await reader(response);
  } catch (cause) {
    throw unreachable(new URL(response.url).origin, cause);
  }
}
