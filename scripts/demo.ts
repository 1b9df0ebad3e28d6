import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Problem } from '../src/cli/problem.ts';
import type { FailureGroup, Page, RunView } from '../src/contract/runs.ts';
import { type BubbleSandbox, startBubbleSandbox } from '../src/sandbox/bubble/sandbox.ts';
import { demoBookings } from './demo/bookings.ts';
import { checkRun } from './demo/check.ts';
import { type DemoService, followRun, startService } from './demo/service.ts';
import { renderSummaryScreen } from './demo/summary-screen.ts';
import { guardChildren } from './stack/guard.ts';
import { stopOnSignals } from './stack/process.ts';
import { resolveServices, type Services, ServicesUnavailable } from './stack/services.ts';

const help = `Usage: npm run demo [-- --exit] [-- --users N]
       npm run demo -- bookings [--exit] [--rows N]

Starts PostgreSQL, Redis, a sandbox of a Bubble app, the API and two workers, and moves the app
into PostgreSQL. The services stay up for a look around until Ctrl-C.

  --exit      end after the migration: 0 when everything checks out, 1 when not
  --users N   size of the app (default 5000: 32,000 records in all)
  --workers N worker processes (default 2)

With \`bookings\`: a table of bookings becomes users and payments, is linked with them while an application writes to it, and
gets a day of Stripe's events out of order; then everything is checked against what the sandbox knows, by SQL of its own.

  --rows N    size of the table (default 20000)`;

interface Demo extends DemoService {
  readonly services: Services;
  readonly sandbox: BubbleSandbox;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      exit: { type: 'boolean' },
      users: { type: 'string' },
      rows: { type: 'string' },
      workers: { type: 'string' },
      help: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const users = wholeNumber(values.users, 5_000);
  const workers = wholeNumber(values.workers, 2);
  const [what, ...more] = positionals;
  if (more.length > 0 || (what !== undefined && what !== 'bookings'))
    throw new ServicesUnavailable(`There is no demo of ${positionals.join(' ')}.\n\n${help}`);
  guardChildren();
  if (what === 'bookings')
    return demoBookings({ rows: wholeNumber(values.rows, 20_000), workers, exit: values.exit ?? false });
  const demo = await startDemo(users, workers);
  const stop = () => stopDemo(demo);
  stopOnSignals(stop);
  const problems = await migrate(demo).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  if (values.exit) {
    await stop();
    return problems.length === 0 ? 0 : 1;
  }
  console.log('\nEverything stays up for a look around; Ctrl-C ends it.');
  const ended = await demo.children.ended;
  console.error(`The ${ended} ended; stopping the rest.`);
  await stop();
  return 1;
}

function wholeNumber(text: string | undefined, usual: number): number {
  const value = Number(text ?? usual);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new ServicesUnavailable(`${text} is no whole number.\n\n${help}`);
}

async function startDemo(users: number, workers: number): Promise<Demo> {
  // A stack of its own: a worker of `npm start` must not take up the demo's run, nor the demo's worker a real one.
  const services = await resolveServices(process.env, { dir: resolve('.drover/demo') });
  console.log(services.saidInOneSentence);
  const sandbox = await startBubbleSandbox({ users });
  const total = Object.values(sandbox.manifest.types).reduce((sum, type) => sum + type.total, 0);
  console.log(`Started a sandbox of a Bubble app with ${users} users, ${total} records in all, at ${sandbox.url}.`);
  const service = await startService(services, workers, {
    BUBBLE_API_URL: sandbox.url,
    BUBBLE_API_KEY: sandbox.apiKey,
  });
  return { services, sandbox, ...service };
}

async function migrate(demo: Demo): Promise<readonly string[]> {
  const { api, sandbox } = demo;
  const targetSchema = `demo_${Date.now().toString(36)}`;
  // The sandbox is ours and asks for no mercy.
  await api.request('PATCH', '/upstreams/bubble', { body: { maxRps: 200, reason: 'a sandbox on this machine' } });
  const started = performance.now();
  const begun = await api.request<RunView>('POST', '/runs', { body: { plan: 'bubble', targetSchema } });
  const run = await followRun(api, begun.id);
  const seconds = (performance.now() - started) / 1_000;
  if (run.status === 'failed') throw new ServicesUnavailable(`The run failed: ${run.reason}`);
  const { items: failures } = await api.get<Page<FailureGroup>>(`/runs/${run.id}/failures`);
  const problems = await checkRun(api, run, sandbox.manifest);
  console.log(
    renderSummaryScreen({ run, failures, seconds, url: api.url, key: demo.key, reportDir: demo.reportDir, problems }),
  );
  return problems;
}

async function stopDemo({ children, sandbox, services }: Demo): Promise<void> {
  await children.stop();
  await sandbox.close();
  await services.stop();
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof ServicesUnavailable || error instanceof Problem ? error.message : error);
    process.exit(1);
  },
);
