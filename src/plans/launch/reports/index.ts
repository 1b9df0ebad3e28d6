import type { PlanReport } from '../../../plan/contract.ts';
import { type Figures, queryFigures } from './figures.ts';
import { renderCsv, renderJson, renderText } from './render.ts';

const report = (name: string, mediaType: string, render: (figures: Figures) => string): PlanReport => ({
  name,
  mediaType,
  content: async ({ target }) => render(await queryFigures(target)),
});

/** Revenue and funnel, for programs, spreadsheets and people. */
export const reports = [
  report('launch_report.json', 'application/json', renderJson),
  report('launch_report.csv', 'text/csv; charset=utf-8', renderCsv),
  report('launch_report.txt', 'text/plain; charset=utf-8', renderText),
] as const satisfies readonly PlanReport[];
