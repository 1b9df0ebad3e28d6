import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { Problem } from './problem.ts';

/** The settings that the command line reads from its environment. */
export interface Settings {
  /** Address of the API, without a slash at the end. */
  readonly url: string;
  readonly token: string | undefined;
  readonly exportDir: string;
  /** `exportDir` when it is set here and the API is on this machine, so that the API can read the same folder. */
  readonly sharedExportDir: string | undefined;
  /** Relative paths on the command line are resolved against it. */
  readonly workingFolder: string;
  /** How this program was called; the commands that messages propose begin with it. */
  readonly invocation: string;
  /** The folder in which the `migrate` commands keep `logs/` and `reports/`. */
  readonly projectFolder: string;
  /** Variables that begin with MIGRATION_, unparsed; the commands that use them parse them. */
  readonly migration: Variables;
}

type Variables = Readonly<Record<string, string | undefined>>;

export interface Environment {
  /** Colours are off: https://no-color.org, or a terminal without colours. */
  readonly noColour: boolean;
  /** @throws Problem naming every setting that is wrong. */
  settings(): Settings;
}

/** Reads the environment variables; no other module of the command line does. */
export function readEnvironment(): Environment {
  const env = { ...readDotEnv(process.env, process.cwd()), ...process.env };
  return {
    noColour: Boolean(env.NO_COLOR) || env.TERM === 'dumb',
    settings: () => settingsFrom(env, process.cwd()),
  };
}

/**
 * When npm calls the program, the working directory is that of package.json, and its `.env` is the operator's. In any other
 * directory a `.env` may be of another owner, and could send the key to another server.
 */
function readDotEnv(env: Variables, cwd: string): Variables {
  if (!isViaNpm(env)) return {};
  try {
    return parseEnv(readFileSync(join(cwd, '.env'), 'utf8'));
  } catch {
    return {};
  }
}

function isViaNpm({ npm_lifecycle_event: script }: Variables): boolean {
  return script !== undefined && /^(drover|migrate(:.*)?)$/.test(script);
}

/** @throws Problem naming every setting that is wrong. */
export function settingsFrom(env: Variables, cwd: string): Settings {
  const problems: string[] = [...misspelledSettings(env)];
  const url = serviceUrl(env, problems);
  const token = env.DROVER_TOKEN?.trim() || undefined;
  if (token && !/^[\x21-\x7e]+$/.test(token)) problems.push('DROVER_TOKEN has characters that no key has');
  if (problems.length > 0) {
    throw new Problem({ code: 'ENVIRONMENT', message: 'settings are wrong', items: problems, remedy: 'Correct them.' });
  }
  // npm changes to the folder of package.json; INIT_CWD is the operator's working directory.
  const viaNpm = isViaNpm(env);
  const workingFolder = (viaNpm && env.INIT_CWD) || cwd;
  const exportDir = resolve(workingFolder, env.MIGRATION_EXPORT_DIR || './migration_data');
  return {
    url,
    token,
    exportDir,
    sharedExportDir: env.MIGRATION_EXPORT_DIR && isLocal(url) ? exportDir : undefined,
    workingFolder,
    invocation: 'npx drover',
    projectFolder: cwd,
    migration: Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('MIGRATION_'))),
  };
}

/** True for loopback addresses. */
export function isLocal(url: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(new URL(url).hostname);
}

function serviceUrl(env: Variables, problems: string[]): string {
  const text = env.DROVER_URL?.trim() || `http://127.0.0.1:${env.PORT?.trim() || '3000'}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    problems.push(`DROVER_URL is no http or https address${text.includes('@') ? '' : `: ${text}`}`);
  } else if (url.username || url.password) {
    problems.push('DROVER_URL must not hold a name or password: the key belongs in DROVER_TOKEN');
  }
  return text.replace(/[/?#]+$/, '');
}

/** Misspelt names such as DROVER_TOKN; without this check the only symptom is a missing key. */
function misspelledSettings(env: Variables): string[] {
  return Object.keys(env).flatMap((name) => {
    const meant = ['DROVER_URL', 'DROVER_TOKEN'].find((known) => name !== known && isOneEditApart(name, known));
    return meant ? [`${name} is no setting: ${meant} is meant`] : [];
  });
}

/** True when the names differ by case, or by one letter that is missing, added or changed. */
function isOneEditApart(name: string, known: string): boolean {
  const text = name.toUpperCase();
  if (Math.abs(text.length - known.length) > 1) return false;
  let at = 0;
  while (at < text.length && text[at] === known[at]) at += 1;
  return [
    [at + 1, at + 1],
    [at + 1, at],
    [at, at + 1],
  ].some(([left, right]) => text.slice(left) === known.slice(right));
}
