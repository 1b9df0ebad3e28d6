import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { BubbleExperiment, BubbleScenario } from '../bubble.ts';
import type { Expected } from '../oracle/expectation.ts';

export const upstreamStorm: BubbleScenario = {
  name: 'upstream-storm',
  summary: 'the source throttles with every form of Retry-After, answers errors, drops connections and is slow',
  setup: {
    sandbox: {
      faults: [
        { fault: 'throttle', rate: 0.08, retryAfter: 1 },
        { fault: 'throttle', rate: 0.03, retryAfter: 1, retryAfterForm: 'date' },
        { fault: 'throttle', rate: 0.03, retryAfterForm: 'garbage' },
        { fault: 'unavailable', rate: 0.05 },
        { fault: 'error', rate: 0.05 },
        { fault: 'drop-before', rate: 0.03 },
        { fault: 'drop-midway', rate: 0.03 },
        { fault: 'slow', rate: 0.05, delayMs: 2_000 },
      ],
    },
  },
  injectFaults: async () => undefined,
};

export const upstreamGarbage: BubbleScenario = {
  name: 'upstream-garbage',
  summary: 'the source answers 200 with half a page or with HTML, clamps pages and gives some of them twice',
  setup: {
    sandbox: {
      faults: [
        { fault: 'truncate', rate: 0.08 },
        { fault: 'html', rate: 0.08 },
        { fault: 'clamp', operation: 'list', rate: 0.3, limit: 17 },
        { fault: 'repeat-page', operation: 'list', rate: 0.1 },
      ],
    },
  },
  injectFaults: async () => undefined,
};

const entityOf: Readonly<Record<string, string>> = { booking: 'bookings', clientprofile: 'client_profiles' };

export const movingSource: BubbleScenario = {
  name: 'moving-source',
  summary: 'rows are inserted, deleted and changed before the reader while it pages: what stayed is all there',
  setup: {
    sandbox: {
      faults: [
        { fault: 'insert', operation: 'list', resource: 'booking', from: 2, times: 4, position: 'before', count: 3 },
        { fault: 'modify', operation: 'list', resource: 'booking', from: 2, times: 3, position: 'before', count: 2 },
        { fault: 'delete', operation: 'list', resource: 'clientprofile', from: 2, times: 2, position: 'before' },
        // Small pages, or there would be nothing to move between.
        { fault: 'clamp', operation: 'list', limit: 20 },
      ],
    },
  },
  injectFaults: async () => undefined,
  async adjustExpectationAfterRun(experiment, expectation) {
    for (const { path, touched = [] } of experiment.sandbox.journal.entries()) {
      const type = Object.keys(entityOf).find((name) => path.endsWith(`/${name}`));
      for (const id of touched)
        if (type) await acceptEitherOutcome(experiment, expectation.get(entityOf[type] as string), type, id);
    }
  },
};

/** What came or went while it was being read may be there or not, and is judged by what the ledger made of it. */
async function acceptEitherOutcome(
  { probe, runId, sandbox }: BubbleExperiment,
  records: Map<string, Expected> | undefined,
  type: string,
  id: string,
): Promise<void> {
  const entity = entityOf[type];
  const [row] = await probe.query<{ status: Expected['outcome']; code: string | null; created: string }>(
    `SELECT r.status, r.code, p.raw->>'Created Date' AS created FROM drover.records r
     LEFT JOIN drover.payloads p ON p.record_id = r.id WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id = $3`,
    [runId, entity, id],
  );
  if (row) records?.set(id, { outcome: row.status, code: row.code ?? undefined, createdMs: Date.parse(row.created) });
  else if (sandbox.data.get(type, id) === undefined) records?.delete(id);
}

/** Names that mean something to a queue, a key, a path, a query, or a number parser. */
const hostileSourceIds = [
  'completed',
  'meta',
  'a:b:c',
  '0',
  '-1',
  '1e5',
  '🐦‍🔥 bird',
  "'; drop table users --",
  '../../etc',
  '%00',
  'null',
  '__proto__',
  'x'.repeat(4_096),
  // Not compressible, so that it exceeds what an index entry holds.
  randomBytes(3_072).toString('base64url'),
];

export const hostileIds: BubbleScenario = {
  name: 'hostile-ids',
  summary: 'source ids that are key names, numbers, quotes, paths, emoji and four kilobytes long',
  setup: {
    prepare({ data, manifest }) {
      const [model] = data.ids('user').filter((id) => manifest.types.user.verdicts[id] === undefined);
      const row = data.get('user', String(model));
      for (const [n, id] of hostileSourceIds.entries()) {
        const email = `hostile${n}@example.com`;
        const authentication = { email: { email, email_confirmed: true } };
        data.insert('user', { ...row, _id: id, email, authentication, password: undefined });
      }
    },
  },
  injectFaults: async () => undefined,
};

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
  async injectFaults(experiment) {
    while (!experiment.runEnded.signal.aborted) {
      const now = Math.max(0, ...experiment.fleet.workers().map(({ pid }) => rssMb(pid)));
      peakRssMb.set(experiment, Math.max(now, peakRssMb.get(experiment) ?? 0));
      await experiment.progress.wait(200);
    }
  },
  async check(experiment) {
    const most = peakRssMb.get(experiment) ?? 0;
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
