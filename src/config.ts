import { isIP } from 'node:net';
import { z } from 'zod';
import { DroverError } from './errors.ts';

/** The environment, parsed once. Entry points read it and pass its parts to other modules. */
export type Config = ReturnType<typeof shape> & {
  /**
   * Variables for plans: every variable that is not Drover's own, unchanged, with defaults for the known ones. Contains
   * secrets; a plan's `settings` schema selects the ones it names.
   */
  readonly settings: Readonly<Record<string, string | undefined>>;
};

type Environment = Readonly<Record<string, string | undefined>>;

const text = z.string();
const count = (from: number, to: number) => z.coerce.number({ error: `give a whole number` }).int().min(from).max(to);
const flag = z
  .enum(['true', 'false', '1', '0'], { error: 'give true or false' })
  .transform((value) => /^[t1]/.test(value));
const urlOf = (...protocols: string[]) =>
  text.refine((value) => protocols.includes(protocolOf(value)), {
    error: `give a URL that begins with ${protocols[0]}//`,
  });
const postgresUrl = urlOf('postgres:', 'postgresql:');
const httpUrl = urlOf('https:', 'http:');

/**
 * Which proxies may set X-Forwarded-*: their number, or their addresses and networks. The client's address is the first one
 * from the right that is not a proxy's. `true` is one proxy: trusting all would let clients choose their address.
 */
function parseTrustProxy(value: string, context: z.RefinementCtx): false | number | string[] {
  if (value === 'false' || value === '0') return false;
  if (value === 'true') return 1;
  if (/^\d{1,2}$/.test(value)) return Number(value);
  const networks = value.split(',').map((one) => one.trim());
  if (networks.every(isNetwork)) return networks;
  context.addIssue({
    code: 'custom',
    message: 'give false, the number of proxies, or their addresses or networks with commas (10.0.0.0/8, 192.168.1.7)',
  });
  return z.NEVER;
}

function isNetwork(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  // A prefix of 0 would trust every address.
  return (
    prefix === undefined ||
    (/^\d{1,3}$/.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= (version === 4 ? 32 : 128))
  );
}

/** The secret of a key that is given as `ID.SECRET`, or as the secret alone. */
function secretOf(key: string): string {
  return key.replace(/^[A-Za-z0-9_-]{1,64}\.(?=.)/, '');
}

/** Addresses and credentials of upstreams. Checked here, read by plans. */
const settings = {
  BUBBLE_API_URL: httpUrl.optional(),
  BUBBLE_API_KEY: text.optional(),
  XENDIT_API_URL: httpUrl.default('https://api.xendit.co'),
  XENDIT_SECRET_KEY: text.optional(),
  XENDIT_CALLBACK_TOKEN: text.optional(),
  XENDIT_MAX_RPS: z.coerce.number().positive().optional(),
  SYSTEMEIO_API_URL: httpUrl.default('https://api.systeme.io'),
  SYSTEMEIO_API_KEY: text.optional(),
  SYSTEMEIO_MAX_RPS: z.coerce.number().positive().optional(),
  LAUNCH_CATALOGUE: text.optional(),
  SUPABASE_URL: httpUrl.optional(),
  SUPABASE_SERVICE_ROLE_KEY: text.optional(),
  STRIPE_API_URL: httpUrl.default('https://api.stripe.com'),
  STRIPE_SECRET_KEY: text.optional(),
  STRIPE_MAX_RPS: count(1, 10_000).default(90),
  STRIPE_ENDPOINT_MAX_RPS: count(1, 10_000).default(20),
  STRIPE_WEBHOOK_SECRET: text.optional(),
  SQUARE_API_URL: httpUrl.default('https://connect.squareup.com'),
  SQUARE_ACCESS_TOKEN: text.optional(),
  SQUARE_WEBHOOK_SIGNATURE_KEY: text.optional(),
  SQUARE_NOTIFICATION_URL: httpUrl.optional(),
  PAYPAL_API_URL: httpUrl.default('https://api-m.paypal.com'),
  PAYPAL_CLIENT_ID: text.optional(),
  PAYPAL_CLIENT_SECRET: text.optional(),
  PAYPAL_WEBHOOK_ID: text.optional(),
  MIGRATION_BATCH_SIZE: z.union([z.literal('auto'), count(1, 500)]).optional(),
  MIGRATION_MAX_CONCURRENCY: count(1, 100).default(5),
  MIGRATION_EXPORT_DIR: text.default('./migration_data'),
  MIGRATION_REPORT_DIR: text.default('./migration_reports'),
  SOURCE_DATABASE_URL: postgresUrl.optional(),
};

