import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { sourceChecks } from '../../src/plan/conformance/source-checks.ts';
import { transformChecks } from '../../src/plan/conformance/transform-checks.ts';
import type { Check, FaultMode, SourceSubject } from '../../src/plan/conformance/types.ts';
import type { Entity, Plan, Source } from '../../src/plan/contract.ts';

// The kit must detect faults: plans with one fault each, and the guarantee it violates.

const ids = Array.from({ length: 9 }, (_, index) => `r${index}`);
const pageOf = (from: number) => ids.slice(from, from + 3).map((id) => ({ sourceId: id, raw: { id } }));

/** Three pages of three. */
const sound: Source = {
  async read(cursor) {
    const from = Number(cursor ?? 0);
    return { records: pageOf(from), cursor: from + 3 < ids.length ? from + 3 : null };
  },
};

const entity: Entity = {
  title: 'Things',
  dependsOn: [],
  source: () => sound,
  schema: z.looseObject({}),
  transform: (raw) =>
    typeof raw.name === 'string' && /^[a-z]{1,99}$/.test(raw.name)
      ? { kind: 'row', row: { name: raw.name } }
      : { kind: 'reject', code: 'BAD_NAME', message: 'name is not a name' },
  target: { kind: 'postgres', table: 'things', columns: { name: { type: 'text' } } },
};

function subjectOf(change: Partial<Entity>, source = sound): SourceSubject {
  let trouble: FaultMode = 'none';
  const injectFault = (now: FaultMode) => {
    trouble = now;
  };
  const standIn = { settings: {}, injectFault, close: async () => undefined };
  const quiet: Source = { read: async () => ({ records: [], cursor: null }) };
  return {
    plan: { name: 'things' } as Plan,
    name: 'things',
    entity: { ...entity, ...change },
    fixture: { start: async () => standIn, records: { things: { name: 'ana' } } },
    standIn: async (content) => ({ ...standIn, settings: { content } }),
    open: ({ settings }) =>
      settings.content === 'empty'
        ? quiet
        : { read: (...asked) => (trouble === 'shifting' ? lossy : source).read(...asked) },
  };
}

/** By offset: an insertion at the front moves a record across a page boundary. */
const lossy: Source = { read: async () => ({ records: pageOf(0).slice(1), cursor: null }) };

async function broken(checks: readonly Check<SourceSubject>[], subject: SourceSubject): Promise<string[]> {
  const failures = await Promise.all(
    checks.map(async (check) => {
      try {
        await check.run(subject);
        return [];
      } catch {
        return [check.guarantee];
      }
    }),
  );
  return failures.flat();
}

describe('transforms', () => {
  test('a correct one keeps every guarantee', async () => {
    expect(await broken(transformChecks, subjectOf({}))).toEqual([]);
  });

  let calls = 0;
  test.each<[string, RegExp, Entity['transform']]>([
    [
      'throws at values that are not text',
      /never throws/,
      (raw) => ({ kind: 'row', row: { name: String(raw.name).slice(raw.name as never, (raw.name as string).length) } }),
    ],
    ['has state', /pure/, () => ({ kind: 'row', row: { name: String(calls++) } })],
    ['passes NUL on', /stored/, (raw) => ({ kind: 'row', row: { name: String(raw.name) } })],
    ['has an unknown column', /columns/, () => ({ kind: 'row', row: { nmae: 'x' } })],
    ['rejects everything', /valid record/, () => ({ kind: 'reject', code: 'NO', message: 'no' })],
  ])('one that %s', async (_what, guarantee, transform) => {
    expect((await broken(transformChecks, subjectOf({ transform }))).join()).toMatch(guarantee);
  });
});

describe('sources', () => {
  test('a correct one violates a guarantee only where the stand-in hides records from it', async () => {
    const found: string[] = [];
    for (const check of sourceChecks) found.push(...(await broken([check], subjectOf({}))));
    expect(found).toEqual(['records that appear during the scan hide no other record']);
  });

  let position = 0;
  test.each<[string, RegExp, Source['read']]>([
    [
      'keeps its position in memory',
      /every cursor/,
      async (cursor) => {
        position = cursor === null ? 0 : position + 3;
        return { records: pageOf(position), cursor: position + 3 < ids.length ? 'next' : null };
      },
    ],
    ['never ends', /once and with an id/, async (cursor) => ({ records: pageOf(0), cursor: Number(cursor ?? 0) + 1 })],
    [
      'returns no ids',
      /with an id/,
      async (cursor, scope, signal) => {
        const page = await sound.read(cursor, scope, signal);
        return { ...page, records: page.records.map((record) => ({ ...record, sourceId: '' })) };
      },
    ],
  ])('one that %s', async (_what, guarantee, read) => {
    const found: string[] = [];
    for (const check of sourceChecks.slice(0, 5)) found.push(...(await broken([check], subjectOf({}, { read }))));
    expect(found.join()).toMatch(guarantee);
  });
});
