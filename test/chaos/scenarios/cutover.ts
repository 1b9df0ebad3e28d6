import { holdRandomWrites } from '../../engine/cutover/random-writes.ts';
import type { RunnableScenario } from '../bubble.ts';

/**
 * Random tables go live, are written to and come back, while the engine's connections are ended by chance: `--records` gives
 * how many sets, a hundredth of it.
 */
export const cutoverWrites: RunnableScenario = {
  name: 'cutover-writes',
  summary: 'random tables go live, are written to and come back, with the engine killed on the way',
  async run(environment, { records, seed }) {
    const began = Date.now();
    const url = await environment.createDatabase();
    const problems: string[] = [];
    let [writes, kills] = [0, 0];
    try {
      const sets = Math.max(1, Math.round(records / 100));
      for (let at = 0; at < sets; at += 1) {
        const set = seed * 10_000 + at;
        const done = await holdRandomWrites(url, set);
        writes += done.writes;
        kills += done.kills;
        problems.push(...done.problems.map((problem) => `set ${set}: ${problem}`));
      }
    } finally {
      await environment.dropDatabase(url);
    }
    return {
      ...{ name: 'cutover-writes', seed, ok: problems.length === 0, records: writes, kills, faults: kills, problems },
      ...{ lost: problems.length, doubled: 0, recoveryMs: 0, seconds: (Date.now() - began) / 1_000 },
    };
  },
};