const schema = z.object({
  ...settings,
  DATABASE_URL: postgresUrl.optional(),
  REDIS_URL: urlOf('redis:', 'rediss:').optional(),
  TARGET_DATABASE_URL: postgresUrl.optional(),
  PORT: count(0, 65_535).default(3000),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  DROVER_URL: httpUrl.optional(),
  DROVER_TOKEN: text.optional(),
  DROVER_ADMIN_KEY: text
    .regex(/^[\x21-\x7e]{1,512}$/, { error: 'give at most 512 characters without spaces' })
    .refine((key) => secretOf(key).length >= 32, {
      error: 'give a secret of at least 32 characters, as SECRET or ID.SECRET',
    })
    .optional(),
  DROVER_ENCRYPTION_KEY: text.optional(),
  DROVER_SESSION_SECRET: text.min(32, { error: 'give at least 32 characters' }).optional(),
  DROVER_HOST: text.default('127.0.0.1'),
  DROVER_TRUST_PROXY: text.default('false').transform(parseTrustProxy),
  DROVER_METRICS_OPEN: flag.default(false),
  DROVER_RATE_LIMIT: count(1, 1_000_000).default(300),
  DROVER_ALLOW_PRIVATE_UPSTREAMS: flag.default(false),
  DROVER_ALLOW_VOLATILE_REDIS: flag.default(false),
  DROVER_LOCK_DURATION_MS: count(1_000, 3_600_000).default(30_000),
  DROVER_STALLED_INTERVAL_MS: count(500, 3_600_000).default(15_000),
  DROVER_SWEEP_AGE_MS: count(1_000, 86_400_000).default(60_000),
  DROVER_TICK_MS: count(10, 60_000).default(200),
  DROVER_SHUTDOWN_GRACE_MS: count(0, 600_000).default(30_000),
  DROVER_MAX_ATTEMPTS: count(1, 100).default(8),
  DROVER_WINDOW_FACTOR: count(1, 100).default(4),
  DROVER_HASH_THREADS: count(1, 256).optional(),
  DROVER_REDIS_PREFIX: text.default('{drover}'),
});

const ownNames = Object.keys(schema.shape).filter((name) => name.startsWith('DROVER_'));
const controlNames = new Set(Object.keys(schema.shape).filter((name) => !(name in settings)));

/**
 * Parses the environment. Entry points pass `process.env`, which no other module reads. An empty string counts as absent.
 * Messages never contain values, because some are secrets.
 * @throws DroverError CONFIGURATION naming every problem at once.
 */
