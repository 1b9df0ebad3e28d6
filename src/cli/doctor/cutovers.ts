import type { CutoverView } from '../answers.ts';
import { type Finding, problemFinding, warningFinding } from './finding.ts';

/** Cutovers that wait for a person: while one does, no other can begin. */
export function cutoverFindings(views: readonly CutoverView[]): Finding[] {
  return views.flatMap(({ stamp, plan, kind, status, nextActions, problems }) => {
    if (!nextActions.includes('go')) return [];
    const remedy = nextActions.includes('abandon')
      ? `drover cutover go ${stamp} --reason TEXT, or drover cutover abandon ${stamp} --reason TEXT`
      : `drover cutover go ${stamp} --reason TEXT`;
    const detail = `the ${kind} ${stamp} of ${plan} is ${status}`;
    if (status === 'held') return [warningFinding('cutovers', `${detail} and waits for its go`, remedy)];
    return [problemFinding('cutovers', `${detail}: ${problems.join('; ')}`, remedy)];
  });
}
