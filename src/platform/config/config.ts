/**
 * The settings of the server: `MUNIMENT_*` and `DATABASE_URL`, parsed once at the start. A variable that is misspelled,
 * unknown or holds a wrong value stops the start with a sentence that names it (and never repeats the value of a
 * secret). docs/configuration.md lists them all; a test keeps both in step.
 */
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { RegistryError } from '../../core/errors.ts';
import { idPattern } from '../../core/identifier.ts';
import { Secret } from './secret.ts';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export const WEBHOOK_TARGETS = ['public', 'loopback', 'private'] as const;
export const BACKENDS = ['auto', 'cuda', 'webgpu', 'wasm', 'native'] as const;

/** Abstract so that it serves as the injection token: `constructor(private readonly config: Config)`. */
export abstract class Config {
  /** Absolute path of the data folder: database, keys, artifacts, anchor. */
  abstract readonly data: string;
  abstract readonly host: string;
  /** 0 lets the system choose. */
  abstract readonly port: number;
  /** The application's database; absent means the embedded one in `data`. */
  abstract readonly databaseUrl: Secret<string> | undefined;
  /** The owner's login, for migrations; absent means that `databaseUrl` serves for both. */
  abstract readonly migrationDatabaseUrl: Secret<string> | undefined;
  /** Connections that one process keeps at most. */
  abstract readonly databasePool: number;
  /** 32 bytes; absent means `<data>/master.key`. */
  abstract readonly masterKey: Secret<Uint8Array> | undefined;
  abstract readonly logLevel: (typeof LOG_LEVELS)[number];
  /** First part of the log's origin, a host and path without scheme. */
  abstract readonly logName: string;
  /** Where clients reach the server, without a final slash; issuer of tokens. Absent means the address it listens on. */
  abstract readonly publicUrl: string | undefined;
  abstract readonly backend: (typeof BACKENDS)[number];
  /** Compute threads of one training. */
  abstract readonly threads: number;
  abstract readonly checkpointIntervalMs: number;
  /** How long two keys sign the log's checkpoints before the older one may be retired. */
  abstract readonly logKeyOverlapSeconds: number;
  /** File with the policy of the log's witnesses; absent means that none is asked. */
  abstract readonly witnessesFile: string | undefined;
  /** The longest that the map of digests stays behind the published log. */
  abstract readonly mapIntervalMs: number;
  abstract readonly tokenBatchSeconds: number;
  abstract readonly tokenMaxLifetimeSeconds: number;
  /** How long the next token key is published before it signs. */
  abstract readonly tokenKeyLeadSeconds: number;
  /** How long a token key signs before the next one is made; 0 where keys are changed by command alone. */
  abstract readonly tokenKeyDays: number;
  /** How long verifiers may keep a status list. */
  abstract readonly statusListTtlSeconds: number;
  /** How long a machine without a network may go by a list, where it lets one be as old as that. */
  abstract readonly statusListLifetimeSeconds: number;
  /** How long refusals of tokens are kept. */
  abstract readonly tokenRefusalDays: number;
  /** How long a proof of possession is good after it was made. */
  abstract readonly dpopWindowSeconds: number;
  /** How long a seat is held after a heartbeat, and for how long it may be borrowed. */
  abstract readonly seatLeaseSeconds: number;
  abstract readonly seatBorrowMaxSeconds: number;
  /** Which addresses webhooks may have. */
  abstract readonly webhookTargets: (typeof WEBHOOK_TARGETS)[number];
  /** How often a delivery is tried, the first time included. */
  abstract readonly webhookAttempts: number;
  /** Pause before the second try; it doubles each time. */
  abstract readonly webhookRetrySeconds: number;
  abstract readonly webhookRetentionDays: number;
  /** How long after its recording the first record of an asset is shown as provisional; 0 for never. */
  abstract readonly oppositionDays: number;
  abstract readonly anchorDir: string;
  /** Authority of outside time (RFC 3161); absent means that the log's time is not attested. */
  abstract readonly tsaUrl: string | undefined;
  abstract readonly tsaIntervalSeconds: number;
  /** Absolute path of a PEM file with the certificates of trusted root authorities, present and past. */
  abstract readonly tsaRoots: string | undefined;
  /** OID of the policy to be asked for. */
  abstract readonly tsaPolicy: string | undefined;
  abstract readonly artifactDir: string;
  /** For whom this machine's worker trains; absent means the registry itself. */
  abstract readonly workerParty: string | undefined;
  /** What a party may spend in a calendar month where the registrar set nothing for it; absent means without limit. */
  abstract readonly quotaCoreSeconds: number | undefined;
  /** For how long its runs may hold a graphics device in it. */
  abstract readonly quotaDeviceSeconds: number | undefined;
  /** How many runs such a party may have at once; absent means without limit. */
  abstract readonly quotaRuns: number | undefined;
  /** Whether `serve` also starts a worker process. */
  abstract readonly worker: boolean;
  /** Largest request body in bytes, uploads of artifacts excepted. */
  abstract readonly bodyLimit: number;
  /** How long a stop waits for requests in flight. */
  abstract readonly stopTimeoutMs: number;
  /** Whether `X-Forwarded-*` of a proxy in front is believed. */
  abstract readonly trustProxy: boolean;
  /** Name of this process in logs and job records. */
  abstract readonly instance: string;
}

