import { defineRunChange } from '../change-run.ts';
import type { Define } from '../command.ts';

export const reconcile: Define = (program, act) => {
  defineRunChange(program, act, {
    name: 'reconcile',
    description: 'compare every record of a finished run with the target again, through its transform, field by field',
    reason: 'somebody was in the tables',
    goesOn: true,
  });
};
