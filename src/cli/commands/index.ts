import type { DefineCommand } from '../command.ts';
import { audit } from './audit.ts';
import { batchSize } from './batch-size.ts';
import { cancel } from './cancel.ts';
import { cutover } from './cutover.ts';
import { cutovers } from './cutovers.ts';
import { doctor } from './doctor.ts';
import { enqueue } from './enqueue.ts';
import { exportPlan } from './export.ts';
import { failures } from './failures.ts';
import { keys } from './keys.ts';
import { limits } from './limits.ts';
import { migrate } from './migrate.ts';
import { pause } from './pause.ts';
import { person } from './person.ts';
import { plans } from './plans.ts';
import { purge } from './purge.ts';
import { queues } from './queues.ts';
import { reconcile } from './reconcile.ts';
import { record } from './record.ts';
import { records } from './records.ts';
import { replay } from './replay.ts';
import { report } from './report.ts';
import { resume } from './resume.ts';
import { retry } from './retry.ts';
import { rollback } from './rollback.ts';
import { run } from './run.ts';
import { runs } from './runs.ts';
import { status } from './status.ts';
import { up } from './up.ts';
import { validate } from './validate.ts';
import { watch } from './watch.ts';
import { workers } from './workers.ts';

/** Every command, in the order of the help: to begin, to look, to steer, to prove, to keep the fleet. */
export const commands: readonly DefineCommand[] = [
  up,
  doctor,
  plans,
  run,
  migrate,
  exportPlan,
  runs,
  status,
  watch,
  failures,
  records,
  record,
  pause,
  resume,
  cancel,
  retry,
  reconcile,
  replay,
  enqueue,
  batchSize,
  validate,
  report,
  rollback,
  cutover,
  cutovers,
  workers,
  queues,
  limits,
  purge,
  person,
  keys,
  audit,
];
