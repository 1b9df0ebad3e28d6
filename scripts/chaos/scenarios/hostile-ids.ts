import type { BubbleScenario } from '../scenario.ts';

/** Names that mean something to a queue, a key, a path, a query, a number parser, or nobody. */
const hostileSourceIds = [
  'completed',
  'meta',
  'a:b:c',
  '0',
  '-1',
  '1e5',
  '🐦‍🔥 bird',
  "'; drop table users --",
  '../../etc',
  '%00',
  'null',
  '__proto__',
  'x'.repeat(4_096),
];

export const hostileIds: BubbleScenario = {
  name: 'hostile-ids',
  summary: 'source ids that are key names, numbers, quotes, paths, emoji and four kilobytes long',
  setup: {
    prepare({ data, manifest }) {
      const [model] = data.ids('user').filter((id) => manifest.types.user.verdicts[id] === undefined);
      const row = data.get('user', String(model));
      for (const [n, id] of hostileSourceIds.entries()) {
        const email = `hostile${n}@example.com`;
        const authentication = { email: { email, email_confirmed: true } };
        data.insert('user', { ...row, _id: id, email, authentication, password: undefined });
      }
    },
  },
  injectFaults: async () => undefined,
};
