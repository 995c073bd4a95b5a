/**
 * One request to a witness (C2SP `tlog-witness`, `POST /add-checkpoint`). Whoever answers at the address may be anybody:
 * time and size of the answer are bounded, redirects are refused, and what comes is not judged here.
 */
import { fromUtf8 } from '../../core/bytes.ts';
import { RegistryError } from '../../core/errors.ts';
import { parseTreeSize, SIZE_TYPE } from '../../core/note/tlog-witness.ts';
import { atMost } from '../../platform/answer.ts';

/** 16 lines of post-quantum signatures fit. */
const MAX_ANSWER = 65_536;

export type Reply =
  /** Signature lines, by whomever. */
  | { readonly kind: 'lines'; readonly lines: string }
  /** The size that the witness has cosigned last. */
  | { readonly kind: 'size'; readonly size: number };

/**
 * @param url submission prefix
 * @param signal ends the request
 * @throws RegistryError `unreachable` for no answer, or one that is neither a cosignature nor a size
 */
export async function addCheckpoint(url: string, body: string, signal: AbortSignal): Promise<Reply> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${url}/add-checkpoint`, {
      method: 'POST',
      redirect: 'error',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body,
      signal,
    });
    text = fromUtf8(await atMost(response, MAX_ANSWER));
  } catch (cause) {
    throw new RegistryError('unreachable', `It ${why(cause)}.`, { cause });
  }
  if (response.status === 200) return { kind: 'lines', lines: text };
  const type = response.headers.get('content-type')?.split(';', 1)[0]?.trim();
  if (response.status === 409 && type === SIZE_TYPE) return { kind: 'size', size: parseTreeSize(text) };
  throw new RegistryError(
    'unreachable',
    `It answered with status ${response.status}${MEANING[response.status] ?? ''}.`,
  );
}

const MEANING: Readonly<Record<number, string>> = {
  403: ': it does not take the signature of the log',
  404: ': it does not know the log',
  409: ': it holds another tree of that size',
  422: ': it does not take the consistency proof',
};

function why(cause: unknown): string {
  if (cause instanceof RegistryError) return 'sent an answer that cannot be read';
  const { name, cause: under } = cause as Error;
  if (name === 'TimeoutError') return 'did not answer in time';
  const code = (under as NodeJS.ErrnoException | undefined)?.code;
  return `cannot be reached${code === undefined ? '' : ` (${code})`}`;
}
