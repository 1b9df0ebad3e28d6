import type { PlanReport } from '../../../plan/contract.ts';
import { type Figures, figuresOf } from './figures.ts';
import { asCsv, asJson, asText } from './render.ts';

const report = (name: string, mediaType: string, render: (figures: Figures) => string): PlanReport => ({
  name,
  mediaType,
  content: async ({ target }) => render(await figuresOf(target)),
});

/** Revenue and funnel, for programs, spreadsheets and people. */
export const reports = [
  report('launch_report.json', 'application/json', asJson),
  report('launch_report.csv', 'text/csv; charset=utf-8', asCsv),
  report('launch_report.txt', 'text/plain; charset=utf-8', asText),
] as const satisfies readonly PlanReport[];
