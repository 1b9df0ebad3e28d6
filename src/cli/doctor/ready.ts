import { type Finding, okFinding, problemFinding } from './finding.ts';

const remedies: Readonly<Record<string, string>> = {
  postgresql: 'Check DATABASE_URL of the service, and that PostgreSQL runs and takes connections.',
  redis: 'Check REDIS_URL of the service, and that Redis runs. Runs wait until it is back and lose nothing.',
};

/** What the service says of the stores it needs; the answer of /readyz. */
export function readyFindings(answer: unknown): Finding[] {
  const checks = isReadiness(answer) ? Object.entries(answer.checks) : [];
  if (checks.length === 0)
    return [problemFinding('stores', 'the service does not say how they are', 'Update the service.')];
  return checks.map(([name, state]) => {
    if (state === 'ok') return okFinding(name, 'answers the service');
    return problemFinding(name, String(state), remedies[name] ?? 'Look at the log of the service.');
  });
}

function isReadiness(answer: unknown): answer is { checks: Record<string, unknown> } {
  const checks = (answer as { checks?: unknown } | null)?.checks;
  return typeof checks === 'object' && checks !== null;
}
