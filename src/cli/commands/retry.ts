import { defineRunChange } from '../change-run.ts';
import type { DefineCommand } from '../command.ts';

export const retry: DefineCommand = (program, act) => {
  defineRunChange(program, act, {
    name: 'retry',
    description:
      'read everything that was rejected or failed from the source again, rewrite what differs, and read on where reading failed',
    reason: 'the key is renewed',
    reasonOptional: true,
    continuesRun: true,
  });
};
