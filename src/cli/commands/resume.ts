import { defineRunChange } from '../change-run.ts';
import type { DefineCommand } from '../command.ts';

export const resume: DefineCommand = (program, act) => {
  defineRunChange(program, act, {
    name: 'resume',
    description: 'go on with a paused run',
    reason: 'the API is ours again',
    continuesRun: true,
  });
};
