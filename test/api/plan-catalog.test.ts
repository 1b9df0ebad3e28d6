import { expect, test } from 'vitest';
import { z } from 'zod';
import { createPlanCatalog, planSchema } from '../../src/api/routes/plans.ts';
import bubble from '../../src/plans/bubble/index.ts';

const secret = 'sk_live_do_not_show';
const demanding = {
  ...bubble,
  name: 'demanding',
  settings: z.object({
    SHOP_URL: z.url().describe('Where the shop is.'),
    SHOP_KEY: z.string().describe('What opens it.'),
    // The kind of message that would give a secret away.
    SHOP_SECRET: z.string().refine(() => false, { error: ({ input }) => `${input} is not it` }),
  }),
};

const settingsOf = (env: Record<string, string>) =>
  createPlanCatalog([bubble, demanding], env)
    .list()
    .map(({ name, settings }) => [name, settings] as const);

test('a plan lists the settings it reads, which are set, and their errors', () => {
  const plans = Object.fromEntries(settingsOf({ BUBBLE_API_KEY: secret, SHOP_URL: 'nowhere', SHOP_SECRET: secret }));
  expect(plans.bubble).toMatchObject([
    { name: 'BUBBLE_API_URL', set: false, problem: null, description: expect.stringContaining('Data API') },
    { name: 'BUBBLE_API_KEY', set: true, problem: null },
    { name: 'MIGRATION_EXPORT_DIR', set: false },
  ]);
  expect(plans.demanding).toEqual([
    {
      name: 'SHOP_URL',
      set: true,
      problem: 'its value is not what the plan expects',
      description: 'Where the shop is.',
    },
    { name: 'SHOP_KEY', set: false, problem: 'the plan needs it, and it is not set', description: 'What opens it.' },
    { name: 'SHOP_SECRET', set: true, problem: 'its value is not what the plan expects', description: '' },
  ]);
  expect(JSON.stringify(plans)).not.toContain(secret);
});

test('the answer of the service carries them', () => {
  const [view] = createPlanCatalog([bubble], {}).list();
  expect(planSchema.parse(view).settings).toHaveLength(3);
});
