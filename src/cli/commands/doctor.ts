import { type DefineCommand, examples } from '../command.ts';
import { runChecks } from '../doctor/examine.ts';
import { exitCodes } from '../exit-code.ts';
import { findingLines } from '../views/findings.ts';

export const doctor: DefineCommand = (program, act) => {
  program
    .command('doctor')
    .description('check that everything a migration needs is there, and say what to do where it is not')
    .addHelpText('after', examples('doctor', 'doctor --json'))
    .action(
      act(async ({ api, out, settings }) => {
        const { reached, findings } = await runChecks(api, settings);
        const well = findings.every((finding) => finding.state !== 'problem');
        out.answer({ ok: well, url: settings.url, findings }, (safe) => findingLines(safe.findings, out.paint));
        if (!reached) return exitCodes.unreachable;
        return well ? exitCodes.green : exitCodes.failures;
      }),
    );
};
