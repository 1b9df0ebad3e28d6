import { describe, expect, it } from 'vitest';
import { settingsFrom } from '../../src/cli/environment.ts';
import { type Problem, toProblem } from '../../src/cli/problem.ts';

function refused(env: Record<string, string>): Problem {
  try {
    settingsFrom(env, '/here');
  } catch (thrown) {
    return toProblem(thrown);
  }
  throw new Error('it was accepted');
}

describe('the environment', () => {
  it('has defaults', () => {
    expect(settingsFrom({}, '/here')).toEqual({
      url: 'http://127.0.0.1:3000',
      token: undefined,
      exportDir: '/here/migration_data',
      sharedExportDir: undefined,
      workingFolder: '/here',
      projectFolder: '/here',
      migration: {},
      invocation: 'npx drover',
    });
    expect(settingsFrom({ PORT: '4000' }, '/here').url).toBe('http://127.0.0.1:4000');
  });

  it('says where the service is, with or without a slash, below a path or not', () => {
    expect(settingsFrom({ DROVER_URL: 'https://drover.example/' }, '/').url).toBe('https://drover.example');
    expect(settingsFrom({ DROVER_URL: 'https://example.org/drover/' }, '/').url).toBe('https://example.org/drover');
  });

  it('is refused with everything that is wrong, without the key in the message', () => {
    const problem = refused({ DROVER_URL: 'ftp://x', DROVER_TOKEN: 'a b', DROVER_TOKN: 'x' });
    expect(problem.exitCode).toBe(2);
    expect(problem.items).toEqual([
      'DROVER_TOKN is no setting: DROVER_TOKEN is meant',
      'DROVER_URL is no http or https address: ftp://x',
      'DROVER_TOKEN has characters that no key has',
    ]);
    expect(refused({ DROVER_URL: 'http://me:secret@host' }).items[0]).not.toContain('secret');
  });

  it('leaves the settings of the service alone', () => {
    expect(settingsFrom({ DROVER_HOST: '0.0.0.0', DROVER_RATE_LIMIT: '5' }, '/').token).toBeUndefined();
  });

  it('starts relative paths where the operator stands, also under npm', () => {
    const viaNpm = { npm_lifecycle_event: 'drover', INIT_CWD: '/stands' };
    expect(settingsFrom(viaNpm, '/package')).toMatchObject({
      workingFolder: '/stands',
      exportDir: '/stands/migration_data',
      invocation: 'npx drover',
    });
    expect(settingsFrom({ ...viaNpm, npm_lifecycle_event: 'test' }, '/package').workingFolder).toBe('/package');
    expect(settingsFrom({ MIGRATION_EXPORT_DIR: '/data' }, '/here').exportDir).toBe('/data');
  });
});
