import assert from 'node:assert/strict';
import type { Check, FinishedRun, RunSubject } from './types.ts';

/**
 * The guarantees of a plan's runs, on real databases and with a real worker. Each check continues from the target as the
 * previous one left it, so they run in this order.
 */
export const runChecks: readonly Check<RunSubject>[] = [
  {
    guarantee: 'an empty source results in a completed run and no rows',
    async run(subject) {
      const run = await subject.run('empty');
      assert.deepEqual([run.status, run.extracted], ['completed', 0], run.reason ?? '');
      assert.equal(countRows(await subject.rows()), 0);
    },
  },
  {
    guarantee: 'a run accounts for every record, and rolling it back removes all of its rows',
    async run(subject) {
      const run = assertCompleted(await subject.run('filled'));
      assert.ok(
        run.extracted > 0 && countRows(await subject.rows()) > 0,
        'nothing was loaded: the fixture has no good records',
      );
      await rollBackWithoutConflicts(subject, run);
      assert.equal(countRows(await subject.rows()), 0);
    },
  },
  {
    guarantee: 'loading twice results in the same rows, and rolling the second back changes nothing',
    async run(subject) {
      assertCompleted(await subject.run('filled'));
      const once = await subject.rows();
      const again = assertCompleted(await subject.run('filled'));
      assert.deepEqual(await subject.rows(), once);
      await rollBackWithoutConflicts(subject, again);
      assert.deepEqual(await subject.rows(), once);
    },
  },
  {
    guarantee: 'a rollback restores the contents of rows that existed before',
    async run(subject) {
      if ((await subject.detachRows()) === 0) return;
      const before = await subject.rows();
      const run = assertCompleted(await subject.run('filled'));
      assert.notDeepEqual(await subject.rows(), before);
      await rollBackWithoutConflicts(subject, run);
      assert.deepEqual(await subject.rows(), before);
    },
  },
];

function assertCompleted(run: FinishedRun): FinishedRun {
  assert.match(run.status, /^completed/, run.reason ?? run.status);
  assert.equal(run.pending, 0);
  assert.ok(run.balanced, 'records are not accounted for');
  return run;
}

async function rollBackWithoutConflicts(subject: RunSubject, run: FinishedRun): Promise<void> {
  const { conflicts } = await subject.rollback(run.id);
  assert.equal(conflicts, 0, 'rows could not be restored');
}

function countRows(rows: Awaited<ReturnType<RunSubject['rows']>>): number {
  return Object.values(rows).reduce((sum, some) => sum + some.length, 0);
}
