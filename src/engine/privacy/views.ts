import type { FailureGroup, MendingView, RecordView, RunView, TryView, ValidationView } from '../control/contract.ts';
import type { Conflict, CutoverEntry, CutoverView } from '../cutover/contract.ts';
import type { Journey, JourneyTarget, Relative } from '../journeys/contract.ts';
import { maskColumns } from './row.ts';
import { maskContacts, maskMessage } from './text.ts';

/** What operators see, as viewers see it. All pure. Source ids may be addresses; messages may quote values. */

/** The same run object where nothing is hidden, so that who keeps texts by object keeps them. */
export function maskRun<T extends Pick<RunView, 'reason'> & Partial<Pick<RunView, 'holdups'>>>(run: T): T {
  const said = [run.reason ?? '', ...(run.holdups ?? []).map(({ what }) => what)].join(' ');
  if (maskContacts(said) === said) return run;
  const holdups = run.holdups?.map((one) => ({ ...one, what: maskContacts(one.what) }));
  return { ...run, reason: run.reason && maskContacts(run.reason), ...(holdups && { holdups }) };
}

export function maskRecord<T extends RecordView>(record: T): T {
  return { ...record, sourceId: maskContacts(record.sourceId), message: maskNullable(record.message) };
}

export function maskFailure<T extends Pick<FailureGroup, 'message' | 'examples'>>(group: T): T {
  return { ...group, message: maskMessage(group.message), examples: group.examples.map(maskContacts) };
}

export function maskRepair(view: MendingView): MendingView {
  const remove = view.remove.map((row) => ({
    ...row,
    sourceId: maskContacts(row.sourceId),
    refusal: maskNullable(row.refusal),
  }));
  return { ...view, write: view.write.map(maskFailure), remove };
}

export function maskValidation(view: ValidationView): ValidationView {
  const checks = view.checks.map((check) => ({
    ...check,
    rows: check.rows.map((row) => ({
      ...row,
      sourceId: maskContacts(row.sourceId),
      detail: maskMessage(row.detail),
    })),
  }));
  return { ...view, checks };
}

export function maskCutoverEntry<T extends CutoverEntry>(entry: T): T {
  return { ...entry, problems: entry.problems.map(maskMessage), reason: maskContacts(entry.reason) };
}

export function maskCutover(view: CutoverView): CutoverView {
  return { ...maskCutoverEntry(view), conflicts: view.conflicts.map(maskConflict) };
}

/** Keys of rows may be addresses, and what was met in a row is told with its values. */
export function maskConflict({ table, key, detail }: Conflict): Conflict {
  return { table, key: maskContacts(key), detail: maskMessage(detail) };
}

export function maskHistory(journey: Journey): Journey {
  return {
    ...maskRecord(journey),
    tries: journey.tries.map(maskTry),
    notes: journey.notes.map(maskMessage),
    parent: journey.parent && maskRelative(journey.parent),
    survivor: journey.survivor && maskRelative(journey.survivor),
    target: journey.target && maskTarget(journey.target),
  };
}

function maskTry(one: TryView): TryView {
  return { ...one, message: maskMessage(one.message) };
}

function maskRelative(relative: Relative): Relative {
  return { ...relative, sourceId: maskContacts(relative.sourceId) };
}

function maskTarget(target: JourneyTarget): JourneyTarget {
  const { loaded, row, personal } = target;
  return { ...target, loaded: loaded && maskColumns(loaded, personal), row: row && maskColumns(row, personal) };
}

const maskNullable = (message: string | null): string | null => (message === null ? null : maskMessage(message));
