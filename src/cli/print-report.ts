import type { RunView } from './answers.ts';
import { pathOf } from './client.ts';
import { readReportText } from './download.ts';
import { type ExitCode, exitCodes } from './exit-code.ts';
import type { Session } from './session.ts';
import { escapeControlsInLines } from './text.ts';

/** Prints a report: to a pipe as it is, to a terminal so that nothing in it can steer the terminal. */
export async function printReport({ api, out }: Session, run: RunView, name: string): Promise<ExitCode> {
  const { stdout } = out.streams;
  const response = await api.open(pathOf`/runs/${run.id}/reports/${name}`, { accept: '*/*' });
  if (out.json) {
    const mediaType = response.headers.get('content-type') ?? 'text/plain';
    out.answer({ run: run.id, name, mediaType, content: await wholeText(response) }, () => '');
    return exitCodes.green;
  }
  for await (const text of readReportText(response)) stdout.write(stdout.isTTY ? escapeControlsInLines(text) : text);
  return exitCodes.green;
}

async function wholeText(response: Response): Promise<string> {
  const parts: string[] = [];
  for await (const text of readReportText(response)) parts.push(text);
  return parts.join('');
}
