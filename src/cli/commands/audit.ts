import type { Page } from '../../contract/runs.ts';
import type { AuditEntry, AuditVerification } from '../api-types.ts';
import { type DefineCommand, examples, type Session } from '../command.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { formatTable } from '../format.ts';
import { wholeNumberParser } from '../option-parsers.ts';

interface Options {
  readonly actor?: string;
  readonly subject?: string;
  readonly limit: number;
  readonly cursor?: string;
  readonly verify?: boolean;
}

export const audit: DefineCommand = (program, action) => {
  program
    .command('audit')
    .description('show who did what and why, newest first')
    .option('--actor <id>', 'only by this key')
    .option('--subject <id>', 'only about this run, queue, upstream or key')
    .option('--limit <n>', 'how many', wholeNumberParser(1, 500), 50)
    .option('--cursor <cursor>', 'where an earlier list ended')
    .option('--verify', 'check that no row was changed or removed since it was written')
    .addHelpText('after', examples('audit', 'audit --subject RUN', 'audit --verify'))
    .action(
      action(async (session, options: Options) => {
        if (options.verify) return verifyAudit(session);
        const { api, out, settings } = session;
        const { actor, subject, limit, cursor } = options;
        const page = await api.get<Page<AuditEntry>>('/audit', { actor, subject, limit, cursor });
        out.answer(page, (safe) => (safe.items.length === 0 ? 'nothing yet' : auditTable(safe.items, session)));
        if (page.nextCursor) out.note(`More with: ${settings.invocation} audit --cursor ${page.nextCursor}`);
        return exitCodes.green;
      }),
    );
};

function auditTable(entries: readonly AuditEntry[], { out }: Session): string {
  return formatTable(
    entries,
    [
      { title: 'at', value: (entry) => entry.at },
      { title: 'who', value: (entry) => `${entry.actor} (${entry.role})` },
      { title: 'did', value: (entry) => entry.action },
      { title: 'to', value: (entry) => entry.subject },
      { title: 'why', value: (entry) => entry.reason ?? '' },
    ],
    out.paint,
  );
}

async function verifyAudit({ api, out }: Session): Promise<ExitCode> {
  const verdict = await api.get<AuditVerification>('/audit/verification');
  out.answer(verdict, (safe) => {
    if (safe.ok) return `${safe.checked} rows, each follows from the one before it`;
    const lines = safe.broken.map(({ id, problem }) => `row ${id}: ${problem}`);
    const more = safe.brokenCount - safe.broken.length;
    if (more > 0) lines.push(`and ${more} more rows`);
    if (safe.newestMissing) lines.push('the newest rows are missing');
    const summary = `${safe.brokenCount} of ${safe.checked} rows do not verify`;
    return [`${out.paint('broken', 'red')}: ${summary}`, ...lines].join('\n');
  });
  return verdict.ok ? exitCodes.green : exitCodes.failures;
}
