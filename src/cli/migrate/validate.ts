import { runChecks } from '../doctor/examine.ts';
import { type ExitCode, exitCodes, isFinished } from '../exit-code.ts';
import type { Session } from '../session.ts';
import { findingLines } from '../views/findings.ts';
import { previewLines } from '../views/preview.ts';
import { runHead } from '../views/run-head.ts';
import { followWithLog } from './follow.ts';
import { cancelInterrupted } from './interrupted.ts';
import { rowLimit, startMigration } from './migrate.ts';
import type { MigrateOptions } from './options.ts';
import { writePreview } from './preview.ts';

const failureStatuses = ['rejected', 'failed', 'blocked', 'mismatched'];

/**
 * `migrate:validate`: looks at the configuration, reaches both ends, and says of every record what is wrong with it,
 * by a run that writes nothing.
 */
export async function runValidate(session: Session, options: MigrateOptions): Promise<ExitCode> {
  const { api, out, settings } = session;
  const { reached, findings } = await runChecks(api, settings, options.plan);
  if (!out.json) out.streams.stdout.write(`${findingLines(findings, out.paint)}\n\n`);
  if (!reached) return reportNotStarted(session, { findings }, exitCodes.unreachable);
  if (findings.some((finding) => finding.state === 'problem')) {
    return reportNotStarted(session, { findings }, exitCodes.failures);
  }
  const begun = await startMigration(session, 'validate', options);
  const { run, log } = await followWithLog(session, begun, 'migrate:validate');
  if (!isFinished(run)) return cancelInterrupted(session, run, 'migrate:validate');
  const wanted = ({ status }: { status: string }): boolean => failureStatuses.includes(status);
  const preview = await writePreview(session, run, { name: 'migration-validation', rows: rowLimit(options), wanted });
  const valid = run.status === 'completed' && run.balanced;
  out.answer({ valid, findings, run, preview, log: log.path() }, (safe) =>
    [
      runHead(safe.run, out.paint),
      '',
      previewLines(safe.preview, out.paint),
      validityText(safe.valid, safe.preview.total),
      `log: ${safe.log}`,
    ].join('\n'),
  );
  return valid ? exitCodes.green : exitCodes.failures;
}

function validityText(valid: boolean, wrong: number): string {
  if (valid) return 'valid: every record would be migrated or has nothing to be migrated';
  return wrong === 0 ? 'not valid: see the reason of the run' : `not valid: ${wrong} records would not be migrated`;
}

function reportNotStarted({ out }: Session, { findings }: { findings: readonly object[] }, code: ExitCode): ExitCode {
  if (out.json) out.answer({ valid: false, findings, run: null, preview: null, log: null }, () => '');
  else out.note('Nothing was tried: mend what is bad above first.');
  return code;
}
