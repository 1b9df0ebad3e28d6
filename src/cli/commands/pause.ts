import { defineRunChange } from '../change-run.ts';
import type { DefineCommand } from '../command.ts';

export const pause: DefineCommand = (program, act) => {
  defineRunChange(program, act, {
    name: 'pause',
    description: 'let what is in hand finish and give out nothing more',
    reason: 'the CMS team needs its API until noon',
    continuesRun: false,
  });
};
