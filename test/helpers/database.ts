import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { inject } from 'vitest';
import { dropDatabase, testDatabaseName, withAdmin } from './database-server.ts';

/** The template of new databases: created once in a test run, by the first file that needs it. */
export interface Template {
  name: string;
  migrate(url: string): Promise<void>;
}

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** A separate database for a test file: empty, or a copy of the template (about 40 ms). */
export async function createDatabase(options: { template?: Template } = {}): Promise<TestDatabase> {
  const adminUrl = inject('postgresUrl');
  const name = testDatabaseName(inject('testRun'), randomBytes(5).toString('hex'));
  await withAdmin(adminUrl, async (admin) => {
    const template = options.template && (await ensureTemplate(admin, adminUrl, options.template));
    await admin.query(`create database "${name}" template "${template ?? 'template0'}"`);
  });
  return {
    url: urlOf(adminUrl, name),
    drop: () => withAdmin(adminUrl, (admin) => dropDatabase(admin, name)),
  };
}

/** Test files run in several processes: one creates the template while the others wait for the lock. */
async function ensureTemplate(admin: pg.Client, adminUrl: string, template: Template): Promise<string> {
  const name = testDatabaseName(inject('testRun'), `template_${template.name}`);
  await admin.query('select pg_advisory_lock(hashtext($1))', [name]);
  try {
    const made = await admin.query('select from pg_database where datname = $1 and datistemplate', [name]);
    if (made.rowCount === 0) await makeTemplate(admin, adminUrl, name, template);
  } finally {
    await admin.query('select pg_advisory_unlock(hashtext($1))', [name]);
  }
  return name;
}

async function makeTemplate(admin: pg.Client, adminUrl: string, name: string, template: Template): Promise<void> {
  // The remains of a failed migration are not a template; it is created again.
  await admin.query(`drop database if exists "${name}" with (force)`);
  await admin.query(`create database "${name}" template template0`);
  await template.migrate(urlOf(adminUrl, name));
  await admin.query(`alter database "${name}" is_template true`);
}

function urlOf(adminUrl: string, name: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}
