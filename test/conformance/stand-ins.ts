import type { PlanFixture, SourceContent, StandIn } from '../../src/plan/conformance/types.ts';

export interface StandIns {
  /** The stand-in with that content: started once, without faults. */
  get(content: SourceContent): Promise<StandIn>;
  close(): Promise<void>;
}

export function createStandIns(fixture: PlanFixture): StandIns {
  const started = new Map<SourceContent, Promise<StandIn>>();
  return {
    async get(content) {
      const known = started.get(content) ?? fixture.start(content);
      started.set(content, known);
      const standIn = await known;
      standIn.injectFault?.('none');
      return standIn;
    },
    async close() {
      await Promise.all([...started.values()].map(async (standIn) => (await standIn).close()));
    },
  };
}
