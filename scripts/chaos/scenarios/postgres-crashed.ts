import type { BubbleScenario } from '../scenario.ts';

export const postgresCrashed: BubbleScenario = {
  name: 'postgres-crashed',
  summary: 'PostgreSQL is ended at once, without a checkpoint, and started again, three times',
  setup: { ownPostgres: true },
  async injectFaults({ environment: ground, progress, recovery, random }) {
    for (const share of [0, 0.3, 0.6]) {
      await progress.waitForShare(share + random.next() * 0.1);
      await recovery.measureDuring(async () => ground.postgres?.restartImmediate());
    }
  },
};
