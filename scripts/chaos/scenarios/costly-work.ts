import { existsSync, readFileSync } from 'node:fs';
import type { BubbleExperiment } from '../drill.ts';
import type { CostlyWorkEntry } from '../observed-plan.ts';
import { describeItems } from '../oracle/finding.ts';
import { groupBy } from '../oracle/group.ts';
import type { BubbleScenario } from '../scenario.ts';

const leaseMs = 8_000;
const costlyMs = 2_000;
// Between taking a lease and the first line of the work; on a busy machine not nothing.
const slackMs = 1_000;

export const costlyWork: BubbleScenario = {
  name: 'costly-work',
  summary: 'Redis is emptied while passwords are being hashed: nobody begins what another still holds the lease of',
  setup: {
    instrumentedWorkerArgs: (journal) => ['--journal', journal, '--costly-ms', String(costlyMs)],
    env: {
      DROVER_HASH_THREADS: '2',
      DROVER_LOCK_DURATION_MS: String(leaseMs),
      DROVER_STALLED_INTERVAL_MS: '4000',
      DROVER_SWEEP_AGE_MS: String(leaseMs + 2_000),
    },
    prepare({ data }) {
      for (const [n, id] of data.ids('user').slice(0, 24).entries()) {
        data.modify('user', id, {
          password: `a plain password, number ${n}`,
          'Modified Date': data.get('user', id)?.['Modified Date'],
        });
      }
    },
  },
  async injectFaults({ environment: ground, progress, recovery, runEnded: over }) {
    await progress.waitForShare(0);
    for (let n = 0; n < 3 && !over.signal.aborted; n += 1) {
      await progress.wait(costlyMs + 500);
      await recovery.measureDuring(() => ground.redis.flush());
    }
  },
  check: async (drill) =>
    describeItems('records whose costly work was begun twice at once', findOverlappingWork(drill)),
};

function findOverlappingWork({ journal }: BubbleExperiment): string[] {
  if (!existsSync(journal)) return ['no costly work was done at all'];
  const lines = readFileSync(journal, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as CostlyWorkEntry);
  const overlapping = [...groupBy(lines, ({ who }) => who)].filter(([, works]) => {
    const [first, second] = works.sort((a, b) => a.from - b.from);
    return first && second && second.from < Math.min(first.to, first.from + leaseMs - slackMs);
  });
  return overlapping.map(([who, works]) => `${who} by ${works.map(({ pid }) => pid)}`);
}
