import type { BubbleScenario } from '../scenario.ts';

export const upstreamGarbage: BubbleScenario = {
  name: 'upstream-garbage',
  summary: 'the source answers 200 with half a page or with HTML, clamps pages and gives some of them twice',
  setup: {
    sandbox: {
      faults: [
        { fault: 'truncate', rate: 0.08 },
        { fault: 'html', rate: 0.08 },
        { fault: 'clamp', operation: 'list', rate: 0.3, limit: 17 },
        { fault: 'repeat-page', operation: 'list', rate: 0.1 },
      ],
    },
  },
  injectFaults: async () => undefined,
};
