import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// A minute and a half at the most; begun last, one of them would be waited for by a core that has nothing else to do.
const longest = [
  'test/chaos/',
  'test/conformance/',
  'test/scripts/',
  'test/plans/',
  'test/engine/',
  'test/api/',
  'test/cli/',
  'test/sandbox/',
  'test/upstreams/',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((folder) => moduleId.includes(folder));
      return at === -1 ? longest.length : at;
    };
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/stack.ts'],
    // Processes, not threads: tests kill workers and use native modules. Two, because the servers need cores as well.
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 240_000,
    hookTimeout: 300_000,
    teardownTimeout: 120_000,
    // A state is waited for, however busy the machine is; what fails fast says so by itself.
    expect: { poll: { timeout: 120_000 } },
  },
});
