import { defineRunChange } from '../change-run.ts';
import type { Define } from '../command.ts';

export const cancel: Define = (program, act) => {
  defineRunChange(program, act, {
    name: 'cancel',
    description: 'end a run for good; what is loaded stays until it is rolled back',
    reason: 'wrong field map',
    goesOn: false,
  });
};
