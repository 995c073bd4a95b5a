/** How a command ends, for scripts that call it: one number per kind of outcome. */
import type { ErrorCode } from '../core/errors.ts';

export const EXIT = {
  done: 0,
  /** The registry refused, or a verification failed. */
  refused: 1,
  usage: 2,
  notFound: 3,
  /** The server or a file cannot be reached. */
  unreachable: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const UNREACHABLE: readonly ErrorCode[] = [
  'unreachable',
  'database_unavailable',
  'shutting_down',
  'backend_unavailable',
];

/** Whether the same may go well later, without anybody having done anything about it here. */
export const isUnreachable = (code: ErrorCode): boolean => UNREACHABLE.includes(code) || code === 'rate_limited';

/** They do not get well by themselves: somebody has to install or to plug in something. */
const TOKEN_UNREACHABLE: readonly ErrorCode[] = ['pkcs11_tool_missing', 'pkcs11_module_missing', 'pkcs11_token_absent'];

export function exitCodeOf(code: ErrorCode): ExitCode {
  if (code === 'usage' || code === 'digest_malformed' || code === 'pkcs11_uri_malformed') return EXIT.usage;
  if (code === 'not_found' || code === 'pkcs11_key_absent') return EXIT.notFound;
  return UNREACHABLE.includes(code) || TOKEN_UNREACHABLE.includes(code) ? EXIT.unreachable : EXIT.refused;
}
