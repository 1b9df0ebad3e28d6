import type { BubbleScenario } from '../scenario.ts';

const silentMs = 4_000;

export const halfOpen: BubbleScenario = {
  name: 'half-open',
  summary: 'connections stay open and nothing comes through any more: first to Redis, then to PostgreSQL',
  setup: { proxied: true },
  async injectFaults({ proxies: doors, progress, recovery, runEnded: over }) {
    for (const name of ['redis', 'postgres'] as const) {
      await progress.waitForShare(name === 'redis' ? 0 : 0.2);
      if (over.signal.aborted) return;
      await recovery.measureDuring(async () => {
        doors?.[name].blackhole();
        await progress.wait(silentMs);
        doors?.[name].restore();
      });
    }
  },
};
