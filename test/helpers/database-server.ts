import pg from 'pg';

/** Names are created only here, so that a test run can find everything it created. */
export function testDatabaseName(testRun: string, rest: string): string {
  return `drover_test_${testRun}_${rest}`;
}

export async function dropTestDatabases(adminUrl: string, testRun: string): Promise<void> {
  await withAdmin(adminUrl, async (admin) => {
    const prefix = testDatabaseName(testRun, '');
    const { rows } = await admin.query<{ name: string }>(
      'select datname as name from pg_database where starts_with(datname, $1)',
      [prefix],
    );
    for (const { name } of rows) await dropDatabase(admin, name);
  });
}

export async function dropDatabase(admin: pg.Client, name: string): Promise<void> {
  await admin.query(`alter database "${name}" is_template false`);
  await admin.query(`drop database "${name}" with (force)`);
}

export async function withAdmin<T>(adminUrl: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}
