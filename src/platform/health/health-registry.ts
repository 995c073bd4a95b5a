/** Named checks behind /health/ready. Any module registers its own: `health.register('ledger', async () => …)`. */
import { Injectable } from '@nestjs/common';

export interface CheckResult {
  ok: boolean;
  /** What was found, where that is worth knowing. */
  detail?: string;
  /** Something that works but should not stay as it is. */
  warning?: string;
  /** Why it is not ok, one sentence without secrets. */
  reason?: string;
}

export type Check = () => Promise<CheckResult>;

export interface HealthReport {
  status: 'ready' | 'not_ready';
  checks: Record<string, CheckResult>;
}

const TIMEOUT_MS = 3000;

@Injectable()
export class HealthRegistry {
  readonly #checks = new Map<string, Check>();

  register(name: string, check: Check): void {
    if (this.#checks.has(name)) throw new Error(`There is a health check named ${name} already.`);
    this.#checks.set(name, check);
  }

  async report(): Promise<HealthReport> {
    const results = await Promise.all(
      [...this.#checks].map(async ([name, check]): Promise<[string, CheckResult]> => [name, await inTime(check)]),
    );
    const status = results.every(([, { ok }]) => ok) ? 'ready' : 'not_ready';
    return { status, checks: Object.fromEntries(results) };
  }
}

/** A check that throws or hangs is a failed check. What it threw is not shown: it may name hosts and users. */
async function inTime(check: Check): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, reason: 'It did not answer in time.' }), TIMEOUT_MS);
  });
  try {
    return await Promise.race([check().catch((): CheckResult => ({ ok: false, reason: 'It does not answer.' })), late]);
  } finally {
    clearTimeout(timer);
  }
}
