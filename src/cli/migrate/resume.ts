import type { Page, RunView } from '../answers.ts';
import { pathOf } from '../client.ts';
import type { ExitCode } from '../exit-code.ts';
import { Problem } from '../problem.ts';
import type { Session } from '../session.ts';
import { statusText } from '../views/run-head.ts';
import { concludeMigration } from './conclude.ts';
import { commandLine, followWithLog } from './follow.ts';

export interface ResumeOptions {
  readonly plan: string;
  readonly reason?: string;
}

/**
 * `migrate:resume`: goes on with the last run of the plan where it stands: one that was paused or stopped is taken up
 * again, one that is still going is followed.
 * @throws Problem NOTHING_TO_RESUME when the last run went to its end, or there is none.
 */
export async function runResume(session: Session, options: ResumeOptions): Promise<ExitCode> {
  const run = await lastRun(session, options.plan);
  if (!run) throw nothingToResume(session, `no run of ${options.plan} was begun yet`);
  const going = await continueRun(session, run, options.reason ?? 'migrate:resume');
  return concludeMigration(session, await followWithLog(session, going, 'migrate:resume'));
}

const pageSize = 50;

/** The newest run that writes. */
async function lastRun({ api }: Session, plan: string): Promise<RunView | undefined> {
  for (let cursor: string | undefined; ; ) {
    const page = await api.get<Page<RunView>>('/runs', { plan, cursor, limit: pageSize });
    const found = page.items.find((run) => !run.dryRun && !run.exportOnly && run.trial === null);
    if (found || page.nextCursor === null) return found;
    cursor = page.nextCursor;
  }
}

async function continueRun(session: Session, run: RunView, reason: string): Promise<RunView> {
  const { api, out } = session;
  const ask = (action: 'resume' | 'retry'): Promise<RunView> =>
    api.request('POST', `${pathOf`/runs/${run.id}`}/${action}`, { body: { reason } });
  switch (run.status) {
    case 'paused':
    case 'pausing':
      out.note(`Run ${run.id} goes on where it was paused.`);
      return ask('resume');
    case 'failed':
      if (run.rolledBackAt !== null) break;
      out.note(`Run ${run.id} goes on where it was stopped${run.reason === null ? '' : `: ${run.reason}`}`);
      return ask('retry');
    case 'pending':
    case 'running':
      out.note(`Run ${run.id} was not interrupted: it is ${run.status}, and is followed from here on.`);
      return run;
    default:
  }
  const ended = run.rolledBackAt === null ? statusText(run.status) : 'rolled back';
  throw nothingToResume(session, `the last run, ${run.id}, is ${ended}`, run);
}

function nothingToResume(session: Session, message: string, run?: RunView): Problem {
  const again = `Start one with: ${commandLine(session, 'migrate')}`;
  const retry = `${session.settings.invocation} retry ${run?.id} --wait`;
  const remedy = run?.nextActions.includes('retry') ? `${again}, or try what failed again: ${retry}` : again;
  return new Problem({ code: 'NOTHING_TO_RESUME', message: `there is no interrupted run: ${message}`, remedy });
}
