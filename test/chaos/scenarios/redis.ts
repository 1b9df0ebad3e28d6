import { existsSync, readFileSync } from 'node:fs';
import type { BubbleExperiment, BubbleScenario } from '../bubble.ts';
import type { CostlyWorkEntry } from '../instrumentation.ts';
import { describeItems, groupBy } from '../oracle/finding.ts';

export const redisFlushed: BubbleScenario = {
  name: 'redis-flushed',
  summary: 'FLUSHALL, three times while the run is under way',
  async injectFaults({ environment, progress, recovery, random }) {
    for (const share of [0, 0.2, 0.5]) {
      await progress.waitForShare(share + random.next() * 0.1);
      await recovery.measureDuring(() => environment.redis.flush());
    }
  },
};

export const redisReplaced: BubbleScenario = {
  name: 'redis-replaced',
  summary: 'SHUTDOWN NOSAVE, and an empty Redis in its place, twice',
  async injectFaults({ environment, progress, recovery, random }) {
    for (const share of [0, 0.4]) {
      await progress.waitForShare(share + random.next() * 0.1);
      await recovery.measureDuring(() => environment.redis.replace());
    }
  },
};

export const redisCrashed: BubbleScenario = {
  name: 'redis-crashed',
  summary: 'Redis is killed with SIGKILL and comes back from its append-only file, three times',
  async injectFaults({ environment, progress, recovery, random }) {
    for (const share of [0, 0.2, 0.5]) {
      await progress.waitForShare(share + random.next() * 0.1);
      await recovery.measureDuring(() => environment.redis.crash());
    }
  },
};

const frozenMs = 5_000;

export const redisFrozen: BubbleScenario = {
  name: 'redis-frozen',
  summary: 'Redis is stopped for longer than a job lock holds, twice',
  async injectFaults({ environment, progress, recovery, runEnded }) {
    for (const share of [0, 0.3]) {
      await progress.waitForShare(share);
      if (runEnded.signal.aborted) return;
      await recovery.measureDuring(async () => {
        environment.redis.freeze();
        await progress.wait(frozenMs);
        environment.redis.thaw();
      });
    }
  },
};

const fullMs = 4_000;

export const redisFull: BubbleScenario = {
  name: 'redis-full',
  summary: 'Redis is out of memory and refuses every write for some seconds, twice',
  async injectFaults({ environment, progress, recovery }) {
    for (const share of [0, 0.3]) {
      await progress.waitForShare(share);
      await recovery.measureDuring(async () => {
        await environment.redis.exhaustMemory();
        await progress.wait(fullMs);
        await environment.redis.restoreMemory();
      });
    }
  },
};

const leaseMs = 8_000;
const costlyMs = 2_000;
// Between taking a lease and the first line of the work; on a busy machine not nothing.
const slackMs = 1_000;

export const costlyWork: BubbleScenario = {
  name: 'costly-work',
  summary: 'Redis is emptied while passwords are being hashed: no worker begins what another still holds the lease of',
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
  async injectFaults({ environment, progress, recovery, runEnded }) {
    await progress.waitForShare(0);
    for (let n = 0; n < 3 && !runEnded.signal.aborted; n += 1) {
      await progress.wait(costlyMs + 500);
      await recovery.measureDuring(() => environment.redis.flush());
    }
  },
  check: async (experiment) =>
    describeItems('records whose costly work was begun twice at once', findOverlappingWork(experiment)),
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

const maxRps = 10;

export const limits: BubbleScenario = {
  name: 'limits',
  summary: `four processes share ${maxRps} requests a second, and Redis is emptied in the middle: never more in any second`,
  setup: {
    // Few jobs a process, so that the entities are read by several of them at once.
    instrumentedWorkerArgs: () => ['--max-rps', String(maxRps), '--concurrency', '2'],
    sandbox: { faults: [{ fault: 'clamp', operation: 'list', limit: 6 }] },
  },
  async injectFaults({ environment, progress, recovery }) {
    for (let n = 0; n < 2; n += 1) {
      await progress.wait(3_000);
      await recovery.measureDuring(() => environment.redis.flush());
    }
  },
  async check({ sandbox }) {
    const peak = sandbox.journal.peak(1_000);
    return peak <= maxRps ? [] : [`${peak} requests in one second, of ${maxRps}`];
  },
};
