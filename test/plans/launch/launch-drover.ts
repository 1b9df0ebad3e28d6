import { numericToMinor } from '../../../src/money.ts';
import type { LaunchManifest } from '../../../src/sandbox/launch/generate.ts';
import { type SystemeioSandbox, startSystemeioSandbox } from '../../../src/sandbox/launch/systemeio.ts';
import { startXenditSandbox, type XenditSandbox } from '../../../src/sandbox/launch/xendit.ts';
import { type Drover, startDrover } from '../../helpers/drover.ts';

export { operator } from '../../helpers/drover.ts';

/** A whole Drover before sandboxes of Xendit and Systeme.io with one business. */
export interface Launch extends Drover {
  readonly xendit: XenditSandbox;
  readonly systemeio: SystemeioSandbox;
  readonly manifest: LaunchManifest;
}

/** Starts everything; `share` is how much of the business. Close it, or the test's process does not end. */
export async function startLaunch(share: number, env: Readonly<Record<string, string>> = {}): Promise<Launch> {
  const options = { share, ratePerMinute: 0 };
  const [xendit, systemeio] = [await startXenditSandbox(options), await startSystemeioSandbox(options)];
  const drover = await startDrover('launch', {
    XENDIT_API_URL: xendit.url,
    XENDIT_SECRET_KEY: xendit.secretKey,
    XENDIT_MAX_RPS: '200',
    SYSTEMEIO_API_URL: systemeio.url,
    SYSTEMEIO_API_KEY: systemeio.apiKey,
    SYSTEMEIO_MAX_RPS: '200',
    ...env,
  });
  return {
    ...drover,
    ...{ xendit, systemeio, manifest: xendit.manifest },
    async close() {
      await drover.close();
      await Promise.all([xendit.close(), systemeio.close()]);
    },
  };
}

/** Sums of the transactions by an expression: those not below nothing are counted, all are added, in minor units. */
export async function sumsOf(
  drover: Launch,
  schema: string,
  by: string,
  amount: string,
  where = 'true',
): Promise<Record<string, { count: number; minor: string }>> {
  const rows = await drover.rows(
    `SELECT ${by} AS name, count(*) FILTER (WHERE ${amount} >= 0)::int AS count, sum(${amount})::text AS amount
     FROM ${schema}.transactions WHERE ${where} GROUP BY 1 ORDER BY 1`,
  );
  const sumOf = (row: Record<string, unknown>) => ({
    count: Number(row.count),
    minor: String(numericToMinor(String(row.amount), 'PHP')),
  });
  return Object.fromEntries(rows.map((row) => [row.name, sumOf(row)]));
}

const tables = ['xendit_raw', 'systemeio_raw', 'users', 'unified_profiles', 'transactions', 'courses', 'enrollments'];

/** A print of everything the plan has written, the moments of writing included. */
export async function fingerprintOf(drover: Launch, schema: string): Promise<string> {
  const prints = [...tables, 'affiliates', 'leads'].map((table) =>
    drover.value<string>(`SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM ${schema}.${table} t`),
  );
  return (await Promise.all(prints)).join();
}
