import { defineRunChange } from '../change-run.ts';
import type { Define } from '../command.ts';

export const resume: Define = (program, act) => {
  defineRunChange(program, act, {
    name: 'resume',
    description: 'go on with a paused run',
    reason: 'the API is ours again',
    goesOn: true,
  });
};
