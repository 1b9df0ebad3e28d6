import { type Command, Option } from 'commander';
import { roles } from '../../engine/control/contract.ts';
import type { KeyView, NewKey, Page, Role } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type Act, type Define, examples, type Reasoned, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { instant, words } from '../values.ts';
import { keysTable } from '../views/keys.ts';

export const keys: Define = (program, act) => {
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
  create(command, act);
  revoke(command, act);
};

function create(command: Command, act: Act): void {
  command
    .command('create')
    .description('make a key; it is shown once and cannot be had again')
    .requiredOption('--name <text>', 'whose it is', words)
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .option('--expires <time>', 'when it ends by itself', instant)
    .action(
      act(async ({ api, out }, options: { name: string; role: Role; expires?: string }) => {
        const body = { name: options.name, role: options.role, expiresAt: options.expires };
        const made = await api.request<NewKey>('POST', '/keys', { body });
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

function revoke(command: Command, act: Act): void {
  command
    .command('revoke <id>')
    .description('end a key at once')
    .addOption(reasonOption())
    .action(
      act(async ({ api, out }, { reason }: Reasoned, id: string) => {
        const answer = await api.request<KeyView | null>('DELETE', pathOf`/keys/${id}`, { body: { reason } });
        out.answer(answer ?? { id, revoked: true }, (safe) => `key ${safe.id} is revoked`);
        return exitCodes.green;
      }),
    );
}
