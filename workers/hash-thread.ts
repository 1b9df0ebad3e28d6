import bcrypt from 'bcryptjs';

// 12 rounds, as the plan documents: about 0.3 s of a core.
const rounds = 12;

/** Runs in a separate thread: the synchronous form is the fastest and blocks no other work. */
export default function hashPassword(plain: string): string {
  return bcrypt.hashSync(plain, rounds);
}
