import bcrypt from 'bcryptjs';

// The cost the plan promises: 12 rounds, about 0.3 s of a core.
const rounds = 12;

/** Runs in a thread of its own; the synchronous form is the fastest there, and nobody waits on this event loop. */
export default function hashPassword(plain: string): string {
  return bcrypt.hashSync(plain, rounds);
}
