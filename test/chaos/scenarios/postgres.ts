import pg from 'pg';
import type { BubbleSandbox } from '../../../src/sandbox/bubble/sandbox.ts';
import type { BubbleExperiment, BubbleScenario } from '../bubble.ts';

export const postgresCrashed: BubbleScenario = {
  name: 'postgres-crashed',
  summary: 'PostgreSQL is ended at once, without a checkpoint, and started again, three times',
  setup: { ownPostgres: true },
  async injectFaults({ environment, progress, recovery, random }) {
    for (const share of [0, 0.3, 0.6]) {
      await progress.waitForShare(share + random.next() * 0.1);
      await recovery.measureDuring(async () => environment.postgres?.restartImmediate());
    }
  },
};

// Half of them, so that some of a worker's connections die under its feet and others live on.
const terminateHalfSql = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'drover%' AND random() < 0.5`;

export const backendsTerminated: BubbleScenario = {
  name: 'backends-terminated',
  summary: 'half of all connections to PostgreSQL are ended by the server, in the middle of what they do, every second',
  async injectFaults({ probe, progress, recovery, runEnded }) {
    for (let n = 0; n < 12 && !runEnded.signal.aborted; n += 1) {
      await progress.wait(1_000);
      await recovery.measureDuring(() => probe.query(terminateHalfSql));
    }
  },
};

const occupiedMs = 4_000;
const terminateAllSql = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'drover%'`;

export const postgresFull: BubbleScenario = {
  name: 'postgres-full',
  summary: 'all connections of PostgreSQL are ended and taken by another application for some seconds, twice',
  setup: { ownPostgres: true },
  async injectFaults(experiment) {
    const { progress, recovery } = experiment;
    for (const share of [0, 0.3]) {
      await progress.waitForShare(share);
      await recovery.measureDuring(async () => {
        const held = await occupyAllConnections(experiment);
        await progress.wait(occupiedMs);
        await Promise.allSettled(held.map((client) => client.end()));
      });
    }
  },
};

/** Connects until the server has no place left, twice: what it freed in between is taken as well. */
async function occupyAllConnections({ environment, probe }: BubbleExperiment): Promise<pg.Client[]> {
  const held: pg.Client[] = [];
  await probe.query(terminateAllSql);
  for (let misses = 0; misses < 3 && environment.postgres; ) {
    const client = new pg.Client({ connectionString: environment.postgres.url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    const taken = await client.connect().then(
      () => true,
      () => false,
    );
    if (taken) held.push(client);
    else misses += 1;
  }
  return held;
}

const poisonBatchSize = 500;
const poisonIds = new WeakMap<BubbleSandbox, string>();

// A row that its table refuses, and a sequence that remembers how often it was tried: no rollback takes it back.
const poisonTriggerSql = (schema: string, createdMs: number): string => `
CREATE SEQUENCE public.poison_tries;
CREATE FUNCTION public.poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM nextval('public.poison_tries');
  RAISE check_violation USING MESSAGE = 'poison';
END $$;
CREATE TRIGGER poison BEFORE INSERT ON ${schema}.bookings FOR EACH ROW
  WHEN (round(extract(epoch FROM NEW.created_at) * 1000) = ${createdMs}) EXECUTE FUNCTION public.poison()`;

export const poisonRow: BubbleScenario = {
  name: 'poison-row',
  summary: `the target refuses one booking, in batches of ${poisonBatchSize}: found in few tries, and all others load`,
  setup: {
    run: { batchSize: poisonBatchSize },
    adjustExpectation(expectation, sandbox) {
      const bookings = expectation.get('bookings');
      const paid = new Set(sandbox.data.ids('payment').map((id) => sandbox.data.get('payment', id)?.booking_ref));
      const instants = [...(bookings?.values() ?? [])].map(({ createdMs }) => createdMs);
      const poison = [...(bookings ?? [])].find(
        ([id, { outcome, createdMs }]) =>
          outcome === 'reconciled' && !paid.has(id) && instants.filter((at) => at === createdMs).length === 1,
      );
      if (!bookings || !poison) throw new Error('no booking can be spared');
      const [id, expected] = poison;
      poisonIds.set(sandbox, id);
      bookings.set(id, { ...expected, outcome: 'rejected', code: 'TARGET_CONSTRAINT' });
    },
  },
  async injectFaults(experiment) {
    const { probe, schema, progress, runEnded, recovery } = experiment;
    const there = async () => {
      const [row] = await probe.query<{ there: boolean }>(
        `SELECT to_regclass('${schema}.bookings') IS NOT NULL AS there`,
      );
      return row?.there;
    };
    while (!runEnded.signal.aborted && !(await there())) await progress.wait(20);
    await recovery.measureDuring(() => probe.query(poisonTriggerSql(schema, createdMs(experiment))));
  },
  async check({ probe }) {
    const [row] = await probe.query<{ n: number }>('SELECT last_value::int AS n FROM public.poison_tries');
    const most = 2 * Math.log2(poisonBatchSize);
    console.log(`     the poison row was tried ${row?.n} times, of ${Math.floor(most)}`);
    return row && row.n <= most ? [] : [`the poison row was tried ${row?.n} times`];
  },
};

function createdMs({ expectation, sandbox }: BubbleExperiment): number {
  return Number(expectation.get('bookings')?.get(String(poisonIds.get(sandbox)))?.createdMs);
}
