import type { Control } from '../control/control-contract.ts';
import { maskFailure, maskHistory, maskRecord, maskRepair, maskRun, maskValidation } from './views.ts';

/** What viewers may ask, with personal data masked. There is nothing to change here, so nothing is forgotten. */
export type MaskedReads = Pick<
  Control,
  'runs' | 'records' | 'journeys' | 'failures' | 'validation' | 'mending' | 'report'
>;

export function maskedControl(control: MaskedReads): MaskedReads {
  return {
    async runs(query) {
      const page = await control.runs(query);
      return { ...page, items: page.items.map(maskRun) };
    },
    async records(id, filter) {
      const page = await control.records(id, filter);
      return { ...page, items: page.items.map(maskRecord) };
    },
    journeys: async (sourceId) => (await control.journeys(sourceId)).map(maskHistory),
    failures: async (id) => (await control.failures(id)).map(maskFailure),
    validation: async (id) => maskValidation(await control.validation(id)),
    mending: async (id) => maskRepair(await control.mending(id)),
    report: (id, name) => control.report(id, name, { masked: true }),
  };
}
