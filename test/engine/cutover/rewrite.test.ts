import { describe, expect, it } from 'vitest';
import { rewriteRelations } from '../../../src/engine/cutover/plan/views.ts';

const moves = [{ from: { schema: 'public', name: 'users' }, to: { schema: 'public', name: 'users_staging' } }];

describe('rewriteRelations', () => {
  it.each([
    ['SELECT users.id FROM public.users', 'SELECT users.id FROM "public"."users_staging" users'],
    ['SELECT u.id FROM public.users u', 'SELECT u.id FROM "public"."users_staging" u'],
    [
      'SELECT 1 FROM (public.users JOIN x ON (true))',
      'SELECT 1 FROM ("public"."users_staging" users JOIN x ON (true))',
    ],
    ["SELECT 'FROM public.users' FROM a", "SELECT 'FROM public.users' FROM a"],
    ['SELECT public.users FROM a public', 'SELECT public.users FROM a public'],
    ['SELECT 1 FROM public.users_old', 'SELECT 1 FROM public.users_old'],
  ])('%s', (query, expected) => {
    expect(rewriteRelations(query, moves)).toBe(expected);
  });
});
