import { describe, expect, it } from 'vitest';
import { createLogDisplay, createProgressDisplay, formatProgressLine } from '../../src/cli/progress.ts';
import { capture } from '../helpers/cli.ts';
import { completedRun, entityProgress, runView } from '../helpers/run-fixtures.ts';

const now = new Date('2024-01-15T14:00:00Z');

const half = runView({
  progress: { percent: 45.2, perSecond: 2.34, etaSeconds: 1800 },
  entities: {
    users: entityProgress({ extracted: 600, reconciled: 400, skipped: 40, failed: 4, pending: 156 }),
    bookings: entityProgress({ extracted: 100, sourceTotal: 400, reconciled: 8, pending: 92, extraction: 'reading' }),
  },
});

describe('the progress line', () => {
  it('is the line of the document', () => {
    expect(formatProgressLine(half, now)).toBe(
      'Progress: 45.2% (452/1000) | Success: 448 | Failed: 4 | Rate: 2.3/s | ETA: 2024-01-15T14:30:00Z',
    );
  });

  it('names the blocker instead of figures while nothing can be read', () => {
    const what = 'held by the breaker of bubble: 5 requests in a row failed, tried again in 20 s';
    const clears = 'by itself, when bubble answers again';
    const run = runView({
      entities: { users: entityProgress({ extraction: 'reading' }) },
      holdups: [{ code: 'BREAKER_OPEN', what, clears, until: null }],
    });
    expect(formatProgressLine(run, now)).toBe(`Progress: nothing was read yet | Blocked: ${what} → ${clears}`);
  });

  it('says what is under way and what it waits for, and then knows no ETA', () => {
    const waiting = { extract: 0, transform: 100, load: 50, reconcile: 6 };
    const users = entityProgress({ extracted: 600, reconciled: 400, skipped: 40, failed: 4, pending: 156, waiting });
    const run = { ...half, entities: { ...half.entities, users } };
    const underWay = 'Under way: 100 at transform, 50 at load, 6 at reconcile';
    expect(formatProgressLine(run, now)).toMatch(new RegExp(`ETA: 2024-01-15T14:30:00Z \\| ${underWay}$`));
    const pause = {
      code: 'QUEUE_PAUSED',
      what: 'queue load is paused by ann: lunch\u001b[2K',
      clears: 'x',
      until: null,
    };
    const worker = { code: 'NO_WORKER', what: 'no worker serves queue load', clears: 'start one', until: null };
    expect(formatProgressLine({ ...run, holdups: [pause, worker] }, now)).toMatch(
      /\| ETA: unknown \| Under way: .* \| Blocked: queue load is paused by ann: lunch\\u001b\[2K → x \(and 1 more\)$/,
    );
  });

  it('does not call it a blocker that records wait for their parents', () => {
    const waits = {
      code: 'WAITING_FOR_PARENTS',
      what: '8 bookings wait for 4 users',
      clears: 'by itself',
      until: null,
    };
    expect(formatProgressLine({ ...half, holdups: [waits] }, now)).toBe(formatProgressLine(half, now));
    const paused = { code: 'PAUSED', what: 'paused: lunch', clears: 'drover resume', until: null };
    expect(formatProgressLine({ ...completedRun(), holdups: [paused] }, now)).not.toContain('Blocked');
  });

  it('never says 100% while something is left', () => {
    const run = runView({
      entities: { users: entityProgress({ extracted: 100_000, reconciled: 99_999, pending: 1 }) },
    });
    expect(formatProgressLine(run, now)).toContain('Progress: 99.9% (99999/100000)');
    const reading = runView({
      entities: { users: entityProgress({ extracted: 5, reconciled: 5, extraction: 'reading' }) },
    });
    expect(formatProgressLine(reading, now)).toContain('Progress: 99.9% (5/5)');
  });

  it('counts everything that did not go well as failed', () => {
    const run = runView({
      entities: { users: entityProgress({ extracted: 4, rejected: 1, failed: 1, blocked: 1, mismatched: 1 }) },
    });
    expect(formatProgressLine(run, now)).toContain('Success: 0 | Failed: 4');
  });

  it('knows no ETA before anything was done, and the end of a run that has ended', () => {
    expect(formatProgressLine(runView(), now)).toBe(
      'Progress: 0.0% (0/0) | Success: 0 | Failed: 0 | Rate: 0.0/s | ETA: unknown',
    );
    expect(formatProgressLine(completedRun(), now)).toMatch(
      /^Progress: 100\.0% \(1000\/1000\).* ETA: 2024-01-15T14:01:44Z$/,
    );
    expect(formatProgressLine(completedRun({ entities: {} }), now)).toContain('Progress: 100.0% (0/0)');
  });

  it('ends with how fast the run was on the whole', () => {
    expect(formatProgressLine(completedRun(), now)).toContain('Rate: 9.7/s');
    expect(formatProgressLine(completedRun({ startedAt: null }), now)).toContain('Rate: 0.0/s');
  });

  it('goes by what was read, not by what the source says, as soon as all is read', () => {
    const run = runView({ entities: { users: entityProgress({ extracted: 90, sourceTotal: 100, reconciled: 90 }) } });
    expect(formatProgressLine(run, now)).toContain('(90/90)');
  });
});

describe('the display', () => {
  it('rewrites one line in place and leaves it there', () => {
    const stream = capture(true);
    const display = createProgressDisplay(stream, { inPlace: true });
    display.show(runView());
    display.show(half);
    display.note('run r1 is paused: \u001b[31mhalt');
    display.end();
    expect(stream.text().match(/\n/g)).toHaveLength(2);
    expect(stream.text()).toContain('\r\u001b[2KProgress: 45.2%');
    expect(stream.text()).toContain('run r1 is paused: \\u001b[31mhalt\n');
  });

  it('is rewritten in a window in which it fills several rows', () => {
    const stream = { ...capture(true), columns: 40 };
    const display = createProgressDisplay(stream, { inPlace: true });
    display.show(half);
    display.show(half);
    expect(stream.text().split('Progress')).toEqual([
      '\r\u001b[2K',
      expect.stringMatching(/Z\r.\[2A.\[J$/),
      expect.anything(),
    ]);
  });

  it('writes a line every few seconds into a log, and the last state in the end', () => {
    const stream = capture();
    let clock = now.getTime();
    const display = createLogDisplay(stream, () => clock);
    for (let second = 0; second < 12; second += 1) {
      display.show(runView({ progress: { percent: 0, perSecond: second, etaSeconds: null } }));
      clock += 1000;
    }
    display.end();
    const rates = [...stream.text().matchAll(/Rate: ([\d.]+)/g)].map(([, rate]) => rate);
    expect(rates).toEqual(['0.0', '5.0', '10.0', '11.0']);
  });
});
