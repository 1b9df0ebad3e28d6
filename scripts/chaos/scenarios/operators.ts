import type { Drill } from '../drill.ts';
import { operator } from '../operator.ts';
import type { Scenario } from '../scenario.ts';

const wrong = new WeakMap<Drill, string[]>();

export const operators: Scenario = {
  name: 'operators',
  summary:
    'ten start the same migration at once while it runs, and others pause and resume it without asking each other',
  async inject(drill) {
    const problems: string[] = [];
    wrong.set(drill, problems);
    const { control, progress, recovery, runId, over, random } = drill;
    const starts = await Promise.allSettled(
      Array.from({ length: 10 }, () => control.startRun({ plan: 'bubble' }, operator)),
    );
    const second = starts.filter((start) => start.status === 'fulfilled').length;
    if (second > 0) problems.push(`${second} further runs were started into the same schema`);
    for (let n = 0; n < 8 && !over.signal.aborted; n += 1) {
      await progress.pause(300 + random.int(0, 400));
      const calls = [control.pause, control.resume, control.pause, control.resume];
      await recovery.during(() =>
        Promise.allSettled(random.shuffle(calls).map((call) => call(runId, 'chaos', operator))),
      );
    }
    await goOn(drill);
  },
  check: async (drill) => wrong.get(drill) ?? [],
};

/** However the quarrel ended, somebody wants the run to go on. */
async function goOn({ control, progress, runId, over }: Drill): Promise<void> {
  while (!over.signal.aborted && (await progress.status()) !== 'running') {
    await control.resume(runId, 'chaos', operator).catch(() => undefined);
    await progress.pause(100);
  }
}
