import { createHmac } from 'node:crypto';

/**
 * The bearer token with which a prober's requests are left out of what judges a release, 64 hexadecimal digits. It comes
 * of the control token, so that who holds that needs nothing more, and it can do nothing else: it crosses the users' network.
 */
export function probeToken(controlToken: string): string {
  return createHmac('sha256', controlToken).update('synthetic').digest('hex');
}
