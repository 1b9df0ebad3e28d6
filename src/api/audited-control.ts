import { createHash } from 'node:crypto';
import type { AuditEntry, AuditLog } from '../../db/repositories/audit.ts';
import type { Actor, Control } from '../engine/control/contract.ts';

/** The control with a row in the audit log for everything that changes something. */
export function auditControl(control: Control, audit: AuditLog): Control {
  const noted = async <T>(work: Promise<T>, actor: Actor, entry: (done: T) => Note): Promise<T> => {
    const done = await work;
    await audit.append({ actor: actor.id, role: actor.role, ...entry(done) });
    return done;
  };
  return {
    ...control,
    startRun: (input, actor) =>
      noted(control.startRun(input, actor), actor, (run) => {
        const { ids, ...rest } = input;
        return { action: 'run.start', subject: `run:${run.id}`, details: { ...rest, ids: ids?.length } };
      }),
    pause: (id, reason, actor) => noted(control.pause(id, reason, actor), actor, onRun(id, 'pause', reason)),
    resume: (id, reason, actor) => noted(control.resume(id, reason, actor), actor, onRun(id, 'resume', reason)),
    cancel: (id, reason, actor) => noted(control.cancel(id, reason, actor), actor, onRun(id, 'cancel', reason)),
    retry: (id, reason, actor) => noted(control.retry(id, reason, actor), actor, onRun(id, 'retry', reason)),
    reconcile: (id, reason, actor) =>
      noted(control.reconcile(id, reason, actor), actor, onRun(id, 'reconcile', reason)),
    changeBatchSize: (id, batchSize, reason, actor) =>
      noted(
        control.changeBatchSize(id, batchSize, reason, actor),
        actor,
        onRun(id, 'change-batch-size', reason, { batchSize }),
      ),
    enqueue: (id, input, actor) =>
      noted(control.enqueue(id, input, actor), actor, ({ accepted }) =>
        onRun(id, 'enqueue', undefined, { entity: input.entity, accepted })(),
      ),
    replay: (id, group, reason, actor) =>
      noted(control.replay(id, group, reason, actor), actor, ({ replayed }) =>
        onRun(id, 'replay', reason, { group, replayed })(),
      ),
    purge: (input, actor) =>
      noted(control.purge(input, actor), actor, ({ runs, complete, dryRun }) => ({
        action: 'payloads.purge',
        subject: input.runId === undefined ? 'runs' : `run:${input.runId}`,
        reason: input.reason,
        details: { olderThan: input.olderThan, dryRun, complete, runs: runs.map(({ runId }) => runId) },
      })),
    person: (email, actor) =>
      noted(control.person(email, actor), actor, ({ records, rows }) => ({
        action: 'person.export',
        // The log outlives the person's data, so it names nobody; who knows the address can find the entry.
        subject: `person:${createHash('sha256').update(email.toLowerCase()).digest('hex').slice(0, 16)}`,
        details: { records: records.length, rows: rows.length },
      })),
    validate: (id, actor) => noted(control.validate(id, actor), actor, onRun(id, 'validate')),
    rollback: (id, input, actor) =>
      noted(control.rollback(id, input, actor), actor, ({ removed, restored }) =>
        onRun(id, 'rollback', input.reason, { dryRun: input.dryRun, removed, restored })(),
      ),
  };
}

function onRun(id: string, action: string, reason?: string, details?: AuditEntry['details']) {
  return (): Note => ({
    action: `run.${action}`,
    subject: `run:${id}`,
    reason: reason === '' ? null : reason,
    details,
  });
}

type Note = Pick<AuditEntry, 'action' | 'subject' | 'reason' | 'details'>;
