import type { Scenario } from '../scenario.ts';

const silentMs = 4_000;

export const halfOpen: Scenario = {
  name: 'half-open',
  summary: 'connections stay open and nothing comes through any more: first to Redis, then to PostgreSQL',
  setup: { proxied: true },
  async inject({ doors, progress, recovery, over }) {
    for (const name of ['redis', 'postgres'] as const) {
      await progress.until(name === 'redis' ? 0 : 0.2);
      if (over.signal.aborted) return;
      await recovery.during(async () => {
        doors?.[name].blackhole();
        await progress.pause(silentMs);
        doors?.[name].mend();
      });
    }
  },
};
