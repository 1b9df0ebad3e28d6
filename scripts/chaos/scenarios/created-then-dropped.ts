import { lostAnswers } from '../catalog/lost-answers.ts';
import type { CatalogScenario } from '../catalog/scenario.ts';

export const createdThenDropped: CatalogScenario = {
  name: 'created-then-dropped',
  summary: 'Stripe makes and changes what it is asked for, and the connection ends before it has answered',
  stripe: { faults: lostAnswers },
};
