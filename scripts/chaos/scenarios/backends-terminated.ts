import type { BubbleScenario } from '../scenario.ts';

// Half of them, so that some of a worker's connections die under its feet and others live on.
const terminateHalfSql = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'drover%' AND random() < 0.5`;

export const backendsTerminated: BubbleScenario = {
  name: 'backends-terminated',
  summary: 'half of all connections to PostgreSQL are ended by the server, in the middle of what they do, every second',
  async injectFaults({ probe, progress, recovery, runEnded: over }) {
    for (let n = 0; n < 12 && !over.signal.aborted; n += 1) {
      await progress.wait(1_000);
      await recovery.measureDuring(() => probe.query(terminateHalfSql));
    }
  },
};