export function readConfig(env: Environment): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = schema.safeParse(given);
  const problems = [...unknownNames(given), ...(parsed.error?.issues.map(describe) ?? [])];
  if (problems.length > 0 || !parsed.success) {
    throw new DroverError(
      'CONFIGURATION',
      `the environment is wrong:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
      {
        remedy: 'Correct the variables named in the message; .env.example lists them all.',
      },
    );
  }
  return { ...shape(parsed.data), settings: settingsOf(given, parsed.data) };
}

function shape(env: z.output<typeof schema>) {
  return {
    /** Undefined: the embedded PostgreSQL. */
    databaseUrl: env.DATABASE_URL,
    redisUrl: env.REDIS_URL,
    /** Undefined: the control database. */
    targetDatabaseUrl: env.TARGET_DATABASE_URL,
    sourceDatabaseUrl: env.SOURCE_DATABASE_URL,
    host: env.DROVER_HOST,
    port: env.PORT,
    logLevel: env.LOG_LEVEL,
    /** For clients of the API. */
    url: env.DROVER_URL,
    token: env.DROVER_TOKEN,
    adminKey: env.DROVER_ADMIN_KEY,
    encryptionKey: env.DROVER_ENCRYPTION_KEY,
    sessionSecret: env.DROVER_SESSION_SECRET,
    trustProxy: env.DROVER_TRUST_PROXY,
    metricsOpen: env.DROVER_METRICS_OPEN,
    /** Requests per second for one key, and for one address without a valid key. */
    rateLimit: env.DROVER_RATE_LIMIT,
    allowPrivateUpstreams: env.DROVER_ALLOW_PRIVATE_UPSTREAMS,
    allowVolatileRedis: env.DROVER_ALLOW_VOLATILE_REDIS,
    lockDurationMs: env.DROVER_LOCK_DURATION_MS,
    stalledIntervalMs: env.DROVER_STALLED_INTERVAL_MS,
    sweepAgeMs: env.DROVER_SWEEP_AGE_MS,
    tickMs: env.DROVER_TICK_MS,
    shutdownGraceMs: env.DROVER_SHUTDOWN_GRACE_MS,
    maxAttempts: env.DROVER_MAX_ATTEMPTS,
    windowFactor: env.DROVER_WINDOW_FACTOR,
    /** Undefined: one fewer than there are cores. */
    hashThreads: env.DROVER_HASH_THREADS,
    /** Prefix of every key in Redis; the braces keep the keys in one slot of a cluster. */
    redisPrefix: env.DROVER_REDIS_PREFIX,
    batchSize: env.MIGRATION_BATCH_SIZE,
    /** Records that a worker process sends to APIs at the same time. */
    apiConcurrency: env.MIGRATION_MAX_CONCURRENCY,
    /** An event may be signed with any of them; two while the secret is being rotated. */
    stripeWebhookSecrets: splitList(env.STRIPE_WEBHOOK_SECRET),
    exportDir: env.MIGRATION_EXPORT_DIR,
    reportDir: env.MIGRATION_REPORT_DIR,
  } as const;
}

function splitList(text: string | undefined): readonly string[] {
  return (text ?? '').split(',').flatMap((one) => one.trim() || []);
}

function settingsOf(given: Environment, parsed: z.output<typeof schema>): Config['settings'] {
  const others = Object.entries(given).filter(([name]) => !controlNames.has(name));
  const known = Object.keys(settings).map((name) => [name, parsed[name as keyof typeof settings]] as const);
  const withDefaults = known.filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)]);
  return Object.fromEntries([...others, ...withDefaults]);
}

function describe(issue: z.core.$ZodIssue): string {
  return `${issue.path.join('.')}: ${issue.message}`;
}

function unknownNames(given: Environment): string[] {
  return Object.keys(given)
    .filter((name) => name.startsWith('DROVER_') && !ownNames.includes(name))
    .map((name) => `${name} is not known; did you mean ${nearest(name, ownNames)}?`);
}

function nearest(name: string, names: readonly string[]): string {
  return names.reduce((best, other) => (distance(name, other) < distance(name, best) ? other : best), String(names[0]));
}

/** The Levenshtein distance, computed one row at a time. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1];
    for (const [column, other] of [...to].entries()) {
      const swap = Number(row[column]) + (letter === other ? 0 : 1);
      next.push(Math.min(swap, Number(row[column + 1]) + 1, Number(next[column]) + 1));
    }
    row = next;
  }
  return Number(row.at(-1));
}

function protocolOf(value: string): string {
  return URL.canParse(value) ? new URL(value).protocol : '';
}
