import type { BubbleSandbox } from '../../../src/sandbox/bubble/sandbox.ts';
import type { BubbleExperiment } from '../drill.ts';
import type { BubbleScenario } from '../scenario.ts';

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
  async injectFaults(drill) {
    const { probe, schema, progress, runEnded: over, recovery } = drill;
    const there = async () => {
      const [row] = await probe.query<{ there: boolean }>(
        `SELECT to_regclass('${schema}.bookings') IS NOT NULL AS there`,
      );
      return row?.there;
    };
    while (!over.signal.aborted && !(await there())) await progress.wait(20);
    await recovery.measureDuring(() => probe.query(poisonTriggerSql(schema, createdMs(drill))));
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
