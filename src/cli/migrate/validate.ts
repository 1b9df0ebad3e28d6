import { examine } from '../doctor/examine.ts';
import { type ExitCode, exitCodes, isFinished } from '../exit-code.ts';
import type { Session } from '../session.ts';
import { findingLines } from '../views/findings.ts';
import { previewLines } from '../views/preview.ts';
import { runHead } from '../views/run-head.ts';
import { followLogged } from './follow.ts';
import { cancelInterrupted } from './interrupted.ts';
import { rowsOf, start } from './migrate.ts';
import type { MigrateOptions } from './options.ts';
import { previewOf } from './preview.ts';

const troubles = ['rejected', 'failed', 'blocked', 'mismatched'];

/**
 * `migrate:validate`: looks at the configuration, reaches both ends, and says of every record what is wrong with it,
 * by a run that writes nothing.
 */
export async function validate(session: Session, options: MigrateOptions): Promise<ExitCode> {
  const { api, out, settings } = session;
  const { reached, findings } = await examine(api, settings, options.plan);
  if (!out.json) out.streams.stdout.write(`${findingLines(findings, out.paint)}\n\n`);
  if (!reached) return report(session, { findings }, exitCodes.unreachable);
  if (findings.some((finding) => finding.state === 'problem')) {
    return report(session, { findings }, exitCodes.failures);
  }
  const begun = await start(session, 'validate', options);
  const { run, log } = await followLogged(session, begun, 'migrate:validate');
  if (!isFinished(run)) return cancelInterrupted(session, run, 'migrate:validate');
  const wanted = ({ status }: { status: string }): boolean => troubles.includes(status);
  const preview = await previewOf(session, run, { name: 'migration-validation', rows: rowsOf(options), wanted });
  const valid = run.status === 'completed' && run.balanced;
  out.answer({ valid, findings, run, preview, log: log.path() }, (safe) =>
    [
      runHead(safe.run, out.paint),
      '',
      previewLines(safe.preview, out.paint),
      verdict(safe.valid, safe.preview.total),
      `log: ${safe.log}`,
    ].join('\n'),
  );
  return valid ? exitCodes.green : exitCodes.failures;
}

function verdict(valid: boolean, wrong: number): string {
  if (valid) return 'valid: every record would be migrated or has nothing to be migrated';
  return wrong === 0 ? 'not valid: see the reason of the run' : `not valid: ${wrong} records would not be migrated`;
}

function report({ out }: Session, { findings }: { findings: readonly object[] }, code: ExitCode): ExitCode {
  if (out.json) out.answer({ valid: false, findings, run: null, preview: null, log: null }, () => '');
  else out.note('Nothing was tried: mend what is bad above first.');
  return code;
}
