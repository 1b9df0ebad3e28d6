import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runDrover } from '../helpers/cli.ts';
import { completedRun, entityProgress, failureGroup, runView, runWithFailures } from '../helpers/run-fixtures.ts';
import {
  problemReply,
  respondInOrder,
  type ScriptedService,
  serverSentEvents,
  startScriptedService,
} from '../helpers/scripted-service.ts';

let service: ScriptedService;

beforeEach(async () => {
  service = await startScriptedService();
  service.on('GET /runs/r1/failures', { items: [failureGroup()] });
  service.on('GET /runs/r1/reports', {
    items: [{ name: 'migration_summary_1.txt', mediaType: 'text/plain', bytes: 9 }],
  });
});

afterEach(() => service.close());

describe('drover run', () => {
  it('starts a run and says how to follow it', async () => {
    service.on('POST /runs', () => ({ status: 202, body: runView({ status: 'pending', startedAt: null }) }));
    const ran = await runDrover(service.url, [
      'run',
      'bubble',
      '--only',
      'users,profiles',
      '--batch-size',
      '50',
      '--dry-run',
    ]);
    expect(ran).toMatchObject({ code: 0, stderr: 'To follow it: npx drover watch r1\n' });
    expect(ran.stdout).toContain('run r1 of bubble@1.0.0: pending');
    expect(service.received[0]?.body).toEqual({
      plan: 'bubble',
      only: ['users', 'profiles'],
      batchSize: 50,
      dryRun: true,
    });
  });

  it('says what a trial and a dry run do not predict, and which command does', async () => {
    const of = { judged: 157, unjudged: 43, rejectRate: 0.006, low: 0.001, high: 0.035 };
    const trial = { n: 200, perEntity: { transactions: of, affiliates: { ...of, judged: 0, unjudged: 3 } } };
    const ended = completedRun({ plan: 'launch', derived: ['transactions', 'affiliates'] });
    const said = async (run: object) => {
      service.on('POST /runs', { ...ended, ...run });
      service.on('GET /runs/r1', { ...ended, ...run });
      return (await runDrover(service.url, ['run', 'launch', '--wait'])).stdout;
    };
    const tried = await said({ trial });
    expect(tried).toContain(
      'transactions: 0.6 % rejected, between 0.1 % and 3.5 % (157 judged, 43 lack records the trial',
    );
    expect(tried).toContain('affiliates: nothing to judge by (3 lack records the trial left out)');
    expect(tried).toContain('transactions, affiliates: derived from the rows this trial loaded');
    const dry = await said({ dryRun: true });
    expect(dry).toMatch(/transactions, affiliates: derived from the rows that schema \S+ has from earlier runs/);
    for (const text of [tried, dry])
      expect(text).toContain('drover run launch --target-schema launch_rehearsal --wait');
    expect(await said({ derived: [] })).not.toContain('rehearsal');
  });

  it('follows it with --wait and accounts for every record', async () => {
    service.on('POST /runs', () => ({ status: 202, body: runView({ status: 'pending' }) }));
    service.on('GET /runs/r1', runView());
    service.on('GET /runs/r1/events', serverSentEvents(runWithFailures()));
    const ran = await runDrover(service.url, ['run', 'bubble', '--wait']);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/^Progress: 100\.0% \(1000\/1000\) \| Success: 990 \| Failed: 10 /m);
    expect(ran.stdout).toContain('completed with failures');
    expect(ran.stdout).toMatch(/users +1000 +990 +0 +6 +3 +1 +0 +0/);
    expect(ran.stdout).toMatch(/payments +USD +succeeded +1200\.50 +1200\.00 +0\.50 +agrees/);
    expect(ran.stdout).toContain('6 × UNKNOWN_ROLE: the role "guru" is none');
    expect(ran.stdout).toContain('→ Add the role to the map.');
    expect(ran.stdout).toContain('migration_summary_1.txt');
    expect(ran.stdout).toContain('took 1m 43s');
  });

  it('answers the run alone with --json, and no progress', async () => {
    service.on('POST /runs', () => ({ status: 202, body: runView() }));
    service.on('GET /runs/r1', completedRun());
    const ran = await runDrover(service.url, ['run', 'bubble', '--wait', '--json']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.json()).toEqual(completedRun());
  });

  it('ends with 1 when the run failed, was cancelled or does not balance', async () => {
    service.on('POST /runs', () => ({ status: 202, body: runView() }));
    for (const end of [{ status: 'failed' }, { status: 'cancelled' }, { balanced: false }] as const) {
      service.on('GET /runs/r1', completedRun({ ...end, reason: 'SOURCE_SHORT: 3 are missing' }));
      expect((await runDrover(service.url, ['run', 'bubble', '--wait'])).code, JSON.stringify(end)).toBe(1);
    }
  });

  it('says when a run is paused while it is followed', async () => {
    service.on('POST /runs', () => ({ status: 202, body: runView() }));
    service.on(
      'GET /runs/r1',
      respondInOrder(runView({ status: 'paused', reason: 'lunch' }), runView(), completedRun()),
    );
    const ran = await runDrover(service.url, ['run', 'bubble', '--wait']);
    expect(ran.stderr).toContain('run r1 is paused: lunch\n');
    expect(ran.stderr).toContain('run r1 is running');
  });

  it('shows a refusal and changes nothing', async () => {
    service.on('POST /runs', () => problemReply(404, 'NOT_FOUND', 'there is no plan bubbel', 'Plans: bubble.'));
    const ran = await runDrover(service.url, ['run', 'bubbel']);
    expect(ran).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'NOT_FOUND: there is no plan bubbel\n→ Plans: bubble.\n',
    });
  });
});

