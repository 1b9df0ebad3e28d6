import { readFileSync } from 'node:fs';
import type { BubbleExperiment } from '../drill.ts';
import type { BubbleScenario } from '../scenario.ts';

const maxRssMb = 700;
const peakRssMb = new WeakMap<BubbleExperiment, number>();

export const hugeRecords: BubbleScenario = {
  name: 'huge-records',
  summary:
    'one booking carries ten megabytes of text, another a hundred thousand keys: both arrive, and memory stays bounded',
  setup: {
    prepare({ data }) {
      const [text, keys] = data.ids('booking');
      const unchanged = (id: string) => ({ 'Modified Date': data.get('booking', id)?.['Modified Date'] });
      const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`key ${n}`, n]));
      data.modify('booking', String(text), { attachment: 'x'.repeat(10 * 1_048_576), ...unchanged(String(text)) });
      data.modify('booking', String(keys), { attachment: JSON.stringify(many), ...unchanged(String(keys)) });
    },
  },
  async injectFaults(drill) {
    while (!drill.runEnded.signal.aborted) {
      const now = Math.max(0, ...drill.fleet.workers().map(({ pid }) => rssMb(pid)));
      peakRssMb.set(drill, Math.max(now, peakRssMb.get(drill) ?? 0));
      await drill.progress.wait(200);
    }
  },
  async check(drill) {
    const most = peakRssMb.get(drill) ?? 0;
    return most <= maxRssMb ? [] : [`a worker took ${most} MB`];
  },
};

function rssMb(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024);
  } catch {
    return 0; // it has ended, or there is no /proc here
  }
}
