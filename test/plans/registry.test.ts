import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { entityOrder } from '../../src/plan/define-plan.ts';
import { createRegistry, loadPlans } from '../../src/plan/registry.ts';
import bubble from '../../src/plans/bubble/index.ts';

const root = mkdtempSync(join(tmpdir(), 'drover-plans-'));
afterAll(() => rmSync(root, { recursive: true }));

function plansFolder(name: string, index: string): URL {
  const folder = join(mkdtempSync(join(root, 'x')), 'plans', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'index.ts'), index);
  return pathToFileURL(`${join(folder, '..')}/`);
}

describe('the registry', () => {
  it('finds the existing plans', async () => {
    const plans = await loadPlans();
    expect(plans.names()).toContain('bubble');
    expect(plans.get('bubble').title).toBe('Bubble to PostgreSQL');
    expect(plans.all()).toHaveLength(plans.names().length);
  });

  it('names them when asked for another', () => {
    expect(() => createRegistry([bubble]).get('bubbles')).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION', remedy: 'Use one of the existing plans: bubble.' }),
    );
  });

  it.each([
    ['no default export', 'x', 'export const a = 1;', /has no plan as its default export/],
    ['another name', 'x', "export default { name: 'y', entities: {} };", /its plan is called y/],
    ['code that fails', 'x', "throw new Error('oops');", /src\/plans\/x cannot be loaded: oops/],
  ])('refuses a folder with %s', async (_what, name, index, message) => {
    await expect(loadPlans(plansFolder(name, index))).rejects.toMatchObject({ code: 'CONFIGURATION', message });
  });
});

describe('the plan', () => {
  it('goes from users to payments', () => {
    const order = entityOrder(bubble);
    expect(order.indexOf('users')).toBe(0);
    expect(order.indexOf('payments')).toBeGreaterThan(order.indexOf('bookings'));
  });

  it('has the document’s steps and files', () => {
    expect(bubble.steps).toEqual({
      profiles: ['client_profiles', 'coach_profiles'],
      bookings: ['bookings', 'payments'],
    });
    expect(bubble.mappingFiles?.map(({ name }) => name)).toEqual(['user_id_mapping.json', 'booking_id_mapping.json']);
  });

  it('has a rule for each check of the document', () => {
    expect(bubble.rules.map(({ name, severity }) => `${name}: ${severity}`)).toEqual([
      'email-format: error',
      'role-known: error',
      'coaches-have-the-role: warning',
      'hourly-rate-range: error',
      'duration-positive: error',
      'amount-positive: error',
      'confirmed-bookings-paid: warning',
    ]);
  });
});
