import type { Scenario } from '../scenario.ts';

const losingMs = 300;

export const lostReplies: Scenario = {
  name: 'lost-replies',
  summary: 'now PostgreSQL, now Redis does what it is asked, and the connection ends before the answer',
  setup: { proxied: true },
  async inject({ doors, progress, recovery, over, random }) {
    for (let n = 0; n < 12 && !over.signal.aborted; n += 1) {
      await progress.pause(500 + random.int(0, 500));
      const door = n % 2 === 0 ? doors?.postgres : doors?.redis;
      await recovery.during(async () => {
        door?.loseReplies();
        await progress.pause(losingMs);
        door?.mend();
      });
    }
  },
};
