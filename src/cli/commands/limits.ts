import type { List, UpstreamView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { Problem, usageError } from '../problem.ts';
import type { Session } from '../session.ts';
import { parseNonBlank, wholeNumberParser } from '../values.ts';
import { limitsTable } from '../views/limits.ts';

interface Options {
  readonly rps?: number;
  readonly reason?: string;
}

export const limits: DefineCommand = (program, act) => {
  program
    .command('limits [upstream]')
    .description('show what the fleet may ask of each upstream a second, or change it')
    .option('--rps <n>', 'requests a second, for the whole fleet', wholeNumberParser(1, 10_000))
    .option('--reason <text>', 'why; kept in the audit log', parseNonBlank)
    .addHelpText('after', examples('limits', 'limits bubble', 'limits bubble --rps 5 --reason "they asked us to"'))
    .action(
      act(async (session, options: Options, name: string | undefined) => {
        const { out } = session;
        if (options.rps === undefined && options.reason === undefined) {
          const shown = await findUpstreams(session, name);
          out.answer(shown, (safe) => (safe.length === 0 ? 'no upstreams' : limitsTable(safe, out.paint)));
          return exitCodes.green;
        }
        const changed = await changeLimit(session, name, options);
        out.answer(changed, (safe) => limitsTable([safe], out.paint));
        return exitCodes.green;
      }),
    );
};

async function findUpstreams({ api }: Session, name: string | undefined): Promise<readonly UpstreamView[]> {
  const all = (await api.get<List<UpstreamView>>('/upstreams')).items;
  if (name === undefined) return all;
  const found = all.filter((one) => one.name === name);
  if (found.length > 0) return found;
  const remedy = `The upstreams are ${all.map((one) => one.name).join(', ') || 'none'}.`;
  throw new Problem({ code: 'NOT_FOUND', message: `there is no upstream ${name}`, remedy });
}

async function changeLimit({ api }: Session, name: string | undefined, options: Options): Promise<UpstreamView> {
  if (name === undefined || options.rps === undefined || options.reason === undefined) {
    throw usageError(
      'a new limit needs the upstream, --rps and --reason',
      'limits bubble --rps 5 --reason "they asked us to"',
    );
  }
  const body = { maxRps: options.rps, reason: options.reason };
  return api.request('PATCH', pathOf`/upstreams/${name}`, { body });
}
