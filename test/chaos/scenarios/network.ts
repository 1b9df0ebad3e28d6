import type { BubbleScenario } from '../bubble.ts';

const losingMs = 300;

export const lostReplies: BubbleScenario = {
  name: 'lost-replies',
  summary: 'now PostgreSQL, now Redis does what it is asked, and the connection ends before the answer',
  setup: { proxied: true },
  async injectFaults({ proxies: doors, progress, recovery, runEnded, random }) {
    for (let n = 0; n < 12 && !runEnded.signal.aborted; n += 1) {
      await progress.wait(500 + random.int(0, 500));
      const door = n % 2 === 0 ? doors?.postgres : doors?.redis;
      await recovery.measureDuring(async () => {
        door?.dropReplies();
        await progress.wait(losingMs);
        door?.restore();
      });
    }
  },
};

const silentMs = 4_000;

export const halfOpen: BubbleScenario = {
  name: 'half-open',
  summary: 'connections stay open and nothing comes through any more: first to Redis, then to PostgreSQL',
  setup: { proxied: true },
  async injectFaults({ proxies: doors, progress, recovery, runEnded }) {
    for (const name of ['redis', 'postgres'] as const) {
      await progress.waitForShare(name === 'redis' ? 0 : 0.2);
      if (runEnded.signal.aborted) return;
      await recovery.measureDuring(async () => {
        doors?.[name].blackhole();
        await progress.wait(silentMs);
        doors?.[name].restore();
      });
    }
  },
};
