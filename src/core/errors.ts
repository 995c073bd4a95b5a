/**
 * The one error that Muniment throws on purpose. Its `code` is stable and meant for programs, its message is one
 * sentence for people, `field` names what was wrong and `fix` says what to do. Anything else that is thrown is a bug
 * and reaches the outside as `internal` without its text.
 */
const STATUS = {
  invalid_input: 400,
  malformed_json: 400,
  malformed_statement: 400,
  malformed_proof: 400,
  malformed_note: 400,
  malformed_container: 400,
  unsupported_container: 400,
  stack_unknown: 400,
  digest_malformed: 400,
  digest_mismatch: 400,
  dataset_malformed: 400,
  shares_invalid: 400,
  license_unknown: 400,
  terms_contradictory: 400,
  license_blocked: 409,
  grant_too_wide: 409,
  share_too_fine: 400,
  share_insufficient: 409,
  share_encumbered: 409,
  exclusive_license_stands: 409,
  counterparty_invalid: 400,
  effective_date_invalid: 400,
  instrument_lapsed: 409,
  date_invalid: 400,
  authority_missing: 400,
  grace_window_none: 409,
  grace_window_over: 409,
  claim_not_earlier: 409,
  claim_unsupported: 409,
  claim_support_late: 409,
  party_ended: 409,
  succession_circular: 409,
  unauthenticated: 401,
  token_malformed: 401,
  token_expired: 401,
  token_not_yet_valid: 401,
  token_foreign: 401,
  token_revoked: 401,
  token_suspended: 401,
  dpop_proof_missing: 401,
  dpop_proof_invalid: 401,
  dpop_proof_replayed: 401,
  status_list_invalid: 400,
  status_stale: 503,
  token_algorithm_refused: 401,
  token_key_unknown: 401,
  token_wrong_audience: 401,
  token_too_long_lived: 401,
  unsupported_grant_type: 400,
  signature_invalid: 401,
  key_revoked: 401,
  last_key: 409,
  one_time_key_required: 400,
  one_time_key_refused: 400,
  one_time_key_reused: 409,
  forbidden: 403,
  use_not_licensed: 403,
  scope_missing: 403,
  signature_required: 403,
  not_found: 404,
  not_acceptable: 406,
  already_exists: 409,
  already_registered: 409,
  already_recorded: 409,
  basis_stale: 409,
  state_conflict: 409,
  dataset_unavailable: 409,
  artifact_unavailable: 409,
  idempotency_key_reused: 409,
  ledger_inconsistent: 500,
  artifact_damaged: 500,
  proof_invalid: 400,
  checkpoint_untrusted: 400,
  checkpoint_rolled_back: 400,
  timestamp_invalid: 400,
  payload_too_large: 413,
  range_unsatisfiable: 416,
  unsupported_media_type: 415,
  rate_limited: 429,
  quota_exceeded: 429,
  seats_exhausted: 429,
  internal: 500,
  backend_unavailable: 503,
  configuration_invalid: 500,
  database_unavailable: 503,
  ledger_refuses_to_sign: 503,
  shutting_down: 503,
  unreachable: 503,
  timestamp_unavailable: 503,
  storage_full: 507,
  usage: 400,
  cancelled: 409,
  watermark_unfit: 400,
  pkcs11_uri_malformed: 400,
  pkcs11_tool_missing: 503,
  pkcs11_module_missing: 503,
  pkcs11_token_absent: 503,
  pkcs11_key_absent: 404,
  pkcs11_key_unsuitable: 400,
  pkcs11_pin_missing: 401,
  pkcs11_pin_refused: 401,
  pkcs11_failed: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

export interface ErrorDetails {
  /** Path of the offending member, e.g. `owners.1.share`. */
  field?: string;
  /** What the caller can do about it, as one imperative sentence. */
  fix?: string;
  /** The error underneath, for logs; never shown outside. */
  cause?: unknown;
}

export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly field: string | undefined;
  readonly fix: string | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.field = details.field;
    this.fix = details.fix;
  }

  /** The HTTP status that this code travels under. */
  get status(): number {
    return STATUS[this.code];
  }

  /** RFC 9457 problem details. */
  toProblem(): Problem {
    return {
      type: `urn:muniment:error:${this.code}`,
      title: this.code.replaceAll('_', ' '),
      status: this.status,
      code: this.code,
      detail: this.message,
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(this.fix === undefined ? {} : { fix: this.fix }),
    };
  }

  static fromProblem(problem: Problem): RegistryError {
    const { field, fix } = problem;
    return new RegistryError(problem.code, problem.detail, {
      ...(field === undefined ? {} : { field }),
      ...(fix === undefined ? {} : { fix }),
    });
  }
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  field?: string;
  fix?: string;
}

export const ERROR_CODES = Object.keys(STATUS) as ErrorCode[];

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(STATUS, code);
}
