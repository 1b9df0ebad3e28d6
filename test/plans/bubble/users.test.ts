import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/plan/json.ts';
import { users } from '../../../src/plans/bubble/entities.ts';
import { unusableHash } from '../../../src/plans/bubble/password.ts';
import { validRows } from '../../helpers/bubble-rows.ts';

const sourceId = '1708327130811x106027240349761540';
const transform = (change: JsonObject = {}, params: JsonObject = {}) =>
  users.transform({ ...validRows.users, ...change }, { sourceId, params });

describe('users', () => {
  it('become the document’s columns', () => {
    expect(transform()).toEqual({
      kind: 'row',
      row: {
        email: 'ana@example.com',
        role: 'client',
        is_active: true,
        email_verified: true,
        password_hash: unusableHash,
        password_reset_required: true,
        created_at: '2024-02-19T07:18:50.812Z',
        updated_at: '2024-03-01T10:00:00.123Z',
      },
      mergeKey: 'ana@example.com',
      mergeRank: '2024-02-19T07:18:50.812Z',
    });
  });

  it.each([
    ['Google only', { authentication: { Google: { email: 'G@x.com' } } }, 'g@x.com'],
    ['LinkedIn only', { authentication: { LinkedIn: { email: 'l@x.com' } } }, 'l@x.com'],
    ['a field of its own only', { authentication: null, 'E-mail ': 'own@x.com' }, 'own@x.com'],
    ['both: who signs in counts', { email: 'old@x.com' }, 'ana@example.com'],
    [
      'both, Google: who signs in counts',
      { authentication: { Google: { email: 'g@x.com' } }, email: 'o@x.com' },
      'g@x.com',
    ],
    ['JSON in a cell', { authentication: '{"email":{"email":"cell@x.com"}}' }, 'cell@x.com'],
    ['a flattened path', { authentication: '', 'authentication.email.email': 'flat@x.com' }, 'flat@x.com'],
  ])('take their address from %s', (_name, change, email) => {
    expect(transform(change)).toMatchObject({ kind: 'row', row: { email }, mergeKey: email });
  });

  it('are rejected without an address, and the message shows none', () => {
    expect(transform({ authentication: null })).toMatchObject({ kind: 'reject', code: 'BAD_EMAIL', field: 'email' });
    const wrong = transform({ authentication: { email: { email: 'maria dot cruz' } } });
    expect(wrong).toMatchObject({ kind: 'reject', code: 'BAD_EMAIL' });
    expect(JSON.stringify(wrong)).not.toContain('maria');
  });

  it('are active and not verified when the record does not say, unless the run says otherwise', () => {
    const silent = { active: null, verified: '', authentication: { email: { email: 'a@b.c' } } };
    expect(transform(silent)).toMatchObject({ row: { is_active: true, email_verified: false } });
    expect(transform(silent, { activeWhenEmpty: false })).toMatchObject({ row: { is_active: false } });
  });

  it('are verified when Bubble confirmed the address', () => {
    expect(transform({ verified: null })).toMatchObject({ row: { email_verified: true } });
  });

  it('take their age from the unique id when no field tells it', () => {
    const row = { created_at: '2024-02-19T07:18:50.811Z', updated_at: '2024-02-19T07:18:50.811Z' };
    expect(transform({ 'Created Date': null, 'Modified Date': null })).toMatchObject({ row });
  });

  it('of unknown age survive nobody', () => {
    const outcome = users.transform({ email: 'a@b.co', type: 'coach' }, { sourceId: '7', params: {} });
    expect(outcome).toMatchObject({ row: { created_at: null }, mergeRank: '9999' });
  });
});

describe('passwords', () => {
  const hash = '$2b$12$6hkgxDvIJOYUVpXosEqmGOw7CH.Wc.mD1jg4Qhgd1XEsj6KIjeqGe';
  it.each([hash, hash.replace('2b', '2a'), hash.replace('2b', '2y'), ` ${hash}\n`])(
    'bcrypt is kept: %j',
    (password) => {
      expect(transform({ password })).toMatchObject({
        row: { password_hash: password.trim(), password_reset_required: false },
      });
      expect(transform({ password })).not.toHaveProperty('enrich');
    },
  );

  it('a plain one goes to be hashed, to the letter, and stands nowhere in the row', async () => {
    const outcome = transform({ password: '  пароль 1 ' });
    expect(outcome).toMatchObject({ enrich: { password: '  пароль 1 ' }, row: { password_reset_required: false } });
    if (outcome.kind !== 'row' || outcome.enrich === undefined) throw new Error('no row to enrich');
    expect(JSON.stringify({ ...outcome, enrich: null })).not.toContain('пароль');
    const row = await users.enrich(outcome.row, outcome.enrich, { hashPassword: async (plain) => `hash of ${plain}` });
    expect(row).toEqual({ ...outcome.row, password_hash: 'hash of   пароль 1 ' });
  });

  it.each([
    ['argon2', '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA'],
    ['scrypt', '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E'],
    ['Django', 'pbkdf2_sha256$260000$salt$hash'],
    ['sha512crypt', '$6$salt$hash'],
    ['md5crypt', '$1$salt$hash'],
    ['LDAP', '{SSHA}abcdef'],
    ['MySQL', '*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29'],
    ['md5', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['sha1', 'DA39A3EE5E6B4B0D3255BFEF95601890AFD80709'],
    ['sha256', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['old bcrypt', '$2$12$6hkgxDvIJOYUVpXosEqmGOw7CH.Wc.mD1jg4Qhgd1XEsj6KIjeqGe'],
    ['bcrypt cut short', hash.slice(0, 59)],
    ['bcrypt of no rounds', hash.replace('$12$', '$99$')],
  ])('a hash of another kind is never hashed again: %s', (_name, password) => {
    expect(transform({ password })).toMatchObject({
      row: { password_hash: unusableHash, password_reset_required: true },
      notes: [expect.stringContaining('another kind')],
    });
    expect(transform({ password })).not.toHaveProperty('enrich');
  });

  it.each(['a'.repeat(73), 'ü'.repeat(37), 'a\0b'])('what bcrypt would cut is not hashed: %j', (password) => {
    expect(transform({ password })).toMatchObject({
      row: { password_hash: unusableHash, password_reset_required: true },
      notes: [expect.stringContaining('longer than bcrypt can hash')],
    });
  });

  it('72 bytes are hashed', () => {
    expect(transform({ password: 'ü'.repeat(36) })).toMatchObject({ enrich: { password: 'ü'.repeat(36) } });
  });

  it('a number is a password too', () => {
    expect(transform({ password: 123456 })).toMatchObject({ enrich: { password: '123456' } });
  });
});
