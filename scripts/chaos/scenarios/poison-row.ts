import type { BubbleSandbox } from '../../../src/sandbox/bubble/sandbox.ts';
import type { Drill } from '../drill.ts';
import type { Scenario } from '../scenario.ts';

const batch = 500;
const chosen = new WeakMap<BubbleSandbox, string>();

// A row that its table refuses, and a sequence that remembers how often it was tried: no rollback takes it back.
const trap = (schema: string, createdMs: number): string => `
CREATE SEQUENCE public.poison_tries;
CREATE FUNCTION public.poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM nextval('public.poison_tries');
  RAISE check_violation USING MESSAGE = 'poison';
END $$;
CREATE TRIGGER poison BEFORE INSERT ON ${schema}.bookings FOR EACH ROW
  WHEN (round(extract(epoch FROM NEW.created_at) * 1000) = ${createdMs}) EXECUTE FUNCTION public.poison()`;

export const poisonRow: Scenario = {
  name: 'poison-row',
  summary: `the target refuses one booking, in batches of ${batch}: found in few tries, and all others load`,
  setup: {
    run: { batchSize: batch },
    expect(expectation, sandbox) {
      const bookings = expectation.get('bookings');
      const paid = new Set(sandbox.data.ids('payment').map((id) => sandbox.data.get('payment', id)?.booking_ref));
      const instants = [...(bookings?.values() ?? [])].map(({ createdMs }) => createdMs);
      const poison = [...(bookings ?? [])].find(
        ([id, { outcome, createdMs }]) =>
          outcome === 'reconciled' && !paid.has(id) && instants.filter((at) => at === createdMs).length === 1,
      );
      if (!bookings || !poison) throw new Error('no booking can be spared');
      const [id, expected] = poison;
      chosen.set(sandbox, id);
      bookings.set(id, { ...expected, outcome: 'rejected', code: 'TARGET_CONSTRAINT' });
    },
  },
  async inject(drill) {
    const { probe, schema, progress, over, recovery } = drill;
    const there = async () => {
      const [row] = await probe.ask<{ there: boolean }>(
        `SELECT to_regclass('${schema}.bookings') IS NOT NULL AS there`,
      );
      return row?.there;
    };
    while (!over.signal.aborted && !(await there())) await progress.pause(20);
    await recovery.during(() => probe.ask(trap(schema, createdMs(drill))));
  },
  async check({ probe }) {
    const [row] = await probe.ask<{ n: number }>('SELECT last_value::int AS n FROM public.poison_tries');
    const most = 2 * Math.log2(batch);
    console.log(`     the poison row was tried ${row?.n} times, of ${Math.floor(most)}`);
    return row && row.n <= most ? [] : [`the poison row was tried ${row?.n} times`];
  },
};

function createdMs({ expectation, sandbox }: Drill): number {
  return Number(expectation.get('bookings')?.get(String(chosen.get(sandbox)))?.createdMs);
}
