/**
 * Who may import whom. A layer is a folder (or a file) of the tree; what is under a longer path belongs to that one.
 * Its own files are always allowed, type imports count, and `node:` modules are everybody's. `*` as the last part makes
 * a layer of every folder there, so that sources, targets and plans never import each other.
 */
export interface Layer {
  /** Folders and files of the project. */
  readonly project: readonly string[];
  /** Packages, without what follows the name. */
  readonly packages: readonly string[];
}

const fastify = [
  'fastify',
  'fastify-type-provider-zod',
  '@fastify/cookie',
  '@fastify/formbody',
  '@fastify/helmet',
  '@fastify/rate-limit',
  '@fastify/static',
  '@fastify/swagger',
  '@fastify/swagger-ui',
  '@bull-board/api',
  '@bull-board/fastify',
];

export const layers: Readonly<Record<string, Layer>> = {
  'src/errors.ts': { project: [], packages: [] },
  'src/money.ts': { project: ['src/errors.ts'], packages: ['big.js'] },
  'src/logger.ts': { project: ['src/errors.ts'], packages: ['pino'] },
  'src/config.ts': { project: ['src/errors.ts'], packages: ['zod'] },

  'src/plan': { project: ['src/errors.ts'], packages: ['zod'] },
  // The kit is written against the contract alone; what it runs plans on is handed in by the test.
  'src/plan/conformance': { project: ['src/plan', 'src/errors.ts'], packages: ['fast-check'] },
  'src/sources/*': {
    project: ['src/plan', 'src/errors.ts', 'src/money.ts', 'src/upstreams'],
    packages: ['zod', 'csv-parse', 'csv-stringify'],
  },
  'src/targets/*': {
    project: ['src/plan', 'src/errors.ts', 'src/money.ts', 'src/upstreams'],
    packages: ['zod'],
  },
  'src/plans/*': {
    project: ['src/plan', 'src/sources', 'src/targets', 'src/errors.ts', 'src/money.ts'],
    packages: ['zod', 'big.js', 'luxon'],
  },
  'src/upstreams': {
    project: ['src/plan', 'src/errors.ts', 'src/money.ts'],
    packages: ['zod', 'ioredis', 'ipaddr.js', 'cockatiel', 'p-limit', 'stripe'],
  },

  'src/engine': {
    project: ['src/plan', 'src/errors.ts', 'src/money.ts'],
    packages: ['zod', 'big.js', 'luxon', 'uuid', 'p-limit'],
  },
  'src/payments': {
    project: ['src/plan', 'src/engine', 'src/errors.ts', 'src/money.ts'],
    packages: ['zod', 'big.js', 'luxon', 'uuid'],
  },
  db: {
    project: ['src/plan', 'src/engine', 'src/payments', 'src/errors.ts', 'src/money.ts'],
    packages: ['drizzle-orm', 'pg', 'postgres'],
  },
  queues: { project: ['src/engine', 'src/errors.ts'], packages: ['bullmq', 'ioredis', 'zod'] },
  // Puts engine and db together for the entry points of the API and the workers: docs/decisions/008.
  'src/service': {
    project: [
      ...['db', 'src/engine', 'src/payments', 'src/plan', 'src/targets', 'src/config.ts', 'src/errors.ts'],
      ...['src/logger.ts', 'src/upstreams/upstream.ts', 'src/upstreams/states.ts'],
    ],
    packages: ['ioredis'],
  },

  'src/api': {
    project: [
      ...['queues/redis.ts', 'queues/producer.ts', 'queues/table.ts', 'src/upstreams/states.ts'],
      // Whose signature it is, before anything else looks at it.
      'src/upstreams/stripe/webhook.ts',
      ...['db', 'src/service', 'src/engine', 'src/payments', 'src/plan'],
      ...['src/config.ts', 'src/logger.ts', 'src/errors.ts', 'src/money.ts'],
    ],
    packages: [...fastify, 'ioredis', 'jose', 'prom-client', 'zod'],
  },
  // A client of the API: it shares words with the engine and no code that does anything.
  'src/cli': {
    project: [
      ...['src/engine/control/contract.ts', 'src/engine/control/fleet.ts', 'src/engine/cutover/contract.ts'],
      ...['src/engine/retention/contract.ts', 'src/engine/mending/contract.ts', 'src/engine/journeys/contract.ts'],
      ...['src/engine/rollback/contract.ts', 'src/engine/trial/forecast.ts', 'src/engine/reports/metrics.ts'],
      ...['src/engine/run-status.ts', 'src/engine/record-status.ts', 'src/money.ts', 'src/errors.ts'],
      // A pure function that keeps a cell from being run by a spreadsheet; there should be one of it.
      'src/engine/reports/csv.ts',
    ],
    packages: ['commander'],
  },
  workers: {
    project: [
      ...['queues', 'db', 'src/service', 'src/engine', 'src/payments', 'src/plan', 'src/targets', 'src/upstreams'],
      ...['src/config.ts', 'src/logger.ts', 'src/errors.ts', 'src/money.ts'],
    ],
    packages: ['bullmq', 'ioredis', 'piscina', 'bcryptjs'],
  },
  // Stand-ins for other people's services: they know nothing of the project they are used to try.
  'src/sandbox': { project: [], packages: ['big.js', 'commander', 'luxon', 'zod'] },

  // Starts and measures everything else, and is imported by nothing.
  scripts: {
    project: ['src', 'db', 'queues', 'workers'],
    packages: ['bullmq', 'ioredis', 'pg', 'postgres', 'zod', 'pino'],
  },
};

/** Files that read the environment; everything else is handed what it needs. */
export const environmentReaders: readonly string[] = [
  'src/api/server.ts',
  'src/cli/environment.ts',
  'workers/main.ts',
  // They start other processes, which inherit the environment, and look for programs in PATH.
  'scripts',
];
