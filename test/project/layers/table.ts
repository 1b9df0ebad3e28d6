/**
 * Which part of the tree may import which. A layer is a folder (or a file) of the tree; what is under a longer path belongs to
 * that one. Its own files are always allowed, type imports count, and modules of `node:` are free. `*` as the last part makes
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
  '@fastify/swagger',
  '@fastify/swagger-ui',
  '@bull-board/api',
  '@bull-board/fastify',
];

export const layers: Readonly<Record<string, Layer>> = {
  'src/errors.ts': { project: [], packages: [] },
  'src/csv.ts': { project: [], packages: [] },
  'src/email.ts': { project: [], packages: [] },
  'src/backoff.ts': { project: [], packages: [] },
  'src/deadline.ts': { project: [], packages: [] },
  'src/signals.ts': { project: [], packages: [] },
  'src/money.ts': { project: ['src/errors.ts'], packages: ['big.js'] },
  'src/logger.ts': { project: ['src/errors.ts'], packages: ['pino'] },
  'src/config.ts': { project: ['src/errors.ts'], packages: ['zod'] },

  // What api, cli and engine all read: types, the two status tables and nothing that does anything.
  'src/contract': { project: ['src/plan/json.ts', 'src/errors.ts'], packages: [] },

  'src/plan': { project: ['src/errors.ts'], packages: ['zod'] },
  // The kit is written against the contract alone; what it runs plans on is handed in by the test.
  'src/plan/conformance': { project: ['src/plan', 'src/errors.ts'], packages: ['fast-check'] },
  'src/sources/paging.ts': { project: ['src/plan', 'src/errors.ts'], packages: ['zod'] },
  'src/sources/*': {
    project: ['src/sources/paging.ts', 'src/plan', 'src/errors.ts', 'src/money.ts', 'src/csv.ts', 'src/upstreams'],
    packages: ['zod', 'csv-parse'],
  },
  // A database of others is read with the driver and the error codes that our own has.
  'src/sources/postgres': { project: ['src/plan', 'src/errors.ts', 'db/errors.ts'], packages: ['pg'] },
  'src/targets/*': {
    project: ['src/plan', 'src/errors.ts', 'src/money.ts', 'src/email.ts', 'src/upstreams'],
    packages: ['zod'],
  },
  'src/plans/*': {
    project: ['src/plan', 'src/sources', 'src/targets', 'src/errors.ts', 'src/money.ts', 'src/csv.ts', 'src/email.ts'],
    packages: ['zod', 'big.js', 'luxon'],
  },
  'src/upstreams': {
    project: ['src/plan', 'src/errors.ts', 'src/money.ts', 'src/backoff.ts', 'src/deadline.ts'],
    packages: ['zod', 'ioredis', 'ipaddr.js', 'stripe'],
  },

  // A folder of the engine is a feature with its rules and its SQL; `sqlFiles` below says which of its files reach the database.
  'src/engine': {
    project: [...['src/contract', 'src/plan', 'src/errors.ts', 'src/money.ts', 'src/csv.ts', 'src/backoff.ts'], 'db'],
    packages: ['zod', 'big.js', 'luxon', 'uuid', 'drizzle-orm', 'pg'],
  },
  // The wiring on top of the engine: it alone hands targets and limits to the features.
  'src/engine/open-engine.ts': {
    project: [
      ...[
        'src/engine',
        'src/contract',
        'src/plan',
        'src/targets',
        'db',
        'src/config.ts',
        'src/errors.ts',
        'src/logger.ts',
      ],
      ...['src/upstreams/upstream.ts', 'src/upstreams/states.ts'],
    ],
    packages: ['ioredis'],
  },
  // What goes on after a migration: effects of webhooks, links, statistics, the API of the applications.
  'src/payments': {
    project: [
      ...['src/contract', 'src/engine', 'src/plan', 'src/targets/stripe/amounts.ts', 'db'],
      ...['src/errors.ts', 'src/money.ts', 'src/email.ts', 'src/backoff.ts'],
    ],
    packages: ['pg', 'zod'],
  },
  db: {
    project: ['src/contract', 'src/plan', 'src/errors.ts', 'src/money.ts'],
    packages: ['drizzle-orm', 'pg', 'postgres'],
  },
  queues: {
    project: ['src/contract', 'src/engine', 'src/errors.ts', 'src/deadline.ts'],
    packages: ['bullmq', 'ioredis', 'zod'],
  },

  'src/api': {
    project: [
      ...['queues/redis.ts', 'queues/producer.ts', 'queues/table.ts', 'src/upstreams/states.ts'],
      // The signature of a webhook is checked before anything else looks at the body.
      'src/upstreams/stripe/webhook.ts',
      'src/payments',
      ...['db', 'src/engine', 'src/engine/open-engine.ts', 'src/contract', 'src/plan'],
      ...['src/config.ts', 'src/logger.ts', 'src/errors.ts', 'src/money.ts', 'src/signals.ts'],
    ],
    packages: [...fastify, 'ioredis', 'prom-client', 'zod'],
  },
  // A client of the API: it shares the contract with the engine, and nothing that does anything.
  'src/cli': {
    project: ['src/contract', 'src/money.ts', 'src/errors.ts', 'src/csv.ts', 'src/deadline.ts', 'src/signals.ts'],
    packages: ['commander'],
  },
  workers: {
    project: [
      ...['queues', 'db', 'src/engine', 'src/contract', 'src/payments', 'src/plan', 'src/targets', 'src/upstreams'],
      ...['src/config.ts', 'src/deadline.ts', 'src/logger.ts', 'src/errors.ts', 'src/money.ts', 'src/signals.ts'],
    ],
    packages: ['bullmq', 'ioredis', 'piscina', 'bcryptjs'],
  },
  // Stand-ins for services of others: they know nothing of the project they are used to test.
  'src/sandbox': { project: [], packages: ['big.js', 'commander', 'luxon', 'pg', 'zod'] },

  // Starts and measures everything else, and is imported by nothing but tests.
  scripts: {
    project: ['src', 'db', 'queues', 'workers'],
    packages: ['bullmq', 'ioredis', 'pg', 'postgres', 'zod', 'pino'],
  },
};

/** The files of src/engine that may import `db`, `pg` and `drizzle-orm`; rules beside them stay free of a database. */
export const sqlFiles =
  /(\.sql|\bstore|-store)\.ts$|^src\/engine\/ledger\/|^src\/engine\/runs\/(view|blockers)\.ts$|^src\/engine\/scheduler\/(types|dispatch|load-gates|complete-run|sweep|leader)\.ts$/;

/** Files that read the environment; everything else is handed what it needs. */
export const environmentReaders: readonly string[] = [
  'src/api/server.ts',
  'src/cli/environment.ts',
  'workers/main.ts',
  // They start other processes, which inherit the environment, and look for programs in PATH.
  'scripts',
];
