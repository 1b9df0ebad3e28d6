import { expect, test } from 'vitest';
import { openDatabase } from '../../../db/client.ts';
import { migrateDatabase } from '../../../db/migrate.ts';
import { runsBySchema } from '../../../src/engine/webhooks/store.ts';
import { createDatabase } from '../../helpers/database.ts';

test('the newest run into each schema is found, however many newer runs another schema has', async () => {
  const place = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  const database = openDatabase({ url: place.url, applicationName: 'test', onError: () => undefined });
  try {
    const insert = (id: string, schema: string, age: number, dryRun = false) =>
      database.$client.query(
        `INSERT INTO drover.runs (id, plan, version, strategy, dry_run, status, target_schema, batch_size,
           max_failure_percent, skip_existing, export_only, scope, params, stamp, created_by, created_at)
         VALUES ($1, 'catalog', '1.0.0', 'full', $4, 'completed', $2, 1, 50, false, false, '{}', '{}', '', 'test',
           now() - $3 * interval '1 minute')`,
        [id, schema, age, dryRun],
      );
    await insert('old', 'shop', 1_000);
    await insert('older', 'shop', 2_000);
    await insert('dry', 'only_dry', 1, true);
    for (let n = 1; n <= 30; n += 1) await insert(`rehearsal-${n}`, 'shop_staging', n);
    const found = await runsBySchema(database, 'catalog');
    expect(found.map(({ id }) => id)).toEqual(['rehearsal-1', 'old']);
  } finally {
    await database.$client.end();
    await place.drop();
  }
});
