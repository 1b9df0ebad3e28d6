import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { metamorphicChecks } from '../../src/plan/conformance/metamorphic/checks.ts';
import type { SourceDescription } from '../../src/plan/conformance/metamorphic/description.ts';
import { loadPlans } from '../../src/plan/registry.ts';
import { createRedisSpace } from '../helpers/redis.ts';
import { openUpstreams } from './upstreams.ts';

// What these checks would have found of issue 9. Tried by taking the mend out of the tree:
// - A2, headers to the letter (src/sources/csv/source.ts): launch, `headers in lower case` and five more spellings, `without the
//   column Paid Timestamp` and seven more columns.
// - A3, an unreadable date counts as absent (src/plans/launch/entities/xendit.ts): launch, every `Paid Timestamp: "…"`, and the
//   same of the API's `paid_at`.
// - A4, an id with letters beyond ASCII is taken for a name (src/plans/bubble/csv/source.ts): bubble, `every record of the
//   description is a row, and what it points at is there`. It failed until that was mended.
// - B7, `1.000` is one (src/money.ts): `a dot that parts thousands`, of every plan.
// - B8, NFC and NFD are two people (src/email.ts): bubble and launch, `Unicode form NFD` and `everything at once`.

const space = createRedisSpace();
let upstreams: Awaited<ReturnType<typeof openUpstreams>>;
let folder: string;

beforeAll(async () => {
  upstreams = await openUpstreams(space);
  folder = await mkdtemp(join(tmpdir(), 'drover-metamorphic-'));
});
afterAll(async () => {
  upstreams.close();
  await Promise.all([space.drop(), rm(folder, { recursive: true })]);
});

const fileOf = (name: string, kind: string) => new URL(`./${name}.${kind}.ts`, import.meta.url);
// A plan without a fixture is reported by plans.test.ts.
const names = (await loadPlans()).names().filter((name) => existsSync(fileOf(name, 'fixture')));

describe.each(names)('the plan %s', async (name) => {
  const file = fileOf(name, 'sources');
  if (!existsSync(file)) {
    test('has a description of its sources', () => {
      expect.fail(`test/conformance/${name}.sources.ts is missing; see docs/writing-a-plan.md`);
    });
    return;
  }
  const { sources } = (await import(file.href)) as { sources: readonly SourceDescription[] };
  for (const source of sources) {
    describe(source.title, () => {
      const { serving } = source;
      afterAll(async () => (serving.kind === 'api' ? serving.close?.() : undefined));
      // Not test.each, which cuts the names short.
      for (const { guarantee, run } of metamorphicChecks(source))
        test(guarantee, async () => run({ folder, upstreams: upstreams.factory }));
    });
  }
});