/** Settings of the command line client: known, so that they do not stop a server, and otherwise ignored here. */
const CLIENT_VARIABLES = [
  'MUNIMENT_URL',
  'MUNIMENT_API_KEY',
  'MUNIMENT_KEY',
  'MUNIMENT_HOME',
  'MUNIMENT_PKCS11_MODULE',
  'MUNIMENT_PKCS11_PIN',
  'MUNIMENT_NATIVE_PACKAGE',
];

const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^(?:0|[1-9]\d{0,15})$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be between ${least} and ${most}`);

const yesOrNo = z.enum(['true', 'false'], 'must be "true" or "false"').transform((text) => text === 'true');
const oneOf = <const T extends readonly string[]>(names: T) => z.enum(names, `must be one of ${names.join(', ')}`);

const postgresUrl = z
  .string()
  .refine((text) => /^postgres(?:ql)?:\/\//.test(text) && URL.canParse(text), 'must be a postgres:// URL')
  .transform((text) => new Secret(text));

const httpUrl = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^?#]+$/.test(text) && URL.canParse(text),
    'must be an http:// or https:// URL without query or fragment',
  )
  .transform((text) => text.replace(/\/+$/, ''));

const masterKey = z
  .string()
  .refine((text) => {
    const bytes = Buffer.from(text, 'base64');
    return bytes.length === 32 && bytes.toString('base64') === text;
  }, 'must be 32 bytes in base64, as "openssl rand -base64 32" prints them')
  .transform((text) => new Secret<Uint8Array>(new Uint8Array(Buffer.from(text, 'base64'))));

const variables = z.strictObject({
  MUNIMENT_DATA: z.string().min(1, 'must name a folder').default('.muniment'),
  MUNIMENT_HOST: z.string().regex(/^\S+$/, 'must be a host name or address').default('127.0.0.1'),
  MUNIMENT_PORT: whole(0, 65_535).default(3000),
  DATABASE_URL: postgresUrl.optional(),
  MUNIMENT_MIGRATION_DATABASE_URL: postgresUrl.optional(),
  MUNIMENT_DATABASE_POOL: whole(2, 1000).default(10),
  MUNIMENT_MASTER_KEY: masterKey.optional(),
  MUNIMENT_LOG_LEVEL: oneOf(LOG_LEVELS).default('info'),
  // c2sp.org/signed-note allows neither blanks nor "+" in a key name.
  MUNIMENT_LOG_NAME: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9.-]*(?:\/[A-Za-z0-9._-]+)*$/, 'must look like log.example.org/muniment')
    .max(200, 'must have at most 200 characters')
    .default('muniment.local'),
  MUNIMENT_PUBLIC_URL: httpUrl.optional(),
  MUNIMENT_BACKEND: oneOf(BACKENDS).default('auto'),
  MUNIMENT_THREADS: whole(1, 1024).default(availableParallelism()),
  MUNIMENT_CHECKPOINT_INTERVAL_MS: whole(10, 86_400_000).default(1000),
  MUNIMENT_LOG_KEY_OVERLAP_SECONDS: whole(1, 31_536_000).default(604_800),
  MUNIMENT_WITNESSES: z.string().min(1, 'must name a file').optional(),
  MUNIMENT_MAP_INTERVAL_MS: whole(100, 86_400_000).default(60_000),
  MUNIMENT_TOKEN_BATCH_SECONDS: whole(1, 86_400).default(60),
  MUNIMENT_TOKEN_MAX_LIFETIME_SECONDS: whole(1, 31_536_000).default(86_400),
  MUNIMENT_TOKEN_KEY_LEAD_SECONDS: whole(1, 2_592_000).default(600),
  MUNIMENT_TOKEN_KEY_DAYS: whole(0, 3650).default(90),
  MUNIMENT_STATUS_LIST_TTL_SECONDS: whole(2, 86_400).default(60),
  MUNIMENT_STATUS_LIST_LIFETIME_SECONDS: whole(2, 2_592_000).default(3600),
  MUNIMENT_TOKEN_REFUSAL_DAYS: whole(1, 3650).default(90),
  MUNIMENT_DPOP_WINDOW_SECONDS: whole(1, 3600).default(60),
  MUNIMENT_SEAT_LEASE_SECONDS: whole(1, 86_400).default(600),
  MUNIMENT_SEAT_BORROW_MAX_SECONDS: whole(1, 31_536_000).default(604_800),
  MUNIMENT_WEBHOOK_TARGETS: oneOf(WEBHOOK_TARGETS).default('public'),
  MUNIMENT_WEBHOOK_ATTEMPTS: whole(1, 20).default(13),
  MUNIMENT_WEBHOOK_RETRY_SECONDS: whole(1, 3600).default(10),
  MUNIMENT_WEBHOOK_RETENTION_DAYS: whole(1, 3650).default(30),
  MUNIMENT_OPPOSITION_DAYS: whole(0, 3650).default(60),
  MUNIMENT_TSA_URL: httpUrl.optional(),
  MUNIMENT_TSA_INTERVAL_SECONDS: whole(1, 31_536_000).default(3600),
  MUNIMENT_TSA_ROOTS: z.string().min(1, 'must name a file').optional(),
  MUNIMENT_TSA_POLICY: z
    .string()
    .regex(/^[0-2](?:\.(?:0|[1-9]\d{0,15})){1,20}$/, 'must be an object identifier such as 1.2.3.4')
    .optional(),
  MUNIMENT_ANCHOR_DIR: z.string().min(1, 'must name a folder').optional(),
  MUNIMENT_ARTIFACT_DIR: z.string().min(1, 'must name a folder').optional(),
  MUNIMENT_WORKER_PARTY: z.string().regex(idPattern('party'), 'must be the id of a party').optional(),
  MUNIMENT_QUOTA_CORE_SECONDS: whole(0, 1e12).optional(),
  MUNIMENT_QUOTA_DEVICE_SECONDS: whole(0, 1e12).optional(),
  MUNIMENT_QUOTA_RUNS: whole(0, 1_000_000).optional(),
  MUNIMENT_WORKER: yesOrNo.default(true),
  MUNIMENT_BODY_LIMIT_BYTES: whole(1024, 1_073_741_824).default(1_048_576),
  MUNIMENT_STOP_TIMEOUT_MS: whole(0, 600_000).default(10_000),
  MUNIMENT_TRUST_PROXY: yesOrNo.default(false),
});

export const CONFIG_VARIABLES: readonly string[] = Object.keys(variables.shape);

/**
 * @param env usually `process.env`; an empty value counts as unset, as in compose files
 * @throws RegistryError `configuration_invalid`, `field` naming the variable
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const mine = Object.entries(env).filter(
    ([name, value]) =>
      (name === 'DATABASE_URL' || name.startsWith('MUNIMENT_')) && value !== '' && !CLIENT_VARIABLES.includes(name),
  );
  for (const [name] of mine) if (!CONFIG_VARIABLES.includes(name)) throw unknown(name);

  const parsed = variables.safeParse(Object.fromEntries(mine));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0]);
    throw new RegistryError('configuration_invalid', `The setting ${name} ${issue?.message}.`, {
      field: name,
      fix: `Correct ${name}; docs/configuration.md describes it.`,
    });
  }
  const value = parsed.data;
  if (value.MUNIMENT_MIGRATION_DATABASE_URL && !value.DATABASE_URL) {
    throw new RegistryError('configuration_invalid', 'MUNIMENT_MIGRATION_DATABASE_URL is set without DATABASE_URL.', {
      field: 'MUNIMENT_MIGRATION_DATABASE_URL',
      fix: 'Set DATABASE_URL too, or neither of them to use the embedded database.',
    });
  }
  if (value.MUNIMENT_TSA_URL && !value.MUNIMENT_TSA_ROOTS) {
    throw new RegistryError('configuration_invalid', 'MUNIMENT_TSA_URL is set without MUNIMENT_TSA_ROOTS.', {
      field: 'MUNIMENT_TSA_ROOTS',
      fix: "Name a PEM file with the authority's root certificate, which you got another way.",
    });
  }
  const data = resolve(value.MUNIMENT_DATA);
  return {
    data,
    host: value.MUNIMENT_HOST,
    port: value.MUNIMENT_PORT,
    databaseUrl: value.DATABASE_URL,
    migrationDatabaseUrl: value.MUNIMENT_MIGRATION_DATABASE_URL,
    databasePool: value.MUNIMENT_DATABASE_POOL,
    masterKey: value.MUNIMENT_MASTER_KEY,
    logLevel: value.MUNIMENT_LOG_LEVEL,
    logName: value.MUNIMENT_LOG_NAME,
    publicUrl: value.MUNIMENT_PUBLIC_URL,
    backend: value.MUNIMENT_BACKEND,
    threads: value.MUNIMENT_THREADS,
    checkpointIntervalMs: value.MUNIMENT_CHECKPOINT_INTERVAL_MS,
    logKeyOverlapSeconds: value.MUNIMENT_LOG_KEY_OVERLAP_SECONDS,
    witnessesFile: value.MUNIMENT_WITNESSES === undefined ? undefined : resolve(value.MUNIMENT_WITNESSES),
    mapIntervalMs: value.MUNIMENT_MAP_INTERVAL_MS,
    tokenBatchSeconds: value.MUNIMENT_TOKEN_BATCH_SECONDS,
    tokenMaxLifetimeSeconds: value.MUNIMENT_TOKEN_MAX_LIFETIME_SECONDS,
    tokenKeyLeadSeconds: value.MUNIMENT_TOKEN_KEY_LEAD_SECONDS,
    tokenKeyDays: value.MUNIMENT_TOKEN_KEY_DAYS,
    statusListTtlSeconds: value.MUNIMENT_STATUS_LIST_TTL_SECONDS,
    statusListLifetimeSeconds: value.MUNIMENT_STATUS_LIST_LIFETIME_SECONDS,
    tokenRefusalDays: value.MUNIMENT_TOKEN_REFUSAL_DAYS,
    dpopWindowSeconds: value.MUNIMENT_DPOP_WINDOW_SECONDS,
    seatLeaseSeconds: value.MUNIMENT_SEAT_LEASE_SECONDS,
    seatBorrowMaxSeconds: value.MUNIMENT_SEAT_BORROW_MAX_SECONDS,
    webhookTargets: value.MUNIMENT_WEBHOOK_TARGETS,
    webhookAttempts: value.MUNIMENT_WEBHOOK_ATTEMPTS,
    webhookRetrySeconds: value.MUNIMENT_WEBHOOK_RETRY_SECONDS,
    webhookRetentionDays: value.MUNIMENT_WEBHOOK_RETENTION_DAYS,
    oppositionDays: value.MUNIMENT_OPPOSITION_DAYS,
    anchorDir: resolve(value.MUNIMENT_ANCHOR_DIR ?? join(data, 'anchor')),
    tsaUrl: value.MUNIMENT_TSA_URL,
    tsaIntervalSeconds: value.MUNIMENT_TSA_INTERVAL_SECONDS,
    tsaRoots: value.MUNIMENT_TSA_ROOTS === undefined ? undefined : resolve(value.MUNIMENT_TSA_ROOTS),
    tsaPolicy: value.MUNIMENT_TSA_POLICY,
    artifactDir: resolve(value.MUNIMENT_ARTIFACT_DIR ?? join(data, 'artifacts')),
    workerParty: value.MUNIMENT_WORKER_PARTY,
    quotaCoreSeconds: value.MUNIMENT_QUOTA_CORE_SECONDS,
    quotaDeviceSeconds: value.MUNIMENT_QUOTA_DEVICE_SECONDS,
    quotaRuns: value.MUNIMENT_QUOTA_RUNS,
    worker: value.MUNIMENT_WORKER,
    bodyLimit: value.MUNIMENT_BODY_LIMIT_BYTES,
    stopTimeoutMs: value.MUNIMENT_STOP_TIMEOUT_MS,
    trustProxy: value.MUNIMENT_TRUST_PROXY,
    instance: randomUUID(),
  };
}

function unknown(name: string): RegistryError {
  return new RegistryError('configuration_invalid', `There is no setting named ${name}.`, {
    field: name,
    fix: 'Remove it or correct its spelling; docs/configuration.md lists all settings.',
  });
}
