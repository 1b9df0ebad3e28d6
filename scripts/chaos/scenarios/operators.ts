import type { BubbleExperiment } from '../drill.ts';
import { operatorActor } from '../operator.ts';
import type { BubbleScenario } from '../scenario.ts';

const startProblems = new WeakMap<BubbleExperiment, string[]>();

export const operators: BubbleScenario = {
  name: 'operators',
  summary:
    'ten start the same migration at once while it runs, and others pause and resume it without asking each other',
  async injectFaults(drill) {
    const problems: string[] = [];
    startProblems.set(drill, problems);
    const { control, progress, recovery, runId, runEnded: over, random } = drill;
    const starts = await Promise.allSettled(
      Array.from({ length: 10 }, () => control.startRun({ plan: 'bubble' }, operatorActor)),
    );
    const second = starts.filter((start) => start.status === 'fulfilled').length;
    if (second > 0) problems.push(`${second} further runs were started into the same schema`);
    for (let n = 0; n < 8 && !over.signal.aborted; n += 1) {
      await progress.wait(300 + random.int(0, 400));
      const calls = [control.pause, control.resume, control.pause, control.resume];
      await recovery.measureDuring(() =>
        Promise.allSettled(random.shuffle(calls).map((call) => call(runId, 'chaos', operatorActor))),
      );
    }
    await resumeUntilRunning(drill);
  },
  check: async (drill) => startProblems.get(drill) ?? [],
};

/** However the quarrel ended, somebody wants the run to go on. */
async function resumeUntilRunning({ control, progress, runId, runEnded: over }: BubbleExperiment): Promise<void> {
  while (!over.signal.aborted && (await progress.status()) !== 'running') {
    await control.resume(runId, 'chaos', operatorActor).catch(() => undefined);
    await progress.wait(100);
  }
}
