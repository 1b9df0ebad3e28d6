import { type Command, Option } from 'commander';
import { roles } from '../../engine/control/contract.ts';
import type { CreatedKey, KeyView, Page, Role } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type ActionWrapper, type DefineCommand, examples, type ReasonOptions, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { parseInstantOption, parseNonBlank } from '../values.ts';
import { keysTable } from '../views/keys.ts';

export const keys: DefineCommand = (program, act) => {
  const command = program
    .command('keys')
    .description('list the keys; make one or revoke one')
    .addHelpText(
      'after',
      examples(
        'keys',
        'keys create --name "night shift" --role operator',
        'keys revoke dk_1a2b --reason "left the team"',
      ),
    )
    .action(
      act(async ({ api, out }) => {
        const answer = await api.get<Page<KeyView>>('/keys');
        out.answer(answer, (safe) => keysTable(safe.items, new Date(), out.paint));
        return exitCodes.green;
      }),
    );
  defineCreate(command, act);
  defineRevoke(command, act);
};

function defineCreate(command: Command, act: ActionWrapper): void {
  command
    .command('create')
    .description('make a key; it is shown once and cannot be had again')
    .requiredOption('--name <text>', 'whose it is', parseNonBlank)
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .option('--expires <time>', 'when it ends by itself', parseInstantOption)
    .action(
      act(async ({ api, out }, options: { name: string; role: Role; expires?: string }) => {
        const body = { name: options.name, role: options.role, expiresAt: options.expires };
        const made = await api.request<CreatedKey>('POST', '/keys', { body });
        out.answer(made, (safe) => safe.key ?? `key ${safe.id} is made, but its answer was lost on the way`);
        out.note(
          made.key === null
            ? `Revoke ${made.id} and make another.`
            : `This is the key ${made.id} of ${made.name} (${made.role}). It is not shown again; use it as DROVER_TOKEN.`,
        );
        return exitCodes.green;
      }),
    );
}

function defineRevoke(command: Command, act: ActionWrapper): void {
  command
    .command('revoke <id>')
    .description('end a key at once')
    .addOption(reasonOption())
    .action(
      act(async ({ api, out }, { reason }: ReasonOptions, id: string) => {
        const answer = await api.request<KeyView | null>('DELETE', pathOf`/keys/${id}`, { body: { reason } });
        out.answer(answer ?? { id, revoked: true }, (safe) => `key ${safe.id} is revoked`);
        return exitCodes.green;
      }),
    );
}
