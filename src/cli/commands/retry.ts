import { defineRunChange } from '../change-run.ts';
import type { Define } from '../command.ts';

export const retry: Define = (program, act) => {
  defineRunChange(program, act, {
    name: 'retry',
    description: 'try everything again that was rejected, failed or mismatched, and read on where reading failed',
    reason: 'the key is renewed',
    reasonOptional: true,
    goesOn: true,
  });
};
