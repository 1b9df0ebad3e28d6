import assert from 'node:assert/strict';
import type { Check, FinishedRun, RunSubject } from './check.ts';

/**
 * What every plan promises of its runs, on real databases and with a real worker. The checks go on from what those
 * before left in the target, so they run in this order.
 */
export const runChecks: readonly Check<RunSubject>[] = [
  {
    promise: 'an empty source makes a green run and no rows',
    async run(subject) {
      const run = await subject.run('empty');
      assert.deepEqual([run.status, run.extracted], ['completed', 0], run.reason ?? '');
      assert.equal(count(await subject.rows()), 0);
    },
  },
  {
    promise: 'a run accounts for every record, and rolling it back leaves nothing of it',
    async run(subject) {
      const run = settled(await subject.run('filled'));
      assert.ok(
        run.extracted > 0 && count(await subject.rows()) > 0,
        'nothing was loaded: the fixture has no good records',
      );
      await undo(subject, run);
      assert.equal(count(await subject.rows()), 0);
    },
  },
  {
    promise: 'loading twice gives the same rows, and rolling the second back changes nothing',
    async run(subject) {
      settled(await subject.run('filled'));
      const once = await subject.rows();
      const again = settled(await subject.run('filled'));
      assert.deepEqual(await subject.rows(), once);
      await undo(subject, again);
      assert.deepEqual(await subject.rows(), once);
    },
  },
  {
    promise: 'a rollback gives rows that were there before their content back',
    async run(subject) {
      if ((await subject.disown()) === 0) return;
      const before = await subject.rows();
      const run = settled(await subject.run('filled'));
      assert.notDeepEqual(await subject.rows(), before);
      await undo(subject, run);
      assert.deepEqual(await subject.rows(), before);
    },
  },
];

function settled(run: FinishedRun): FinishedRun {
  assert.match(run.status, /^completed/, run.reason ?? run.status);
  assert.equal(run.pending, 0);
  assert.ok(run.balanced, 'records are not accounted for');
  return run;
}

async function undo(subject: RunSubject, run: FinishedRun): Promise<void> {
  const { conflicts } = await subject.rollback(run.id);
  assert.equal(conflicts, 0, 'rows could not be taken back');
}

function count(rows: Awaited<ReturnType<RunSubject['rows']>>): number {
  return Object.values(rows).reduce((sum, some) => sum + some.length, 0);
}
