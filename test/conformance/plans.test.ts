import { existsSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrateDatabase } from '../../db/migrate.ts';
import { createSqlPort } from '../../db/sql.ts';
import { createWorkspace } from '../../src/engine/runs/workspace.sql.ts';
import { runChecks } from '../../src/plan/conformance/run-checks.ts';
import { sourceChecks } from '../../src/plan/conformance/source-checks.ts';
import { transformChecks } from '../../src/plan/conformance/transform-checks.ts';
import type { PlanFixture, RunSubject } from '../../src/plan/conformance/types.ts';
import type { Plan } from '../../src/plan/contract.ts';
import { loadPlans } from '../../src/plan/registry.ts';
import type { SqlPort } from '../../src/plan/sql.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { createRedisSpace } from '../helpers/redis.ts';
import { startFleet } from './fleet.ts';
import { createStandIns } from './stand-ins.ts';
import { openUpstreams } from './upstreams.ts';

const plans = await loadPlans();
const space = createRedisSpace();
let upstreams: Awaited<ReturnType<typeof openUpstreams>>;

beforeAll(async () => {
  upstreams = await openUpstreams(space);
});
afterAll(async () => {
  upstreams.close();
  await space.drop();
});

describe.each(plans.names())('the plan %s', (name) => {
  const file = new URL(`./${name}.fixture.ts`, import.meta.url);
  if (!existsSync(file)) {
    test('has a fixture', () => {
      expect.fail(`test/conformance/${name}.fixture.ts is missing; npm run new-plan makes a plan with one to copy`);
    });
    return;
  }
  conform(plans.get(name), file);
});

function conform(plan: Plan, file: URL): void {
  let fixture: PlanFixture;
  let standIns: ReturnType<typeof createStandIns>;

  let place: TestDatabase;
  let pool: pg.Pool;
  let sql: SqlPort;

  beforeAll(async () => {
    place = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
    pool = new pg.Pool({ connectionString: place.url });
    // Dropping the database ends its connections.
    pool.on('error', () => undefined);
    sql = createSqlPort(pool);
    ({ default: fixture } = (await import(file.href)) as { default: PlanFixture });
    standIns = createStandIns(fixture);
  });
  afterAll(async () => {
    await standIns.close();
    await pool.end();
    await place.drop();
  });

  describe.each(Object.entries(plan.entities))('%s', (entityName, entity) => {
    const subject = () => ({ plan, name: entityName, entity, fixture });

    test.each(transformChecks)('the transform: $guarantee', async (check) => check.run(subject()));

    // An entity that reads rows of other entities has no separate source; the runs below test it.
    test.each(entity.readsAfter === undefined ? sourceChecks : [])('the source: $guarantee', async (check) =>
      check.run({
        ...subject(),
        standIn: standIns.get,
        open: ({ settings, params = {} }) =>
          entity.source({
            workspace: createWorkspace(sql, `conformance ${entityName} ${settings.SOURCE_DATABASE_URL ?? ''}`),
            entity: entityName,
            settings: plan.settings.parse(settings),
            params: plan.params.parse(params),
            upstreams: upstreams.factory,
          }),
      }),
    );
  });

  describe('its runs', () => {
    let fleet: RunSubject & { close(): Promise<void> };
    beforeAll(async () => {
      fleet = await startFleet(plan, standIns);
    });
    afterAll(() => fleet.close());

    // A plan of a dozen entities that read each other takes as many rounds, on a machine that may be busy.
    test.each(runChecks)('$guarantee', async (check) => check.run(fleet), 240_000);
  });
}
