import type { Scenario } from '../scenario.ts';

export const postgresCrashed: Scenario = {
  name: 'postgres-crashed',
  summary: 'PostgreSQL is ended at once, without a checkpoint, and started again, three times',
  setup: { ownPostgres: true },
  async inject({ ground, progress, recovery, random }) {
    for (const share of [0, 0.3, 0.6]) {
      await progress.until(share + random.next() * 0.1);
      await recovery.during(async () => ground.postgres?.restartImmediate());
    }
  },
};
