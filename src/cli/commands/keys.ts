import { type Command, Option } from 'commander';
import { type Page, type Role, roles } from '../../contract/runs.ts';
import type { CreatedKey, KeyView } from '../api-types.ts';
import { pathOf } from '../client.ts';
import { type ActionWrapper, type DefineCommand, examples, type ReasonOptions, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { formatTable, type Paint, type Tone } from '../format.ts';
import { parseInstantOption, parseNonBlank } from '../option-parsers.ts';

export const keys: DefineCommand = (program, action) => {
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
      action(async ({ api, out }) => {
        const answer = await api.get<Page<KeyView>>('/keys');
        out.answer(answer, (safe) => keysTable(safe.items, new Date(), out.paint));
        return exitCodes.green;
      }),
    );
  defineCreate(command, action);
  defineRevoke(command, action);
};

function defineCreate(command: Command, action: ActionWrapper): void {
  command
    .command('create')
    .description('make a key; it is shown once and cannot be had again')
    .requiredOption('--name <text>', 'whose it is', parseNonBlank)
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .option('--expires <time>', 'when it ends by itself', parseInstantOption)
    .action(
      action(async ({ api, out }, options: { name: string; role: Role; expires?: string }) => {
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

function defineRevoke(command: Command, action: ActionWrapper): void {
  command
    .command('revoke <id>')
    .description('end a key at once')
    .addOption(reasonOption())
    .action(
      action(async ({ api, out }, { reason }: ReasonOptions, id: string) => {
        const answer = await api.request<KeyView | null>('DELETE', pathOf`/keys/${id}`, { body: { reason } });
        out.answer(answer ?? { id, revoked: true }, (safe) => `key ${safe.id} is revoked`);
        return exitCodes.green;
      }),
    );
}

/** One line per key; the key itself is stored only as a hash. */
function keysTable(keys: readonly KeyView[], now: Date, paint: Paint): string {
  return formatTable(
    keys,
    [
      { title: 'key', value: (key) => key.id },
      { title: 'name', value: (key) => key.name },
      { title: 'role', value: (key) => key.role },
      { title: 'state', value: (key) => keyState(key, now), tone: (key) => keyStateTone(keyState(key, now)) },
      { title: 'made by', value: (key) => key.createdBy },
      { title: 'made at', value: (key) => key.createdAt },
      { title: 'last used', value: (key) => key.lastUsedAt ?? 'never' },
    ],
    paint,
  );
}

function keyState(key: KeyView, now: Date): 'valid' | 'revoked' | 'expired' {
  if (key.revokedAt !== null) return 'revoked';
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= now.getTime() ? 'expired' : 'valid';
}

function keyStateTone(state: string): Tone {
  return state === 'valid' ? 'green' : 'dim';
}
