import type { CutoverView, List, PlanView, QueueView, SessionView, UpstreamView, WorkerView } from '../answers.ts';
import { type Client, pathOf } from '../client.ts';
import type { Settings } from '../environment.ts';
import { toProblem } from '../problem.ts';
import { cutoverFindings } from './cutovers.ts';
import { type Finding, okFinding, problemFinding } from './finding.ts';
import { nodeFinding } from './node.ts';
import { planFindings } from './plans.ts';
import { queueFindings } from './queues.ts';
import { readyFindings } from './ready.ts';
import { keyFinding, transportFinding } from './service.ts';
import { upstreamFindings } from './upstreams.ts';

export interface DoctorResult {
  /** False when nothing could be asked of the service. */
  readonly reached: boolean;
  readonly findings: readonly Finding[];
}

/** Looks at everything, from the outside in, and no further than something answers; of plans at one where it is named. */
export async function runChecks(api: Client, settings: Settings, plan?: string): Promise<DoctorResult> {
  const findings: Finding[] = [nodeFinding(process.versions.node), ...transportFinding(settings)];
  const service = await checkOrProblem('service', () =>
    api.get('//healthz').then(() => [okFinding('service', `answers at ${settings.url}`)]),
  );
  findings.push(...service);
  if (hasProblem(service)) return { reached: false, findings };
  findings.push(
    ...(await checkOrProblem('stores', () =>
      api.request('GET', '//readyz', { acceptedStatus: 503 }).then(readyFindings),
    )),
  );
  const key = await checkOrProblem('key', () =>
    api.get<SessionView>('/session').then((session) => [keyFinding(session)]),
  );
  findings.push(...key);
  if (!hasProblem(key)) findings.push(...(await fleetFindings(api, plan)));
  return { reached: true, findings };
}

async function fleetFindings(api: Client, plan: string | undefined): Promise<Finding[]> {
  const groups = await Promise.all([
    checkOrProblem('workers', async () =>
      queueFindings(
        (await api.get<List<QueueView>>('/queues')).items,
        (await api.get<List<WorkerView>>('/workers')).items,
      ),
    ),
    checkOrProblem('plans', async () =>
      planFindings(
        plan === undefined
          ? (await api.get<List<PlanView>>('/plans')).items
          : [await api.get<PlanView>(pathOf`/plans/${plan}`)],
      ),
    ),
    checkOrProblem('cutovers', async () => cutoverFindings((await api.get<List<CutoverView>>('/cutovers')).items)),
    checkOrProblem('upstreams', async () => upstreamFindings((await api.get<List<UpstreamView>>('/upstreams')).items)),
  ]);
  return groups.flat();
}

/** A question that is not answered is a finding too. */
async function checkOrProblem(name: string, check: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (thrown) {
    const { code, message, remedy } = toProblem(thrown);
    return [problemFinding(name, `${code}: ${message}`, remedy ?? 'Look at the log of the service.')];
  }
}

function hasProblem(findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.state === 'problem');
}
