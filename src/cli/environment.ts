import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { Problem } from './problem.ts';

/** What the command line takes from its surroundings. */
export interface Settings {
  /** Where the service is, without a slash at the end. */
  readonly url: string;
  readonly token: string | undefined;
  readonly exportDir: string;
  /** The folder of exports in the service's eyes too: it was named here, and the service is on this machine. */
  readonly sharedExportDir: string | undefined;
  /** Relative paths on the command line start here. */
  readonly workingFolder: string;
  /** How this program was called, for the commands it proposes. */
  readonly invocation: string;
  /** The folder in which `npm run migrate` and its kin keep `logs/` and `reports/`. */
  readonly projectFolder: string;
  /** Variables that begin with MIGRATION_, as they stand; the commands they are for know what they mean. */
  readonly migration: Variables;
}

type Variables = Readonly<Record<string, string | undefined>>;

export interface Environment {
  /** Where colours are not wanted: https://no-color.org, and terminals that have none. */
  readonly noColour: boolean;
  /** @throws Problem naming every setting that is wrong. */
  settings(): Settings;
}

/** Reads the environment; nothing else of the command line does. */
export function readEnvironment(): Environment {
  const env = { ...readDotEnv(process.env, process.cwd()), ...process.env };
  return {
    noColour: Boolean(env.NO_COLOR) || env.TERM === 'dumb',
    settings: () => settingsFrom(env, process.cwd()),
  };
}

/**
 * Called by npm, the program is in the folder of package.json, and its `.env` is the operator's own. Elsewhere a `.env`
 * may be anyone's, and could send the key to another service.
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
  // npm changes to the folder of package.json; INIT_CWD is where the operator stands.
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

/** True of the addresses by which a machine calls itself. */
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

/** DROVER_TOKN and the like: without this they only show as a key that is missing. */
function misspelledSettings(env: Variables): string[] {
  return Object.keys(env).flatMap((name) => {
    const meant = ['DROVER_URL', 'DROVER_TOKEN'].find((known) => name !== known && isOneEditApart(name, known));
    return meant ? [`${name} is no setting: ${meant} is meant`] : [];
  });
}

/** Equal but for one letter missing, added or changed, or for case. */
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
