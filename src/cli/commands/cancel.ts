import { defineRunChange } from '../change-run.ts';
import type { DefineCommand } from '../command.ts';

export const cancel: DefineCommand = (program, act) => {
  defineRunChange(program, act, {
    name: 'cancel',
    description: 'end a run for good; what is loaded stays until it is rolled back',
    reason: 'wrong field map',
    continuesRun: false,
  });
};