describe('drover status', () => {
  it('takes a plan for its newest run', async () => {
    service.on('GET /runs', { items: [runWithFailures()], nextCursor: null });
    const ran = await runDrover(service.url, ['status', 'bubble']);
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain('run r1 of bubble@1.0.0');
    expect(service.received.at(1)?.query).toEqual({ plan: 'bubble', limit: '1' });
  });

  it('is green for a run on its way', async () => {
    const users = entityProgress({ extracted: 5, pending: 5, extraction: 'reading', sourceTotal: 9 });
    service.on('GET /runs/r1', runView({ entities: { users } }));
    const ran = await runDrover(service.url, ['status', 'r1']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('being read: 9 in the source');
  });

  it('neutralises what the data holds', async () => {
    service.on('GET /runs/r1', runWithFailures({ reason: '\u001b]0;owned\u0007' }));
    service.on('GET /runs/r1/failures', {
      items: [failureGroup({ message: '\u001b[2J\u202e', examples: ['\u009b1m'] })],
    });
    const ran = await runDrover(service.url, ['status', 'r1'], { tty: true });
    expect(ran.stdout).not.toMatch(/[^\n\x20-\x7e×→]/);
    const json = await runDrover(service.url, ['failures', 'r1', '--json']);
    expect(json.stdout).toMatch(/^[\n\x20-\x7e×→]*$/);
    expect(json.json<{ items: { message: string }[] }>().items[0]?.message).toBe('\u001b[2J\u202e');
  });

  it('is coloured on a terminal only', async () => {
    service.on('GET /runs/r1', runWithFailures());
    const esc = '\u001b[';
    expect((await runDrover(service.url, ['status', 'r1'], { tty: true, colour: true })).stdout).toContain(esc);
    expect((await runDrover(service.url, ['status', 'r1'], { tty: true })).stdout).not.toContain(esc);
    expect((await runDrover(service.url, ['status', 'r1'], { colour: true })).stdout).not.toContain(esc);
  });

  it('does not know what is neither run nor plan', async () => {
    service.on('GET /runs', { items: [], nextCursor: null });
    expect(await runDrover(service.url, ['status', 'nope'])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('drover watch', () => {
  it('gives a line of JSON for every change', async () => {
    service.on('GET /runs/r1', respondInOrder(runView(), runView(), completedRun()));
    const ran = await runDrover(service.url, ['watch', 'r1', '--json']);
    const lines = ran.stdout.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { status: string }).status)).toEqual(['running', 'completed']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('drover runs', () => {
  it('lists them and says how to see more', async () => {
    service.on('GET /runs', { items: [completedRun(), runView({ id: 'r2', dryRun: true })], nextCursor: 'abc' });
    const ran = await runDrover(service.url, ['runs', '--plan', 'bubble', '--status', 'running']);
    expect(ran.stdout).toMatch(/^r1 +bubble@1\.0\.0 +completed +1000 +1000 +0 /m);
    expect(ran.stdout).toContain('running (dry run)');
    expect(ran.stderr).toContain('--cursor abc');
    expect(service.received[0]?.query).toEqual({ plan: 'bubble', status: 'running', limit: '20' });
  });
});
