import type { CutoverView } from '../../contract/cutover.ts';
import type { PlanView, QueueView, UpstreamView } from '../../contract/fleet.ts';
import type { List, SessionView, WorkerView } from '../api-types.ts';
import { type Client, pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { isLocal, type Settings } from '../environment.ts';
import { exitCodes } from '../exit-code.ts';
import type { Paint } from '../format.ts';
import { toProblem } from '../problem.ts';

export const doctor: DefineCommand = (program, action) => {
  program
    .command('doctor')
    .description('check that everything a migration needs is there, and say what to do where it is not')
    .addHelpText('after', examples('doctor', 'doctor --json'))
    .action(
      action(async ({ api, out, settings }) => {
        const { reached, findings } = await runChecks(api, settings);
        const well = findings.every((finding) => finding.state !== 'problem');
        out.answer({ ok: well, url: settings.url, findings }, (safe) => findingLines(safe.findings, out.paint));
        if (!reached) return exitCodes.unreachable;
        return well ? exitCodes.green : exitCodes.failures;
      }),
    );
};

export interface DoctorResult {
  /** False when the API did not respond. */
  readonly reached: boolean;
  readonly findings: readonly Finding[];
}

/** Runs the checks from the outside in, up to the first part that does not respond; of plans only the named one, if any. */
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

/** A failed request is a finding too. */
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

const minimumNode = [20, 19] as const;

/** Whether this version of Node can run Drover; the same minimum as in package.json. */
function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > minimumNode[0] || (major === minimumNode[0] && minor >= minimumNode[1]))
    return okFinding('node', version);
  return problemFinding(
    'node',
    `${version} is too old`,
    `Install Node ${minimumNode.join('.')} or newer: https://nodejs.org`,
  );
}

/** A key that is sent over plain http can be read in transit. */
function transportFinding({ url, token }: Pick<Settings, 'url' | 'token'>): Finding[] {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || token === undefined || isLocal(url)) return [];
  return [
    warningFinding('transport', `the key travels to ${hostname} without encryption`, 'Give DROVER_URL with https.'),
  ];
}

/** The key and what its role may do. */
function keyFinding({ actor, role }: SessionView): Finding {
  const detail = `${actor} with the role ${role}`;
  if (role !== 'viewer') return okFinding('key', detail);
  return warningFinding(
    'key',
    `${detail}, which may look and not start or change`,
    'Use a key of an operator for that.',
  );
}

const remedies: Readonly<Record<string, string>> = {
  postgresql: 'Check DATABASE_URL of the service, and that PostgreSQL runs and takes connections.',
  redis: 'Check REDIS_URL of the service, and that Redis runs. Runs wait until it is back and lose nothing.',
};

/** The state of the stores that the API needs, from /readyz. */
function readyFindings(answer: unknown): Finding[] {
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

/** Whether every queue has a worker, and none is paused. */
function queueFindings(queues: readonly QueueView[], workers: readonly WorkerView[]): Finding[] {
  const alive = workers.filter((worker) => worker.alive);
  const places = (name: string): number =>
    alive.filter((one) => one.queues.includes(name)).reduce((sum, one) => sum + one.concurrency, 0);
  const unserved = queues.map((queue) => queue.name).filter((name) => places(name) === 0);
  return [
    unserved.length === 0
      ? okFinding('workers', `${alive.length} alive, every queue is served`)
      : problemFinding(
          'workers',
          `${alive.length} alive, no worker serves ${unserved.join(', ')}`,
          `Start one: npm run worker -- --queues ${unserved.join(',')}`,
        ),
    ...queues.filter((queue) => queue.paused).map(pausedFinding),
  ];
}

function pausedFinding(queue: QueueView): Finding {
  const detail = `${queue.name} is paused by ${queue.pausedBy ?? 'someone'}: ${queue.reason ?? 'no reason given'}`;
  return warningFinding('queues', detail, `drover queues resume ${queue.name} --reason TEXT`);
}

/** Whether there are plans, and whether their settings are valid in the environment of the API. */
function planFindings(plans: readonly PlanView[]): Finding[] {
  if (plans.length === 0)
    return [problemFinding('plans', 'the service knows none', 'Write one: npm run new-plan NAME')];
  return plans.flatMap((plan) => [okFinding('plan', `${plan.name}@${plan.version}`), ...settingFindings(plan)]);
}

/** A missing setting is a warning, because it may belong to a source that is not used here; a wrong one is a problem. */
function settingFindings({ name: plan, settings = [] }: PlanView): Finding[] {
  return settings.flatMap(({ name, set, problem: fault, description }) => {
    if (fault !== null)
      return [problemFinding('plan', `${plan}: ${name}: ${fault}`, `Correct ${name} where the service runs.`)];
    if (set) return [];
    return [
      warningFinding(
        'plan',
        `${plan}: ${name} is not set`,
        `If the plan needs it, set it for the service: ${description}`,
      ),
    ];
  });
}

/** Cutovers that wait for an operator: no other can begin meanwhile. */
function cutoverFindings(views: readonly CutoverView[]): Finding[] {
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

/** Upstreams whose circuit breaker is open. */
function upstreamFindings(upstreams: readonly UpstreamView[]): Finding[] {
  return upstreams
    .filter((one) => one.breaker === 'open')
    .map((one) => {
      const until = one.breakerOpenUntil === null ? '' : ` until ${one.breakerOpenUntil}`;
      return warningFinding(
        'upstream',
        `${one.name} fails and is left alone${until}`,
        'It is tried again by itself; check it.',
      );
    });
}

/** The result of one check. A warning stops nothing. */
interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'problem';
  readonly detail: string;
  /** Always set for a problem. */
  readonly remedy?: string | undefined;
}

function okFinding(name: string, detail: string): Finding {
  return { name, state: 'ok', detail };
}

function warningFinding(name: string, detail: string, remedy: string): Finding {
  return { name, state: 'warning', detail, remedy };
}

function problemFinding(name: string, detail: string, remedy: string): Finding {
  return { name, state: 'problem', detail, remedy };
}

const marks = { ok: 'ok', warning: 'look', problem: 'bad' } as const;
const tones = { ok: 'green', warning: 'yellow', problem: 'red' } as const;

/** One line per finding, followed by its remedy. */
export function findingLines(findings: readonly Finding[], paint: Paint): string {
  return findings
    .flatMap(({ state, name, detail, remedy }) => [
      `${paint(marks[state].padEnd(4), tones[state])}  ${name}: ${detail}`,
      ...(remedy === undefined ? [] : [`      → ${remedy}`]),
    ])
    .join('\n');
}
